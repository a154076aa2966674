"""What SpiderFoot 4.0 exports: the CSV and the JSON of a scan's data elements."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from contracts.observations import canonical
from functions.intelligence.model.correlation.spiderfoot import FOREIGN, MODULES, ORIGIN, TYPES, Kind
from functions.intelligence.model.imports.items import Fault, Faulty, Reading, json_of, text_of
from functions.intelligence.model.imports.table import rows_of

NEEDED: Final = frozenset({"Updated", "Type", "Module", "Source", "Data"})
ROOT: Final = "ROOT"
MAX_DATA: Final = 1_000
WEAKNESSES: Final = frozenset({"vulnerability", "misconfiguration", "exposure"})
SEVERITIES: Final = {"CRITICAL": "critical", "HIGH": "high", "MEDIUM": "medium", "LOW": "low"}


def read_spiderfoot_csv(body: bytes, reading: Reading) -> None:
    """The CSV of one scan or of several: Updated, Type, Module, Source, F/P, Data. Raises Faulty."""
    elements = (
        (line, row["Type"], row["Data"], row["Module"], row["Source"], row["Updated"], row.get("F/P", ""))
        for line, row in rows_of(body, NEEDED)
    )
    _Elements(reading).take(elements)


def read_spiderfoot_json(body: bytes, reading: Reading) -> None:
    """The JSON of one scan or of several: a list of data elements. Raises Faulty."""
    found = json_of(text_of(body))
    if not isinstance(found, list):
        raise Faulty([Fault(1, "This is no list of data elements.")])
    _Elements(reading).take(_element(number, each) for number, each in enumerate(found, 1))


def _element(number: int, each: Any) -> tuple[int, str, str, str, str, str, str]:
    if not isinstance(each, dict) or not isinstance(each.get("data"), str):
        raise Faulty([Fault(number, "An element has a text named 'data'.")])
    kind = each.get("event_type") or each.get("type") or ""
    told = [str(each.get(name) or "") for name in ("module", "source_data", "last_seen", "false_positive")]
    return (number, str(kind), each["data"], *told)


class _Elements:
    """Data elements as things. What led to one is named by its data alone: the first thing of that value is meant."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._by_value: dict[str, str] = {}
        self._sources: list[tuple[str, str]] = []

    def take(self, elements: Any) -> None:
        for element in elements:
            self._one(*element)
        for name, source in self._sources:
            self._reading.lead(self._by_value.get(source, ""), name)

    def _one(self, line: int, kind: str, data: str, module: str, source: str, updated: str, refuted: str) -> None:
        if kind == ROOT or (kind.endswith("_RAW") and kind not in TYPES):
            return
        ours = next(iter(TYPES.get(kind, ())), Kind("metadata") if kind in FOREIGN else None)
        if ours is None or refuted.strip() in ("1", "True", "true"):
            self._reading.skip("false positive" if ours else kind or "no type")
            return
        value = _shortened(source if ours.source == "value" and source else data)
        name = f"{ours.type}\0{canonical(ours.type, value)}"
        known = name in self._reading.items
        self._reading.add(
            line,
            ours.type,
            value,
            name=name,
            observed_at=self._reading.time(line, updated),
            module=MODULES.get(module, module or "spiderfoot"),
            attributes=_attributes(kind, ours, data, source),
        )
        if known:
            _also_called(self._reading.items[name].attributes, kind)
        if name in self._reading.items:
            self._by_value.setdefault(data, name)
            self._sources.append((name, source))


def _shortened(data: str) -> str:
    """What is longer than a value may be (the content of a page) by its beginning and its digest."""
    if len(data) <= MAX_DATA:
        return data
    return f"{data[:MAX_DATA]} {hashlib.blake2b(data.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"


def _also_called(attributes: dict[str, Any], kind: str) -> None:
    """One thing of ours may be several of SpiderFoot's elements, each with a type of its own."""
    names = attributes.get(ORIGIN, [])
    names = [names] if isinstance(names, str) else names
    attributes[ORIGIN] = names if kind in names else [*names, kind]


def _attributes(kind: str, ours: Kind, data: str, source: str) -> dict[str, Any]:
    told: dict[str, Any] = {ORIGIN: kind}
    if kind in FOREIGN:
        return told | {"asset": _shortened(source or data)}
    if ours.data and ours.type not in WEAKNESSES:
        outer, _, inner = ours.data.partition(".")
        told[outer] = {inner: data} if inner else data
    if ours.type in WEAKNESSES:
        severity = next((name for mark, name in SEVERITIES.items() if kind.endswith(mark)), "info")
        title = kind.replace("_", " ").capitalize()
        told |= {"check": kind.lower().replace("_", "-"), "asset": _shortened(source or data), "title": title}
        told |= {"severity": severity, "description": data, "evidence": {"data": data[:500]}}
    return told
