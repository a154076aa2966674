"""All rules together: compiled once, evaluated after each wave where facts they depend on are new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from functions.intelligence.errors import RuleError
from functions.intelligence.model.correlation.compiled import CompiledRule, RuleResult, compile_rule
from functions.intelligence.model.correlation.rule import read_rule
from functions.intelligence.model.correlation.view import View
from functions.intelligence.model.state import ReducerState

ALWAYS_KEPT: Final = frozenset({"asset", "check"})


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of a scan."""

    rules: tuple[CompiledRule, ...]

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes that the reducer must remember for these rules."""
        return ALWAYS_KEPT.union(*(rule.attributes for rule in self.rules))

    @property
    def unknown_types(self) -> dict[str, tuple[str, ...]]:
        """The type names that mean nothing here, by the rule that uses them."""
        return {rule.rule.id: rule.unknown_types for rule in self.rules if rule.unknown_types}

    def absorb(self, state: ReducerState, first_row: int) -> frozenset[str]:
        """Match the rows from `first_row` on; returns the rules that they can have changed by that.

        A rule that the scan did not have before is matched against all rows. To be called before the state is
        dumped, so that the matches are part of the wave's delta.
        """
        known = frozenset(state.matches)
        new, all_rows = View(state, first_row), View(state)
        found: dict[str, bool] = {}
        for rule in self.rules:
            for key, collection in rule.settled:
                if key not in found:
                    rows = collection.rows(new if key in known else all_rows)
                    state.matches.setdefault(key, [state.no_rows()])[0].extend(rows)
                    found[key] = bool(rows)
        return frozenset(rule.rule.id for rule in self.rules if any(found[key] for key, _ in rule.settled))

    def evaluate(self, state: ReducerState, touched: frozenset[str], changed_types: set[str]) -> list[RuleResult]:
        """The results of the rules that were `touched`, or that look at what facts of `changed_types` can change.

        Each result is over all facts so far and replaces the rule's earlier one. It holds that a source is found no
        later than what it led to, as the engine guarantees.
        """
        view = View(state)
        return [
            rule.evaluate(view) for rule in self.rules if rule.rule.id in touched or rule.concerned_by(changed_types)
        ]


def current(results: Iterable[Sequence[RuleResult]]) -> list[RuleResult]:
    """What holds after several waves: of each rule, its latest result."""
    latest: dict[str, RuleResult] = {}
    for wave in results:
        latest.update((result.rule, result) for result in wave)
    return [latest[rule] for rule in sorted(latest)]


def compile_rules(texts: Mapping[str, str]) -> RuleSet:
    """Rules from their files' texts by file name; disabled ones are left out. Raises RuleError."""
    compiled: dict[str, CompiledRule] = {}
    for file in sorted(texts):
        rule = read_rule(texts[file], file)
        if rule.id in compiled:
            raise RuleError(file, "id", f"another rule has the id {rule.id!r}")
        if rule.enabled:
            compiled[rule.id] = compile_rule(rule, file)
    return RuleSet(tuple(compiled.values()))
