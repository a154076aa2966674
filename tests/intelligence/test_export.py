"""The graph's exports: read back by other tools, whatever the values are."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from functions.intelligence.model.export import EXPORTERS
from functions.intelligence.model.export.fields import xml_text
from functions.intelligence.model.graph import Entity, Relation, entity_key

AT = "2026-05-04T12:00:00.000Z"
NASTY = ("]]>", "<b>&amp;\"'", "a\x00\x01\x1fb", "\u202egnp.exe", "a\r\nb\tc", "\ud800", "\uffff", "日本語 🦊", "")
texts = st.one_of(st.sampled_from(NASTY), st.text(max_size=30))


def _entity(value: str, **fields: Any) -> Entity:
    return Entity(entity_key("host", value), "host", value, AT, AT, {"resolve": 0.5}, count=1, **fields)


def _document(format_: str, entities: list[Entity], relations: list[Relation]) -> bytes:
    write, _ = EXPORTERS[format_]
    return b"".join(write(entities, relations, AT))


graphs = st.lists(texts, min_size=1, max_size=8, unique=True)


@pytest.mark.parametrize("read", [("gexf", networkx.read_gexf), ("graphml", networkx.read_graphml)])
@given(values=graphs)
def test_xml_reads_back_what_was_written(read: tuple[str, Callable[..., Any]], values: list[str]) -> None:
    entities = [_entity(value, attributes={"title": xml_text(value)}) for value in values]
    keys = [entity.key for entity in entities]
    relations = [Relation(keys[0], key, "has_host", sources={"a": 0.5}, count=2) for key in keys[1:]]
    format_, parse = read
    options = {"version": "1.3"} if format_ == "gexf" else {}
    graph = parse(io.BytesIO(_document(format_, entities, relations)), **options)
    assert graph.is_directed()
    assert {key: graph.nodes[key].get("value", "") for key in keys} == {
        entity.key: xml_text(entity.value) for entity in entities
    }
    assert all(graph.nodes[key]["confidence"] == 0.5 for key in keys)
    titles = {key: json.loads(graph.nodes[key]["attributes"])["title"] for key in keys}
    assert titles == {entity.key: xml_text(entity.value) for entity in entities}
    assert sorted(graph.edges()) == sorted((relation.source, relation.target) for relation in relations)
    assert all(data["relation"] == "has_host" and data["observations"] == 2 for *_, data in graph.edges(data=True))


@given(values=graphs.filter(lambda values: not any("\ud800" <= c <= "\udfff" for v in values for c in v)))
def test_json_reads_back_what_was_written(values: list[str]) -> None:
    entities = [_entity(value) for value in values]
    relations = [Relation(entity.key, entities[0].key, "related_host") for entity in entities]
    graph = json.loads(_document("json", entities, relations))
    assert [node["value"] for node in graph["nodes"]] == values
    assert [(edge["source"], edge["target"]) for edge in graph["edges"]] == [
        (relation.source, relation.target) for relation in relations
    ]


@pytest.mark.parametrize("format_", ["json", "gexf", "graphml"])
def test_an_empty_graph_is_a_document(format_: str) -> None:
    document = _document(format_, [], [])
    if format_ == "json":
        assert json.loads(document) == {"exported_at": AT, "nodes": [], "edges": []}
    else:
        assert etree.fromstring(document) is not None


def test_gexf_keeps_to_the_schema() -> None:
    entities = [_entity("a", risk="critical"), _entity("b")]
    relations = [Relation(entities[0].key, entities[1].key, "related_host", sources={"m": 1.0})]
    root = etree.fromstring(_document("gexf", entities, relations))
    names = {"g": "http://gexf.net/1.3", "v": "http://gexf.net/1.3/viz"}
    assert root.get("version") == "1.3"
    assert root.find("g:meta", names).get("lastmodifieddate") == "2026-05-04"
    graph = root.find("g:graph", names)
    assert [etree.QName(child).localname for child in graph] == ["attributes", "attributes", "nodes", "edges"]
    declared = {
        attributes.get("class"): {attribute.get("id") for attribute in attributes}
        for attributes in graph.findall("g:attributes", names)
    }
    for kind, path in (("node", "g:nodes/g:node"), ("edge", "g:edges/g:edge")):
        for element in graph.findall(path, names):
            used = {value.get("for") for value in element.findall("g:attvalues/g:attvalue", names)}
            assert used <= declared[kind]
    node = graph.find("g:nodes/g:node", names)
    assert [etree.QName(child).localname for child in node] == ["attvalues", "color", "size"]
    assert node.find("v:size", names).get("value") == "24.0"
    (edge,) = graph.findall("g:edges/g:edge", names)
    assert {"id", "source", "target", "weight"} <= set(edge.keys())


@given(st.text())
def test_xml_text_is_always_well_formed_and_keeps_what_xml_allows(text: str) -> None:
    safe = xml_text(text)
    etree.fromstring(f"<a>{safe.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}</a>".encode())
    assert len(safe) == len(text)
    assert xml_text(safe) == safe
