"""Whoever changes the trail is found out: in the file that was exported, and in the table before it.

The thief of these tests may write every item of the table, may run our own code over it, and may edit the file. He
has neither the key in KMS nor power over a locked bucket.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.audit.model.log import Block, block_hash
from functions.audit.model.reports import AuditReportFormat
from kernel.attributes import from_item, to_item
from palisade.audit.verdict import Verdict
from palisade.audit.verify import canonical, verify, verify_with
from tests.audit.places import START, LocalSigner, Place, travelling

History = list[tuple[int, int]]
HISTORIES = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), min_size=1, max_size=5)
"""How many deeds are kept before each seal, and how many of them come late."""


PART = st.floats(0, 1, exclude_max=True)


def lived(history: History, time: time_machine.Coordinates) -> Place:
    place = Place()
    for deeds, late in history:
        place.keep(*(place.deed() for _ in range(deeds)))
        place.keep(*(place.deed(timedelta(seconds=200 + number)) for number in range(late)))
        time.shift(130)
        place.seal()
    return place


def items(place: Place, kind: str) -> list[tuple[str, str]]:
    """The keys of one kind of item, in the order of time."""
    return sorted((key for key in place.table.client.items if key[1].startswith(kind)), key=lambda key: key[1])


def changed(place: Place, key: tuple[str, str], **fields: Any) -> None:
    place.table.client.items[key] = to_item(from_item(place.table.client.items[key]) | fields)


# in the table: each takes the place and a number to choose with


def other_details(place: Place, number: int) -> None:
    key = pick(items(place, "ENTRY#"), number)
    content = from_item(place.table.client.items[key])["content"]
    changed(place, key, content=content.replace('"Site"', '"Sit3"'))


def other_actor(place: Place, number: int) -> None:
    changed(place, pick(items(place, "ENTRY#"), number), user_id="user_innocent")


def other_digest_too(place: Place, number: int) -> None:
    key = pick(items(place, "ENTRY#"), number)
    content = from_item(place.table.client.items[key])["content"].replace('"Site"', '"Sit3"')
    changed(place, key, content=content, digest=hashlib.sha256(content.encode()).hexdigest())


def entry_gone(place: Place, number: int) -> None:
    del place.table.client.items[pick(items(place, "ENTRY#"), number)]


def entries_swapped(place: Place, number: int) -> None:
    keys = items(place, "ENTRY#")
    first, second = pick(keys, number), pick(keys, number + 1)
    if first == second:
        other_actor(place, number)
        return
    one, two = (from_item(place.table.client.items[key]) for key in (first, second))
    names = ("content", "digest", "at", "request_id")
    changed(place, first, **{name: two[name] for name in names if name in two}, user_id="swapped")
    changed(place, second, **{name: one[name] for name in names if name in one}, user_id="swapped")


def block_gone(place: Place, number: int) -> None:
    del place.table.client.items[pick(items(place, "BLOCK#"), number)]


def places_swapped(place: Place, number: int) -> None:
    """Two entries change places in their block."""
    key = pick([key for key in items(place, "BLOCK#") if block_of(place, key).size - block_of(place, key).first > 1]
               or items(place, "BLOCK#"), number)  # fmt: skip
    ids = block_of(place, key).ids
    moved = ids[26:52] + ids[:26] + ids[52:] if len(ids) > 26 else "0" * 26
    changed(place, key, ids=moved)


def tail_cut(place: Place, number: int) -> None:
    """The newest blocks go, and the head is set back to what it was; its old signature comes along."""
    keys = items(place, "BLOCK#")
    blocks = sorted((block_of(place, key) for key in keys), key=lambda block: block.number)
    cut = blocks[number % len(blocks) :]
    gone = {entry_id for block in cut for entry_id in block.entry_ids()}
    for key in keys:
        if block_of(place, key).number >= cut[0].number:
            del place.table.client.items[key]
    for key in items(place, "ENTRY#"):
        if key[1].removeprefix("ENTRY#") in gone:
            del place.table.client.items[key]
    earlier = [a for a in place.bucket.anchors.values() if a.statement["size"] <= cut[0].first]
    (head,) = items(place, "HEAD")
    if not earlier:
        del place.table.client.items[head]
        return
    anchor = max(earlier, key=lambda each: each.statement["size"])
    told = {name: anchor.statement[name] for name in ("size", "root", "chain", "number", "block")}
    changed(place, head, **told, sealed_at=anchor.statement["at"], anchor=anchor.model_dump())


def entry_rewritten_with_all_hashes(place: Place, number: int) -> None:
    """Our own code seals the changed history anew, and the thief signs it with a key of his own."""
    rewritten(place, number, LocalSigner())


def forked(place: Place, number: int) -> None:
    """He got at the key as well: what is anchored still tells."""
    rewritten(place, number, place.signer)


def rewritten(place: Place, number: int, signer: LocalSigner) -> None:
    other_digest_too(place, number)
    for key in [key for key in place.table.client.items if "#AUDITLOG#" in key[0]]:
        del place.table.client.items[key]
    thief = Place(place.who, place.store)
    thief.signer = signer
    thief.seal()


def block_rewritten(place: Place, number: int) -> None:
    """A block is changed and gets the right hash for it."""
    key = pick(items(place, "BLOCK#"), number)
    block = block_of(place, key)
    block.sealed_at = "2026-01-01T00:00:00.000Z"
    changed(place, key, sealed_at=block.sealed_at, hash=block_hash(block))


def head_bent(place: Place, number: int) -> None:
    (head,) = items(place, "HEAD")
    changed(place, head, root="00" * 32)
    signed = from_item(place.table.client.items[head])["anchor"]
    signed["statement"]["root"] = "00" * 32
    changed(place, head, anchor=signed)


def leaf_replaced(place: Place, number: int) -> None:
    key = pick(items(place, "BLOCK#"), number)
    leaves = block_of(place, key).leaves
    changed(place, key, leaves=("B" if leaves[0] == "A" else "A") + leaves[1:])


def pick(keys: list[tuple[str, str]], number: int) -> tuple[str, str]:
    return keys[number % len(keys)]


def block_of(place: Place, key: tuple[str, str]) -> Block:
    return Block.model_validate(from_item(place.table.client.items[key]))


IN_TABLE = {
    act.__name__: act
    for act in (
        other_details, other_actor, other_digest_too, entry_gone, entries_swapped, block_gone, places_swapped,
        tail_cut, entry_rewritten_with_all_hashes, forked, block_rewritten, head_bent, leaf_replaced,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", IN_TABLE)
@settings(max_examples=20)
@given(HISTORIES, st.integers(0, 50))
def test_tampering_with_the_table_is_found(name: str, history: History, number: int) -> None:
    with travelling() as time:
        place = lived(history, time)
        before = place.export()
        assert verify(before).faults == []
        old = copy.deepcopy(place.bucket.anchors)
        IN_TABLE[name](place, number)
        assert place.bucket.anchors == old
        after = place.export()
        assert not verify(after, verify(before).fingerprints).is_good, name
        assert not verify_with(after, verify(before)).is_good


EXPECTED = {
    other_details: "content",
    other_actor: "entry",
    other_digest_too: "entry",
    entry_gone: "missing",
    places_swapped: "block",
    block_gone: "gap",
    forked: "fork",
    tail_cut: "truncated",
}


@pytest.mark.parametrize("act", EXPECTED, ids=lambda act: str(act.__name__))
def test_the_verifier_says_what_was_done_and_to_which_entry(act: Callable[[Place, int], None]) -> None:
    with travelling() as time:
        place = lived([(5, 0), (4, 0), (6, 0)], time)
        key = items(place, "ENTRY#")[7]
        act(place, 1 if act in (block_gone, places_swapped, tail_cut) else 7)
        verdict = verify(place.export())
        assert EXPECTED[act] in {fault.code for fault in verdict.faults}
        if EXPECTED[act] in ("content", "entry", "missing"):
            assert [fault.where for fault in verdict.faults] == [f"entry 7 ({key[1].removeprefix('ENTRY#')})"]


# in the file


@settings(max_examples=60)
@given(HISTORIES, st.data())
def test_any_changed_byte_of_the_file_is_found(history: History, data: st.DataObject) -> None:
    with travelling() as time:
        lines = lived(history, time).export()
        whole = b"".join(lines)
        for _ in range(5):
            at = int(data.draw(PART) * len(whole))
            bit = data.draw(st.integers(0, 7))
            bent = bytearray(whole)
            bent[at] ^= 1 << bit
            assert not verify(bytes(bent).splitlines(keepends=True)).is_good, (at, bit)


@settings(max_examples=60)
@given(HISTORIES, st.data())
def test_lines_that_are_gone_doubled_swapped_or_cut_are_found(history: History, data: st.DataObject) -> None:
    with travelling() as time:
        lines = lived(history, time).export()
        gone, one, two, cut = (int(data.draw(PART) * len(lines)) for _ in range(4))
        assert not verify(lines[:gone] + lines[gone + 1 :]).is_good
        assert not verify([*lines[:one], lines[one], *lines[one:]]).is_good
        if lines[one] != lines[two]:
            swapped = list(lines)
            swapped[one], swapped[two] = swapped[two], swapped[one]
            assert not verify(swapped).is_good
        assert not verify(lines[:cut]).is_good
        assert not verify([*lines[:cut], lines[cut][: len(lines[cut]) // 2]]).is_good


def test_a_file_that_was_made_up_is_good_for_its_own_key_alone() -> None:
    """Everything fits together, but for who signed it: that is what fingerprints and earlier exports are for."""
    with travelling() as time:
        place = lived([(5, 1)], time)
        honest = verify(place.export())
        forged = Place(place.who)
        forged.signer = LocalSigner()
        forged.keep(forged.deed())
        time.shift(200)
        forged.seal()
        assert verify(forged.export()).is_good
        assert [f.code for f in verify(forged.export(), honest.fingerprints).faults] == ["key"]
        assert verify_with(forged.export(), honest).faults


def test_two_exports_of_one_log_continue_each_other() -> None:
    with travelling() as time:
        place = lived([(5, 0)], time)
        older = verify(place.export())
        place.keep(*(place.deed() for _ in range(9)))
        time.shift(130)
        place.seal()
        newer = place.export()
        assert verify_with(newer, older).is_good
        assert [f.code for f in verify_with(newer, verify(newer)).faults] == []
        shorter = verify_with(place.export(), verify(newer))
        assert shorter.is_good
        assert [f.code for f in _back(older, verify(newer), place)] == ["truncated"]


def _back(older: Verdict, newer: Verdict, place: Place) -> list[Any]:
    """The older export, presented as if it had come after the newer one."""
    place.table.client.items.clear()
    again = Place(place.who)
    again.bucket = type(place.bucket)()
    again.keep(again.deed())
    with time_machine.travel(START + timedelta(hours=1), tick=False):
        again.seal()
        return verify_with(again.export(), newer).faults


def test_a_part_of_the_log_is_verified_from_its_middle() -> None:
    with travelling() as time:
        place = lived([(40, 0)] * 6, time)
        part = place.export(since=START + timedelta(seconds=200), until=START + timedelta(seconds=400))
        verdict = verify(part)
        assert verdict.faults == []
        assert 0 < verdict.first < verdict.size < verdict.head_size == 240
        older = verify(place.export(until=START + timedelta(seconds=200)))
        assert older.is_good
        bent = [line.replace(b'"nodes":["', b'"nodes":["00', 1) for line in part]
        assert not verify(bent).is_good


def test_what_expired_is_told_from_what_was_taken() -> None:
    with travelling() as time:
        place = lived([(6, 0), (3, 0)], time)
        time.shift(timedelta(days=366))
        place.keep(place.deed())
        time.shift(130)
        place.seal()
        for key in items(place, "ENTRY#")[:9]:
            del place.table.client.items[key]
        verdict = verify(place.export())
        assert verdict.faults == []
        assert (verdict.expired, verdict.entries) == (9, 1)
        del place.table.client.items[items(place, "ENTRY#")[0]]
        assert [f.code for f in verify(place.export()).faults] == ["missing"]


def test_anchors_that_are_kept_back_are_missed() -> None:
    with travelling() as time:
        place = lived([(3, 0)], time)
        place.bucket.anchors.clear()
        assert verify(place.export()).is_good  # sealed a moment ago: its anchor may still be on its way
        time.shift(timedelta(hours=2))
        assert [f.code for f in verify(place.export()).faults] == ["anchor"]


def test_an_export_from_tomorrow_is_refused() -> None:
    with travelling() as time:
        place = lived([(3, 0)], time)
        lines = place.export()
        assert [f.code for f in verify(lines, now=START - timedelta(days=1)).faults] == ["manifest"]


def test_an_empty_log_is_exported_and_verified() -> None:
    with travelling():
        verdict = verify(Place().export())
        assert verdict.faults == [] or [fault.code for fault in verdict.faults] == ["head"]


@pytest.mark.parametrize("line", [b"", b"[]\n", b"{}\n", b'{"type":"manifest"}\n', b"\xff\n", b'{"type":"block"}\n'])
def test_rubbish_is_no_export(line: bytes) -> None:
    assert not verify([line]).is_good
    with travelling() as time:
        lines = lived([(2, 0)], time).export()
        assert not verify([*lines[:2], line, *lines[2:]]).is_good


# canaries: planted faults that only one check each can see, so that none of them is dead


def resigned(place: Place, lines: list[bytes], bend: Callable[[list[dict[str, Any]]], None]) -> list[bytes]:
    """The file as an exporter that lies would sign it: only the log's own proofs are left to tell."""
    parsed = [json.loads(line) for line in lines[:-1]]
    bend(parsed)
    body = [canonical(line) + b"\n" for line in parsed]
    statement = json.loads(lines[-1])["statement"] | {"digest": hashlib.sha256(b"".join(body)).hexdigest()}
    manifest = {"type": "manifest", **place.signer.sign(statement).model_dump()}
    return [*body, canonical(manifest) + b"\n"]


