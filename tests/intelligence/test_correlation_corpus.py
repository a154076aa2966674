"""Rule files of others, read from a folder as they are: which of them find something in facts of ours.

SPIDERFOOT_RULES names the folder (a copy of `correlations/` of SpiderFoot); nothing of it is kept here.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from functions.collection.aws.checks import CHECKS
from functions.collection.modules import shipped_modules
from functions.collection.weakness import Check
from functions.intelligence.model.correlation.engine import compile_rules
from functions.intelligence.model.correlation.spiderfoot import MODULES, TYPES
from functions.intelligence.model.correlation.trial import try_rules
from tests.intelligence.spiderfoot_scan import few_names, whole_scan

FOLDER = os.environ.get("SPIDERFOOT_RULES", "")
FILES = sorted(Path(FOLDER).glob("*.yaml")) if FOLDER else []
SILENT = {
    "cloud_bucket_open",
    "data_from_base64",
    "egress_ip_from_wikipedia",
    "email_only_from_pasteleak_site",
    "multiple_malicious_cohost",
    "name_only_from_pasteleak_site",
    "set_a_meaningful_id_here",
    "strong_similardomain_crossref",
}
"""Rules for which no module of ours finds what they ask for; one is the template of a rule."""


@pytest.mark.skipif(not FILES, reason="SPIDERFOOT_RULES names no folder with rules of SpiderFoot")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_rule_of_spiderfoot_is_read_as_it_stands_and_finds_what_there_is(file: Path) -> None:
    rules = compile_rules({file.name: file.read_text()})
    (rule,) = rules.rules
    results = [*try_rules(rules, whole_scan()), *try_rules(rules, few_names())]
    found = [str(each.attributes["headline"]) for result in results for each in result.detections]
    assert bool(found) != (rule.rule.id in SILENT)
    assert all("?" not in headline and "{" not in headline for headline in found)


def declared() -> set[tuple[str, str]]:
    """Every weakness that a module of ours declares, with its type."""
    files = [vars(sys.modules[module.__module__]).values() for module in shipped_modules().values()]
    checks = [value for values in files for value in values if isinstance(value, Check)]
    return {(str(check.type), check.id) for check in (*checks, *CHECKS.values())}


def test_every_weakness_that_a_name_of_spiderfoots_stands_for_is_one_that_a_module_finds() -> None:
    known = declared()
    assert len(known) > 100
    kinds = [(name, kind) for name, kinds in TYPES.items() for kind in kinds]
    asked = [(name, kind) for name, kind in kinds if kind.attribute and kind.attribute[0] == "check"]
    assert len(asked) > 15
    for name, kind in asked:
        assert kind.attribute is not None
        pattern = re.compile(kind.attribute[1])
        assert any(type_ == kind.type and pattern.search(check) for type_, check in known), name


def test_every_module_that_one_of_spiderfoots_stands_for_is_there() -> None:
    assert set(MODULES.values()) <= set(shipped_modules())
