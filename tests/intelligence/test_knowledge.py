"""A tenant's graph across scans: what becomes one, what changed, what is gone, how sure it is, and how it learns."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.observations import Observation
from functions.intelligence.model.confidence import HALF_LIVES, current_millis, decayed, explain_now, noisy_or
from functions.intelligence.model.coverage import Coverage
from functions.intelligence.model.enrichment import enriched
from functions.intelligence.model.identity import RULES, Identities, Merge
from functions.intelligence.model.knowledge import KnownEntity, Sighting, merge_words
from functions.intelligence.model.outline import Outline, millis, moment
from tests.intelligence.graphs import MemoryGraph, key_of, seen_scan
from tests.intelligence.scans import fact, histories

DAY = "2026-01-{:02}T00:00:00.000Z"


def entity(number: int, **fields: object) -> KnownEntity:
    at = DAY.format(number)
    told: dict[str, object] = {
        "sources": {"resolve": (0.5, at)},
        "sightings": [Sighting(at, at, f"scan_{number}")],
        "scans": 1,
        "observations": 1,
        **fields,
    }
    return KnownEntity(key_of("host", "a.example"), "host", "a.example", at, at, **told)  # type: ignore[arg-type]


def whole(outline: Outline) -> list[object]:
    """Everything that an outline says, by value, whatever its nodes' numbers."""
    return [
        *(
            (outline.key(node), outline.values[node], outline.words(node), outline.attributes(node), outline.risk(node))
            for node in range(len(outline))
        ),
        *sorted(
            (outline.key(outline.edge_sources[edge]), outline.key(outline.edge_targets[edge]))
            for edge in range(outline.edges)
        ),
    ]


def test_a_fact_that_several_scans_saw_is_one_with_its_whole_history() -> None:
    graph = MemoryGraph()
    for day, server in ((1, "nginx"), (2, "nginx"), (3, "apache")):
        root = fact("domain", "a.example", observed_at=DAY.format(day))
        url = fact("url", "http://a.example/", root, observed_at=DAY.format(day), attributes={"server": server})
        graph.learn(graph.lesson(day, [root, url]))
    outline = graph.outline
    node = outline.node(key_of("url", "http://a.example/"))
    assert node is not None
    assert (moment(outline.first_seen[node]), moment(outline.last_seen[node])) == (DAY.format(1), DAY.format(3))
    assert (outline.scans[node], outline.observations[node]) == (3, 3)
    assert outline.columns.changes == [(node, DAY.format(3), "scan_3", "server", "nginx", "apache")]
    assert outline.attributes(node) == {"server": "apache"}


@given(st.permutations([1, 2, 3, 4]))
def test_the_order_in_which_scans_are_taken_in_does_not_matter_for_what_is_known(order: list[int]) -> None:
    def rows() -> dict[int, KnownEntity]:
        return {n: entity(n, attributes={"a": n, f"only{n}": n}, risk=("low", "high")[n % 2]) for n in order}

    def taken(numbers: list[int]) -> KnownEntity:
        known = rows()
        first = known[numbers[0]]
        for number in numbers[1:]:
            first.absorb(known[number])
        return first

    one, other = taken(sorted(order)), taken(order)
    for field in ("first_seen", "last_seen", "sources", "attributes", "sightings", "scans", "observations"):
        assert getattr(one, field) == getattr(other, field), field
    assert [change.after for change in one.changes] == ["2", "3", "4"]


@settings(max_examples=40)
@given(st.tuples(histories(20), histories(20), histories(20)))
def test_learning_one_by_one_or_all_at_once_is_the_same(found: tuple[list[Observation], ...]) -> None:
    one, once = MemoryGraph(), MemoryGraph()
    for day, history in enumerate(found, 1):
        one.learn(one.lesson(day, history))
    once.learn(*(once.lesson(day, history) for day, history in enumerate(found, 1)))
    assert whole(one.outline) == whole(once.outline)
    assert [scan.scan_id for scan in one.snapshot.scans] == ["scan_1", "scan_2", "scan_3"]


def test_a_fact_is_gone_when_a_scan_that_could_have_seen_it_did_not() -> None:
    graph = MemoryGraph()
    root, host = fact("domain", "a.example"), fact("host", "old.a.example", fact("domain", "a.example"))
    graph.learn(graph.lesson(1, [root, host]))
    node = graph.outline.node(key_of("host", "old.a.example"))
    assert node is not None
    assert graph.outline.gone(node) is None
    told: list[dict[str, object]] = [
        {"is_whole": False},
        {"modules": frozenset({"crawler"})},
        {"targets": frozenset({"b.example"})},
        {"scope": "narrower"},
    ]
    for day, less in enumerate(told, 2):
        graph.learn(graph.lesson(day, [root], **less))
        node = graph.outline.node(key_of("host", "old.a.example"))
        assert node is not None
        assert graph.outline.gone(node) is None, less
    outline = graph.learn(graph.lesson(6, [root]), graph.lesson(7, [root]))
    gone = outline.gone(outline.node(key_of("host", "old.a.example")) or 0)
    assert gone is not None
    assert gone.scan_id == "scan_6"
    still = outline.node(key_of("domain", "a.example"))
    assert still is not None
    assert outline.gone(still) is None
    back = graph.learn(graph.lesson(8, [root, host]))
    assert back.gone(back.node(key_of("host", "old.a.example")) or 0) is None


def test_a_scan_that_is_not_known_says_nothing_of_what_is_gone() -> None:
    assert Coverage([seen_scan(1)]).gone("scan_0", {"resolve"}) is None


