"""An organisation's correlation rules: the product's, which it may switch off, its own, and what one would find.

The rules themselves are imported by what reads them: a door that answers other questions starts without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING, Final

from contracts.intelligence import RuleChanged
from contracts.observations import Observation
from functions.intelligence.errors import RuleError, RuleExists, ShippedRule, TooManyRules, UnknownRuleVersion
from functions.intelligence.model.correlation.own import (
    MAX_DIFFERENCE,
    MAX_OWN_BYTES,
    MAX_OWN_RULES,
    MAX_RULE_VERSIONS,
    OwnRule,
    PinnedRules,
    RuleHit,
    RuleTrial,
    RuleVersion,
    RuleVersionView,
    RuleView,
)
from functions.intelligence.model.query import matching
from functions.intelligence.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import FieldError, NotFound, PreconditionFailed

if TYPE_CHECKING:
    from functions.intelligence.model.correlation.compiled import CompiledRule

MAX_TRIED: Final = 100_000
"""Facts of a scan that a dry run reads."""
MAX_HITS: Final = 100


def current(store: Store, actor: Actor) -> PinnedRules:
    """The rules that a scan which begins now has. Two queries."""
    own = {rule.name: rule.text for rule in store.own_rules(actor) if rule.enabled}
    return PinnedRules(own, tuple(sorted(store.rule_choices(actor).disabled)))


def list_rules(store: Store, actor: Actor) -> list[RuleView]:
    """All rules by name, without their texts."""
    disabled = store.rule_choices(actor).disabled
    shipped = [_shipped_view(actor, rule, rule.rule.id not in disabled) for rule in _shipped().values()]
    own = [_own_view(rule) for rule in store.own_rules(actor)]
    return sorted((view.model_copy(update={"text": None}) for view in (*shipped, *own)), key=lambda view: view.name)


def get_rule(store: Store, actor: Actor, name: str) -> RuleView:
    """One rule with its text. Raises NotFound."""
    shipped = _shipped().get(name)
    if shipped is not None:
        return _shipped_view(actor, shipped, name not in store.rule_choices(actor).disabled)
    return _own_view(_own(store, actor, name))


def add_rule(store: Store, actor: Actor, text: str) -> RuleView:
    """Take in a rule of the organisation's own, named by its id. Raises RuleError, RuleExists, TooManyRules."""
    compiled = _compiled(text)
    name = compiled.rule.id
    known = store.own_rules(actor)
    if name in _shipped() or any(rule.name == name for rule in known):
        raise RuleExists(f"A rule {name!r} is there already. Change its id, or change that rule.")
    if len(known) >= MAX_OWN_RULES:
        raise TooManyRules(f"An organisation has at most {MAX_OWN_RULES} rules of its own. Remove one first.")
    last = store.last_rule_version(actor, name)
    number = last.number + 1 if last else 1
    record = OwnRule(
        tenant_id=actor.tenant_id,
        name=name,
        text=text,
        number=number,
        latest=number,
        enabled=compiled.rule.enabled,
        created_by=actor.user_id,
        created_at=clock.timestamp(),
    )
    return _save(store, actor, record, "added", [_version(actor, record, "added", "")])


def change_rule(store: Store, actor: Actor, name: str, text: str, expected: int | None) -> RuleView:
    """Give a rule of the organisation's own another text. Raises RuleError, NotFound, ShippedRule and, when it has
    changed since it was read, PreconditionFailed."""
    compiled = _compiled(text)
    record = _own(store, actor, name, expected)
    if compiled.rule.id != name:
        raise _malformed(RuleError(name, "id", f"the rule's name stays {name!r}"), text)
    before = record.model_copy()
    record.text, record.enabled = text, compiled.rule.enabled
    if text == before.text:
        return _save(store, actor, record, "changed")
    added = [] if before.latest else [_first(before)]
    record.number = record.latest = max(1, before.latest) + 1
    old = record.number - MAX_RULE_VERSIONS
    pushed_out = store.rule_version(actor, name, old) if old > 0 else None
    added.append(_version(actor, record, "changed", before.text))
    return _save(store, actor, record, "changed", added, pushed_out)


def list_versions(store: Store, actor: Actor, name: str) -> list[RuleVersionView]:
    """The texts that a rule of the organisation's own has had, newest first. Raises NotFound, ShippedRule."""
    record = _own(store, actor, name)
    return [
        RuleVersionView(
            number=each.number,
            active=each.number == record.number,
            change=each.change,
            created_by=each.created_by,
            created_at=each.created_at,
            difference=each.difference,
        )
        for each in store.rule_versions(actor, name)
    ]


