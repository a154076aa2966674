"""What collection keeps: batches, segments, bodies and logs in the facts bucket, the progress of waves in the table."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import islice

import msgspec

from contracts.collection import OwnModule, OwnModuleVersion
from contracts.facts import (
    LogEntry,
    batch_input_key,
    blob_key,
    decode_observations,
    decode_rows,
    encode_rows,
    log_key,
    plan_key,
    scan_prefix,
    segment_key,
    word_key,
)
from contracts.found import BatchName, Fetch, Found, batches, given
from contracts.modules import ModuleFace
from contracts.observations import Observation
from contracts.reports import CollectionPart, part_key
from contracts.scans import ScanBrief
from functions.collection.baseline import Place
from functions.collection.model import BatchInput, BatchRun, Leftover, RemovedModule, WaveEntry
from functions.collection.revalidation import Page
from kernel.actor import Actor
from kernel.errors import NotFound
from kernel.events import Event
from kernel.facts import Facts
from kernel.table import Once, Table, create, delete, put, update

AT_ONCE = 100
"""Items that a transaction takes."""


class Store:
    """Reads and writes for one deployment."""

    def __init__(self, table: Table | None = None, facts: Facts | None = None) -> None:
        self._table = table or Table()
        self._facts = facts or Facts()

    @property
    def bucket(self) -> str:
        """The facts bucket, for the state machine that reads the plan."""
        return self._facts.bucket

    def brief(self, actor: Actor, scan_id: str) -> ScanBrief | None:
        """The scan, as its context shows it to the contexts behind it."""
        return self._table.get(actor, ScanBrief, scan_id=scan_id)

    def briefs(self, actor: Actor, limit: int) -> list[ScanBrief]:
        """The tenant's latest scans, newest first."""
        return self._table.query(actor, ScanBrief, limit=limit, newest_first=True).items

    def own_modules(self, actor: Actor) -> list[OwnModule]:
        """The tenant's own modules by name."""
        return list(self._table.all(actor, OwnModule))

    def own_module(self, actor: Actor, name: str) -> OwnModule | None:
        """One of the tenant's own modules, or None."""
        return self._table.get(actor, OwnModule, name=name)

    def own_version(self, actor: Actor, name: str, number: str) -> OwnModuleVersion | None:
        """One version of one, or None."""
        return self._table.get(actor, OwnModuleVersion, name=name, number=number)

    def own_text(self, actor: Actor, name: str, number: str) -> str:
        """Its template."""
        version = self.own_version(actor, name, number)
        return version.text if version else ""

    def own_faces(self, actor: Actor, pinned: Mapping[str, str]) -> dict[str, ModuleFace]:
        """The faces of pinned versions (name to number); those that are gone are left out."""
        keys = [{"name": name, "number": number} for name, number in pinned.items()]
        return {each.name: each.face for each in self._table.get_many(actor, OwnModuleVersion, keys)} if keys else {}

    def save_own(self, actor: Actor, own: OwnModule, added: OwnModuleVersion | None, event: Event) -> None:
        """Commit a module with the version that was added."""
        changes = [update(own) if own.version else create(own), *([create(added)] if added else [])]
        self._table.transact(actor, changes, [event], answer=own)

    def last_own_version(self, actor: Actor, name: str) -> str:
        """The last version number of a module that was removed, empty when there was none of that name."""
        removed = self._table.get(actor, RemovedModule, name=name)
        return removed.last if removed else ""

    def delete_own(self, actor: Actor, own: OwnModule, event: Event) -> None:
        """Remove a module with all its versions; the last one's number stays."""
        versions = self._table.all(actor, OwnModuleVersion, name=own.name)
        removed = RemovedModule(tenant_id=actor.tenant_id, name=own.name, last=own.versions[-1])
        self._table.transact(actor, [delete(own), *map(delete, versions), put(removed)], [event])

    def publish(self, actor: Actor, event: Event, once: Once) -> None:
        """Tell something, once for what led to it. Raises AlreadySeen."""
        self._table.transact(actor, [], [event], once=once)

    def frontier(self, actor: Actor, scan_id: str, wave: int) -> Iterator[Observation]:
        """The new facts of a wave, as the reducer left them."""
        prefix = f"{scan_prefix(actor.tenant_id, scan_id)}frontier/{wave:05}/"
        for body in self._facts.bodies(actor, self._facts.keys(actor, prefix)):
            yield from decode_observations(body)

    def leftovers(self, actor: Actor, scan_id: str, wave: int) -> list[Leftover]:
        """What the batches of a wave could not handle in time."""
        keys = self._facts.keys(actor, _leftover_prefix(actor, scan_id, wave))
        return [row for body in self._facts.bodies(actor, keys) for row in decode_rows(body, Leftover)]

    def write_given(self, actor: Actor, scan_id: str, wave: int, given: Sequence[Observation]) -> None:
        """What nobody has to look for is a wave's batch 0: the targets, and what is taken over from an earlier scan.
        Real batches count from 1."""
        self._facts.put(actor, segment_key(actor.tenant_id, scan_id, wave, 0), encode_rows(given))

    def handled(self, actor: Actor, scan_id: str) -> Iterator[tuple[int, int, BatchInput, set[str]]]:
        """Every batch of a scan that was not lost: its wave and number, its work, and the ids of what it handed on.
        Raises NotFound when the scan goes meanwhile."""
        found = self.found(actor, scan_id)
        written = self._names(actor, scan_id, "segments") | set(found.names if found else ())
        told = {(each.wave, each.number) for each in found.given} if found else set()
        names = sorted((told | self._names(actor, scan_id, "batches")) & written)
        left = self._facts.bodies(actor, (leftovers_key(actor, scan_id, *name) for name in names))
        works = self._works(actor, scan_id, found, names, told)
        for name, work, handed_on in zip(names, works, left, strict=True):
            yield *name, work, {row.observation.id for row in decode_rows(handed_on, Leftover)}

    def _works(
        self, actor: Actor, scan_id: str, found: Found | None, names: Sequence[BatchName], told: Container[BatchName]
    ) -> Iterator[BatchInput]:
        """The work of some batches, in their order: of those that are `told` by the compacted form, of others by their
        objects."""
        keys = [batch_input_key(actor.tenant_id, scan_id, *name) for name in names if name not in told]
        objects = self._facts.bodies(actor, keys)
        compacted = given(found, [n for n in names if n in told], self._slices(actor)) if found else iter(())
        for name in names:
            if name in told:
                _, header, rows = next(compacted)
                yield msgspec.structs.replace(msgspec.msgpack.decode(header, type=BatchInput), observations=rows)
            else:
                yield decode_rows(next(objects), BatchInput)[0]

    def _names(self, actor: Actor, scan_id: str, area: str) -> set[BatchName]:
        """The waves and numbers of the batches that have an object in an area."""
        keys = self._facts.keys(actor, f"{scan_prefix(actor.tenant_id, scan_id)}{area}/")
        parts = (key.removesuffix(".mpk.gz").rsplit("/", 2)[1:] for key in keys)
        return {(int(wave), int(number)) for wave, number in parts}

    def _slices(self, actor: Actor) -> Fetch:
        return lambda slices: self._facts.slices(actor, slices)

    def write_places(self, actor: Actor, scan_id: str, places: Sequence[Place]) -> None:
        """What a rescan may take over."""
        self._facts.put(actor, _places_key(actor, scan_id), encode_rows(places))

    def places(self, actor: Actor, scan_id: str) -> list[Place]:
        """What a rescan may take over."""
        return decode_rows(self._facts.get(actor, _places_key(actor, scan_id)), Place)

    def write_pages(self, actor: Actor, scan_id: str, pages: Sequence[Page]) -> None:
        """What a rescan asks for on condition."""
        self._facts.put(actor, _pages_key(actor, scan_id), encode_rows(pages))

    def pages(self, actor: Actor, scan_id: str) -> list[Page]:
        """What a rescan asks for on condition. Raises NotFound."""
        return decode_rows(self._facts.get(actor, _pages_key(actor, scan_id)), Page)

    def found(self, actor: Actor, scan_id: str) -> Found | None:
        """What the batches of a scan found, told by its compacted form; None where it is not compacted."""
        below = self._facts.keys(actor, f"{scan_prefix(actor.tenant_id, scan_id)}compacted/")
        directories = [key for key in below if key.rpartition("/")[2].startswith("found-")]
        if not directories:
            return None
        (found,) = decode_rows(self._facts.get(actor, directories[-1]), Found)
        return found

    def segments(
        self, actor: Actor, scan_id: str, wanted: Sequence[BatchName]
    ) -> Iterator[tuple[BatchName, list[Observation]]]:
        """What some batches (wave, number) of a scan found. Raises NotFound when they are gone."""
        found = self.found(actor, scan_id)
        names = found.names if found else {}
        told = [name for name in wanted if name in names]
        keys = [segment_key(actor.tenant_id, scan_id, *name) for name in wanted if name not in names]
        written = (decode_observations(body) for body in self._facts.bodies(actor, keys))
        compacted = batches(found, told, self._slices(actor)) if found else iter(())
        for name in wanted:
            yield next(compacted) if name in names else (name, next(written))

    def write_plan(self, actor: Actor, scan_id: str, wave: int, batches: Sequence[BatchInput]) -> str:
        """Each batch as an object, then the list that the Map reads; the key of the list."""
        numbered = list(enumerate(batches, start=1))
        self._facts.put_all(
            actor,
            (
                (batch_input_key(actor.tenant_id, scan_id, wave, number), encode_rows([batch]))
                for number, batch in numbered
            ),
        )
        entries = [
            {"tenant_id": actor.tenant_id, "scan_id": scan_id, "wave": wave, "batch": number} for number, _ in numbered
        ]
        key = plan_key(actor.tenant_id, scan_id, wave)
        self._facts.put(actor, key, json.dumps(entries).encode(), "application/json")
        return key

    def batch(self, actor: Actor, scan_id: str, wave: int, number: int) -> BatchInput:
        """The work of one batch."""
        key = batch_input_key(actor.tenant_id, scan_id, wave, number)
        (batch,) = decode_rows(self._facts.get(actor, key), BatchInput)
        return batch

    def write_segment(self, actor: Actor, scan_id: str, wave: int, number: int, rows: Sequence[Observation]) -> None:
        """What a batch found. The segment is the batch's receipt, so it is written even when it is empty."""
        self._facts.put(actor, segment_key(actor.tenant_id, scan_id, wave, number), encode_rows(rows))

    def write_leftovers(self, actor: Actor, scan_id: str, wave: int, number: int, rows: Sequence[Leftover]) -> None:
        """What a batch hands to the next wave."""
        self._facts.put(actor, leftovers_key(actor, scan_id, wave, number), encode_rows(rows))

    def write_blobs(self, actor: Actor, scan_id: str, wave: int, number: int, bodies: bytes) -> None:
        """The bodies that a batch fetched, end to end."""
        self._facts.put(actor, blob_key(actor.tenant_id, scan_id, wave, number), bodies)

    def read_bodies(self, actor: Actor, scan_id: str, wave: int, number: int) -> bytes:
        """The bodies of an earlier batch. Raises NotFound."""
        return self._facts.get(actor, blob_key(actor.tenant_id, scan_id, wave, number))

    def read_body(self, actor: Actor, scan_id: str, reference: str) -> bytes:
        """One body of another scan, by its reference (see `blobs`): pages that are asked for together there were not
        fetched together, and their batches' bodies are large. Raises KeyError when there is none."""
        try:
            wave, batch, offset, length = map(int, reference.split(":"))
            return self._facts.get(actor, blob_key(actor.tenant_id, scan_id, wave, batch), offset, length)
        except (ValueError, NotFound):
            raise KeyError(reference) from None

    def write_log(self, actor: Actor, scan_id: str, wave: int, number: int, entries: Sequence[LogEntry]) -> None:
        """What a batch has to say to people."""
        self._facts.put(actor, log_key(actor.tenant_id, scan_id, wave, number), encode_rows(entries))

    def write_word(self, actor: Actor, scan_id: str, wave: int, order: str, entry: LogEntry) -> None:
        """What became of the scan itself."""
        self._facts.put(actor, word_key(actor.tenant_id, scan_id, wave, order), encode_rows([entry]))

    def log_keys(self, actor: Actor, scan_id: str) -> Iterator[str]:
        """The logs of a scan, in order of wave and batch."""
        return self._facts.keys(actor, f"{scan_prefix(actor.tenant_id, scan_id)}logs/")

    def log(self, actor: Actor, key: str) -> list[LogEntry]:
        """One batch's log."""
        return decode_rows(self._facts.get(actor, key), LogEntry)

    def open_wave(self, plan: WaveEntry) -> None:
        """A wave begins; planning it again writes the same."""
        self._table.write(put(plan))

    def wave(self, actor: Actor, scan_id: str, wave: int) -> list[WaveEntry]:
        """The plan of a wave and what its batches did. One call for each two hundred."""
        return list(self._table.all(actor, WaveEntry, scan_id=scan_id, wave=wave))

    def entries(self, actor: Actor, scan_id: str) -> list[WaveEntry]:
        """The plan of every wave of a scan, and what every batch did, in order."""
        return list(self._table.all(actor, WaveEntry, scan_id=scan_id))

    def report(self, actor: Actor, scan_id: str, wave: int, batch: int, run: BatchRun) -> None:
        """A batch is done. Reporting it again replaces what it said."""
        entry = f"RUN:{batch:05}"
        done = WaveEntry(tenant_id=actor.tenant_id, scan_id=scan_id, wave=wave, entry=entry, run=run)
        self._table.write(put(done))

    def hand_in(self, actor: Actor, report_id: str, part: CollectionPart) -> None:
        """Collection's part of a report."""
        self._facts.put(actor, part_key(actor.tenant_id, report_id, "collection"), encode_rows([part]))

    def delete(self, actor: Actor, scan_id: str) -> int:
        """Remove everything a scan left in the facts bucket and what is known of its waves; how many objects went."""
        entries = self._table.all(actor, WaveEntry, scan_id=scan_id)
        while some := [delete(entry) for entry in islice(entries, AT_ONCE)]:
            self._table.transact(actor, some)
        return self._facts.delete(actor, scan_prefix(actor.tenant_id, scan_id))


def _places_key(actor: Actor, scan_id: str) -> str:
    return f"{scan_prefix(actor.tenant_id, scan_id)}baseline.mpk.gz"


def _pages_key(actor: Actor, scan_id: str) -> str:
    return f"{scan_prefix(actor.tenant_id, scan_id)}pages.mpk.gz"


def _leftover_prefix(actor: Actor, scan_id: str, wave: int) -> str:
    return f"{scan_prefix(actor.tenant_id, scan_id)}leftovers/{wave:05}/"


def leftovers_key(actor: Actor, scan_id: str, wave: int, number: int) -> str:
    """What a batch hands to the next wave."""
    return f"{_leftover_prefix(actor, scan_id, wave)}{number:05}.mpk.gz"
