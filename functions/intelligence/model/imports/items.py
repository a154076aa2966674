"""What was read from a file: things, what led to each, and what is wrong with the file."""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from contracts.observations import Observation, ObservationType, canonical, observation_id
from kernel import clock

MAX_ITEMS: Final = 200_000
MAX_FAULTS: Final = 50
"""After so many faults nobody reads on."""
MAX_VALUE: Final = 8_192
MAX_ATTRIBUTES: Final = 64
MAX_TEXT: Final = 4_096
MAX_PARENTS: Final = 20
VERSION: Final = "imported"
TYPES: Final = frozenset(ObservationType)
_UNSAFE: Final = re.compile("[\x00\ud800-\udfff]")


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a file: where (a line, or the number of an item, from 1; 0: the whole of it), and what."""

    line: int
    detail: str


class Faulty(Exception):
    """A file cannot be taken in."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults[0].detail if faults else "")
        self.faults = faults


class Item(msgspec.Struct):
    """A thing that a file names; `parents` are the names of those that led to it."""

    name: str
    type: str
    value: str
    observed_at: str
    module: str
    confidence: float
    attributes: dict[str, Any]
    parents: list[str]


class Reading:
    """Gathers a file's things, and its faults. `at` is the time of what bears none."""

    def __init__(self, at: str) -> None:
        self.at = at
        self.items: dict[str, Item] = {}
        self.skipped: dict[str, int] = {}
        self._faults: list[Fault] = []

    def fault(self, line: int, detail: str) -> None:
        """Something is wrong. Raises Faulty when it is one thing too many."""
        self._faults.append(Fault(line, detail))
        if len(self._faults) == MAX_FAULTS:
            raise Faulty([*self._faults, Fault(0, "There may be more: reading ended here.")])

    def skip(self, kind: str) -> None:
        """Something has no counterpart here, which is no fault."""
        kind = _UNSAFE.sub("?", kind)[:100]
        if kind in self.skipped or len(self.skipped) < 100:
            self.skipped[kind] = self.skipped.get(kind, 0) + 1

    def add(
        self,
        line: int,
        type_: str,
        value: str,
        *,
        name: str = "",
        observed_at: str = "",
        module: str = "import",
        confidence: float = 1.0,
        attributes: dict[str, Any] | None = None,
        parent: str = "",
    ) -> None:
        """A thing; the same one again adds what led to it."""
        if len(self.items) >= MAX_ITEMS:
            raise Faulty([Fault(line, f"A file holds {MAX_ITEMS:,} facts at most.")])
        if type_ not in TYPES:
            self.fault(line, f"There is no type {type_[:50]!r}.")
            return
        if not value.strip() or len(value) > MAX_VALUE or _UNSAFE.search(value):
            self.fault(line, f"A value has 1 to {MAX_VALUE:,} characters, none of them NUL.")
            return
        if not 0 <= confidence <= 1:
            self.fault(line, f"A confidence lies between 0 and 1, which {confidence!r} does not.")
            return
        value = canonical(type_, value)
        name = name or f"{type_}\0{value}"
        known = self.items.get(name)
        if known is None:
            at, module = observed_at or self.at, _UNSAFE.sub("?", module)[:100]
            known = Item(name, type_, value, at, module, confidence, self._attributes(line, attributes or {}), [])
            self.items[name] = known
        self.lead(parent, name)

    def lead(self, parent: str, name: str) -> None:
        """One thing led to another."""
        known = self.items.get(name)
        if known and parent and parent != name and parent not in known.parents and len(known.parents) < MAX_PARENTS:
            known.parents.append(parent)

    def time(self, line: int, text: str) -> str:
        """A time in RFC 3339, in SpiderFoot's form or in seconds since 1970, in our spelling."""
        text = text.strip()
        if not text:
            return self.at
        try:
            at = datetime.fromtimestamp(float(text), UTC) if _is_number(text) else datetime.fromisoformat(text)
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
            return clock.timestamp(at)
        except (ValueError, OverflowError, OSError):
            self.fault(line, f"{text[:50]!r} is no time.")
            return self.at

    def number(self, line: int, text: str) -> float:
        """A share between 0 and 1; 1 where nothing is said."""
        try:
            return float(text) if text.strip() else 1.0
        except ValueError:
            self.fault(line, f"{text[:50]!r} is no number.")
            return 1.0

    def _attributes(self, line: int, attributes: dict[str, Any]) -> dict[str, Any]:
        if len(attributes) > MAX_ATTRIBUTES:
            self.fault(line, f"A fact has {MAX_ATTRIBUTES} attributes at most.")
            return {}
        return {_UNSAFE.sub("?", name)[:100]: _plain(value) for name, value in attributes.items()}

    def demand_sound(self) -> None:
        """Raises Faulty when anything is wrong, or nothing was found."""
        if self._faults:
            raise Faulty(self._faults)
        if not self.items:
            raise Faulty([Fault(0, "The file holds no fact that could be taken in.")])

    def observations(self, scan_id: str) -> Iterator[Observation]:
        """The things as observations of a scan, each after one that led to it; those whose sources lead in a circle
        begin with the scan itself."""
        ids: dict[str, str] = {}
        for item in self._ordered():
            source = next((ids[parent] for parent in item.parents if parent in ids), scan_id)
            ids[item.name] = observation_id(scan_id, item.type, item.value, source)
            yield _observed(item, ids[item.name], source)
        for item in self.items.values():
            for parent in item.parents:
                id_ = observation_id(scan_id, item.type, item.value, ids.get(parent, scan_id))
                if parent in ids and id_ != ids[item.name] and ids[parent] != ids[item.name]:
                    yield _observed(item, id_, ids[parent])

    def _ordered(self) -> Iterator[Item]:
        children: dict[str, list[str]] = {}
        for item in self.items.values():
            for parent in item.parents:
                children.setdefault(parent, []).append(item.name)
        roots = [item.name for item in self.items.values() if not any(parent in self.items for parent in item.parents)]
        seen: set[str] = set()
        for start in (*roots, *self.items):
            waiting = deque([start])
            while waiting:
                name = waiting.popleft()
                if name in seen:
                    continue
                seen.add(name)
                yield self.items[name]
                waiting.extend(children.get(name, ()))


