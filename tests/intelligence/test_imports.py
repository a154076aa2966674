"""Files of facts: what each format says is taken in, what is wrong is told with its line, hostile files do nothing."""

from __future__ import annotations

import contextlib
import json
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.observations import Observation
from functions.intelligence.model.export import EXPORTERS
from functions.intelligence.model.imports import READERS
from functions.intelligence.model.imports.items import Faulty, Reading
from tests.intelligence.test_export_tables import AT, everything

SCAN = "scan_1"
SF_HEADER = "Updated,Type,Module,Source,F/P,Data\n"


def read(format_: str, body: bytes | str) -> Reading:
    reading = Reading(AT)
    READERS[format_](body.encode() if isinstance(body, str) else body, reading)
    reading.demand_sound()
    return reading


def observations(format_: str, body: bytes | str) -> list[Observation]:
    return list(read(format_, body).observations(SCAN))


def led(found: list[Observation]) -> set[tuple[str, str]]:
    """Which value led to which."""
    by_id = {row.id: row.value for row in found}
    return {(by_id[row.source_id], row.value) for row in found if row.source_id in by_id}


def refused(format_: str, body: bytes | str) -> list[tuple[int, str]]:
    with pytest.raises(Faulty) as caught:
        read(format_, body)
    return [(fault.line, fault.detail) for fault in caught.value.faults]


@pytest.mark.parametrize("format_", ["csv", "stix"])
def test_what_was_exported_is_taken_in_as_it_was(format_: str) -> None:
    entities, relations = everything()
    found = observations(format_, b"".join(EXPORTERS[format_][0](entities, relations, AT)))
    whole = {(entity.type, entity.value) for entity in entities}
    missing = whole - {(row.type, row.value) for row in found}
    assert not missing
    by_key = {entity.key: entity for entity in entities}
    expected = {
        (by_key[relation.source].value, by_key[relation.target].value)
        for relation in relations
        if relation.target in by_key and by_key[relation.source].value != by_key[relation.target].value
    }
    assert expected <= led(found)
    assert {row.confidence for row in found if row.value in {entity.value for entity in entities}} == {0.5}
    certificate = next(row for row in found if row.type == "certificate")
    assert certificate.attributes["issuer"] == "CN=CA"


def test_sources_come_before_what_they_led_to_and_circles_end() -> None:
    circle = "host,c.example,b.example\nhost,b.example,a.example\nhost,a.example,c.example\n"
    found = observations("csv", f"type,value,source\n{circle}ip,192.0.2.1,nobody\n")
    seen = {SCAN}
    for row in found:
        assert row.source_id in seen
        seen.add(row.id)
    assert led(found) == {("c.example", "a.example"), ("b.example", "c.example"), ("a.example", "b.example")}
    assert len({row.id for row in found}) == len(found)


def test_a_plain_table_needs_a_type_and_a_value() -> None:
    rows = 'type,value,note,confidence,observed_at\nhost,A.Example.,"hello, you",0.5,2026-01-01T01:00:00+01:00\n'
    (row,) = observations("csv", b"\xef\xbb\xbf" + rows.encode())
    assert (row.type, row.value, row.confidence) == ("host", "a.example", 0.5)
    assert row.observed_at == "2026-01-01T00:00:00.000Z"
    assert row.attributes == {"note": "hello, you"}
    assert (row.source_id, row.module, row.module_version) == (SCAN, "import", "imported")


def test_spiderfoots_csv_is_read() -> None:
    body = SF_HEADER + "\n".join(
        [
            "2026-01-01 10:00:00,ROOT,,,0,a.example",
            "2026-01-01 10:00:00,DOMAIN_NAME,SpiderFoot UI,a.example,0,a.example",
            "2026-01-01 10:00:01,IP_ADDRESS,sfp_dnsresolve,a.example,0,192.0.2.1",
            "2026-01-01 10:00:02,TCP_PORT_OPEN,sfp_portscan_tcp,192.0.2.1,0,192.0.2.1:22",
            "2026-01-01 10:00:02,TCP_PORT_OPEN,sfp_portscan_tcp,192.0.2.1,1,192.0.2.1:23",
            '2026-01-01 10:00:03,VULNERABILITY_CVE_HIGH,sfp_x,192.0.2.1:22,0,"CVE-2026-1\nlong"',
            "2026-01-01 10:00:04,DARKNET_MENTION_URL,sfp_y,a.example,0,http://x.onion/",
            "2026-01-01 10:00:04,NO_SUCH_TYPE,sfp_y,a.example,0,x",
        ]
    )
    reading = read("spiderfoot-csv", body)
    found = list(reading.observations(SCAN))
    assert {(row.type, row.module) for row in found} == {
        ("domain", "SpiderFoot UI"),
        ("ip", "resolve"),
        ("port", "tcp_connect"),
        ("vulnerability", "sfp_x"),
        ("metadata", "sfp_y"),
    }
    assert next(row for row in found if row.type == "vulnerability").attributes["severity"] == "high"
    assert led(found) >= {("a.example", "192.0.2.1"), ("192.0.2.1", "192.0.2.1:22")}
    assert reading.skipped == {"false positive": 1, "NO_SUCH_TYPE": 1}
    assert found[0].observed_at == "2026-01-01T10:00:00.000Z"


