"""Correlation: what rules find, that waves change nothing, and that no rule can do harm."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from contracts.facts import decode_rows, encode_rows
from contracts.findings import Detection
from contracts.observations import Observation, canonical
from contracts.scope import host_of
from functions.intelligence.errors import RuleError
from functions.intelligence.model.correlation import compiled
from functions.intelligence.model.correlation.builtin import builtin_rules, rule_texts
from functions.intelligence.model.correlation.compiled import RuleResult
from functions.intelligence.model.correlation.engine import RuleSet, compile_rules, current
from functions.intelligence.model.correlation.view import host_in
from functions.intelligence.model.reducer import Scan
from functions.intelligence.model.wave import reduce_wave
from tests.intelligence.scans import SCAN, TENANT, cut, fact, histories


def rule(**parts: Any) -> dict[str, Any]:
    """A rule with what a test does not care about filled in."""
    meta = {"name": "A rule", "description": "What it means.", "risk": "MEDIUM"}
    return {"id": "r", "version": 1, "meta": meta, "headline": "{data}"} | parts


def collect(*matches: tuple[str, str, Any]) -> dict[str, Any]:
    return {"collect": [{"method": method, "field": field, "value": value} for method, field, value in matches]}


def compile_one(**parts: Any) -> RuleSet:
    return compile_rules({"r.yaml": yaml.safe_dump(rule(**parts))})


def run(rules: RuleSet, *waves: list[Observation]) -> list[RuleResult]:
    """What holds after the waves have been reduced one by one, each by a fresh reducer."""
    objects: dict[str, bytes] = {}
    states: list[bytes] = []
    results: list[list[RuleResult]] = []
    for number, wave in enumerate(waves):
        manifest = reduce_wave(Scan(TENANT, SCAN), number, states, [encode_rows(wave)], rules, objects.__setitem__)
        states.append(objects[manifest.state])
        if manifest.detections:
            results.append(decode_rows(objects[manifest.detections], RuleResult))
    return current(results)


def detections(rules: RuleSet, *waves: list[Observation]) -> list[Detection]:
    return [found for result in run(rules, *waves) for found in result.detections]


def assets(rules: RuleSet, *waves: list[Observation]) -> list[str]:
    return sorted(found.asset for found in detections(rules, *waves))


HOST = collect(("exact", "type", "host"))
MIXED = compile_rules(
    {
        f"{number}.yaml": yaml.safe_dump(rule(id=f"r{number}", **parts))
        for number, parts in enumerate(
            (
                {"collections": [HOST], "aggregation": {"field": "data"}},
                {"collections": [collect(("regex", "type", "not ^host$"), ("regex", "data", ["a", "10"]))]},
                {
                    "collections": [collect(("exact", "type", "ip"), ("exact", "source.type", "host"))],
                    "aggregation": {"field": "source.data"},
                    "analysis": [{"method": "threshold", "field": "data", "count_unique_only": True, "minimum": 2}],
                },
                {
                    "collections": [collect(("exact", "type", "host"), ("exact", "child.type", ["ip", "port"]))],
                    "aggregation": {"field": "entity.data"},
                },
                {"collections": [HOST], "aggregation": {"field": "child.data"}},
                {
                    "collections": [
                        collect(("exact", "module", "crawler")),
                        collect(("exact", "module", "not crawler")),
                    ],
                    "aggregation": {"field": "data"},
                    "analysis": [{"method": "first_collection_only", "field": "data"}],
                },
                {
                    "collections": [collect(("regex", "type", ".")), HOST],
                    "aggregation": {"field": "host"},
                    "analysis": [{"method": "outlier", "maximum_percent": 30}],
                },
                {"collections": [{"path": [{"type": "domain"}, {"type": "host"}, {"type": "ip", "within": 2}]}]},
                {"collections": [collect(("exact", "type", ["AFFILIATE_INTERNET_NAME"]))]},
                {
                    "collections": [collect(("exact", "attributes.check", "a")), collect(("exact", "type", "port"))],
                    "aggregation": {"field": "asset"},
                    "analysis": [{"method": "both_collections"}],
                },
            )
        )
    }
)


@given(histories(30), st.lists(st.integers(0, 30), max_size=4))
def test_rules_over_waves_find_what_they_find_over_all_facts_at_once(
    history: list[Observation], where: list[int]
) -> None:
    for rules in (MIXED, builtin_rules()):
        assert run(rules, *cut(history, where)) == run(rules, history)


def test_a_rule_explains_itself_from_the_target_to_the_weakness() -> None:
    domain = fact("domain", "example.com")
    host = fact("host", "www.example.com", domain, module="subdomains")
    weak = fact(
        "misconfiguration", "missing-csp:https://www.example.com", host, module="headers", confidence=0.5,
        attributes={"check": "missing-csp", "asset": "https://www.example.com"},
    )  # fmt: skip
    rules = compile_one(
        collections=[collect(("exact", "type", "misconfiguration"))],
        aggregation={"field": "host"},
        headline="CSP is missing on {host} ({nonsense}, {source.data})",
        confidence=0.8,
        remedy="Send one.",
        controls=["ISO/IEC 27001:2022 A.8.26"],
        supersedes=["module:headers/missing-csp"],
    )
    (found,) = detections(rules, [domain, host, weak])
    assert found == Detection(
        check="rule:r",
        asset="www.example.com",
        title="A rule",
        severity="medium",
        description="What it means.",
        remedy="Send one.",
        confidence=0.4,
        evidence=(weak.id,),
        chain=(
            "target: domain example.com",
            "has host: host www.example.com (found by subdomains, 2026-01-01 00:00 UTC, 100 % sure)",
            "misconfigured as: misconfiguration missing-csp:https://www.example.com"
            " (found by headers, 2026-01-01 00:00 UTC, 50 % sure)",
        ),
        controls=("ISO/IEC 27001:2022 A.8.26",),
        attributes={
            "headline": "CSP is missing on www.example.com ({nonsense}, www.example.com)",
            "facts": 1,
            "group": {"field": "host", "value": "www.example.com"},
            "supersedes": ["module:headers/missing-csp"],
        },
    )


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (("regex", "data", ["^DEV", "^test"]), ["dev.a", "test.a"]),
        (("regex", "data", ["not ^dev", "not ^test"]), ["www.a"]),
        (("regex", "data", [".*EV.*", "^w"]), ["dev.a", "www.a"]),
        (("exact", "data", "not www.a"), ["dev.a", "test.a"]),
        (("exact", "data", ["www.a", "DEV.a"]), ["www.a"]),
        (("regex", "data", ["not ^dev", "a"]), ["test.a", "www.a"]),
    ],
)
def test_values_in_a_list_are_alternatives_and_not_excludes(match: tuple[str, str, Any], expected: list[str]) -> None:
    rules = compile_one(collections=[collect(("exact", "type", "host"), match)], aggregation={"field": "data"})
    assert assets(rules, [fact("host", name) for name in ("dev.a", "test.a", "www.a")]) == expected


def test_numbers_can_be_compared() -> None:
    hosts = [fact("host", f"h{number}", confidence=number / 10) for number in range(5)]
    sure = compile_one(collections=[collect(("exact", "type", "host"), ("at_least", "confidence", 0.3))],
                       aggregation={"field": "data"})  # fmt: skip
    assert assets(sure, hosts) == ["h3", "h4"]


@pytest.mark.parametrize(
    ("analysis", "expected"),
    [
        ({"method": "threshold", "field": "data", "minimum": 2}, ["192.0.2.1"]),
        ({"method": "threshold", "field": "source.data", "count_unique_only": True, "maximum": 1}, ["192.0.2.2"]),
        ({"method": "outlier", "maximum_percent": 30}, ["192.0.2.2"]),
        ({"method": "outlier", "maximum_percent": 30, "noisy_percent": 60}, []),
    ],
)
def test_analyses_of_groups(analysis: dict[str, Any], expected: list[str]) -> None:
    hosts = [fact("host", f"h{number}") for number in range(4)]
    addresses = [fact("ip", "192.0.2.1", host) for host in hosts[:3]] + [fact("ip", "192.0.2.2", hosts[3])]
    rules = compile_one(collections=[collect(("exact", "type", "ip"))], aggregation={"field": "data"},
                        analysis=[analysis])  # fmt: skip
    assert assets(rules, hosts + addresses) == expected


@pytest.mark.parametrize(
    ("method", "values", "expected"),
    [
        ("subnet", ["192.0.2.7", "198.51.100.1", "2001:db8::1", "nonsense"], ["192.0.2.7", "2001:db8::1"]),
        ("exact", ["192.0.2.0/24", "192.0.2.7"], ["192.0.2.0/24"]),
        ("contains", ["192.0.2", "192.0.3"], ["192.0.2"]),
    ],
)
def test_collections_are_matched_to_the_first(method: str, values: list[str], expected: list[str]) -> None:
    rules = compile_one(
        collections=[collect(("exact", "type", "cidr")), collect(("exact", "type", "ip"))],
        aggregation={"field": "data"},
        analysis=[{"method": "match_all_to_first_collection", "field": "data", "match_method": method}],
        headline={"text": "{data}", "publish_collections": [1]},
    )
    networks = [fact("cidr", "192.0.2.0/24"), fact("cidr", "2001:db8::/32")]
    assert assets(rules, networks + [fact("ip", value) for value in values]) == expected


def test_a_path_is_followed_through_the_graph_and_not_only_through_the_first_discovery() -> None:
    plain, dev = fact("host", "www.a"), fact("host", "dev.a")
    first, second = fact("ip", "192.0.2.1", plain), fact("ip", "192.0.2.1", dev)
    port = fact("port", "192.0.2.1:6379", first)
    path = [
        {"type": "host", "where": [{"method": "regex", "field": "data", "value": "^dev"}]},
        {"type": "ip"},
        {"type": "port"},
    ]
    rules = compile_one(collections=[{"path": path}], aggregation={"field": "data"})
    (found,) = detections(rules, [plain, first], [port], [dev], [second])
    assert found.asset == "192.0.2.1:6379"
    assert found.evidence[0] == dev.id
    assert found.chain[0] == "target: host dev.a"
    assert assets(rules, [plain, first, port]) == []
    near = compile_one(collections=[{"path": [{"type": "host"}, {"type": "port"}]}])
    far = compile_one(collections=[{"path": [{"type": "host"}, {"type": "port", "within": 2}]}])
    assert assets(near, [plain, first, port]) == []
    assert assets(far, [plain, first, port]) == ["192.0.2.1:6379"]


def test_a_rule_that_matches_everything_is_capped_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "MAX_DETECTIONS", 5)
    rules = compile_one(collections=[collect(("regex", "data", ".*"))], aggregation={"field": "data"})
    (result,) = run(rules, [fact("host", f"h{number}") for number in range(20)])
    assert len(result.detections) == 5
    assert (result.matched, result.left_out) == (20, 15)
    assert "20" in result.note
    assert "15" in result.note
    assert all(found.description.endswith(result.note) for found in result.detections)


def test_a_pattern_that_would_backtrack_for_ever_does_not() -> None:
    rules = compile_one(collections=[collect(("exact", "type", "host"), ("regex", "data", "^(a+)+$"))])
    assert detections(rules, [fact("host", "a" * 4000 + "!")]) == []


def test_a_pattern_of_too_many_states_is_refused() -> None:
    many = "|".join(f"(.*{letter}.{{{number}}}k)" for letter in "abxyz" for number in range(50, 900, 50))
    with pytest.raises(RuleError, match="too large"):
        compile_one(collections=[collect(("exact", "type", "host"), ("regex", "data", many[:1000].rpartition("|")[0]))])


def test_what_is_looked_into_has_an_end() -> None:
    rules = compile_one(
        collections=[collect(("exact", "type", "email")), collect(("exact", "type", "username"))],
        aggregation={"field": "data"},
        analysis=[{"method": "match_all_to_first_collection", "field": "data", "match_method": "contains"}],
        headline={"text": "{data}", "publish_collections": [1]},
    )
    emails = [fact("email", f"{'x' * 4000}{number:03}@a") for number in range(100)]
    names = [fact("username", "x000@a"), fact("username", "x099@a")]
    assert assets(rules, [*emails, *names]) == ["x000@a"]


def test_groups_on_one_asset_are_one_detection() -> None:
    host = fact("host", "a")
    banners = [fact("banner", f"nginx/{number}", host) for number in range(3)]
    rules = compile_one(collections=[collect(("exact", "type", "banner"))], aggregation={"field": "data"})
    (found,) = detections(rules, [host, *banners])
    assert found.asset == "a"
    assert set(found.evidence) == {banner.id for banner in banners}


SPIDERFOOT = """
id: expired_and_old
version: 1
meta:
  name: >
    Something old
  description: >
    More than one sign of age.
  risk: HIGH
