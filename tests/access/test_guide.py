"""The guide's policies are real, and do what it says."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from contracts import all_events
from functions.access import language
from functions.access.model import MAX_POLICIES
from infra.cdk.packaging import ROOT
from tests.access.test_policies import compiled, decide, request

GUIDE = (ROOT / "docs" / "guides" / "access.md").read_text()
OFFICE, SECOND_FACTOR, CONTRACTORS = re.findall(r"```cedar\n(.*?)```", GUIDE, re.DOTALL)
TEAM = re.findall(r'Team::"(team_[0-9A-Z]{26})"', CONTRACTORS)[0]
SUNDAY, EVENING = datetime(2026, 3, 8, 12, tzinfo=UTC), datetime(2026, 3, 4, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "fields", "allowed"),
    [
        (OFFICE, {"address": "203.0.113.9"}, True),
        (OFFICE, {"address": "2001:db8:5::1"}, True),
        (OFFICE, {"address": "198.51.100.7"}, False),
        (OFFICE, {"address": "198.51.100.7", "permission": "scans:read"}, False),
        (OFFICE, {"address": "198.51.100.7", "permission": "findings:read"}, True),
        (SECOND_FACTOR, {"permission": "scans:delete"}, True),
        (SECOND_FACTOR, {"permission": "scans:delete", "mfa": False}, False),
        (SECOND_FACTOR, {"permission": "scans:delete", "via_api_key": True}, False),
        (SECOND_FACTOR, {"mfa": False}, True),
        (CONTRACTORS, {"teams": (TEAM,)}, True),
        (CONTRACTORS, {"teams": (TEAM,), "at": SUNDAY}, False),
        (CONTRACTORS, {"teams": (TEAM,), "at": EVENING}, False),
        (CONTRACTORS, {"at": SUNDAY}, True),
        (CONTRACTORS, {"teams": (TEAM,), "permission": "audit:read"}, False),
    ],
)
def test_the_examples_do_what_the_guide_says(source: str, fields: dict[str, object], allowed: bool) -> None:
    language.check(source)
    permission = str(fields.pop("permission", "scans:create"))
    assert decide(compiled(source), request(permission, **fields)).allowed is allowed


def test_the_figures_and_events_are_the_codes() -> None:
    assert f"{MAX_POLICIES} policies" in GUIDE
    assert f"{language.MAX_COMPILED_BYTES:,} bytes" in GUIDE
    bounds = f"{language.MAX_TOKENS:,} words and signs, {language.MAX_DEPTH} levels of brackets"
    assert bounds in GUIDE
    known = {name.partition(".")[0] for name in all_events()}
    recorded = GUIDE.rpartition("## What is recorded")[2]
    assert set(re.findall(r"`([A-Z]\w+)`", recorded)) <= known