def test_spiderfoots_json_is_read() -> None:
    elements = [
        {"data": "a.example", "event_type": "INTERNET_NAME", "module": "sfp_spider", "source_data": "ROOT",
         "false_positive": 0, "last_seen": "2026-01-01 10:00:00", "scan_name": "s", "scan_target": "a.example"},
        {"data": "ann@a.example", "event_type": "EMAILADDR", "module": "sfp_email", "source_data": "a.example",
         "false_positive": 0, "last_seen": 1767261600},
    ]  # fmt: skip
    found = observations("spiderfoot-json", json.dumps(elements))
    assert [(row.type, row.value, row.module) for row in found] == [
        ("host", "a.example", "crawler"),
        ("email", "ann@a.example", "extraction"),
    ]
    assert led(found) == {("a.example", "ann@a.example")}


def test_an_element_becomes_the_fact_that_rules_read() -> None:
    rows = [("INTERNET_NAME", "a.example", "ROOT"), ("CO_HOSTED_SITE", "a.example", "ROOT")]
    rows += [("URL_FORM", "https://a.example/", "a.example"), ("HTTP_CODE", "404", "https://a.example/x")]
    rows += [("WEBSERVER_BANNER", "nginx", "a.example")]
    elements = [
        {"event_type": kind, "data": data, "module": "sfp_x", "source_data": source} for kind, data, source in rows
    ]
    found = {
        row.type + " " + row.value: row.attributes for row in observations("spiderfoot-json", json.dumps(elements))
    }
    assert found["host a.example"] == {"spiderfoot_type": ["INTERNET_NAME", "CO_HOSTED_SITE"]}
    assert found["http_response https://a.example/x"] == {"spiderfoot_type": "HTTP_CODE", "status": "404"}
    assert found["http_response nginx"]["headers"] == {"server": "nginx"}


def test_an_element_that_nothing_here_finds_and_a_long_one_are_kept_with_all_that_led_to_them() -> None:
    page, other = "a" * 50_000, "a" * 49_999 + "b"
    rows = [("INTERNET_NAME", "a.example", "ROOT"), ("INTERNET_NAME", "b.example", "ROOT")]
    rows += [("TARGET_WEB_CONTENT", page, "a.example"), ("TARGET_WEB_CONTENT", other, "a.example")]
    rows += [("LEAKSITE_CONTENT", page + "c", "a.example"), ("EMAILADDR", "m@a.example", page + "c")]
    rows += [("CO_HOSTED_SITE", "kin.test", "a.example"), ("CO_HOSTED_SITE", "kin.test", "b.example")]
    elements = [
        {"event_type": kind, "data": data, "module": "sfp_x", "source_data": source} for kind, data, source in rows
    ]
    found = observations("spiderfoot-json", json.dumps(elements))
    contents = [row.value for row in found if row.attributes["spiderfoot_type"] == "TARGET_WEB_CONTENT"]
    assert len(set(contents)) == 2
    assert all(len(value) < 1_100 for value in contents)
    leaked = next(row for row in found if row.attributes["spiderfoot_type"] == "LEAKSITE_CONTENT")
    assert (leaked.type, leaked.attributes["asset"]) == ("metadata", "a.example")
    assert next(row for row in found if row.value == "m@a.example").source_id == leaked.id
    assert len([row for row in found if row.value == "kin.test"]) == 2


def stix(*objects: dict[str, Any]) -> str:
    return json.dumps({"type": "bundle", "id": f"bundle--{uuid.uuid4()}", "objects": list(objects)})


def named(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid.uuid4()}", **fields}


def test_the_stix_of_others_is_read() -> None:
    address, name = named("ipv4-addr", value="198.51.100.3"), named("domain-name", value="Example.COM")
    traffic = named("network-traffic", dst_ref=address["id"], dst_port=443, protocols=["tcp"])
    weak = named(
        "vulnerability",
        name="Heartbleed",
        external_references=[{"source_name": "cve", "external_id": "CVE-2014-0160"}],
        modified="2026-01-01T00:00:00.000Z",
        confidence=80,
    )
    link = named("relationship", source_ref=name["id"], target_ref=address["id"], relationship_type="resolves-to")
    others = [
        named("ipv6-addr", value="2001:db8::/32"),
        named("autonomous-system", number=64496, name="X"),
        named("identity", name="Acme", identity_class="organization"),
        named("x509-certificate", hashes={"SHA-256": "AB" * 32}, issuer="CN=CA", serial_number="01"),
        named("user-account", account_login="ann"),
        named("software", name="nginx", version="1.2"),
        named("malware", name="x", is_family=False),
    ]
    reading = read("stix", stix(address, name, traffic, weak, link, *others))
    found = {row.type: row for row in reading.observations(SCAN)}
    assert found["port"].value == "198.51.100.3:443"
    assert (found["vulnerability"].value, found["vulnerability"].confidence) == ("CVE-2014-0160", 0.8)
    assert found["cidr"].value == "2001:db8::/32"
    assert {found[type_].value for type_ in ("asn", "organisation", "username", "software")} == {
        *("AS64496", "Acme", "ann", "nginx")
    }
    assert found["certificate"].value == "ab" * 32
    assert reading.skipped == {"malware": 1}
    assert ("example.com", "198.51.100.3") in led(list(reading.observations(SCAN)))


