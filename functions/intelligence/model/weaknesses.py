"""Weaknesses that modules report, as detections with the facts that led to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from contracts.findings import SEVERITY_ORDER, Detection, Severity
from contracts.observations import Observation
from functions.intelligence.model.graph import relation_name
from functions.intelligence.model.state import NO_TIME, ReducerState

MAX_WORDS: Final = 200
NO_REMEDY: Final = "Look at the evidence and decide whether the asset is meant to be as it is."


def module_detection(observation: Observation, state: ReducerState) -> Detection:
    """A weakness observation that the state holds, as a detection. What a module left out has a plain default."""
    told = observation.attributes
    severity = str(told.get("severity", ""))
    return Detection(
        check=f"module:{observation.module}/{told.get('check') or observation.type}",
        asset=str(told.get("asset") or observation.value),
        title=str(told.get("title") or told.get("check") or observation.value),
        severity=severity if severity in SEVERITY_ORDER else Severity.INFO.value,
        description=str(told.get("description") or ""),
        remedy=str(told.get("remedy") or NO_REMEDY),
        confidence=observation.confidence,
        evidence=(observation.id,),
        chain=observation_chain(observation, state),
        references=_texts(told.get("references")),
        controls=_texts(told.get("controls")),
        attributes={"evidence": told["evidence"]} if told.get("evidence") else {},
    )


def observation_chain(observation: Observation, state: ReducerState) -> tuple[str, ...]:
    """How the scan came to an observation that the state holds, from the target on, in words."""
    row = state.rows[observation.id]
    return tuple(chain_words(state, state.lineage(state.row_facts[row]), row))


def chain_words(state: ReducerState, facts: list[int], row: int) -> list[str]:
    """A chain of facts in words, each with who found it first, when, and how sure; the last as its `row` has it."""
    lines = [f"target: {fact_words(state, facts[0])}"]
    for above, fact in pairwise(facts):
        relation = relation_name(state.type_of(above), state.type_of(fact)).replace("_", " ")
        lines.append(f"{relation}: {fact_words(state, fact)}")
    rows = [*(state.fact_rows[fact] for fact in facts[:-1]), row]
    first = 1 if len(facts) > 1 else 0
    return lines[:first] + [f"{line} ({row_words(state, of)})" for line, of in zip(lines, rows, strict=True)][first:]


def row_words(state: ReducerState, row: int) -> str:
    """Who observed a row, when (UTC) and how sure: `found by resolve, 2026-01-31 12:00 UTC, 90 % sure`."""
    words = [f"found by {state.modules.all[state.row_modules[row]]}"]
    at = state.row_times[row]
    if at != NO_TIME:
        words.append(f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M} UTC")
    return ", ".join([*words, f"{state.row_confidences[row]:.0%} sure".replace("%", " %")])


def fact_words(state: ReducerState, fact: int) -> str:
    """A fact's type and value, the value cut to `MAX_WORDS` characters."""
    return f"{state.type_of(fact)} {state.fact_values[fact][:MAX_WORDS]}"


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, Iterable) and not isinstance(value, str) else ()
