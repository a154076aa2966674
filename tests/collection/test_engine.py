"""The engine against modules that behave and modules that do not."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.engine import Batch, BatchResult, run_batch
from functions.collection.journal import Journal
from functions.collection.module import Config, Context, Found, Module, Walk, Walker
from functions.collection.reader import BatchLimits
from kernel.egress import EgressUnreachable
from tests.collection.world import MemoryBlobs, facts, observed, run, session

HOSTS = [observed("host", f"h{n}.example.test") for n in range(20)]


class Probe(Module[Any]):
    """Does what its two functions say."""

    face = ModuleFace(
        name="probe",
        version="1.2.3",
        summary="A module for the tests of the engine",
        consumes=(ObservationType.HOST,),
        produces=(ObservationType.HOST, ObservationType.IP, ObservationType.TECHNOLOGY, ObservationType.URL),
        invasiveness=Invasiveness.ACTIVE,
        concurrency=4,
    )

    def __init__(self, get: Callable[..., Any] | None = None, transform: Callable[..., Any] | None = None) -> None:
        self.cleaned = False
        self._get = get
        self._transform = transform

    async def get(self, observation: Observation, context: Context) -> Any:
        return await self._get(observation, context) if self._get else observation.value

    def transform(self, observation: Observation, raw: Any) -> Iterable[Found]:
        return self._transform(observation, raw) if self._transform else [Found("host", f"www.{raw}")]

    async def cleanup(self) -> None:
        self.cleaned = True


async def test_facts_become_observations_with_provenance() -> None:
    result = await run(Probe(), observed("host", "A.Example.Test."))
    assert len(result.observations) == 1
    found = result.observations[0]
    assert (found.type, found.value, found.module, found.module_version) == (
        "host",
        "www.a.example.test",
        "probe",
        "1.2.3",
    )
    assert found.source_id == observed("host", "a.example.test").id
    assert found.invasiveness == "active"
    assert (result.stats.handled, result.stats.found, result.stats.failed) == (1, 1, 0)


async def test_a_parent_becomes_the_source() -> None:
    def chain(observation: Observation, raw: str) -> list[Found]:
        first = Found("url", "http://a.example.test", consumed=True)
        return [Found("technology", "nginx", parent=first), first]

    result = await run(Probe(transform=chain), HOSTS[0])
    technology, url = result.observations
    assert (url.value, url.source_id, url.consumed) == ("http://a.example.test/", HOSTS[0].id, ("probe",))
    assert technology.source_id == url.id


async def test_scope_distance_grows_outside_and_returns_to_zero_inside() -> None:
    def both(observation: Observation, raw: str) -> list[Found]:
        far = Found("host", "elsewhere.org")
        return [far, Found("host", "in.example.test", parent=far), Found("technology", "php", parent=far),
                Found("ip", "127.0.0.1", parent=far), Found("ip", "8.8.8.8", parent=far)]  # fmt: skip

    result = await run(Probe(transform=both), HOSTS[0])
    assert {o.value: o.scope_distance for o in result.observations} == {
        "elsewhere.org": 1, "in.example.test": 0, "php": 1, "127.0.0.1": 0, "8.8.8.8": 2,
    }  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
async def test_timing_and_order_do_not_change_the_result(seed: int) -> None:
    dice = random.Random(seed)

    async def slow(observation: Observation, context: Context) -> str:
        await asyncio.sleep(dice.random() / 1000)
        return observation.value

    shuffled = dice.sample(HOSTS, len(HOSTS))
    result = await run(Probe(get=slow), *shuffled, *shuffled[:5])
    calm = await run(Probe(), *HOSTS)
    assert result.observations == calm.observations


async def test_one_that_throws_does_not_stop_the_others() -> None:
    async def moody(observation: Observation, context: Context) -> str:
        if observation.value == "h3.example.test":
            raise RuntimeError("no mood")
        return observation.value

    probe = Probe(get=moody)
    result = await run(probe, *HOSTS)
    assert result.stats.found == 19
    assert [(e.level, e.message, e.value) for e in result.log] == [
        ("error", "RuntimeError: no mood", "h3.example.test")
    ]
    assert probe.cleaned


async def test_one_that_hangs_is_given_up() -> None:
    async def hang(observation: Observation, context: Context) -> str:
        if observation.value == "h3.example.test":
            await asyncio.Event().wait()
        return observation.value

    result = await run(Probe(get=hang), *HOSTS, limits=BatchLimits(observation_seconds=0.2))
    assert (result.stats.found, result.stats.failed) == (19, 1)
    assert result.log[0].message == "it did not finish in time"
    assert result.leftovers == []


async def test_one_that_computes_for_ever_is_interrupted() -> None:
    def spin(observation: Observation, raw: str) -> list[Found]:
        while raw == "h3.example.test":
            pass
        return [Found("host", raw)]

    result = await run(Probe(transform=spin), *HOSTS, limits=BatchLimits(seized_seconds=1.0))
    assert result.stats.found == 19
    assert "computed for 1 s without a pause" in result.log[0].message


async def test_a_million_facts_are_cut_and_explained() -> None:
    def flood(observation: Observation, raw: str) -> Iterable[Found]:
        return (Found("host", f"n{n}.{raw}") for n in range(1_000_000))

    result = await run(Probe(transform=flood), HOSTS[0], limits=BatchLimits(found_per_observation=1000))
    assert result.stats.found == 1000
    assert result.log[0].message == "more than 1000 facts: the rest was dropped"


async def test_an_endless_generator_meets_the_batch_limit() -> None:
    def endless(observation: Observation, raw: str) -> Iterable[Found]:
        number = 0
        while True:
            number += 1
            yield Found("host", f"n{number}.{raw}")

    result = await run(Probe(transform=endless), *HOSTS, limits=BatchLimits(found_per_batch=500))
    assert result.stats.found == 500


@pytest.mark.parametrize(
    ("nonsense", "words"),
    [
        ("text", "a str is not a fact"),
        (None, "a NoneType is not a fact"),
        (Found("vulnerability", "x"), "does not declare the type 'vulnerability'"),
        (Found("nonsense", "x"), "does not declare the type"),
        (Found("host", " "), "no text"),
        (Found("host", 3), "no text"),  # type: ignore[arg-type]
        (Found("host", "x" * 100_000_000), "a value of 100000000 characters"),
        (Found("host", "\ud800"), "cannot be stored"),
        (Found("host", "x", {"k": object()}), "cannot be stored"),
        (Found("host", "x", {"k": "y" * 10**6}), "attributes of"),
        (Found("host", "x", [1]), "no mapping"),  # type: ignore[arg-type]
        (Found("host", "x", confidence=2.0), "number from 0 to 1"),
        (Found("host", "x", confidence=float("nan")), "number from 0 to 1"),
        (Found("host", "x", parent="y"), "a str is not a fact"),  # type: ignore[arg-type]
    ],
)
async def test_nonsense_is_dropped_and_explained(nonsense: Any, words: str) -> None:
    result = await run(Probe(transform=lambda o, raw: [nonsense, Found("host", "fine.example.test")]), HOSTS[0])
    assert facts(result) == {("host", "fine.example.test")}
    assert result.stats.rejected == 1
    assert words in result.log[0].message


async def test_a_fact_that_contains_itself_is_dropped() -> None:
    loop: dict[str, Any] = {}
    loop["self"] = loop
    result = await run(Probe(transform=lambda o, raw: [Found("host", "x", loop)]), HOSTS[0])
    assert (result.stats.found, result.stats.rejected) == (0, 1)


@pytest.mark.parametrize("raw", [None, 7])
async def test_a_transform_that_yields_no_list_is_an_error(raw: Any) -> None:
    result = await run(Probe(transform=lambda o, r: raw), HOSTS[0])
    assert result.stats.failed == 1
    assert "TypeError" in result.log[0].message


async def test_the_log_is_bounded_and_counts() -> None:
    async def fail(observation: Observation, context: Context) -> str:
        raise RuntimeError("same" if observation.value < "h15" else observation.value)

    result = await run(Probe(get=fail), *HOSTS, journal=Journal(3))
    assert result.stats.failed == 20
    assert sum(entry.count for entry in result.log) == 20
    assert len(result.log) == 4
    assert "did not fit" in result.log[-1].message


async def test_unreachable_and_out_of_scope_are_no_faults() -> None:
    async def far(observation: Observation, context: Context) -> str:
        if observation.value == "h1.example.test":
            raise EgressUnreachable("nobody home")
        context.session.require("elsewhere.org")
        return ""

    result = await run(Probe(get=far), *HOSTS[:3])
    assert result.stats.failed == 0
    assert {(e.level, e.message) for e in result.log} == {
        ("info", "EgressUnreachable: nobody home"),
        ("info", "elsewhere.org is outside the scope"),
    }


async def test_what_the_deadline_leaves_goes_to_the_next_wave() -> None:
    async def slow(observation: Observation, context: Context) -> str:
        await asyncio.sleep(0.15)
        return observation.value

    first = await run(Probe(get=slow), *HOSTS, seconds=0.25, limits=BatchLimits(grace_seconds=0.3))
    assert 0 < len(first.leftovers) < len(HOSTS)
    rest = await run(Probe(get=slow), *first.leftovers)
    whole = await run(Probe(), *HOSTS)
    assert facts(first) | facts(rest) == facts(whole)
    assert first.stats.left == len(first.leftovers)


async def test_nothing_begins_after_the_deadline() -> None:
    result = await run(Probe(), *HOSTS, seconds=-1)
    assert len(result.leftovers) == len(HOSTS)
    assert result.observations == []


async def test_one_that_has_the_whole_batch_and_is_not_done_is_not_handed_on() -> None:
    async def for_ever(observation: Observation, context: Context) -> str:
        await asyncio.sleep(60)
        return ""

    result = await run(Probe(get=for_ever), HOSTS[0], seconds=0.2, limits=BatchLimits(grace_seconds=0.1))
    assert (result.leftovers, result.stats.failed) == ([], 1)


async def test_a_configuration_is_checked_first() -> None:
    class Strict(Probe):
        class config(Config):
            depth: int = 1

    with pytest.raises(ValidationError):
        await run(Strict(), HOSTS[0], config={"dept": 2})
    assert (await run(Strict(), HOSTS[0], config={"depth": 2})).stats.found == 1


class Stroller(Walker[str]):
    """Walks two observations and leaves the rest."""

    face = Probe.face

    async def walk(self, observations: Sequence[Observation], context: Context) -> Walk[str]:
        return Walk([(o, o.value) for o in observations[:2]], observations[2:])

    def transform(self, observation: Observation, raw: str) -> Iterable[Found]:
        return [Found("host", f"www.{raw}")]


async def test_a_walker_takes_the_batch_at_once_in_order() -> None:
    result = await run(Stroller(), *reversed(HOSTS[:5]))
    assert facts(result) == {("host", "www.h0.example.test"), ("host", "www.h1.example.test")}
    assert [o.value for o in result.leftovers] == [f"h{n}.example.test" for n in (2, 3, 4)]


async def test_the_batch_without_watch_on_another_thread() -> None:
    def elsewhere() -> BatchResult:
        async def go() -> BatchResult:
            async with session("example.test") as outside:
                return await run_batch(
                    Probe(),
                    Batch("scan", HOSTS),
                    session=outside,
                    blobs=MemoryBlobs(),
                    deadline=time.monotonic() + 10,
                )

        return asyncio.run(go())

    assert (await asyncio.to_thread(elsewhere)).stats.found == 20


@pytest.mark.parametrize("scan_id", ["scan_a", "scan_b", "scan_c", "scan_d"])
async def test_of_several_tellings_the_same_comes_first_in_every_scan(scan_id: str) -> None:
    """Ids hash the scan: they must not decide which telling is kept where only one is."""
    tellings = Probe(transform=lambda _observation, raw: [Found("technology", "nginx", {"seen_at": raw})])
    async with session("example.test") as outside:
        result = await run_batch(
            tellings, Batch(scan_id, HOSTS), session=outside, blobs=MemoryBlobs(), deadline=time.monotonic() + 60
        )
    assert [found.attributes["seen_at"] for found in result.observations] == sorted(host.value for host in HOSTS)