def of(parsed: list[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    return (line for line in parsed if line["type"] == kind)


def bend_consistency(parsed: list[dict[str, Any]]) -> None:
    next(of(parsed, "consistency"))["hashes"].append("00" * 32)


def bend_anchor(parsed: list[dict[str, Any]]) -> None:
    next(of(parsed, "anchor"))["statement"]["root"] = "00" * 32


def drop_head(parsed: list[dict[str, Any]]) -> None:
    parsed.remove(next(of(parsed, "head")))


def swap_entry_lines(parsed: list[dict[str, Any]]) -> None:
    one, two = list(of(parsed, "entry"))[:2]
    one["content"], two["content"] = two["content"], one["content"]


def double_entry(parsed: list[dict[str, Any]]) -> None:
    parsed.insert(3, next(of(parsed, "entry")))


def drop_entry(parsed: list[dict[str, Any]]) -> None:
    parsed.remove(next(of(parsed, "entry")))


def foreign_entry(parsed: list[dict[str, Any]]) -> None:
    entry = copy.deepcopy(next(of(parsed, "entry")))
    entry["leaf"]["entry_id"] = "evt_00000000000000000000000000"
    parsed.insert(3, entry)


def false_start(parsed: list[dict[str, Any]]) -> None:
    next(of(parsed, "start"))["chain"] = "00" * 32


def drop_block(parsed: list[dict[str, Any]]) -> None:
    """The last block and its entries, with nothing else touched."""
    at = max(number for number, line in enumerate(parsed) if line["type"] == "block")
    end = next(number for number, line in enumerate(parsed) if line["type"] == "anchor")
    del parsed[at:end]


CANARIES: dict[Callable[[list[dict[str, Any]]], None], str] = {
    bend_consistency: "fork",
    bend_anchor: "signature",
    drop_head: "head",
    swap_entry_lines: "content",
    double_entry: "doubled",
    drop_entry: "missing",
    foreign_entry: "unknown",
    false_start: "start",
    drop_block: "fork",
}


@pytest.mark.parametrize("bend", CANARIES, ids=lambda bend: str(bend.__name__))
def test_the_verifier_catches_its_canaries(bend: Callable[[list[dict[str, Any]]], None]) -> None:
    with travelling() as time:
        place = lived([(3, 0), (2, 0)], time)
        lines = place.export()
        assert verify(resigned(place, lines, lambda _parsed: None)).is_good
        assert CANARIES[bend] in {fault.code for fault in verify(resigned(place, lines, bend)).faults}


def test_a_report_is_made_of_a_tampered_trail_too() -> None:
    with travelling() as time:
        place = lived([(3, 0)], time)
        other_details(place, 0)
        assert b"Sit3" in place.file(AuditReportFormat.JSON)
