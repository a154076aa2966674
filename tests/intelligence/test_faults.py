"""A worker that dies at any call to the bucket while it reduces a wave: the next one leaves the same objects."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.facts import encode_rows, segment_key
from contracts.observations import Observation
from functions.intelligence.service import scans
from functions.intelligence.store import Store
from kernel.actor import Actor
from tests.faults import Crash
from tests.intelligence.scans import SCAN, fact, histories
from tests.kit import actor
from tests.memory_facts import memory_facts
from tests.memory_table import memory_table


class Room:
    """The room in memory, and the segments of a scan's waves."""

    def __init__(self, who: Actor, waves: list[list[list[Observation]]]) -> None:
        self.who = who
        self.facts = memory_facts()
        self.store = Store(memory_table(), self.facts)
        self.objects = self.facts.client.objects
        for wave, batches in enumerate(waves):
            for number, rows in enumerate(batches):
                self.facts.put(who, segment_key(who.tenant_id, SCAN, wave, number), encode_rows(rows))

    def reduce(self, wave: int) -> dict[str, Any]:
        return scans.reduce(self.store, self.who, SCAN, wave)

    def dying(self, wave: int, at: int) -> int:
        """Reduce, and die before call number `at` (from 0); how many calls were made."""
        calls = 0
        counting = threading.Lock()  # objects are read ahead by several threads

        def before() -> None:
            nonlocal calls
            with counting:
                calls += 1
                if calls == at + 1:
                    raise Crash

        self.facts.client.before_call = before
        try:
            self.reduce(wave)
        except Crash:
            pass
        finally:
            self.facts.client.before_call = lambda: None
        return calls


WEAK = {"check": "exposed-git", "asset": "http://a.example", "title": "t", "severity": "high", "remedy": "r"}


def two_waves() -> list[list[list[Observation]]]:
    root = fact("domain", "a.example")
    addresses = [fact("ip", f"192.0.2.{number}", root) for number in range(1, 4)]
    weakness = fact("exposure", "exposed-git:http://a.example", root, attributes=WEAK)
    return [[[root, *addresses], addresses], [[weakness, fact("url", "http://a.example/", root)]]]


def test_every_death_is_mended_by_the_next_worker() -> None:
    who = actor()
    calm = Room(who, two_waves())
    answers = [calm.reduce(0), calm.reduce(1)]
    counting = Room(who, two_waves())
    calls = [counting.dying(wave, -1) for wave in (0, 1)]
    assert min(calls) > 5
    for wave in (0, 1):
        for at in range(calls[wave]):
            room = Room(who, two_waves())
            for earlier in range(wave):
                room.reduce(earlier)
            assert room.dying(wave, at) > at
            assert room.reduce(wave) == answers[wave]
            for later in range(wave + 1, 2):
                assert room.reduce(later) == answers[later]
            assert room.objects == calm.objects, f"wave {wave}, call {at}"


@settings(max_examples=40)
@given(histories(max_size=15), st.integers(0, 15), st.integers(0, 20))
def test_any_wave_that_is_interrupted_comes_to_the_same(history: list[Observation], cut: int, at: int) -> None:
    who = actor()
    waves = [[history[:cut]], [history[cut:]]]
    calm, troubled = Room(who, waves), Room(who, waves)
    for wave in (0, 1):
        troubled.dying(wave, at)
        assert troubled.reduce(wave) == calm.reduce(wave)
    assert troubled.objects == calm.objects


def test_a_wave_whose_predecessor_was_not_reduced_is_refused() -> None:
    room = Room(actor(), two_waves())
    before = dict(room.objects)
    with pytest.raises(Exception, match="There is no such resource"):
        room.reduce(1)
    assert room.objects == before


def test_an_empty_scan_has_empty_answers() -> None:
    room = Room(actor(), [[]])
    assert room.reduce(0) == {"observations": 0, "entities": 0, "conclusions": None}
