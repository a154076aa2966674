"""YARA rules over files: those that ship with the product, and a tenant's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "data" / "yara"
SECONDS = 5
MAX_MATCHES = 50
OWN = "own"
SHIPPED = "shipped"


class RulesError(Exception):
    """Rules that cannot be compiled; says where and why."""


class NoEngine(Exception):
    """The engine is not installed where this runs."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that matched. `metadata` is what the rule says of itself."""

    rule: str
    namespace: str
    tags: tuple[str, ...]
    metadata: dict[str, Any] = field(default_factory=dict)


def scan(data: bytes, own: str = "", *, shipped: bool = True) -> list[Hit]:
    """The rules that match, in order. Raises `RulesError`, `NoEngine`, and TimeoutError after `SECONDS`."""
    rules = _compiled(own, shipped)
    import yara_x

    scanner = yara_x.Scanner(rules)
    scanner.set_timeout(SECONDS)
    try:
        matched = list(scanner.scan(data).matching_rules)[:MAX_MATCHES]
    except yara_x.TimeoutError:
        raise TimeoutError(f"the rules took longer than {SECONDS} s") from None
    except yara_x.ScanError as error:
        raise RulesError(str(error)[:300]) from None
    return [Hit(rule.identifier, rule.namespace, tuple(rule.tags), _metadata(rule)) for rule in matched]


@lru_cache(maxsize=8)
def _compiled(own: str, shipped: bool) -> Any:
    try:
        import yara_x
    except ImportError:
        raise NoEngine("yara-x is not installed") from None
    compiler = yara_x.Compiler()
    compiler.enable_includes(False)
    compiler.ignore_module("console")  # it writes to whoever runs the rules
    fault = _add_sources(compiler, own, shipped)
    if fault:
        del compiler  # it may end only on the thread that made it, and an exception would take it along
        raise RulesError(fault)
    return compiler.build()


def _add_sources(compiler: Any, own: str, shipped: bool) -> str:
    """Give the compiler its sources; what is wrong with them, or empty."""
    import yara_x

    try:
        if shipped:
            compiler.new_namespace(SHIPPED)
            for path in sorted(FOLDER.glob("*.yar")):
                compiler.add_source(path.read_text(), origin=path.name)
        if own:
            compiler.new_namespace(OWN)
            compiler.add_source(own, origin="rules of your own")
    except yara_x.CompileError as error:
        return str(error)[:500]
    return ""


def _metadata(rule: Any) -> dict[str, Any]:
    return {str(name): value for name, value in rule.metadata if isinstance(value, str | int | float | bool)}