def get_version(store: Store, actor: Actor, name: str, number: int) -> RuleView:
    """A rule of the organisation's own as it was with an earlier text. Raises NotFound, ShippedRule."""
    record, version = _own(store, actor, name), store.rule_version(actor, name, number)
    if version is None:
        raise NotFound()
    record.text, record.number, record.enabled = version.text, number, record.enabled and number == record.number
    record.changed_by, record.changed_at = version.created_by, version.created_at
    return _own_view(record)


def roll_back(store: Store, actor: Actor, name: str, number: int, expected: int | None) -> RuleView:
    """Give a rule of the organisation's own a text that it has had. Raises NotFound, ShippedRule, UnknownRuleVersion,
    RuleError when the text is no longer read, and PreconditionFailed when the rule has changed since it was read."""
    record, version = _own(store, actor, name, expected), store.rule_version(actor, name, number)
    if version is None:
        raise UnknownRuleVersion(f"{name} has no version {number}, or no longer.")
    record.enabled = _compiled(version.text).rule.enabled
    record.text, record.number = version.text, number
    return _save(store, actor, record, "rolled-back")


def remove_rule(store: Store, actor: Actor, name: str, expected: int | None) -> None:
    """Remove a rule of the organisation's own; what it found stays. Raises NotFound, ShippedRule and
    PreconditionFailed."""
    record = _own(store, actor, name, expected)
    # The newest stays, so that a rule of that name which is added anew goes on counting from it.
    texts = store.rule_versions(actor, name)[1:]
    store.remove_rule(actor, record, texts, RuleChanged(name=name, change="removed"))


def switch_rule(store: Store, actor: Actor, name: str, *, on: bool) -> RuleView:
    """Have scans that begin from now on use a rule or do without it. Raises NotFound."""
    change = "enabled" if on else "disabled"
    shipped = _shipped().get(name)
    if shipped is None:
        record = _own(store, actor, name)
        record.enabled = on
        return _save(store, actor, record, change)
    choices = store.rule_choices(actor)
    choices.disabled = sorted({*choices.disabled} - {name} if on else {*choices.disabled, name})
    view = _shipped_view(actor, shipped, on)
    store.save_rules(actor, choices, RuleChanged(name=name, change=change), view)
    return view


def dry_run(store: Store, actor: Actor, text: str, scan_id: str) -> RuleTrial:
    """What a rule finds in the facts of a scan; nothing is stored. Raises RuleError, NotFound."""
    from functions.intelligence.model.correlation.engine import RuleSet
    from functions.intelligence.model.correlation.trial import try_rules

    compiled = _compiled(text)
    reading = _Reading(store, actor, scan_id)
    rules = RuleSet((compiled,), own=frozenset({compiled.rule.id}))
    results = try_rules(rules, reading.observations())
    found = [detection for result in results for detection in result.detections]
    hits = [
        RuleHit(
            asset=each.asset,
            headline=str(each.attributes["headline"]),
            severity=each.severity,
            confidence=each.confidence,
            facts=int(each.attributes["facts"]),
            evidence=list(each.evidence),
            chain=list(each.chain),
        )
        for each in found[:MAX_HITS]
    ]
    return RuleTrial(
        rule=compiled.rule.id,
        scan_id=scan_id,
        facts_read=reading.read,
        complete=reading.complete,
        matched=sum(result.matched for result in results),
        left_out=len(found) - len(hits) + sum(result.left_out for result in results),
        note=" ".join(result.note for result in results if result.note),
        unknown_types=list(compiled.unknown_types),
        unknown_modules=list(compiled.unknown_modules),
        hits=hits,
    )


class _Reading:
    """The first facts of a scan, and whether they were all."""

    def __init__(self, store: Store, actor: Actor, scan_id: str) -> None:
        brief = store.brief(actor, scan_id)
        self._parts = store.index(actor, scan_id, brief.wave - 1).observations
        self._read: Iterator[Observation] = matching(self._parts, lambda key: store.read(actor, key))
        self.read = 0
        self.complete = True

    def observations(self) -> Iterator[Observation]:
        for observation in islice(self._read, MAX_TRIED):
            self.read += 1
            yield observation
        self.complete = next(self._read, None) is None


def _shipped() -> dict[str, CompiledRule]:
    from functions.intelligence.model.correlation.builtin import builtin_rules

    return {rule.rule.id: rule for rule in builtin_rules().rules}


