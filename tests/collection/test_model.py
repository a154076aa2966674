"""Planning: which module gets which fact. The same for the same input, inside the scope and the budget."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.modules import ModuleFace, catalogue
from contracts.observations import Invasiveness, Observation, ObservationType, observation_id
from contracts.scans import Politeness, ScanBrief, ScanStatus
from contracts.scope import Scope, admits, host_of, prove
from functions.collection.model import BatchInput, Leftover, Plan, Remaining, crew, plan, seeds
from functions.collection.spending import seconds_for
from kernel.ids import new_id

SCAN = "scan_1"
HOSTS = ("a.example", "www.a.example", "deep.www.a.example", "b.example", "192.0.2.1", "192.0.2.9")
VALUES = tuple(shape.format(host) for host in HOSTS for shape in ("{}", "http://{}/", "https://{}/x", "{}:443"))


def face(name: str, **fields: Any) -> ModuleFace:
    known = {
        "name": name,
        "version": "1.0.0",
        "summary": "does something",
        "consumes": ("host", "ip", "url"),
        "produces": (),
        "invasiveness": "active",
    }
    return ModuleFace.model_validate({**known, **fields})


def brief(modules: dict[str, ModuleFace], **fields: Any) -> ScanBrief:
    known = {
        "tenant_id": new_id("org"),
        "scan_id": SCAN,
        "name": "Site",
        "status": ScanStatus.RUNNING,
        "targets": ("a.example",),
        "modules": {name: each.version for name, each in modules.items()},
        "created_at": "2026-01-01T00:00:00.000Z",
    }
    return ScanBrief.model_validate({**known, **fields})


def fact(type_: str, value: str, source: str = "", **fields: Any) -> Observation:
    return Observation(
        id=observation_id(SCAN, type_, value, source),
        type=type_,
        value=value,
        source_id=source,
        module="resolve",
        module_version="1.0.0",
        observed_at="2026-01-01T00:00:00.000Z",
        **fields,
    )


def pairs(work: Plan) -> list[tuple[str, str, str]]:
    return [(batch.module, row.type, row.value) for batch in work.batches for row in batch.observations]


FACTS = st.builds(
    fact,
    st.sampled_from(("host", "ip", "url", "email")),
    st.sampled_from(VALUES),
    st.sampled_from(("", "s1", "s2")),
    scope_distance=st.integers(0, 3),
    consumed=st.sampled_from(((), ("one",), ("one", "two"))),
)
FACES = st.fixed_dictionaries(
    {
        name: st.builds(
            face,
            st.just(name),
            consumes=st.sampled_from((("host",), ("host", "ip"), ("url",), ("host", "ip", "url"))),
            invasiveness=st.sampled_from(list(Invasiveness)),
            matching=st.sampled_from(("", "^https?://", "^https://")),
            batch_size=st.integers(1, 4),
        )
        for name in ("one", "two", "three")
    }
)
SCOPES = st.builds(
    Scope,
    allow=st.lists(st.sampled_from(("b.example", "192.0.2.0/30")), max_size=2).map(tuple),
    deny=st.lists(st.sampled_from(("www.a.example", "*.www.a.example", "192.0.2.1")), max_size=2).map(tuple),
    max_distance=st.integers(0, 3),
)
LEFT = st.builds(Leftover, st.sampled_from(("one", "two", "gone")), FACTS)


@given(FACES, st.lists(FACTS, max_size=15), st.lists(LEFT, max_size=5), SCOPES, st.none() | st.integers(-2, 20))
def test_a_plan_is_the_same_in_any_order_and_honours_what_was_asked(
    faces: dict[str, ModuleFace], facts: list[Observation], leftovers: list[Leftover], scope: Scope, budget: int | None
) -> None:
    asked = brief(faces, scope=scope)
    left = None if budget is None else remaining(budget)
    work = plan(asked, faces, facts, leftovers, left)
    assert plan(asked, faces, random.Random(1).sample(facts, len(facts)), leftovers[::-1], left) == work
    listed = pairs(work)
    assert len(listed) == len(set(listed)) == work.tasks
    assert budget is None or work.tasks <= max(0, budget)
    assert work.dropped == 0 or work.tasks == max(0, budget or 0)
    handed_back = {(each.module, each.observation.type, each.observation.value) for each in leftovers}
    for batch in work.batches:
        assert 1 <= len(batch.observations) <= faces[batch.module].batch_size
        for row, proof in zip(batch.observations, batch.proofs, strict=True) if batch.proofs else ():
            if (batch.module, row.type, row.value) not in handed_back:
                assert admits(proof, host_of(row.value)) or proof in asked.targets
        for row in batch.observations:
            if (batch.module, row.type, row.value) not in handed_back:
                _is_wanted(faces[batch.module], row, asked)


def _is_wanted(module: ModuleFace, row: Observation, asked: ScanBrief) -> None:
    assert row.type in module.consumes
    assert module.name not in row.consumed
    assert row.value.startswith({"": "", "^https?://": "http", "^https://": "https"}[module.matching])
    if module.invasiveness is Invasiveness.PASSIVE:
        assert row.scope_distance <= asked.scope.max_distance
    else:
        assert prove(asked.scope, asked.targets, host_of(row.value))


@given(FACES, st.lists(FACTS, max_size=15), SCOPES)
def test_without_a_budget_nothing_that_is_wanted_is_left_out(
    faces: dict[str, ModuleFace], facts: list[Observation], scope: Scope
) -> None:
    asked = brief(faces, scope=scope)
    listed = set(pairs(plan(asked, faces, facts)))
    for name, module in faces.items():
        for row in facts:
            if (name, row.type, row.value) in listed:
                continue
            with pytest.raises(AssertionError):
                _is_wanted(module, row, asked)


@given(st.lists(LEFT, max_size=8))
def test_what_was_left_over_goes_to_its_own_module_alone(leftovers: list[Leftover]) -> None:
    faces = {name: face(name, consumes=("host",)) for name in ("one", "two")}
    work = plan(brief(faces), faces, [], leftovers)
    expected = {
        (each.module, each.observation.type, each.observation.value) for each in leftovers if each.module in faces
    }
    assert set(pairs(work)) == expected
    assert work.tasks == len(expected)


def test_a_fact_that_was_left_over_and_came_nearer_is_handled_once() -> None:
    faces = {"one": face("one")}
    far, near = fact("host", "a.example", "s1", scope_distance=1), fact("host", "a.example", "s2")
    work = plan(brief(faces), faces, [near], [Leftover("one", far)])
    assert (work.tasks, pairs(work)) == (1, [("one", "host", "a.example")])


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 500), st.floats(0.001, 5))
def test_the_shares_of_a_wave_are_all_that_is_left_and_no_more(sizes: list[int], packets: int, dollars: float) -> None:
    faces = {f"module{number}": face(f"module{number}", batch_size=size) for number, size in enumerate(sizes)}
    facts = [fact("host", f"{number}.a.example") for number in range(7)]
    batches = plan(brief(faces), faces, facts, left=Remaining(10**6, packets, 10 * packets, dollars)).batches
    allowances = [batch.allowance for batch in batches if batch.allowance is not None]
    assert len(allowances) == len(batches)
    assert packets <= sum(each.packets for each in allowances) <= packets + len(batches)
    assert sum(each.seconds for each in allowances) == pytest.approx(seconds_for(dollars))
    assert all(each.packets >= 1 and each.bytes >= 1 for each in allowances)


def remaining(tasks: int) -> Remaining:
    return Remaining(tasks=tasks, packets=10**9, bytes=10**12, dollars=50.0)


def test_a_budget_is_spent_in_the_order_of_the_modules_and_the_rest_is_counted() -> None:
    faces = {name: face(name, batch_size=2) for name in ("two", "one")}
    facts = [fact("host", f"{number}.a.example") for number in range(5)]
    work = plan(brief(faces), faces, facts, left=remaining(7))
    assert [(batch.module, len(batch.observations)) for batch in work.batches] == [
        ("one", 2), ("one", 2), ("one", 1), ("two", 2),
    ]  # fmt: skip
    assert (work.tasks, work.dropped) == (7, 3)


def test_a_batch_carries_the_pinned_version_and_the_tenants_configuration() -> None:
    faces = {"one": face("one"), "two": face("two")}
    pinned = {"one": "0.9.0", "two": "1.0.0", "gone": "1.0.0"}
    asked = brief({}).model_copy(update={"modules": pinned, "module_configs": {"one": {"a": 1}}})
    first, second = plan(asked, faces, [fact("host", "a.example")]).batches
    assert (first.module, first.version, first.config) == ("one", "0.9.0", {"a": 1})
    assert second == BatchInput(module="two", version="1.0.0", observations=first.observations, proofs=["a.example"])


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("a.example", [("domain", "a.example")]),
        ("https://A.example:443/x", [("url", "https://a.example/x")]),
        ("a.example:22", [("port", "a.example:22")]),
        ("192.0.2.1", [("ip", "192.0.2.1")]),
        ("192.0.2.0/30", [("cidr", "192.0.2.0/30"), ("ip", "192.0.2.1"), ("ip", "192.0.2.2")]),
        ("192.0.2.4/31", [("cidr", "192.0.2.4/31"), ("ip", "192.0.2.4"), ("ip", "192.0.2.5")]),
        ("192.0.2.9/32", [("cidr", "192.0.2.9/32"), ("ip", "192.0.2.9")]),
    ],
)
def test_targets_are_the_first_facts(target: str, expected: list[tuple[str, str]]) -> None:
    asked = brief({}, targets=(target,), started_at="2026-01-02T00:00:00.000Z")
    found = seeds(asked)
    assert [(seed.type, seed.value) for seed in found] == expected
    assert {(seed.module, seed.observed_at) for seed in found} == {("target", "2026-01-02T00:00:00.000Z")}
    assert len({seed.id for seed in found}) == len(found)
    roots = [seed for seed in found if seed.source_id == SCAN]
    assert len(roots) == 1
    assert {seed.source_id for seed in found if seed not in roots} <= {roots[0].id}


@given(st.lists(st.sampled_from(("a.example", "192.0.2.0/29", "192.0.2.1", "http://a.example/")), min_size=1))
def test_seeds_are_the_same_in_any_order_of_the_targets(targets: list[str]) -> None:
    forward, backward = (brief({}, targets=tuple(each)) for each in (targets, targets[::-1]))
    assert seeds(forward) == seeds(backward)


SCHEMES = (
    *("https", "ssh", "smtp", "tls", "http", "dns", "ftp", "ldap", "snmp", "smb", "mqtt", "redis", "memcache"),
    *("imap", "pop3"),
)


def test_every_expression_of_the_catalogue_admits_something_it_consumes() -> None:
    """The canary: an expression with a fault would leave its module without work."""
    samples = [
        fact("url", "https://a.example/"), fact("url", "http://a.example/"), fact("host", "a.example"),
        fact("domain", "a.example"), fact("ip", "192.0.2.1"), fact("port", "a.example:443"),
        fact("http_response", "https://a.example/"), fact("cidr", "192.0.2.0/30"), fact("dns_record", "a.example"),
        *(fact("service", f"{scheme}://a.example:1") for scheme in SCHEMES),
        *(fact("port", f"a.example:{number}") for number in (389, 445, 1883, 6379, 11211)),
        fact("service", "https://a.example"), fact("url", "https://a.example/report.pdf"),
        fact("software", "cpe:2.3:a:f5:nginx:1.18.0:*:*:*:*:*:*:*"), fact("cloud_resource", "aws:123456789012"),
        *(fact(str(kind), "a.example") for kind in ObservationType),
    ]  # fmt: skip
    asked = brief(catalogue(), targets=("a.example", "192.0.2.0/30"))
    assert {batch.module for batch in plan(asked, catalogue(), samples).batches} == set(catalogue())


@given(
    st.integers(1, 500), st.integers(0, 2_000), st.integers(1, 200), st.integers(1, 200), st.integers(1, 1_000),
)  # fmt: skip
def test_all_workers_together_keep_to_what_may_be_in_flight(
    limit: int, batches: int, at_most: int, concurrency: int, connections: int
) -> None:
    manners = Politeness(in_flight=limit, concurrency=concurrency, connections=connections)
    workers, share = crew(manners, batches, at_most)
    assert share is not None
    each = BatchInput(module="m", version="1", in_flight=share).manners(manners)
    assert 1 <= workers <= at_most
    assert workers * each.concurrency <= limit, "one gate for both kinds: their numbers are the same"
    assert each.concurrency == each.connections <= min(concurrency, connections)
    assert share == limit // workers


def test_without_a_limit_for_all_each_worker_has_its_own() -> None:
    manners = Politeness()
    assert crew(manners, 3, 40) == (40, None)
    assert BatchInput(module="m", version="1").manners(manners) is manners
