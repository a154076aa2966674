"""A rule made ready: its patterns compiled, what it depends on worked out, and how it is evaluated."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from contracts.findings import Detection
from functions.intelligence.errors import RuleError
from functions.intelligence.model.correlation.analysis import analyse
from functions.intelligence.model.correlation.collections import (
    Collected,
    Compiled,
    Path,
    kind_tests,
    unknown_modules,
    unknown_types,
)
from functions.intelligence.model.correlation.conditions import (
    Condition,
    FieldCondition,
    compile_match,
    type_condition,
)
from functions.intelligence.model.correlation.detect import detection, merge
from functions.intelligence.model.correlation.dialect import translated
from functions.intelligence.model.correlation.events import Event, Groups, Reader
from functions.intelligence.model.correlation.paths import Stop
from functions.intelligence.model.correlation.patterns import PatternError
from functions.intelligence.model.correlation.rule import Collection, Match, Rule, Step
from functions.intelligence.model.correlation.spiderfoot import ORIGIN
from functions.intelligence.model.correlation.view import View

MAX_DETECTIONS: Final = 500
"""Detections of one rule in one scan: a rule that matches everything says so, and does not drown the rest."""


class RuleResult(msgspec.Struct, frozen=True):
    """What one rule found; `matched` is how many groups it matched, of which `left_out` were over the cap."""

    rule: str
    detections: list[Detection]
    matched: int
    left_out: int = 0
    note: str = ""
    dropped: bool = False
    """It took too long: what it found does not count, and the scan goes on without it."""


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule made ready. `keys` name its collections, the same in all rules that have the same: while a name stays,
    what the collection matched before holds."""

    rule: Rule
    keys: tuple[str, ...]
    collections: tuple[Compiled, ...]
    attributes: frozenset[str]
    unknown_types: tuple[str, ...]
    unknown_modules: tuple[str, ...] = ()

    @property
    def settled(self) -> list[tuple[str, Collected]]:
        """The collections whose rows stay what they are, with their names."""
        return [
            (key, collection)
            for key, collection in zip(self.keys, self.collections, strict=True)
            if isinstance(collection, Collected) and collection.stable
        ]

    def concerned_by(self, types: set[str]) -> bool:
        """Whether new facts of these types can change what an unsettled part of the rule finds."""
        if self._reads_children:
            return bool(types)
        unsettled = [collection.types for collection in self.collections if not collection.stable]
        return any(bool(types) if needed is None else not needed.isdisjoint(types) for needed in unsettled)

    @property
    def _reads_children(self) -> bool:
        aggregation = [] if self.rule.aggregation is None else [self.rule.aggregation.field]
        fields = [*aggregation, *(analysis.field for analysis in self.rule.analysis)]
        return any(field.startswith("child.") for field in fields)

    def evaluate(self, view: View) -> RuleResult:
        """What the rule finds in all facts so far; `RuleSet.absorb` has been told of all of them."""
        aggregation = self.rule.aggregation
        reader = Reader(view, None if aggregation is None else aggregation.field)
        events = self._events(view)
        groups = reader.grouped(events) if self._can_match(events) else {}
        for analysis in self.rule.analysis:
            groups = analyse(analysis, groups, reader)
        return self._result({key: events for key, events in groups.items() if events}, reader)

    def _can_match(self, events: list[Event]) -> bool:
        """Whether the analyses can leave anything; working out the groups is what costs."""
        needed = {0}
        if any(analysis.method == "both_collections" for analysis in self.rule.analysis):
            needed |= {1, *(event.collection for event in events)}
        elif all(analysis.method != "first_collection_only" for analysis in self.rule.analysis):
            return bool(events)
        return needed <= {event.collection for event in events}

    def _events(self, view: View) -> list[Event]:
        events: list[Event] = []
        for number, (key, collection) in enumerate(zip(self.keys, self.collections, strict=True)):
            if collection.stable:
                events.extend(Event(row, number) for row in view.watched(view.state.matches[key][0]))
            else:
                events.extend(collection.events(view, number))
            view.share.demand(len(events))
        return events

    def _result(self, groups: Groups, reader: Reader) -> RuleResult:
        by_asset: dict[str, Detection] = {}
        for key in sorted(groups)[:MAX_DETECTIONS]:
            reader.view.check()
            found = detection(self.rule, key, groups[key], reader)
            known = by_asset.get(found.asset)
            by_asset[found.asset] = found if known is None else merge(known, found)
        left_out = max(0, len(groups) - MAX_DETECTIONS)
        if not left_out:
            return RuleResult(self.rule.id, list(by_asset.values()), len(groups))
        note = f"The rule matched {len(groups):,} groups of facts; {left_out:,} of them are left out."
        told = [_noted(found, note) for found in by_asset.values()]
        return RuleResult(self.rule.id, told, len(groups), left_out, note)


def _noted(found: Detection, note: str) -> Detection:
    """The detection of a rule that matches too much says so, where people read it."""
    return msgspec.structs.replace(found, description=f"{found.description}\n\n{note}")


def compile_rule(rule: Rule, file: str) -> CompiledRule:
    """A rule made ready. Raises RuleError when a pattern cannot be used."""
    told, rule = rule, _translated(rule)
    collections = tuple(
        _compile_collection(collection, f"collections.{number}", file)
        for number, collection in enumerate(rule.collections)
    )
    conditions = [condition for collection in collections for condition in collection.conditions]
    return CompiledRule(
        rule=rule,
        keys=tuple(map(_key, told.collections)),
        collections=collections,
        attributes=_attribute_names(rule, conditions),
        unknown_types=tuple(dict.fromkeys(name for condition in conditions for name in unknown_types(condition))),
        unknown_modules=tuple(dict.fromkeys(name for part in conditions for name in unknown_modules(part))),
    )


def _translated(rule: Rule) -> Rule:
    try:
        return translated(rule)
    except PatternError:
        # The same pattern fails again where its place in the file is known.
        return rule


def _key(collection: Collection) -> str:
    return hashlib.blake2b(collection.model_dump_json().encode(), digest_size=12).hexdigest()


def _compile_collection(collection: Collection, key: str, file: str) -> Compiled:
    if collection.path is not None:
        return Path(tuple(_stop(step, f"{key}.path.{number}", file) for number, step in enumerate(collection.path)))
    return Collected(_compile_all(collection.collect or (), f"{key}.collect", file))


def _compile_all(matches: Iterable[Match], key: str, file: str) -> tuple[Condition, ...]:
    return tuple(_compile(match, f"{key}.{number}", file) for number, match in enumerate(matches))


def _compile(match: Match, key: str, file: str) -> Condition:
    try:
        return compile_match(match)
    except PatternError as error:
        raise RuleError(file, f"{key}.value", str(error)) from None


def _stop(step: Step, key: str, file: str) -> Stop:
    types = type_condition(Match(method="exact", field="type", value=step.type))
    return Stop(types, _compile_all(step.where, f"{key}.where", file), step.within)


def _attribute_names(rule: Rule, conditions: list[Condition]) -> frozenset[str]:
    fields = [condition.field for condition in conditions if isinstance(condition, FieldCondition)]
    fields += [field for analysis in rule.analysis for field in (analysis.field, analysis.weight) if field]
    fields += [field for field in (rule.asset, rule.aggregation and rule.aggregation.field) if field]
    named = {field.partition("attributes.")[2] for field in fields if "attributes." in field}
    kinds = {test.kind.attribute[0] for part in conditions for test in kind_tests(part) if test.kind.attribute}
    foreign = {ORIGIN for part in conditions for test in kind_tests(part) if test.kind.name}
    return frozenset(named | kinds | foreign)
