"""The rules that come with the product."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import resources

from functions.intelligence.errors import RuleError
from functions.intelligence.model.correlation.compiled import CompiledRule, compile_rule
from functions.intelligence.model.correlation.engine import RuleSet, compile_rules
from functions.intelligence.model.correlation.own import PinnedRules
from functions.intelligence.model.correlation.rule import read_rule


@cache
def rule_texts() -> dict[str, str]:
    """The texts of the rule files by file name."""
    folder = resources.files("functions.intelligence").joinpath("rules")
    return {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".yaml")}


@cache
def builtin_rules() -> RuleSet:
    """The rules, compiled once per process."""
    return compile_rules(rule_texts())


def rules_of(pinned: PinnedRules) -> RuleSet:
    """The rules of a scan: the product's but those switched off, and the organisation's own.

    An own rule that this version of the product no longer reads is left out: the scan goes on.
    """
    if pinned.is_plain:
        return builtin_rules()
    shipped = [rule for rule in builtin_rules().rules if rule.rule.id not in pinned.disabled]
    own = [rule for name in sorted(pinned.texts) if (rule := own_rule(name, pinned.texts[name])) is not None]
    return RuleSet((*shipped, *own), own=frozenset(rule.rule.id for rule in own), late=frozenset(pinned.late))


@lru_cache(maxsize=1000)
def own_rule(name: str, text: str) -> CompiledRule | None:
    """A rule that an organisation wrote, compiled; None where it can no longer be read."""
    try:
        return compile_rule(read_rule(text, name), name)
    except RuleError:
        return None
