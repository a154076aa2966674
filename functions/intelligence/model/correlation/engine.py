"""All rules together: compiled once, evaluated after each wave where facts they depend on are new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from functions.intelligence.errors import RuleError
from functions.intelligence.model.correlation.allowance import (
    TOO_MUCH,
    Allowance,
    Clock,
    OutOfShare,
    Share,
    Unbounded,
    processor,
)
from functions.intelligence.model.correlation.compiled import CompiledRule, RuleResult, compile_rule
from functions.intelligence.model.correlation.rule import read_rule
from functions.intelligence.model.correlation.view import View
from functions.intelligence.model.state import ReducerState

ALWAYS_KEPT: Final = frozenset({"asset", "check"})


class Absorbed(NamedTuple):
    """The rules whose collections hold new facts, and those that took too much to say."""

    touched: frozenset[str]
    late: frozenset[str]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of a scan. `own` are those of them that are an organisation's: their time is bounded; `late` the names
    of those that the scan has gone on without."""

    rules: tuple[CompiledRule, ...]
    own: frozenset[str] = frozenset()
    late: frozenset[str] = frozenset()
    clock: Clock = processor

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes that the reducer must remember for these rules."""
        return ALWAYS_KEPT.union(*(rule.attributes for rule in self.rules))

    @property
    def unknown_types(self) -> dict[str, tuple[str, ...]]:
        """The type names that mean nothing here, by the rule that uses them."""
        return {rule.rule.id: rule.unknown_types for rule in self.rules if rule.unknown_types}

    def absorb(self, state: ReducerState, first_row: int) -> Absorbed:
        """Match the rows from `first_row` on; returns the rules that they can have changed by that.

        A rule that the scan did not have before is matched against all rows. To be called before the state is
        dumped, so that the matches are part of the wave's delta.
        """
        known = frozenset(state.matches)
        new, all_rows = View(state, first_row), View(state)
        found: dict[str, bool] = {}
        turns = _Turns(self.own, Allowance(len(self.own), self.clock))
        for rule in self.rules:
            with turns.of(rule, new, all_rows) as share:
                fresh: dict[str, list[int]] = {}
                for key, collection in rule.settled:
                    if key not in found and key not in fresh:
                        fresh[key] = collection.rows(new if key in known else all_rows)
                if share is not None:
                    share.keep(sum(_held(state, key) + len(fresh.get(key, ())) for key, _ in rule.settled))
                for key, rows in fresh.items():
                    state.matches.setdefault(key, [state.no_rows()])[0].extend(rows)
                    found[key] = bool(rows)
        touched = (rule for rule in self.rules if any(found.get(key) for key, _ in rule.settled))
        return Absorbed(frozenset(rule.rule.id for rule in touched), frozenset(turns.late))

    def evaluate(self, state: ReducerState, absorbed: Absorbed, changed_types: set[str]) -> list[RuleResult]:
        """The results of the rules that were touched, or that look at what facts of `changed_types` can change.

        Each result is over all facts so far and replaces the rule's earlier one; that of a rule which took too much
        says so. It holds that a source is found no later than what it led to, as the engine guarantees.
        """
        view, results = View(state), list[RuleResult]()
        due = [
            rule
            for rule in self.rules
            if rule.rule.id not in absorbed.late
            and (rule.rule.id in absorbed.touched or rule.concerned_by(changed_types))
        ]
        turns = _Turns(self.own, Allowance(sum(rule.rule.id in self.own for rule in due), self.clock))
        for rule in due:
            with turns.of(rule, view):
                results.append(rule.evaluate(view))
        late = sorted(self.late | absorbed.late | turns.late)
        return [*results, *(RuleResult(name, [], 0, note=TOO_MUCH, dropped=True) for name in late)]


def _held(state: ReducerState, key: str) -> int:
    """How many rows a collection holds."""
    return sum(map(len, state.matches.get(key, ())))


class _Turns:
    """Rules read the facts one after the other; `late` are those that took too much."""

    def __init__(self, own: frozenset[str], allowance: Allowance) -> None:
        self._own = own
        self._allowance = allowance
        self.late: set[str] = set()

    @contextmanager
    def of(self, rule: CompiledRule, *views: View) -> Iterator[Share | None]:
        """One rule's turn, with its share if it has one; what it does ends where that does."""
        if rule.rule.id not in self._own:
            yield None
            return
        with self._allowance.share() as share:
            _give(views, share)
            try:
                yield share
            except OutOfShare:
                self.late.add(rule.rule.id)
            finally:
                _give(views, Unbounded())


def _give(views: Iterable[View], share: Unbounded) -> None:
    for view in views:
        view.share = share


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
