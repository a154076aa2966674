"""The log: every entry once, in an order that is fixed once, whatever comes twice, late, or dies on the way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.audit import AuditLogDiverged
from functions.audit.errors import LogDiverged
from functions.audit.model import log as model
from functions.audit.model.entries import AuditEntry, AuditLogEntry
from functions.audit.model.reports import AuditFilters
from functions.audit.service import sealing, trail
from kernel import clock
from kernel.table import update
from palisade.audit import tree
from palisade.audit.verify import canonical, verify
from tests.audit.places import Place, travelling
from tests.faults import Crash
from tests.memory_table import events_in


@pytest.fixture
def time() -> Iterator[time_machine.Coordinates]:
    with travelling() as coordinates:
        yield coordinates


def sealed_ids(place: Place) -> list[str]:
    """The entries of the log, in its order."""
    head = place.store.head(place.who)
    if head is None:
        return []
    first = model.beginning(place.who.tenant_id).through
    blocks = list(place.store.blocks(place.who, first, head.through))
    assert [block.number for block in blocks] == list(range(1, head.number + 1))
    return [entry_id for block in blocks for entry_id in block.entry_ids()]


def assert_good(place: Place) -> None:
    verdict = verify(place.export())
    assert verdict.faults == []


def test_an_entry_is_visible_at_once_and_sealed_when_it_is_old_enough(time: time_machine.Coordinates) -> None:
    place = Place()
    deed = place.deed()
    place.keep(deed)
    assert place.work.seals == [place.who.tenant_id]
    assert [entry.sealed for entry in found(place)] == [False]
    assert place.seal().size == 0
    time.shift(61)
    assert place.seal().size == 1
    assert [entry.sealed for entry in found(place)] == [True]
    proven = trail.get_entry(place.store, place.who, deed.id)
    assert proven.proof is not None
    proof = proven.proof
    leaf = tree.leaf_hash(canonical(proof.leaf))
    assert leaf.hex() == proof.leaf_hash
    path = [bytes.fromhex(each) for each in proof.path]
    root = tree.root_of_path(proof.sequence, proof.head["size"], leaf, path)
    assert root is not None
    assert root.hex() == proof.head["root"]


def found(place: Place) -> list[AuditLogEntry]:
    within = trail.period(None, None, clock.now())
    return trail.search(place.store, place.who, AuditFilters(), within, 50, None, "")[0]


def test_blocks_are_bounded_and_every_proof_of_a_long_log_holds(time: time_machine.Coordinates) -> None:
    place = Place()
    deeds = []
    for _ in range(23):
        deeds += [place.deed() for _ in range(100)]
        place.keep(*deeds[-100:])
        time.shift(1)
    time.shift(61)
    head = place.seal()
    assert (head.size, head.number) == (2300, 3)
    assert sealed_ids(place) == sorted(deed.id for deed in deeds)
    for deed in random.Random(1).sample(deeds, 25):
        proof = trail.get_entry(place.store, place.who, deed.id).proof
        assert proof is not None
        leaf = bytes.fromhex(proof.leaf_hash)
        path = [bytes.fromhex(each) for each in proof.path]
        assert tree.root_of_path(proof.sequence, head.size, leaf, path) == bytes.fromhex(head.root)
    assert_good(place)


def test_a_late_entry_stands_in_the_next_block_once(time: time_machine.Coordinates) -> None:
    place = Place()
    late = place.deed(timedelta(seconds=50))
    place.keep(place.deed())
    time.shift(120)
    assert place.seal().size == 1
    place.keep(late, late)
    assert [entry.sealed for entry in found(place) if entry.entry_id == late.id] == [False]
    head = place.seal()
    assert head.size == 2
    place.keep(late)
    assert place.seal().size == 2
    assert place.store.marks(place.who, 10) == []
    assert sealed_ids(place)[-1] == late.id
    assert [entry.sealed for entry in found(place) if entry.entry_id == late.id] == [True]
    assert trail.get_entry(place.store, place.who, late.id).sealed
    assert_good(place)


def test_many_late_entries_are_sealed_a_few_at_a_time(time: time_machine.Coordinates) -> None:
    place = Place()
    place.keep(place.deed())
    time.shift(300)
    place.seal()
    late = [place.deed(timedelta(seconds=100 + number)) for number in range(50)]
    place.keep(*late)
    assert place.seal().size == 51
    assert sorted(sealed_ids(place)[1:]) == sorted(deed.id for deed in late)
    assert_good(place)


def test_an_entry_that_took_long_to_write_is_marked(time: time_machine.Coordinates) -> None:
    """Its worker froze between the look at the clock and the write, and the log has passed it meanwhile."""
    place = Place()
    place.keep(place.deed())
    slow = place.deed()
    append = place.store.append

    def frozen(entry: AuditEntry) -> None:
        time.shift(200)
        assert place.seal().size == 1
        append(entry)

    place.store.append = frozen  # type: ignore[method-assign]
    place.keep(slow)
    place.store.append = append  # type: ignore[method-assign]
    assert place.seal().size == 2
    assert_good(place)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), st.integers(0, 400)),
        st.tuples(st.just("again"), st.integers(0, 30)),
        st.tuples(st.just("seal"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 100)),
        st.tuples(st.just("die"), st.integers(0, 12)),
        st.tuples(st.just("two"), st.integers(0, 12)),
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(STEPS)
def test_every_entry_is_sealed_once_whatever_happens(steps: list[tuple[str, int]]) -> None:
    with travelling() as time:
        place = Place()
        deeds = []
        for step, number in steps:
            if step == "keep":
                deeds.append(place.deed(timedelta(seconds=number)))
                place.keep(deeds[-1])
            elif step == "again" and deeds:
                place.keep(deeds[number % len(deeds)])
            elif step == "seal":
                place.seal()
            elif step == "wait":
                time.shift(number)
            elif step == "die":
                die_at(place, number)
            elif step == "two":
                two_at_once(place, number)
        time.shift(3600)
        place.seal()
        ids = sealed_ids(place)
        assert len(ids) == len(set(ids))
        assert set(ids) == {deed.id for deed in deeds}
        assert_good(place)


def die_at(place: Place, number: int) -> None:
    """The sealer's worker dies before its write number `number`, or before its anchor."""
    left = number

    def count() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Crash

    place.table.client.before_write = count
    place.bucket.before_call = count
    try:
        place.seal()
    except Crash:
        pass
    finally:
        place.table.client.before_write = lambda: None
        place.bucket.before_call = lambda: None


