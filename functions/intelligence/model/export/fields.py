"""What the XML formats say of a node and an edge, and how text becomes safe in XML 1.0."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import quoteattr  # nosec B406 - writes XML, parses none

import msgspec

from functions.intelligence.model.graph import Entity, Relation

NODE_FIELDS: Final = {
    "type": "string",
    "value": "string",
    "confidence": "double",
    "risk": "string",
    "first_seen": "string",
    "last_seen": "string",
    "observations": "long",
    "distance": "long",
    "edges_left_out": "long",
    "attributes": "string",
}
EDGE_FIELDS: Final = {
    "relation": "string",
    "confidence": "double",
    "sources": "string",
    "first_seen": "string",
    "last_seen": "string",
    "observations": "long",
}

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CONTROL_PICTURES: Final = 0x2400


def xml_text(text: str) -> str:
    """Text that XML 1.0 can hold: a control character becomes its visible picture, the rest U+FFFD."""
    return _NOT_XML.sub(_visible, text)


def attribute(text: str) -> str:
    """Text as a quoted XML attribute that reads back unchanged, line breaks included."""
    return quoteattr(xml_text(text))


def node_values(entity: Entity) -> Iterator[tuple[str, str]]:
    """The fields of a node as (name, text); an empty one is left out."""
    values = (
        entity.type,
        entity.value,
        repr(entity.confidence),
        entity.risk,
        entity.first_seen,
        entity.last_seen,
        str(entity.count),
        str(entity.distance),
        str(entity.edges_left_out),
        msgspec.json.encode(entity.attributes, order="sorted").decode() if entity.attributes else "",
    )
    return _present(NODE_FIELDS, values)


def edge_values(relation: Relation) -> Iterator[tuple[str, str]]:
    """The fields of an edge as (name, text); an empty one is left out."""
    values = (
        relation.name,
        repr(relation.confidence),
        ", ".join(sorted(relation.sources)),
        relation.first_seen,
        relation.last_seen,
        str(relation.count),
    )
    return _present(EDGE_FIELDS, values)


def _present(fields: dict[str, str], values: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in zip(fields, values, strict=True) if value)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return chr(_CONTROL_PICTURES + code) if code < 0x20 else "\ufffd"
