"""Every rule of the product hits what it should, and not what is near."""

from __future__ import annotations

import pytest

from contracts.findings import SEVERITY_ORDER, Detection
from functions.intelligence.model.correlation.builtin import builtin_rules, rule_texts
from functions.intelligence.model.correlation.engine import RuleSet
from tests.intelligence.rule_cases import CASES, Chains, facts_of
from tests.intelligence.test_correlation import detections

RULES = {rule.rule.id: rule for rule in builtin_rules().rules}


def found_by(rule: str, chains: Chains) -> list[Detection]:
    return detections(RuleSet((RULES[rule],)), facts_of(chains))


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    assert CASES.keys() == RULES.keys() == {name.removesuffix(".yaml") for name in rule_texts()}
    assert len(RULES) >= 60


@pytest.mark.parametrize("rule", sorted(CASES))
def test_a_rule_hits_its_facts_and_explains_itself(rule: str) -> None:
    found = found_by(rule, CASES[rule].hit)
    assert len(found) == 1
    (hit,) = found
    assert hit.check == f"rule:{rule}"
    assert hit.severity in SEVERITY_ORDER
    assert hit.evidence
    assert hit.chain[0].startswith("target: ")
    headline = str(hit.attributes["headline"])
    assert "{" not in headline
    assert "?" not in headline.replace("/?", "")


@pytest.mark.parametrize("rule", sorted(CASES))
def test_a_rule_does_not_hit_what_is_near(rule: str) -> None:
    assert found_by(rule, CASES[rule].near) == []


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_rule_says_what_it_means_what_to_do_and_what_asks_for_it(rule: str) -> None:
    stated = RULES[rule].rule
    assert len(stated.meta.description) > 60
    assert stated.remedy
    assert any(control.startswith("ISO/IEC 27001:2022 A.") for control in stated.controls)
    assert any(control.startswith("CIS Controls ") for control in stated.controls)
    assert RULES[rule].unknown_types == ()
