"""What a group of events becomes: a detection that explains itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from contracts.findings import Detection
from functions.intelligence.model.correlation.events import WHOLE, Event, Reader
from functions.intelligence.model.correlation.rule import FIELD, Rule
from functions.intelligence.model.weaknesses import MAX_WORDS, chain_words, fact_words, row_words

MAX_EVIDENCE: Final = 50
MAX_HEADLINE_CHARACTERS: Final = 300
DEFAULT_REMEDY: Final = "Look at the facts listed as evidence and decide whether each is meant to be as it is."
OWN_KEY_FIELDS: Final = frozenset({"asset", "host", "entity.data", "source.data", "entity.host", "source.host"})

_PLACEHOLDER: Final = re.compile(r"\{([a-z_.0-9-]+)\}")
_FIELD: Final = re.compile(FIELD)


def detection(rule: Rule, key: str, events: Sequence[Event], reader: Reader) -> Detection:
    """The detection of one group (not empty)."""
    shown = _published(rule, events)
    first = shown[0]
    evidence = list(dict.fromkeys(row for event in shown for row in (*event.trail, event.row)))
    ids = reader.view.state.ids
    return Detection(
        check=f"rule:{rule.id}",
        asset=_asset(rule, key, first, reader),
        title=rule.meta.name.strip(),
        severity=rule.meta.risk.lower(),
        description=rule.meta.description.strip(),
        remedy=rule.remedy.strip() or DEFAULT_REMEDY,
        confidence=rule.confidence * _weakest(shown, reader),
        evidence=tuple(ids[row] for row in evidence[:MAX_EVIDENCE]),
        chain=_chain(shown, reader),
        references=rule.references,
        controls=rule.controls,
        attributes=_attributes(rule, key, shown, reader, len(evidence)),
    )


def merge(one: Detection, other: Detection) -> Detection:
    """Two groups of one rule on one asset are one detection."""
    evidence = tuple(dict.fromkeys((*one.evidence, *other.evidence)))[:MAX_EVIDENCE]
    attributes = {**one.attributes, "facts": one.attributes["facts"] + other.attributes["facts"]}
    confidence = max(one.confidence, other.confidence)
    return msgspec.structs.replace(one, evidence=evidence, attributes=attributes, confidence=confidence)


def _published(rule: Rule, events: Sequence[Event]) -> Sequence[Event]:
    wanted = rule.headline.publish_collections
    if wanted is None:
        return events
    return [event for event in events if event.collection in wanted] or events


def _asset(rule: Rule, key: str, first: Event, reader: Reader) -> str:
    if rule.asset is not None:
        values = reader.values(rule.asset, key, first)
        return values[0] if values else reader.view.asset(first.row)
    if rule.aggregation is not None and rule.aggregation.field in OWN_KEY_FIELDS:
        return key
    return reader.view.asset(first.row)


def _weakest(events: Sequence[Event], reader: Reader) -> float:
    """A rule needs all its collections, so a hit is as sure as the least sure of them at its best."""
    confidences = reader.view.state.row_confidences
    best: dict[int, float] = {}
    for event in events:
        sure = min(confidences[row] for row in (*event.trail, event.row))
        best[event.collection] = max(best.get(event.collection, 0.0), sure)
    return min(best.values())


def _attributes(rule: Rule, key: str, shown: Sequence[Event], reader: Reader, facts: int) -> dict[str, object]:
    attributes: dict[str, object] = {"headline": _headline(rule, key, shown[0], reader), "facts": facts}
    if key != WHOLE and rule.aggregation is not None:
        attributes["group"] = {"field": rule.aggregation.field, "value": key[:MAX_WORDS]}
    if rule.supersedes:
        attributes["supersedes"] = list(rule.supersedes)
    return attributes


def _headline(rule: Rule, key: str, first: Event, reader: Reader) -> str:
    def fill(match: re.Match[str]) -> str:
        field = match[1]
        if not _FIELD.match(field):
            return match[0]
        values = reader.values(field, key, first)
        return values[0].strip().partition("\n")[0].strip() if values else "?"

    return _PLACEHOLDER.sub(fill, rule.headline.text)[:MAX_HEADLINE_CHARACTERS]


def _chain(events: Sequence[Event], reader: Reader) -> tuple[str, ...]:
    """From the target to the first event, in words; then what the other collections add."""
    seen: set[int] = set()
    lines: list[str] = []
    for event in events:
        if event.collection not in seen:
            lines += _lineage(event, reader, first=not seen)
            seen.add(event.collection)
    return tuple(lines)


def _lineage(event: Event, reader: Reader, *, first: bool) -> list[str]:
    state = reader.view.state
    if not first:
        words = fact_words(state, state.row_facts[event.row])
        return [f"together with: {words} ({row_words(state, event.row)})"]
    facts = state.lineage(state.row_facts[event.row])
    if event.trail:
        head = state.lineage(state.row_facts[event.trail[0]])
        facts = [*head, *(state.row_facts[row] for row in event.trail[1:])]
    return chain_words(state, facts, event.row)
