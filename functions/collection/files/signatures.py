"""YARA rules over files: those that ship with the product, and a tenant's own. Runs in a process of its own (see
`apart`): the engine bounds the time of matching, and neither that of compiling rules nor its memory."""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "data" / "yara"
SECONDS = 5
MAX_MATCHES = 50
MAX_FIELDS = 20
MAX_WORDS = 500
"""What a rule says of itself."""
MEMORY_BYTES = 1024 * 1024 * 1024
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
    told = [(str(name), value) for name, value in rule.metadata if isinstance(value, str | int | float | bool)]
    return {name: value[:MAX_WORDS] if isinstance(value, str) else value for name, value in told[:MAX_FIELDS]}


def main() -> int:
    """Read how long it may take, a tenant's rules and a file from standard input, and print what matches, under limits
    that the kernel keeps. The first line is JSON, and says how long the rules are."""
    asked = json.loads(sys.stdin.buffer.readline())
    resource.setrlimit(resource.RLIMIT_CPU, (asked["seconds"], asked["seconds"]))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    own = sys.stdin.buffer.read(asked["own"]).decode()
    answer: dict[str, Any]
    try:
        hits = scan(sys.stdin.buffer.read(), own, shipped=asked["shipped"])
        answer = {"hits": [asdict(hit) for hit in hits]}
    except (RulesError, NoEngine, TimeoutError, MemoryError) as error:
        answer = {"error": type(error).__name__, "detail": str(error)}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
