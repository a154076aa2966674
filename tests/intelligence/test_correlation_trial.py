"""A rule that is tried on stored facts finds what it would have found in the scan."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from contracts.observations import Observation
from functions.intelligence.model.correlation.builtin import builtin_rules
from functions.intelligence.model.correlation.engine import RuleSet
from functions.intelligence.model.correlation.place import line_of, pointer_of
from functions.intelligence.model.correlation.trial import sources_first, try_rules
from tests.intelligence.rule_cases import CASES, facts_of
from tests.intelligence.scans import fact, histories
from tests.intelligence.test_correlation import MIXED, run


@given(histories(30), st.randoms(use_true_random=False))
def test_facts_in_any_order_are_tried_as_the_scan_saw_them(history: list[Observation], chance: Random) -> None:
    stored = list({observation.id: observation for observation in reversed(history)}.values())
    chance.shuffle(stored)
    found = {result.rule: result.matched for result in try_rules(MIXED, stored)}
    expected = {result.rule: result.matched for result in run(MIXED, list(sources_first(stored)))}
    assert {rule: matched for rule, matched in found.items() if matched} == {
        rule: matched for rule, matched in expected.items() if matched
    }


def test_every_rule_of_the_product_finds_its_case_when_it_is_tried() -> None:
    for compiled in builtin_rules().rules:
        (result,) = try_rules(RuleSet((compiled,)), reversed(facts_of(CASES[compiled.rule.id].hit)))
        assert len(result.detections) == 1, compiled.rule.id


def test_sources_come_first_even_in_a_circle() -> None:
    first = fact("host", "a")
    second, third = fact("ip", "192.0.2.1", first), fact("port", "192.0.2.1:80", first)
    assert next(sources_first([third, second, first])) == first
    looped = Observation(
        id="obs_1", type="host", value="x", source_id="obs_2", module="m", module_version="1", observed_at=""
    )
    other = Observation(
        id="obs_2", type="host", value="y", source_id="obs_1", module="m", module_version="1", observed_at=""
    )
    assert sorted(each.id for each in sources_first([looped, other, looped])) == ["obs_1", "obs_2"]


def test_a_key_has_its_line_or_that_of_the_nearest_one_above() -> None:
    text = "id: a\nmeta:\n  name: b\ncollections:\n  - collect:\n      - {field: x}\n"
    assert [line_of(text, key) for key in ("", "meta.name", "meta.risk", "collections.0.collect.0.field")] == [
        1,
        3,
        2,
        6,
    ]
    assert line_of(text, "collections.7") == 4
    assert line_of("a: [", "a") in (1, 2)
    assert line_of("a: \x00", "a") is None
    assert (pointer_of("a.0.b"), pointer_of("")) == ("/a/0/b", "")