def text_of(body: bytes) -> str:
    """A file as text. Raises Faulty when it is not UTF-8."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = body[: problem.start].count(b"\n") + 1
        raise Faulty([Fault(line, f"The file is not UTF-8: the byte at {problem.start} cannot be read.")]) from None
    if "\0" in text:
        raise Faulty([Fault(text.count("\n", 0, text.index("\0")) + 1, "There is a NUL character.")])
    return text


def json_of(text: str) -> Any:
    """A JSON text. Raises Faulty for what JSON does not allow, or what two readers might read in two ways: names that
    come twice, numbers that are none, nesting without end."""
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError as problem:
        raise Faulty([Fault(problem.lineno, f"This is no JSON: {problem.msg}.")]) from None
    except RecursionError:
        raise Faulty([Fault(0, "The file is nested too deeply.")]) from None
    except ValueError as problem:
        raise Faulty([Fault(0, str(problem)[:200])]) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"An object has the name {twice[:50]!r} twice.")
    return made


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"The number {text[:50]} is too large.")
    return number


def _observed(item: Item, id_: str, source: str) -> Observation:
    return Observation(
        id=id_,
        type=item.type,
        value=item.value,
        source_id=source,
        module=item.module,
        module_version=VERSION,
        observed_at=item.observed_at,
        attributes=item.attributes,
        confidence=item.confidence,
    )


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text))


def _plain(value: Any, depth: int = 0) -> Any:
    """An attribute that is safe to keep: no deeper than four, no longer than it may be."""
    if isinstance(value, str):
        return _UNSAFE.sub("?", value)[:MAX_TEXT]
    if isinstance(value, list) and depth < 4:
        return [_plain(each, depth + 1) for each in value[:MAX_ATTRIBUTES]]
    if isinstance(value, dict) and depth < 4:
        some = list(value.items())[:MAX_ATTRIBUTES]
        return {_UNSAFE.sub("?", str(name))[:100]: _plain(each, depth + 1) for name, each in some}
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return str(value)
    return value if value is None or isinstance(value, bool | int | float) else _UNSAFE.sub("?", str(value))[:MAX_TEXT]
