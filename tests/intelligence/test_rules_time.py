"""Rules of an organisation's own that take too long: bounded, named, left out, and nobody else's worry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from contracts.facts import LogEntry, decode_rows, encode_rows, log_key, rules_key
from contracts.observations import Observation
from functions.intelligence import api
from functions.intelligence.model.correlation import allowance
from functions.intelligence.model.correlation.allowance import (
    OWN_SECONDS,
    RULE_SECONDS,
    TOO_MUCH,
    Allowance,
    OutOfShare,
)
from functions.intelligence.model.correlation.compiled import RuleResult
from functions.intelligence.model.correlation.engine import RuleSet, compile_rules, current
from functions.intelligence.model.correlation.own import PinnedRules
from functions.intelligence.model.correlation.trial import try_rules
from functions.intelligence.model.reducer import Scan as Reduced
from functions.intelligence.model.state import NO_ROW, ReducerState
from functions.intelligence.model.wave import reduce_wave
from kernel.facts import Facts
from tests.intelligence.scans import SCAN, TENANT, fact
from tests.intelligence.stored import Scan
from tests.intelligence.test_correlation import collect, rule
from tests.kit import actor, call

EVERYTHING = [collect(("regex", "type", "."), ("regex", "data", "(.*)*(a|b|[a-z0-9]+)*$"))]
MANY = 20_000


class Clock:
    """Time stands still but for the looks at it: each takes so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._looks = count()
        self._seconds = seconds

    def __call__(self) -> float:
        return next(self._looks) * self._seconds


def rules(*parts: dict[str, Any], own: set[str], seconds: float) -> RuleSet:
    texts = {f"{each['id']}.yaml": json.dumps(rule(**each)) for each in parts}
    return RuleSet(compile_rules(texts).rules, own=frozenset(own), clock=Clock(seconds))


def large() -> list[Observation]:
    root = fact("domain", "a.example")
    return [root, *(fact("host", f"h{number}.a.example", root) for number in range(MANY))]


def reduced(rule_set: RuleSet, *waves: list[Observation]) -> Iterator[list[RuleResult]]:
    """What each wave's evaluation gave."""
    objects: dict[str, bytes] = {}
    states: list[bytes] = []
    for number, wave in enumerate(waves):
        manifest = reduce_wave(
            Reduced(TENANT, SCAN), number, states, [encode_rows(wave)], rule_set, objects.__setitem__
        )
        states.append(objects[manifest.state])
        yield decode_rows(objects[manifest.detections], RuleResult) if manifest.detections else []


FEW = {"id": "few", "collections": [collect(("exact", "type", "domain"))]}
ALL = {"id": "all", "collections": EVERYTHING, "aggregation": {"field": "data"}}


@pytest.mark.parametrize(
    "hostile",
    [
        {"collections": EVERYTHING},
        {"collections": EVERYTHING, "aggregation": {"field": "data"}},
        {"collections": [collect(("regex", "child.data", "nothing"))]},
        {"collections": [collect(("exact", "source.type", "domain"))]},
        {"collections": [collect(("regex", "type", "not domain"))]},
        {"collections": [collect(("regex", "attributes.title", "x"))] * 16},
        {"collections": [{"path": [{"type": "domain"}, {"type": "host", "within": 6}]}]},
        {"collections": EVERYTHING * 2, "analysis": [{"method": "match_all_to_first_collection"}] * 8},
        {"collections": EVERYTHING, "analysis": [{"method": "threshold"}], "aggregation": {"field": "type"}},
    ],
)  # fmt: skip
def test_a_rule_that_takes_too_long_is_left_out_wherever_its_time_goes(hostile: dict[str, Any]) -> None:
    root = fact("domain", "a.example")
    facts = [root, *(fact("host", f"h{n}.a.example", root, attributes={"title": f"{n}"}) for n in range(5_000))]
    patient = try_rules(rules({"id": "slow"} | hostile, own={"slow"}, seconds=0.0), facts)
    assert all(not result.dropped for result in patient)
    results = try_rules(rules({"id": "slow"} | hostile, own={"slow"}, seconds=RULE_SECONDS / 3), facts)
    assert [(each.rule, each.dropped, each.detections, each.note) for each in results] == [("slow", True, [], TOO_MUCH)]


def test_the_rules_beside_it_find_what_they_find() -> None:
    both = rules(FEW, ALL, own={"all", "few"}, seconds=RULE_SECONDS / 9)
    (results,) = reduced(both, large())
    assert {each.rule: (each.dropped, each.matched) for each in results} == {"few": (False, 1), "all": (True, 0)}


def test_rules_of_the_product_are_not_measured() -> None:
    (results,) = reduced(rules(ALL, own=set(), seconds=RULE_SECONDS), large())
    assert [(each.dropped, each.matched) for each in results] == [(False, MANY + 1)]


def test_a_rule_that_matches_everything_in_a_large_collection_ends_within_its_share() -> None:
    (results,) = reduced(rules(ALL, own={"all"}, seconds=0.0), large())
    assert [(each.dropped, each.matched, len(each.detections)) for each in results] == [(False, MANY + 1, 500)]
    assert "left out" in results[0].note


