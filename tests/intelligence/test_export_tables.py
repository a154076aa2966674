"""The graph as STIX, CSV and a workbook: valid, whole, and harmless."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from importlib import import_module
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from stix2validator import ValidationOptions, validate_string

from contracts.observations import ObservationType
from functions.intelligence.errors import TooMuchForFormat
from functions.intelligence.model.export import EXPORTERS, workbook
from functions.intelligence.model.export.cells import COLUMNS, FORMULA, harmless, plain_text
from functions.intelligence.model.graph import Entity, Relation, entity_key, relation_name

AT, LATER = "2026-05-04T12:00:00.000Z", "2026-05-05T12:00:00.000Z"
EVIL = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", '=HYPERLINK("http://evil")', "'=1", "\uff1d1")
USUAL = {
    "domain": "a.example",
    "host": "www.a.example",
    "ip": "2001:db8::1",
    "cidr": "192.0.2.0/24",
    "asn": "AS64496",
    "port": "192.0.2.1:443",
    "service": "www.a.example:443",
    "software": "cpe:2.3:a:f5:nginx:1.25.1:*:*:*:*:*:*:*",
    "url": "https://a.example/?a=1",
    "http_response": "https://a.example/",
    "certificate": "ab" * 32,
    "email": "ann@a.example",
    "mail_server": "mx.a.example",
    "vulnerability": "CVE-2026-12345:www.a.example",
}


def entity(type_: str, value: str, **fields: Any) -> Entity:
    return Entity(entity_key(type_, value), type_, value, AT, LATER, {"m": 0.5}, count=2, **fields)


def everything() -> tuple[list[Entity], list[Relation]]:
    """One entity of each type, each led to by the one before."""
    told = {
        "certificate": {"issuer": "CN=CA", "serial": "0a", "not_after": "2027-01-01T00:00:00+00:00"},
        "port": {"protocol": "udp"},
        "vulnerability": {"title": "Old", "description": "Too old."},
    }
    entities = [
        entity(type_, USUAL.get(type_, f"some {type_}"), attributes=told.get(type_, {}), risk="high")
        for type_ in sorted(ObservationType)
    ]
    relations = [
        Relation(one.key, other.key, relation_name(one.type, other.type), AT, LATER, {"m": 0.5}, count=1)
        for one, other in pairwise(entities)
    ]
    relations.append(Relation(entities[0].key, entity_key("host", "nowhere"), "leads_to"))
    host, address = (entity_key(type_, USUAL[type_]) for type_ in ("host", "ip"))
    return entities, [*relations, Relation(host, address, "resolves_to", AT, LATER, {"m": 1.0})]


def document(format_: str, entities: list[Entity], relations: list[Relation]) -> bytes:
    write, _ = EXPORTERS[format_]
    return b"".join(write(entities, relations, AT))


def valid(bundle: bytes) -> list[str]:
    """What the validator of OASIS says against a bundle."""
    found = validate_string(bundle.decode(), ValidationOptions(version="2.1"))
    assert found.is_valid is not bool(found.errors)
    return [str(error) for error in found.errors]


def test_stix_is_valid_for_every_type() -> None:
    entities, relations = everything()
    bundle = document("stix", entities, relations)
    assert valid(bundle) == []
    objects = json.loads(bundle)["objects"]
    kinds = {each["type"] for each in objects}
    assert kinds >= {
        *("domain-name", "ipv4-addr", "ipv6-addr", "autonomous-system", "network-traffic", "software", "url"),
        *("x509-certificate", "email-addr", "vulnerability", "identity", "user-account", "note", "relationship"),
    }
    by_id = {each["id"]: each for each in objects}
    assert len(by_id) == len(objects)
    links = [each for each in objects if each["type"] == "relationship"]
    assert all(each["source_ref"] in by_id and each["target_ref"] in by_id for each in links)
    assert [each["relationship_type"] for each in links if each["description"] == "resolves_to"][-1] == "resolves-to"
    weak = next(each for each in objects if each["type"] == "vulnerability" and each["name"] == "Old")
    assert weak["external_references"] == [{"source_name": "cve", "external_id": "CVE-2026-12345"}]


def test_a_validator_that_is_asked_finds_what_is_wrong() -> None:
    broken = json.loads(document("stix", [entity("ip", "192.0.2.1")], []))
    broken["objects"][-1]["spec_version"] = 7
    del broken["objects"][-1]["value"]
    assert valid(json.dumps(broken).encode())


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(ObservationType)), st.text(max_size=40)), min_size=1, max_size=6, unique=True
    )
)
def test_stix_is_valid_whatever_the_values_are(facts: list[tuple[str, str]]) -> None:
    entities = [entity(type_, value) for type_, value in facts]
    assert valid(document("stix", entities, [])) == []


def test_the_same_fact_is_the_same_object_in_every_export() -> None:
    entities, relations = everything()
    once, again = (json.loads(document("stix", entities, relations)) for _ in range(2))
    assert once["objects"] == again["objects"]
    name = json.loads(document("stix", [entity("domain", "example.com")], []))["objects"][-1]
    assert name["id"] == "domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7"  # as the standard's own library makes it


def test_csv_reads_back_what_was_written_and_nothing_is_computed() -> None:
    entities = [entity("host", value, attributes={"title": value}) for value in (*EVIL, "plain", 'with "quotes", \n')]
    relations = [Relation(entities[0].key, entities[1].key, "related_host", sources={"=m": 0.5})]
    rows = list(csv.DictReader(io.StringIO(document("csv", entities, relations).decode(), newline="")))
    assert [plain_text(row["value"]) for row in rows[:-1]] == [each.value for each in entities]
    assert tuple(rows[0]) == COLUMNS
    assert rows[-1]["relation"] == "related_host"
    assert not any(cell.startswith(FORMULA) for row in rows for cell in row.values())


@given(st.text())
def test_what_is_made_harmless_can_be_had_back(text: str) -> None:
    assert plain_text(harmless(text)) == text
    assert not harmless(text).startswith(FORMULA)


def sheets(body: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(body)) as book:
        return {name: book.read(name).decode() for name in book.namelist()}


def test_a_workbook_holds_text_and_numbers_alone() -> None:
    entities = [entity("host", value) for value in (*EVIL, "http://a.example/", "\x00\x07", "x" * 40_000)]
    relations = [Relation(entities[0].key, entities[1].key, "related_host", sources={"m": 0.5}, count=3)]
    files = sheets(document("xlsx", entities, relations))
    assert not any("hyperlink" in text or "<f>" in text for text in files.values())
    names = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    first, second = (etree.fromstring(files[f"xl/worksheets/sheet{n}.xml"].encode()) for n in (1, 2))
    assert len(first.findall(".//x:row", names)) == len(entities) + 1
    assert len(second.findall(".//x:row", names)) == 2
    texts = ["".join(cell.itertext()) for cell in first.findall(".//x:c", names)]
    assert set(EVIL) - {"\r=1"} <= set(texts)
    assert "related_host" in ["".join(cell.itertext()) for cell in second.findall(".//x:c", names)]


def test_a_workbook_that_would_be_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("functions.intelligence.model.export.workbook"), "MAX_ROWS", 2)
    entities = [entity("host", f"h{number}") for number in range(3)]
    with pytest.raises(TooMuchForFormat):
        list(workbook(entities, [], AT))
    assert list(workbook([], [], AT))
