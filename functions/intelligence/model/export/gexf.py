"""The graph as GEXF 1.3 (https://gexf.net/schema.html), with attributes, colours by type and sizes by risk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from functions.intelligence.model.export.fields import (
    EDGE_FIELDS,
    NODE_FIELDS,
    attribute,
    edge_values,
    node_values,
)
from functions.intelligence.model.graph import Entity, Relation

COLOURS: Final = {
    "domain": (31, 78, 121),
    "host": (46, 117, 182),
    "ip": (84, 130, 53),
    "port": (127, 160, 100),
    "service": (112, 173, 71),
    "url": (191, 144, 0),
    "http_response": (255, 192, 0),
    "technology": (150, 115, 166),
    "certificate": (0, 128, 128),
    "vulnerability": (192, 0, 0),
    "misconfiguration": (237, 125, 49),
    "exposure": (214, 60, 60),
}
OTHER_COLOUR: Final = (127, 127, 127)
SIZES: Final = {"critical": 24.0, "high": 18.0, "medium": 14.0, "low": 10.0, "info": 8.0}
USUAL_SIZE: Final = 8.0


def gexf(entities: Iterable[Entity], relations: Iterable[Relation], exported_at: str) -> Iterator[str]:
    """The graph as chunks of one GEXF document."""
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gexf xmlns="http://gexf.net/1.3" xmlns:viz="http://gexf.net/1.3/viz" version="1.3">'
        f"<meta lastmodifieddate={attribute(exported_at[:10])}><creator>Palisade</creator>"
        "<description>Entities and relations of a scan</description></meta>"
        '<graph defaultedgetype="directed" idtype="string" mode="static">'
    )
    yield _declarations("node", NODE_FIELDS)
    yield _declarations("edge", EDGE_FIELDS)
    yield "<nodes>"
    yield from map(_node, entities)
    yield "</nodes><edges>"
    for number, relation in enumerate(relations):
        yield _edge(number, relation)
    yield "</edges></graph></gexf>\n"


def _declarations(of: str, fields: dict[str, str]) -> str:
    each = "".join(f'<attribute id="{name}" title="{name}" type="{type_}"/>' for name, type_ in fields.items())
    return f'<attributes class="{of}">{each}</attributes>'


def _node(entity: Entity) -> str:
    red, green, blue = COLOURS.get(entity.type, OTHER_COLOUR)
    return (
        f"<node id={attribute(entity.key)} label={attribute(entity.value)}>{_values(node_values(entity))}"
        f'<viz:color r="{red}" g="{green}" b="{blue}"/>'
        f'<viz:size value="{SIZES.get(entity.risk, USUAL_SIZE)}"/></node>'
    )


def _edge(number: int, relation: Relation) -> str:
    ends = f"source={attribute(relation.source)} target={attribute(relation.target)}"
    weight = f'weight="{relation.confidence!r}"'
    label = attribute(relation.name)
    return f'<edge id="{number}" {ends} {weight} label={label}>{_values(edge_values(relation))}</edge>'


def _values(pairs: Iterable[tuple[str, str]]) -> str:
    each = "".join(f'<attvalue for="{name}" value={attribute(value)}/>' for name, value in pairs)
    return f"<attvalues>{each}</attvalues>"
