"""Observations: one spelling of a value, one id of a fact; segments that are the same for the same rows."""

from __future__ import annotations

import gzip

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import facts
from contracts.findings import Detection
from contracts.observations import Observation, ObservationType, canonical, canonical_url, observation_id

JSON = st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(), st.lists, max_leaves=5)
OBSERVATIONS = st.builds(
    Observation,
    id=st.text(),
    type=st.sampled_from([str(kind) for kind in ObservationType]),
    value=st.text(),
    source_id=st.text(),
    module=st.text(),
    module_version=st.text(),
    observed_at=st.text(),
    attributes=st.dictionaries(st.text(), JSON, max_size=3),
    scope_distance=st.integers(0, 5),
    confidence=st.floats(0, 1),
    consumed=st.lists(st.text(), max_size=2).map(tuple),
)


@pytest.mark.parametrize(
    ("type_", "value", "spelling"),
    [
        ("host", " WWW.Example.COM. ", "www.example.com"),
        ("domain", "münchen.example", "xn--mnchen-3ya.example"),
        ("domain", "a" * 70 + "ü.example", "a" * 70 + "ü.example"),
        ("mail_server", "MX.example.", "mx.example"),
        ("ip", "2001:DB8:0:0::1", "2001:db8::1"),
        ("ip", "not an address", "not an address"),
        ("cidr", "192.0.2.7/24", "192.0.2.0/24"),
        ("url", "HTTP://Example.com:80/a/../b?q=1#top", "http://example.com/a/../b?q=1"),
        ("url", "https://example.com:443", "https://example.com/"),
        ("url", "https://example.com:8443/ü ö", "https://example.com:8443/%C3%BC%20%C3%B6"),
        ("url", "http://[2001:DB8::1]:80/", "http://[2001:db8::1]/"),
        ("http_response", "http://example.com/%2F", "http://example.com/%2F"),
        ("url", "http://[::1", "http://[::1"),
        ("url", "http://example.com:99999/", "http://example.com:99999/"),
        ("email", "Some.One@Example.COM", "Some.One@example.com"),
        ("email", "NOBODY", "nobody"),
        ("banner", "  SSH-2.0-OpenSSH  ", "SSH-2.0-OpenSSH"),
    ],
)
def test_a_value_has_one_spelling(type_: str, value: str, spelling: str) -> None:
    assert canonical(type_, value) == spelling


@given(st.sampled_from([str(kind) for kind in ObservationType]), st.text(max_size=30))
def test_the_spelling_of_a_spelling_is_itself(type_: str, value: str) -> None:
    once = canonical(type_, value)
    assert canonical(type_, once) == once


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=30))
def test_any_url_has_a_stable_spelling(path: str) -> None:
    once = canonical_url(f"http://example.com/{path}")
    assert canonical_url(once) == once


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"])), min_size=4, max_size=4), st.integers(0, 3))
def test_an_id_names_scan_type_value_and_source(parts: list[str], changed: int) -> None:
    parts = [part.replace("\x00", "") for part in parts]
    known = observation_id(*parts)
    assert known == observation_id(*parts)
    assert known.startswith("obs_")
    assert len(known) == 30
    other = [part + "x" if place == changed else part for place, part in enumerate(parts)]
    assert observation_id(*other) != known


@given(st.lists(OBSERVATIONS, max_size=5))
def test_a_segment_gives_its_rows_back_and_is_the_same_each_time(rows: list[Observation]) -> None:
    segment = facts.encode_rows(rows)
    assert facts.decode_observations(segment) == rows
    assert facts.encode_rows(iter(rows)) == segment
    assert segment[4:8] == b"\0\0\0\0"


def test_a_segment_of_other_rows_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        facts.decode_rows(facts.encode_rows([{"a": 1}]), Detection)
    with pytest.raises(gzip.BadGzipFile):
        facts.decode_observations(b"not a segment")


def test_keys_lie_under_the_tenant_and_sort_by_wave_and_number() -> None:
    numbered = (facts.segment_key, facts.batch_input_key, facts.log_key, facts.blob_key, facts.frontier_key)
    for of in (*numbered, facts.observations_key, facts.entities_key, facts.relations_key):
        keys = [of("org_1", "scan_1", wave, number) for wave in (0, 2, 10, 99_999) for number in (0, 1, 9, 10, 99_999)]
        assert keys == sorted(set(keys))
        assert all(key.startswith("tenants/org_1/scans/scan_1/") for key in keys)
    by_wave = (
        facts.plan_key, facts.weaknesses_key, facts.state_key, facts.detections_key, facts.manifest_key,
        facts.index_key, facts.conclusions_key,
    )  # fmt: skip
    for of_wave in by_wave:
        keys = [of_wave("org_1", "scan_1", wave) for wave in (0, 9, 10, 12_345)]
        assert keys == sorted(set(keys))
    assert facts.export_key("org_1", "scan_1", 3, "gexf").endswith("exports/00003.gexf")
    everything = {of("t", "s", 0, 0) for of in numbered} | {of("t", "s", 0) for of in by_wave}
    assert len(everything) == len(numbered) + len(by_wave)
