"""The graph as GraphML (http://graphml.graphdrawing.org/specification.html)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape  # nosec B406 - writes XML, parses none

from functions.intelligence.model.export.fields import (
    EDGE_FIELDS,
    NODE_FIELDS,
    attribute,
    edge_values,
    node_values,
    xml_text,
)
from functions.intelligence.model.graph import Entity, Relation


def graphml(entities: Iterable[Entity], relations: Iterable[Relation], exported_at: str) -> Iterator[str]:
    """The graph as chunks of one GraphML document."""
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns '
        'http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">'
        f"<desc>Palisade, {_text(exported_at)}</desc>"
    )
    yield _keys("node", NODE_FIELDS)
    yield _keys("edge", EDGE_FIELDS)
    yield '<graph id="scan" edgedefault="directed">'
    for entity in entities:
        yield f"<node id={attribute(entity.key)}>{_data('node', node_values(entity))}</node>"
    for number, relation in enumerate(relations):
        yield _edge(number, relation)
    yield "</graph></graphml>\n"


def _edge(number: int, relation: Relation) -> str:
    ends = f"source={attribute(relation.source)} target={attribute(relation.target)}"
    return f'<edge id="e{number}" {ends}>{_data("edge", edge_values(relation))}</edge>'


def _keys(of: str, fields: dict[str, str]) -> str:
    return "".join(
        f'<key id="{of}_{name}" for="{of}" attr.name="{name}" attr.type="{type_}"/>' for name, type_ in fields.items()
    )


def _data(of: str, pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f'<data key="{of}_{name}">{_text(value)}</data>' for name, value in pairs)


def _text(value: str) -> str:
    # A bare carriage return would be read back as a line feed (XML 1.0, section 2.11).
    return escape(xml_text(value), {"\r": "&#13;"})