DEEP = "[" * 100_000
HOSTILE: list[tuple[str, bytes | str, int, str]] = [
    ("csv", "", 1, "empty"),
    ("csv", "a,b\n1,2\n", 1, "lacks the column"),
    ("csv", "type,value,value\n", 1, "twice"),
    ("csv", "type,value\nhost,a\nhost\n", 3, "1 cells, and 2 columns"),
    ("csv", 'type,value\nhost,"a\n', 2, "no CSV"),
    ("csv", "type,value\nhost,a\x00b\n", 2, "NUL"),
    ("csv", b"type,value\nhost,a\nhost,\xff\n", 3, "not UTF-8"),
    ("csv", "type,value\nhost,a\n".encode("utf-16"), 1, "not UTF-8"),
    ("csv", "type,value\n" + "host," + "x" * 200_000 + "\n", 2, "no CSV"),
    ("csv", "type,value\nhost," + "x" * 10_000 + "\n", 2, "characters"),
    ("csv", "type,value\nnothing,a\n", 2, "no type"),
    ("csv", "type,value\nhost,\n", 2, "characters"),
    ("csv", "type,value,confidence\nhost,a,nan\n", 2, "between 0 and 1"),
    ("csv", "type,value,confidence\nhost,a,1e400\n", 2, "between 0 and 1"),
    ("csv", "type,value,confidence\nhost,a,much\n", 2, "no number"),
    ("csv", "type,value,observed_at\nhost,a,yesterday\n", 2, "no time"),
    ("csv", 'type,value,attributes\nhost,a,"{""a"":1,""a"":2}"\n', 2, "twice"),
    ("csv", "type,value,attributes\nhost,a,[]\n", 2, "no JSON object"),
    ("csv", "type,value\n", 0, "no fact"),
    ("spiderfoot-csv", "type,value\nhost,a\n", 1, "lacks the column"),
    ("spiderfoot-json", "{}", 1, "no list"),
    ("spiderfoot-json", "[1]", 1, "data"),
    ("spiderfoot-json", '[{"data": 7}]', 1, "data"),
    ("spiderfoot-json", "[{]", 1, "no JSON"),
    ("spiderfoot-json", DEEP, 0, "deeply"),
    ("spiderfoot-json", '[{"data":"a","data":"b"}]', 0, "twice"),
    ("spiderfoot-json", '[{"data":"a","x":NaN}]', 0, "no number"),
    ("spiderfoot-json", '[{"data":"a","x":1e400}]', 0, "too large"),
    ("spiderfoot-json", '[{"data":"a","x":' + "9" * 10_000 + "}]", 0, "digit"),
    ("stix", "[]", 1, "no STIX bundle"),
    ("stix", '{"type":"bundle","objects":7}', 1, "no STIX bundle"),
    ("stix", stix({"type": "url"}), 1, "identifier"),
    ("stix", stix(named("observed-data", objects={"0": {"type": "url"}})), 1, "2.0"),
    ("stix", stix(named("malware", name="x")), 0, "no fact"),
    ("stix", '{"a":' * 100_000, 0, "deeply"),
]


@pytest.mark.parametrize(("format_", "body", "line", "words"), HOSTILE)
def test_what_is_wrong_is_told_with_its_line(format_: str, body: bytes | str, line: int, words: str) -> None:
    found = refused(format_, body)
    assert found[0][0] == line, found
    assert words in found[0][1], found


def test_all_faults_are_told_up_to_a_point() -> None:
    assert [line for line, _ in refused("csv", "type,value\nx,1\nhost,a\ny,2\n")] == [2, 4]
    assert len(refused("csv", "type,value\n" + "x,1\n" * 1000)) == 51


def test_a_file_holds_so_many_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.intelligence.model.imports.items.MAX_ITEMS", 2)
    assert "2 facts at most" in refused("csv", "type,value\nhost,a\nhost,b\nhost,c\n")[0][1]


@settings(max_examples=150)
@given(st.sampled_from(sorted(READERS)), st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_bytes_are_read_or_refused(format_: str, body: bytes) -> None:
    with contextlib.suppress(Faulty):
        assert list(read(format_, body).observations(SCAN))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["type", "id", "value", "data", "objects", "extensions", "hashes", "dst_ref", "event_type", "protocols"]
    ), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=150)
@given(st.sampled_from(["stix", "spiderfoot-json"]), st.lists(json_values, max_size=4))
def test_any_json_is_read_or_refused(format_: str, values: list[Any]) -> None:
    body = values if format_ == "spiderfoot-json" else {"type": "bundle", "objects": values}
    with contextlib.suppress(Faulty):
        assert list(read(format_, json.dumps(body)).observations(SCAN))
