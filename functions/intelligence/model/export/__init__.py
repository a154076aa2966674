"""The graph for other tools: JSON, GEXF 1.3, GraphML, STIX 2.1, CSV and Excel, written row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from functions.intelligence.model.export.cells import table
from functions.intelligence.model.export.gexf import gexf
from functions.intelligence.model.export.graphml import graphml
from functions.intelligence.model.export.json import graph_json
from functions.intelligence.model.export.stix import stix
from functions.intelligence.model.export.workbook import workbook
from functions.intelligence.model.graph import Entity, Relation

Exporter = Callable[[Iterable[Entity], Iterable[Relation], str], Iterator[bytes]]
"""Entities, relations, and the time of the export (RFC 3339) to chunks of a file."""
Writer = Callable[[Iterable[Entity], Iterable[Relation], str], Iterator[str]]


def _encoded(write: Writer) -> Exporter:
    def export(entities: Iterable[Entity], relations: Iterable[Relation], exported_at: str) -> Iterator[bytes]:
        return (chunk.encode("utf-8", "replace") for chunk in write(entities, relations, exported_at))

    return export


EXPORTERS: Final[dict[str, tuple[Exporter, str]]] = {
    "json": (_encoded(graph_json), "application/json"),
    "gexf": (_encoded(gexf), "application/gexf+xml"),
    "graphml": (_encoded(graphml), "application/graphml+xml"),
    "stix": (_encoded(stix), "application/stix+json;version=2.1"),
    "csv": (_encoded(table), "text/csv"),
    "xlsx": (workbook, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
"""Each format's writer and media type."""
SUFFIXES: Final = {"stix": "stix.json"}
"""How a file of a format ends, where that is not the format's name."""
