"""The rules that come with the product."""

from __future__ import annotations

from functools import cache
from importlib import resources

from functions.intelligence.model.correlation.engine import RuleSet, compile_rules


@cache
def rule_texts() -> dict[str, str]:
    """The texts of the rule files by file name."""
    folder = resources.files("functions.intelligence").joinpath("rules")
    return {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".yaml")}


@cache
def builtin_rules() -> RuleSet:
    """The rules, compiled once per process."""
    return compile_rules(rule_texts())