def two_at_once(place: Place, number: int) -> None:
    """Another sealer gets ahead, just before write number `number` of this one."""
    left = number

    def overtake() -> None:
        nonlocal left
        left -= 1
        if left == -1:
            place.seal()

    place.table.client.before_write = overtake
    try:
        place.seal()
    finally:
        place.table.client.before_write = lambda: None


def test_a_head_that_was_set_back_is_found_by_the_sealer(time: time_machine.Coordinates) -> None:
    """A thief rolls the log back: the sealer neither overwrites what was sealed nor forks what was anchored."""
    place = Place()
    place.keep(place.deed())
    time.shift(120)
    first = place.seal()
    place.keep(place.deed())
    time.shift(120)
    place.seal()
    now = place.store.head(place.who)
    assert now is not None
    place.table.write(update(first.model_copy(update={"version": now.version})))
    with pytest.raises(LogDiverged):
        place.seal()
    told = [event for event in events_in(place.table) if event.type == AuditLogDiverged.type]
    assert len(told) == 1
    with pytest.raises(LogDiverged):
        place.seal()
    assert len([event for event in events_in(place.table) if event.type == AuditLogDiverged.type]) == 1


def test_a_log_that_was_rewritten_does_not_pass_its_anchor(time: time_machine.Coordinates) -> None:
    place = Place()
    place.keep(place.deed())
    time.shift(120)
    place.seal()
    other = Place(place.who)
    other.bucket = place.bucket
    other.keep(other.deed())
    time.shift(120)
    with pytest.raises(LogDiverged):
        other.seal()


def test_what_is_sealed_never_changes(time: time_machine.Coordinates) -> None:
    place = Place()
    frozen: dict[tuple[str, str], object] = {}
    for _ in range(12):
        place.keep(*(place.deed() for _ in range(7)))
        time.shift(90)
        place.seal()
        kept = {key: item for key, item in place.table.client.items.items() if key[1] != "HEAD"}
        assert {key: kept[key] for key in frozen} == frozen
        frozen = {key: item for key, item in kept.items() if "#AUDIT" in key[0]}


def test_the_grace_is_longer_than_what_is_on_time() -> None:
    assert sealing.seal_grace() >= timedelta(seconds=60)