collections:
  - collect:
      - method: exact
        field: type
        value: SSL_CERTIFICATE_EXPIRED
  - collect:
      - method: regex
        field: type
        value:
          - VULNERABILITY_.*
          - NOT_A_TYPE_OF_OURS
  - collect:
      - method: exact
        field: type
        value: WIKIPEDIA_PAGE_EDIT
aggregation:
  field: entity.data
analysis:
  - method: threshold
    field: type
    count_unique_only: true
    minimum: 2
headline: "Old: {entity.data}"
"""


def test_a_spiderfoot_rule_is_read_unchanged_and_names_what_has_no_counterpart() -> None:
    rules = compile_rules({"expired_and_old.yaml": SPIDERFOOT})
    assert rules.unknown_types == {"expired_and_old": ("NOT_A_TYPE_OF_OURS", "WIKIPEDIA_PAGE_EDIT")}
    host, other = fact("host", "a.example"), fact("host", "b.example")
    expired = [
        fact("misconfiguration", f"e{number}", where, attributes={"check": "certificate-expired"})
        for number, where in enumerate((host, other))
    ]
    flaw = fact("vulnerability", "CVE-1", host, attributes={"severity": "high"})
    (found,) = detections(rules, [host, other, *expired, flaw])
    assert found.asset == "a.example"
    assert found.title == "Something old"
    assert found.attributes["headline"] == "Old: a.example"
    assert found.severity == "high"


def test_spiderfoots_types_and_modules_have_their_counterparts() -> None:
    rules = compile_one(
        collections=[collect(("exact", "type", "IP_ADDRESS"), ("exact", "module", "sfp_dnsresolve"))],
        aggregation={"field": "data"},
    )
    facts_ = [fact("ip", "192.0.2.1"), fact("ip", "2001:db8::1"), fact("ip", "192.0.2.2", module="crawler")]
    assert assets(rules, facts_) == ["192.0.2.1"]
    affiliates = compile_one(
        collections=[collect(("regex", "type", [".*INTERNET_NAME"]), ("regex", "type", "not .*AFFILIATE.*"))],
        aggregation={"field": "data"},
    )
    assert assets(affiliates, [fact("host", "in"), fact("host", "out", scope_distance=1)]) == ["in"]


def test_the_rules_that_come_with_the_product_are_sound() -> None:
    rules = builtin_rules()
    assert len(rules.rules) >= 15
    assert rules.unknown_types == {}
    for file, made in zip(sorted(rule_texts()), rules.rules, strict=True):
        assert file == f"{made.rule.id}.yaml"
        assert made.rule.remedy
        assert made.rule.controls


@given(
    st.sampled_from(("https://A.example:8443/x?y@z", "http://b.example", "http://[::1]:80/", "ftp://c:21/")), st.text()
)
def test_the_quick_way_to_a_host_is_the_scopes_way(base: str, rest: str) -> None:
    for value in (base, f"{base}/{rest}", f"https://{rest}", rest, f"{rest}@x.example", "a.example:80"):
        url = canonical("url", value)
        assert host_in(url) == host_of(url)


def test_what_spiderfoot_calls_data_is_read_where_it_is_kept() -> None:
    answer = {"status": 404, "headers": {"server": "nginx/1.2"}}
    facts_ = [
        fact("banner", "192.0.2.1:22 SSH-2.0-x", attributes={"text": "SSH-2.0-x"}),
        fact("banner", "192.0.2.1:25 220 ready", attributes={"text": "220 ready"}),
        fact("http_response", "http://a/", attributes=answer),
        fact("http_response", "http://b/", attributes={"status": 200}),
    ]

    def headlines(type_: str, pattern: str) -> list[str]:
        rules = compile_one(
            collections=[collect(("exact", "type", type_), ("regex", "data", pattern))], aggregation={"field": "data"}
        )
        return [found.attributes["headline"] for found in detections(rules, facts_)]

    assert headlines("TCP_PORT_OPEN_BANNER", "[0-9]\\.[0-9]") == ["SSH-2.0-x"]
    assert headlines("HTTP_CODE", "^40") == ["404"]
    assert headlines("WEBSERVER_BANNER", ".*") == ["nginx/1.2"]
    assert headlines("banner", "^192") == ["192.0.2.1:22 SSH-2.0-x", "192.0.2.1:25 220 ready"]
