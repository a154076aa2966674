"""The graph for other tools: JSON, GEXF 1.3 and GraphML, written row by row as text chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from functions.intelligence.model.export.gexf import gexf
from functions.intelligence.model.export.graphml import graphml
from functions.intelligence.model.export.json import graph_json
from functions.intelligence.model.graph import Entity, Relation

Exporter = Callable[[Iterable[Entity], Iterable[Relation], str], Iterator[str]]
"""Entities, relations, and the time of the export (RFC 3339) to chunks of text."""

EXPORTERS: Final[dict[str, tuple[Exporter, str]]] = {
    "json": (graph_json, "application/json"),
    "gexf": (gexf, "application/gexf+xml"),
    "graphml": (graphml, "application/graphml+xml"),
}
"""Each format's writer and media type."""
