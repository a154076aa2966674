"""Rule files in SpiderFoot's format, of our own wording: every construct of it is read as it stands and means there."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.observations import Observation
from functions.intelligence.errors import RuleError
from functions.intelligence.model.correlation.engine import RuleSet, compile_rules
from functions.intelligence.model.correlation.kinds import NAMES
from functions.intelligence.model.correlation.spiderfoot import TYPES
from tests.intelligence.scans import fact
from tests.intelligence.test_correlation import detections

HEAD = """# A comment, as such files have them.
id: {id}
version: 1
meta:
  name: >
    A name over
    two lines
  description: >
    What is to be thought of it.

    A second paragraph.
  risk: {risk}
collections:
"""


def file(body: str, id: str = "own", risk: str = "INFO") -> RuleSet:
    return compile_rules({f"{id}.yaml": HEAD.format(id=id, risk=risk) + body})


def headlines(rules: RuleSet, *facts: Observation) -> list[str]:
    return sorted(str(found.attributes["headline"]) for found in detections(rules, list(facts)))


def weakness(kind: str, check: str, asset: str, source: Observation | None = None, **other: Any) -> Observation:
    told = {"check": check, "asset": asset, "title": "T", "severity": "high"}
    return fact(kind, f"{check}:{asset}", source, attributes=told, **other)


COUNTED = """
  - collect:
      - method: regex
        field: type
        value:
          - MALICIOUS_*
          - BLACKLIST_*
      - method: regex
        field: source.data
        value: not .*/.*
      - method: regex
        field: type
        value:
          - not .*COHOST.*
          - not .*AFFILIATE.*
aggregation:
  field: source.data
analysis:
  - method: threshold
    field: source.data
    minimum: 2
headline: "Bad in more than one place: {source.data}"
"""


def test_regular_expressions_on_types_negations_and_fields_of_the_source() -> None:
    rules = file(COUNTED, risk="HIGH")
    assert rules.unknown_types == {}
    near, network = fact("ip", "192.0.2.1"), fact("cidr", "198.51.100.0/24")
    far = fact("ip", "203.0.113.9", scope_distance=1)
    reports = [weakness("exposure", "address-reported", "192.0.2.1", near)]
    # One fact from one source is one row: another list, as SpiderFoot's export names it, is a second value.
    listed = {"check": "malicious-ipaddr", "asset": "192.0.2.1", "spiderfoot_type": "MALICIOUS_IPADDR"}
    reports.append(fact("exposure", "A list [192.0.2.1]", near, attributes=listed))
    for_network = [fact("exposure", f"l{n}", network, attributes={"check": "address-reported"}) for n in range(2)]
    outside = [
        fact("exposure", f"m{n}", far, attributes={"check": "address-reported"}, scope_distance=1) for n in range(2)
    ]
    facts = (near, network, far, *reports, *for_network, *outside)
    assert headlines(rules, *facts) == ["Bad in more than one place: 192.0.2.1"]
    assert headlines(rules, near, reports[0]) == []


CHILDREN = """
  - collect:
      - method: exact
        field: type
        value: RAW_FILE_META_DATA
      - method: regex
        field: child.data
        value: .*
      - method: exact
        field: child.type
        value: not HASH
aggregation:
  field: child.data
headline: "In a document: '{child.data}'"
"""


def test_fields_of_children_and_the_exclusion_of_a_type_that_nothing_here_produces() -> None:
    rules = file(CHILDREN)
    assert rules.unknown_types == {}
    document, empty = fact("metadata", "http://a/x.pdf"), fact("metadata", "http://a/y.pdf")
    people = [fact("person", name, document) for name in ("Ada", "Bob")]
    found = detections(rules, [document, empty, *people])
    assert [each.asset for each in found] == ["http://a/x.pdf"]
    assert found[0].attributes["headline"] == "In a document: 'Ada'"


MODULES = """
  - collect:
      - method: exact
        field: module
        value:
          - sfp_sslcert
          - sfp_crt
          - sfp_notours
      - method: exact
        field: source.type
        value:
          - INTERNET_NAME
          - DOMAIN_NAME
      - method: exact
        field: type
        value:
          - AFFILIATE_INTERNET_NAME
          - CO_HOSTED_SITE
aggregation:
  field: data
analysis:
  - method: threshold
    field: source.data
    count_unique_only: true
    minimum: 2
headline: "Kin: {data}"
"""


def test_modules_types_of_the_source_and_unique_counts() -> None:
    rules = file(MODULES)
    sites = [fact("host", f"{name}.example") for name in "ab"]
    kin = [fact("host", "kin.test", site, module="certificate_transparency", scope_distance=1) for site in sites]
    once = fact("host", "once.test", sites[0], module="certificate_transparency", scope_distance=1)
    other = [fact("host", "other.test", site, module="crawler", scope_distance=1) for site in sites]
    assert headlines(rules, *sites, *kin, once, *other) == ["Kin: kin.test"]


ONLY_FIRST = """
  - collect:
      - method: exact
        field: type
        value: INTERNET_NAME
      - method: exact
        field: module
        value: sfp_dnsbrute
  - collect:
      - method: exact
        field: type
        value: INTERNET_NAME
      - method: exact
        field: module
        value: not sfp_dnsbrute
