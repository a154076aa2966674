"""A rule made ready: its patterns compiled, what it depends on worked out, and how it is evaluated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from contracts.findings import Detection
from functions.intelligence.errors import RuleError
from functions.intelligence.model.correlation.analysis import analyse
from functions.intelligence.model.correlation.conditions import (
    Condition,
    FieldCondition,
    KindTest,
    RelatedTypeCondition,
    TypeCondition,
    compile_match,
    type_condition,
)
from functions.intelligence.model.correlation.detect import detection, merge
from functions.intelligence.model.correlation.events import Event, Groups, Reader
from functions.intelligence.model.correlation.paths import Stop, ends
from functions.intelligence.model.correlation.patterns import PatternError
from functions.intelligence.model.correlation.rule import Collection, Match, Rule, Step
from functions.intelligence.model.correlation.view import View

Compiled = tuple[Condition, ...] | tuple[Stop, ...]
"""A collection made ready: conditions, or the stops of a path."""

MAX_DETECTIONS: Final = 500
"""Detections of one rule in one scan: a rule that matches everything says so, and does not drown the rest."""


class RuleResult(msgspec.Struct, frozen=True):
    """What one rule found; `matched` is how many groups it matched, of which `left_out` were over the cap."""

    rule: str
    detections: list[Detection]
    matched: int
    left_out: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule made ready. `types` are those whose new facts can change its result, None for all."""

    rule: Rule
    collections: tuple[Compiled, ...]
    types: frozenset[str] | None
    attributes: frozenset[str]
    unknown_types: tuple[str, ...]

    def evaluate(self, view: View) -> RuleResult:
        """What the rule finds in all facts so far."""
        aggregation = self.rule.aggregation
        reader = Reader(view, None if aggregation is None else aggregation.field)
        groups = reader.grouped(self._events(view))
        for analysis in self.rule.analysis:
            groups = analyse(analysis, groups, reader)
        return self._result({key: events for key, events in groups.items() if events}, reader)

    def _events(self, view: View) -> list[Event]:
        events: list[Event] = []
        for number, conditions in enumerate(self.collections):
            events.extend(_collect(view, number, conditions))
        return events

    def _result(self, groups: Groups, reader: Reader) -> RuleResult:
        by_asset: dict[str, Detection] = {}
        for key in sorted(groups)[:MAX_DETECTIONS]:
            found = detection(self.rule, key, groups[key], reader)
            known = by_asset.get(found.asset)
            by_asset[found.asset] = found if known is None else merge(known, found)
        left_out = max(0, len(groups) - MAX_DETECTIONS)
        note = f"The rule matched {len(groups)} groups; {left_out} are left out." if left_out else ""
        return RuleResult(self.rule.id, list(by_asset.values()), len(groups), left_out, note)


def compile_rule(rule: Rule, file: str) -> CompiledRule:
    """A rule made ready. Raises RuleError when a pattern cannot be used."""
    collections = tuple(
        _compile_collection(collection, f"collections.{number}", file)
        for number, collection in enumerate(rule.collections)
    )
    conditions = [condition for collection in collections for condition in _conditions(collection)]
    return CompiledRule(
        rule=rule,
        collections=collections,
        types=_types(rule, collections, conditions),
        attributes=_attribute_names(rule, conditions),
        unknown_types=tuple(dict.fromkeys(name for condition in conditions for name in _unknown(condition))),
    )


def _compile_collection(collection: Collection, key: str, file: str) -> Compiled:
    if collection.path is not None:
        return tuple(_stop(step, f"{key}.path.{number}", file) for number, step in enumerate(collection.path))
    return tuple(_compile(match, f"{key}.collect.{n}", file) for n, match in enumerate(collection.collect or ()))


def _compile(match: Match, key: str, file: str) -> Condition:
    try:
        return compile_match(match)
    except PatternError as error:
        raise RuleError(file, f"{key}.value", str(error)) from None


def _stop(step: Step, key: str, file: str) -> Stop:
    where = tuple(_compile(match, f"{key}.where.{number}", file) for number, match in enumerate(step.where))
    return Stop(type_condition(Match(method="exact", field="type", value=step.type)), where, step.within)


def _conditions(collection: Compiled) -> list[Condition]:
    found: list[Condition] = []
    for part in collection:
        found += [part.types, *part.where] if isinstance(part, Stop) else [part]
    return found


def _collect(view: View, number: int, collection: Compiled) -> Iterable[Event]:
    stops = [part for part in collection if isinstance(part, Stop)]
    if stops:
        return [Event(row, number, trail) for row, trail in ends(view, stops)]
    conditions = [part for part in collection if not isinstance(part, Stop)]
    # The order of conditions changes nothing but the cost: the one that an index answers goes first.
    start = next((part for part in conditions if isinstance(part, TypeCondition)), None)
    rows = view.all_rows() if start is None else start.pick(view)
    for condition in conditions:
        if condition is not start:
            rows = condition.keep(view, rows)
    return [Event(row, number) for row in sorted(rows)]


def _types(rule: Rule, collections: tuple[Compiled, ...], conditions: list[Condition]) -> frozenset[str] | None:
    fields = [condition.field for condition in conditions if isinstance(condition, FieldCondition)]
    fields += [analysis.field for analysis in rule.analysis]
    fields += [] if rule.aggregation is None else [rule.aggregation.field]
    if any(field.startswith("child.") for field in fields):
        return None
    found: set[str] = set()
    for collection in collections:
        types = _collection_types(collection)
        if types is None:
            return None
        found |= types
    return frozenset(found)


def _collection_types(collection: Compiled) -> set[str] | None:
    """The types that can change what a collection holds; None when any can."""
    conditions = _conditions(collection)
    pinned = any(isinstance(part, TypeCondition) and part.types is not None for part in conditions)
    far = any(isinstance(part, Stop) and part.within > 1 for part in collection)
    needed = [_types_of(part) for part in conditions]
    if not pinned or far or None in needed:
        return None
    return {type_ for types in needed for type_ in types or ()}


def _types_of(condition: Condition) -> frozenset[str] | None:
    if isinstance(condition, RelatedTypeCondition):
        return condition.condition.types
    if isinstance(condition, TypeCondition):
        return frozenset() if condition.types is None else condition.types
    return frozenset()


def _kind_tests(condition: Condition) -> tuple[KindTest, ...]:
    if isinstance(condition, RelatedTypeCondition):
        condition = condition.condition
    if isinstance(condition, TypeCondition):
        return (*(condition.wanted or ()), *condition.unwanted)
    return ()


def _unknown(condition: Condition) -> tuple[str, ...]:
    if isinstance(condition, RelatedTypeCondition):
        condition = condition.condition
    return condition.unknown if isinstance(condition, TypeCondition) else ()


def _attribute_names(rule: Rule, conditions: list[Condition]) -> frozenset[str]:
    fields = [condition.field for condition in conditions if isinstance(condition, FieldCondition)]
    fields += [analysis.field for analysis in rule.analysis]
    fields += [field for field in (rule.asset, rule.aggregation and rule.aggregation.field) if field]
    named = {field.partition("attributes.")[2] for field in fields if "attributes." in field}
    kinds = {test.kind.attribute[0] for part in conditions for test in _kind_tests(part) if test.kind.attribute}
    return frozenset(named | kinds)