def test_a_rule_that_was_left_out_finds_nothing_any_more() -> None:
    root = fact("domain", "a.example")
    slow = rules(ALL, own={"all"}, seconds=RULE_SECONDS / 5)
    first, second = reduced(slow, [root], [fact("host", f"h{number}", root) for number in range(MANY)])
    assert [each.dropped for each in first] == [False]
    assert [each.dropped for each in second] == [True]
    assert [each.detections for each in current([first, second])] == [[]]


def test_rules_that_need_not_be_evaluated_have_no_share() -> None:
    """Of sixty rules one has found something: it has the time that one rule may have."""
    idle = [{"id": f"idle{number}", "collections": [collect(("exact", "type", "ip"))]} for number in range(59)]
    names = {"all", *(str(each["id"]) for each in idle)}
    (results,) = reduced(rules(ALL, *idle, own=names, seconds=RULE_SECONDS / 2_000), large())
    assert [(each.rule, each.dropped, each.matched) for each in results] == [("all", False, MANY + 1)]


def test_each_rule_has_an_equal_share_of_what_is_left() -> None:
    now = [0.0]
    shares: list[float] = []
    rules_left = Allowance(24, lambda: now[0])
    for needed in (100.0, 0.0, 1.0):
        with rules_left.share() as share:
            shares.append(_until_refused(now, share.check, needed))
    assert shares == pytest.approx([OWN_SECONDS / 24, 0.0, 1.0], abs=0.02)
    with rules_left.share() as share:
        assert _until_refused(now, share.check, 100.0) == pytest.approx(
            (OWN_SECONDS - OWN_SECONDS / 24 - 1) / 21, abs=0.02
        )
    with Allowance(1, lambda: now[0]).share() as share:
        assert _until_refused(now, share.check, 100.0) == pytest.approx(RULE_SECONDS, abs=0.02)


def _until_refused(now: list[float], check: Callable[[], None], needed: float) -> float:
    """How long something that needs so many seconds may take."""
    began = now[0]
    try:
        while now[0] - began < needed:
            now[0] += 0.01
            check()
    except OutOfShare:
        pass
    return now[0] - began


@pytest.mark.parametrize(
    "greedy",
    [
        {"collections": EVERYTHING * 3},
        {"collections": [collect(("regex", "child.data", ".")), collect(("exact", "type", ["host", "domain"]))]},
        {"collections": [{"path": [{"type": "domain"}, {"type": "host"}]}, *EVERYTHING]},
    ],
)
def test_a_rule_that_holds_too_many_facts_is_left_out(greedy: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    both = rules({"id": "greedy"} | greedy, FEW, own={"greedy", "few"}, seconds=0.0)
    (results,) = reduced(both, large())
    assert {each.rule: each.dropped for each in results} == {"greedy": False, "few": False}
    monkeypatch.setattr(allowance, "RULE_FACTS", MANY)
    (results,) = reduced(both, large())
    assert {each.rule: each.dropped for each in results} == {"greedy": True, "few": False}


def test_own_rules_together_hold_no_more_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its part; what a rule held that is left out is let go."""
    monkeypatch.setattr(allowance, "OWN_FACTS", 3 * MANY)
    parts = [
        ALL | {"id": f"all{number}", "collections": [collect(("regex", "data", f"{number}|."))]} for number in range(6)
    ]
    state = ReducerState()
    for observation in large():
        state.add_row(observation, state.rows.get(observation.source_id, NO_ROW))
    many = rules(FEW, *parts, own={"few", *(each["id"] for each in parts)}, seconds=0.0)
    late = many.absorb(state, 0).late
    assert "few" not in late
    assert sum(len(rows) for lists in state.matches.values() for rows in lists) <= 3 * MANY
    assert 0 < len(late) <= 6


OWN = """id: everything
version: 1
meta: {name: Everything, description: Matches all there is., risk: INFO}
collections:
  - collect: [{method: regex, field: data, value: '.'}]
headline: "{data}"
"""


@pytest.mark.usefixtures("cloud")
def test_the_log_names_it_the_scan_goes_on_without_it_and_a_dry_run_says_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    who = actor()
    assert call(api.handler, "POST", "/rules", who, {"rule": OWN}).status == 201
    scan = Scan(who)
    root = scan.fact("domain", "a.example")
    with monkeypatch.context() as patch:
        patch.setattr(allowance, "OWN_SECONDS", 0.0)
        assert scan.reduce(0, [root])["observations"] == 1
    for wave in range(2):
        (line,) = decode_rows(Facts().get(who, log_key(who.tenant_id, scan.id, wave, 0)), LogEntry)
        assert line == LogEntry("warning", TOO_MUCH, "everything", module="correlation")
        (pinned,) = decode_rows(Facts().get(who, rules_key(who.tenant_id, scan.id)), PinnedRules)
        assert pinned == PinnedRules({}, (), ("everything",))
        scan.reduce(wave + 1, [scan.fact("host", f"h{wave}.a.example", root)])
    body = {"rule": OWN, "scan_id": scan.id}
    found = call(api.handler, "POST", "/rules/dry-run", who, body).body
    assert (found["matched"], found["note"]) == (1, "")
    monkeypatch.setattr(allowance, "OWN_SECONDS", 0.0)
    found = call(api.handler, "POST", "/rules/dry-run", who, body).body
    assert (found["matched"], found["hits"], found["note"]) == (0, [], TOO_MUCH)