aggregation:
  field: data
analysis:
  - method: first_collection_only
    field: data
headline: "Only guessed: {data}"
"""


def test_what_only_the_first_collection_has() -> None:
    guessed = [fact("host", f"{name}.example", module="subdomains") for name in "ab"]
    linked = fact("host", "b.example", guessed[0], module="crawler")
    assert headlines(file(ONLY_FIRST), *guessed, linked) == ["Only guessed: a.example"]


MATCHED = """
  - collect:
      - method: exact
        field: type
        value: {first}
  - collect:
      - method: exact
        field: type
        value: {second}
aggregation:
  field: data
analysis:
  - method: match_all_to_first_collection
    field: data
    match_method: {how}
headline:
  text: "Belongs together: {{data}}"
  publish_collections:
    - 1
"""


@pytest.mark.parametrize(
    ("first", "second", "how", "reference", "hit", "miss"),
    [
        ("NETBLOCK_OWNER", "IP_ADDRESS", "subnet", ("cidr", "192.0.2.0/24"), ("ip", "192.0.2.9"), ("ip", "192.0.3.9")),
        ("EMAILADDR", "USERNAME", "contains", ("email", "ada@a.example"), ("username", "ada"), ("username", "bob")),
        ("HUMAN_NAME", "USERNAME", "exact", ("person", "ada"), ("username", "ada"), ("username", "ad")),
    ],
)
def test_what_matches_the_first_collection(
    first: str, second: str, how: str, reference: tuple[str, str], hit: tuple[str, str], miss: tuple[str, str]
) -> None:
    rules = file(MATCHED.format(first=first, second=second, how=how))
    assert headlines(rules, fact(*reference), fact(*hit), fact(*miss)) == [f"Belongs together: {hit[1]}"]


OUTLIERS = """
  - collect:
      - method: exact
        field: type
        value: {type}
aggregation:
  field: data
analysis:
  - method: outlier
    maximum_percent: 25
    noisy_percent: {noisy}
headline: "Rare: {{data}}"
"""


def test_outliers_by_what_spiderfoot_calls_data_and_none_where_all_is_noise() -> None:
    networks = [
        fact("cidr", f"192.0.{number}.0/24", attributes={"country": "DE" if number else "KP"}) for number in range(6)
    ]
    assert headlines(file(OUTLIERS.format(type="COUNTRY_NAME", noisy=10)), *networks) == ["Rare: KP"]
    assert headlines(file(OUTLIERS.format(type="COUNTRY_NAME", noisy=60)), *networks) == []


ENTITIES = """
  - collect:
      - method: exact
        field: type
        value: SSL_CERTIFICATE_EXPIRED
      - method: regex
        field: entity.type
        value: INTERNET_NAME|DOMAIN_NAME
  - collect:
      - method: regex
        field: type
        value: VULNERABILITY_CVE_.*
aggregation:
  field: entity.data
analysis:
  - method: both_collections
  - method: threshold
    field: type
    count_unique_only: true
    minimum: 2
    maximum: 5
headline: "Old and weak: {entity.data}, {data}"
"""


def test_both_collections_the_entity_and_bounds_on_a_count() -> None:
    rules = file(ENTITIES, risk="CRITICAL")
    both, one = fact("host", "a.example"), fact("host", "b.example")
    expired = [weakness("misconfiguration", "certificate-expired", f"{h.value}:443", h) for h in (both, one)]
    flaw = fact("vulnerability", "CVE-1", both, attributes={"severity": "high"})
    (found,) = detections(rules, [both, one, *expired, flaw])
    assert (found.severity, found.title) == ("critical", "A name over two lines")
    assert "A second paragraph." in found.description
    assert str(found.attributes["headline"]).startswith("Old and weak: a.example, ")


def test_what_a_weakness_is_called_there_is_its_asset_here() -> None:
    host = fact("host", "a.example")
    expired = weakness("misconfiguration", "certificate-expired", "a.example:443", host)
    body = COUNTED[: COUNTED.index("      - method: regex")]
    rules = file(
        body + "      - {method: exact, field: type, value: SSL_CERTIFICATE_EXPIRED}\n"
        'aggregation: {field: data}\nheadline: "Expired: {data}"\n'
    )
    assert headlines(rules, host, expired) == ["Expired: a.example:443"]


def test_a_type_with_no_counterpart_is_named_and_finds_nothing() -> None:
    rules = file("  - collect:\n      - {method: exact, field: type, value: WIKIPEDIA_PAGE_EDIT}\nheadline: 'x'\n")
    assert rules.unknown_types == {"own": ("WIKIPEDIA_PAGE_EDIT",)}
    assert headlines(rules, fact("host", "a.example")) == []


@pytest.mark.parametrize("pattern", ["(?=a)b", "(?!a)b", "(?<=a)b", "(?<!a)b", "(a)\\1"])
def test_what_could_not_run_in_linear_time_is_refused_with_its_place_and_the_reason(pattern: str) -> None:
    body = f"  - collect:\n      - {{method: regex, field: data, value: '{pattern}'}}\nheadline: 'x'\n"
    with pytest.raises(RuleError, match="linear time") as caught:
        file(body)
    assert caught.value.key == "collections.0.collect.0.value"


def test_every_kind_is_of_a_type_that_there_is() -> None:
    ours = {name for name in NAMES if name.islower()}
    assert all(kinds and {kind.type for kind in kinds} <= ours for kinds in TYPES.values())


COUNTED_TWICE = """
  - collect:
      - method: exact
        field: type
        value: {type}