def _compiled(text: str) -> CompiledRule:
    from functions.intelligence.model.correlation.compiled import compile_rule
    from functions.intelligence.model.correlation.rule import read_rule

    try:
        if len(text.encode()) > MAX_OWN_BYTES:
            raise RuleError("rule", "", f"it is larger than {MAX_OWN_BYTES // 1024} KB")
        return compile_rule(read_rule(text, "rule"), "rule")
    except RuleError as error:
        raise _malformed(error, text) from None


def _malformed(error: RuleError, text: str) -> RuleError:
    """The error with its place in the text."""
    from functions.intelligence.model.correlation.place import line_of, pointer_of

    line = line_of(text, error.key) if len(text) <= MAX_OWN_BYTES else None
    place, key = (f"line {line}: " if line else ""), (f" ({pointer_of(error.key)})" if error.key else "")
    error.errors = [FieldError(pointer="/rule", detail=f"{place}{error.reason}{key}")]
    return error


def _own(store: Store, actor: Actor, name: str, expected: int | None = None) -> OwnRule:
    if name in _shipped():
        raise ShippedRule(f"{name} comes with the product. Disable it, and add a rule of your own under another id.")
    found = store.own_rule(actor, name)
    if found is None:
        raise NotFound()
    if expected is not None and found.version != expected:
        raise PreconditionFailed()
    return found


def _save(
    store: Store,
    actor: Actor,
    record: OwnRule,
    change: str,
    added: Sequence[RuleVersion] = (),
    forgotten: RuleVersion | None = None,
) -> RuleView:
    if record.version:
        record.changed_by, record.changed_at = actor.user_id, clock.timestamp()
    view = _own_view(record).model_copy(update={"version": record.version + 1})
    store.save_rules(actor, record, RuleChanged(name=record.name, change=change), view, added, forgotten)
    return view


def _first(record: OwnRule) -> RuleVersion:
    """The text of a rule that was written before texts were kept."""
    return RuleVersion(
        tenant_id=record.tenant_id,
        name=record.name,
        number=1,
        change="added",
        text=record.text,
        difference=[],
        created_by=record.changed_by or record.created_by,
        created_at=record.changed_at or record.created_at,
    )


def _version(actor: Actor, record: OwnRule, change: str, before: str) -> RuleVersion:
    """The text that a rule has now, as one of those that it has had."""
    lines = list(unified_diff(before.splitlines(), record.text.splitlines(), lineterm="", n=0))
    changed = [line[:500] for line in lines[2:] if line[0] in "+-"] if before else []
    return RuleVersion(
        tenant_id=actor.tenant_id,
        name=record.name,
        number=record.number,
        change=change,
        text=record.text,
        difference=changed[:MAX_DIFFERENCE],
        created_by=actor.user_id,
        created_at=clock.timestamp(),
    )


def _shipped_view(actor: Actor, compiled: CompiledRule, enabled: bool) -> RuleView:
    from functions.intelligence.model.correlation.builtin import rule_texts

    name = compiled.rule.id
    record = OwnRule(
        tenant_id=actor.tenant_id,
        name=name,
        text=rule_texts()[f"{name}.yaml"],
        enabled=enabled,
        created_by="",
        created_at="",
    )
    return _view(record, compiled, shipped=True)


def _own_view(record: OwnRule) -> RuleView:
    from functions.intelligence.model.correlation.builtin import own_rule

    return _view(record, own_rule(record.name, record.text), shipped=False)


def _view(record: OwnRule, compiled: CompiledRule | None, *, shipped: bool) -> RuleView:
    """A rule for people; one that this version of the product cannot read shows its name alone."""
    rule = compiled.rule if compiled else None
    return RuleView(
        name=record.name,
        version=record.version,
        number=record.number,
        shipped=shipped,
        enabled=record.enabled and compiled is not None,
        title=rule.meta.name.strip() if rule else record.name,
        risk=rule.meta.risk.lower() if rule else "info",
        description=rule.meta.description.strip() if rule else "The rule can no longer be read. Change or remove it.",
        remedy=rule.remedy.strip() if rule else "",
        controls=list(rule.controls) if rule else [],
        unknown_types=list(compiled.unknown_types) if compiled else [],
        unknown_modules=list(compiled.unknown_modules) if compiled else [],
        changed_by=record.changed_by or record.created_by,
        changed_at=record.changed_at or record.created_at,
        text=record.text,
    )