def test_names_are_one_unless_their_addresses_are_different() -> None:
    graph = MemoryGraph()
    rows = []
    for type_, value, address in (
        ("domain", "a.example", "192.0.2.1"),
        ("host", "a.example", "192.0.2.1"),
        ("mail_server", "a.example", ""),
        ("domain", "b.example", "192.0.2.2"),
        ("host", "b.example", "192.0.2.3"),
    ):
        rows.append(name := fact(type_, value))
        if address:
            rows.append(fact("ip", address, name))
    outline = graph.learn(graph.lesson(1, rows))
    said = {(outline.type(node), outline.type(other), rule) for node, other, rule in outline.columns.merges}
    assert said == {
        ("host", "domain", "same-name-and-address"),
        ("mail_server", "domain", "same-name-and-address"),
    }
    assert {outline.values[node] for node, *_ in outline.columns.merges} == {"a.example"}


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([("ip", "192.0.2.1", {}), ("ip", "::ffff:192.0.2.1", {})], "same-address"),
        ([("certificate", "ab" * 32, {}), ("certificate", ":".join(["AB"] * 32), {})], "same-certificate"),
        (
            [
                ("certificate", "one", {"issuer": "CN=x", "serial": "0A"}),
                ("certificate", "two", {"issuer": "CN=x", "serial": "a"}),
            ],
            "same-certificate",
        ),
        ([("url", "HTTP://A.example:80", {}), ("url", "http://a.example/", {})], "same-spelling"),
        ([("url", "HTTP://A.example", {}), ("url", "http://A.EXAMPLE", {})], "same-spelling"),
    ],
)
def test_rules_say_what_is_one(rows: list[tuple[str, str, dict[str, str]]], rule: str) -> None:
    identities = Identities()
    keys = {key_of(type_, value): node for node, (type_, value, _) in enumerate(rows)}
    for node, (type_, value, attributes) in enumerate(rows):
        identities.offer(node, type_, value, attributes)
    (merge,) = identities.merges(lambda _: frozenset(), keys.get)
    assert {merge.node, merge.other} == {0, 1}
    assert merge.rule == rule
    assert rule in {each.name for each in RULES}


def test_what_is_not_alike_is_not_one() -> None:
    identities = Identities()
    for node, (type_, value) in enumerate(
        [("ip", "nonsense"), ("ip", "nonsense"), ("certificate", "abc"), ("url", "http://a/"), ("email", "x@a.example")]
    ):
        identities.offer(node, type_, value, {})
    assert identities.merges(lambda _: frozenset(), lambda _: None) == []


def test_addresses_join_names_step_by_step() -> None:
    identities = Identities()
    for node, type_ in enumerate(("domain", "host", "mail_server")):
        identities.offer(node, type_, "a.example", {})
    addresses = [frozenset({"1"}), frozenset({"2"}), frozenset({"2", "3"})]
    assert identities.merges(addresses.__getitem__, lambda _: None) == [Merge(2, 1, "same-name-and-address")]


def test_confidence_ages_by_type_and_says_how() -> None:
    half_life = HALF_LIVES["port"].days
    seen, later = "2026-01-01T00:00:00.000Z", f"2026-01-{int(half_life) + 1:02}T00:00:00.000Z"
    assert decayed(0.8, "port", seen, later) == pytest.approx(0.4)
    words = {"one": (0.8, seen), "two": (0.5, later)}
    assert entity(1, sources=words).confidence(later) == pytest.approx(
        noisy_or([decayed(0.8, "host", seen, later), 0.5])
    )
    in_millis = [(confidence, millis(at)) for confidence, at in words.values()]
    assert current_millis("port", in_millis, millis(later)) == pytest.approx(noisy_or([0.4, 0.5]))
    said = explain_now("port", words, later)
    assert "2 independent sources" in said
    assert "one 80% on 2026-01-01, now 40%" in said
    assert "together 70%" in said
    assert HALF_LIVES["port"].why in said
    assert explain_now("port", {}, later) == "No source has reported this."


def test_a_sources_later_word_counts_whichever_comes_first() -> None:
    early, late = {"m": (0.9, DAY.format(1))}, {"m": (0.2, DAY.format(2))}
    for first, second in permutations((early, late)):
        known = dict(first)
        merge_words(known, second)
        assert known == late


@pytest.mark.parametrize(
    ("type_", "value", "derived"),
    [
        ("host", "www.a.example", {"labels": 3, "top_level": "example", "parent": "a.example"}),
        ("host", "xn--mnchen-3ya.example", {"unicode": "münchen.example"}),
        ("ip", "10.1.2.3", {"ip_version": 4, "is_private": True, "network": "10.1.2.0/24"}),
        ("ip", "2001:db8::1", {"ip_version": 6, "network": "2001:db8::/64"}),
        ("ip", "nonsense", {}),
        ("cidr", "10.0.0.0/8", {"addresses": "16777216"}),
        ("url", "https://a.example/x/y.PHP?b=1&a=", {"port": 443, "parameters": ["a", "b"], "extension": "php"}),
        ("url", "http://[", {}),
        ("port", "[::1]:80", {"host": "::1", "port": 80}),
        ("email", "ann@a.example", {"mailbox": "ann", "domain": "a.example"}),
        ("software", "cpe:2.3:a:f5:nginx:1.2:*:*:*:*:*:*:*", {"vendor": "f5", "product": "nginx", "version": "1.2"}),
        ("software", "nginx", {}),
        ("certificate", "x", {}),
        ("banner", "x", {}),
    ],
)
def test_what_follows_from_a_value(type_: str, value: str, derived: dict[str, object]) -> None:
    found = enriched(type_, value, {})
    assert {name: found.get(name) for name in derived} == derived
    assert bool(found) == bool(derived)


def test_a_certificates_days_are_counted() -> None:
    found = enriched("certificate", "x", {"not_after": "2000-01-01T00:00:00+00:00"})
    assert found["is_expired"] is True
    assert found["days_left"] < 0