aggregation:
  field: source.data
analysis:
  - method: threshold
    field: source.data
    minimum: 2
headline: "Told twice: {{source.data}}"
"""


@pytest.mark.parametrize(
    ("type_", "check", "evidence"),
    [
        ("EMAILADDR_COMPROMISED", "address-in-breach", {"count": 2}),
        ("MALICIOUS_IPADDR", "address-reported", {"reporters": 2}),
    ],
)
def test_one_fact_counts_as_often_as_it_was_told(type_: str, check: str, evidence: dict[str, int]) -> None:
    thing = fact("ip", "192.0.2.1")
    between = fact("metadata", "reputation of 192.0.2.1", thing)
    twice = weakness(
        "exposure",
        check,
        "192.0.2.1",
        between,
    )
    once = fact("exposure", f"{check}:192.0.2.2", between, attributes={"check": check, "asset": "192.0.2.2"})
    twice.attributes["evidence"] = evidence
    rules = file(COUNTED_TWICE.format(type=type_))
    assert headlines(rules, thing, between, twice, once) == ["Told twice: 192.0.2.1"]


def test_the_source_of_an_answer_is_its_own_address_and_a_host_on_a_certificate_comes_from_a_host() -> None:
    site = fact("host", "a.example")
    service = fact("service", "https://a.example:443", site)
    shown = fact("certificate", "ab", service, module="certificate")
    kin = fact("host", "kin.test", shown, module="certificate", scope_distance=1)
    answer = fact("http_response", "https://a.example/", service, attributes={"status": 401})
    codes = file(
        "  - collect:\n      - {method: exact, field: type, value: HTTP_CODE}\n"
        "      - {method: regex, field: data, value: '40[13]'}\n"
        "      - {method: regex, field: source.data, value: '^https?://[a-z.]+/?$'}\n"
        'aggregation: {field: source.data}\nheadline: "Closed: {source.data}"\n'
    )
    names = file(
        "  - collect:\n      - {method: exact, field: source.type, value: INTERNET_NAME}\n"
        "      - {method: exact, field: type, value: AFFILIATE_INTERNET_NAME}\n"
        'aggregation: {field: data}\nheadline: "{data} from {source.data}"\n'
    )
    facts = (site, service, shown, kin, answer)
    assert headlines(codes, *facts) == ["Closed: https://a.example/"]
    assert headlines(names, *facts) == ["kin.test from a.example"]


def test_an_imported_fact_is_what_spiderfoot_called_it_and_nothing_else() -> None:
    near = fact("host", "a.example", attributes={"spiderfoot_type": "INTERNET_NAME"})
    far = fact("host", "b.example", attributes={"spiderfoot_type": ["AFFILIATE_INTERNET_NAME", "CO_HOSTED_SITE"]})
    ours = fact("host", "c.example", scope_distance=1)
    body = "  - collect:\n      - {{method: {how}, field: type, value: {type}}}\naggregation: {{field: data}}\n"

    def found(how: str, type_: str) -> list[str]:
        return headlines(file(body.format(how=how, type=type_) + 'headline: "{data}"\n'), near, far, ours)

    assert found("exact", "INTERNET_NAME") == ["a.example"]
    assert found("exact", "CO_HOSTED_SITE") == ["b.example", "c.example"]
    assert found("regex", "AFFILIATE_.*") == ["b.example", "c.example"]
    assert found("exact", "host") == ["a.example", "b.example", "c.example"]


def test_what_nothing_here_finds_is_found_in_what_was_imported() -> None:
    body = "  - collect:\n      - {{method: {how}, field: type, value: {type}}}\naggregation: {{field: data}}\n"
    leak = fact("metadata", "leak text", attributes={"spiderfoot_type": "LEAKSITE_CONTENT", "asset": "a.example"})
    ours = fact("metadata", "registration of a.example", attributes={"kind": "registration"})
    for how, type_ in (("exact", "LEAKSITE_CONTENT"), ("regex", "LEAKSITE_.*")):
        rules = file(body.format(how=how, type=type_) + 'headline: "{data}"\n')
        assert rules.unknown_types == {"own": (type_,)}
        assert headlines(rules, leak, ours) == ["leak text"]


def test_a_module_with_no_counterpart_is_named() -> None:
    rules = file(
        "  - collect:\n      - {method: exact, field: module, value: [sfp_crossref, sfp_crt, not sfp_other]}\n"
        "headline: 'x'\n"
    )
    assert rules.rules[0].unknown_modules == ("sfp_crossref",)
