"""A scan wave by wave: plan it, run its batches, close it, say how far it is."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from itertools import islice
from typing import Any

import msgspec

from contracts.facts import LogEntry
from contracts.modules import ModuleFace, catalogue
from contracts.observations import Observation, ObservationType
from contracts.scans import ENDED, ScanBrief, ScanStatus
from functions.collection import engine
from functions.collection.baseline import Baseline, Pair, Place, places, taken_over
from functions.collection.blobs import BatchBlobs
from functions.collection.engine import Batch, BatchResult, BatchStats
from functions.collection.journal import Journal
from functions.collection.model import (
    SEED_MODULE,
    BatchInput,
    BatchRun,
    Leftover,
    Remaining,
    WaveEntry,
    crew,
    plan,
    seeds,
    wants,
)
from functions.collection.module import Module
from functions.collection.modules import load
from functions.collection.revalidation import MAX_PAGES, Earlier, Page, pages
from functions.collection.session import Session
from functions.collection.spending import cost_of_wave
from functions.collection.store import Store
from functions.collection.supervision import supervised
from kernel import clock
from kernel.actor import Actor
from kernel.egress import Meter
from kernel.errors import NotFound

RUN_SECONDS = 180.0
"""How long a batch works before it hands over; its Lambda has 290, an Express child 300."""
HALTED = frozenset({ScanStatus.PAUSING, ScanStatus.STOPPING, *ENDED})

OpenConfig = Callable[[ModuleFace, dict[str, Any]], dict[str, Any]]
"""Gives a module's configuration with its secrets in the clear."""
OpenSession = Callable[[ScanBrief, ModuleFace], AbstractAsyncContextManager[Session]]


def plan_wave(
    store: Store, actor: Actor, scan_id: str, wave: int, left: Remaining | None, at_most: int
) -> dict[str, Any]:
    """Form a wave's batches: `{wave, batches, tasks, dropped, given, workers, bucket, key}`, `given` being the facts
    that were taken over from an earlier scan, `workers` how many batches run at once, `at_most` of them. Planning
    again plans the same."""
    brief = brief_of(store, actor, scan_id)
    frontier = seeds(brief) if wave == 0 else _new(store.frontier(actor, scan_id, wave - 1))
    faces = faces_of(store, actor, brief)
    given, done = _take_over(store, actor, brief, faces, wave, frontier) if brief.baseline_id else ([], frozenset())
    if wave == 0 or given:
        store.write_given(actor, scan_id, wave, [*(frontier if wave == 0 else ()), *given])
    leftovers = store.leftovers(actor, scan_id, wave - 1) if wave else []
    work = plan(brief, faces, frontier, leftovers, left, done)
    workers, in_flight = crew(brief.politeness, len(work.batches), at_most)
    batches = [msgspec.structs.replace(batch, in_flight=in_flight) for batch in work.batches]
    key = store.write_plan(actor, scan_id, wave, batches)
    planned = WaveEntry(
        tenant_id=actor.tenant_id,
        scan_id=scan_id,
        wave=wave,
        batches=len(work.batches),
        tasks=work.tasks,
        dropped=work.dropped,
        modules=sorted({batch.module for batch in work.batches}),
        planned_at=clock.timestamp(),
        found_first=Counter(fact.module for fact in frontier) if wave else {},
    )
    store.open_wave(planned)
    return {
        "wave": wave,
        "batches": len(work.batches),
        "tasks": work.tasks,
        "dropped": work.dropped,
        "given": len(given),
        "workers": workers,
        "bucket": store.bucket,
        "key": key,
    }


def _new(frontier: Iterable[Observation]) -> list[Observation]:
    """The facts that no wave has handled: the first wave's include the targets, which it did handle."""
    return [fact for fact in frontier if fact.module != SEED_MODULE]


def _take_over(
    store: Store,
    actor: Actor,
    brief: ScanBrief,
    faces: Mapping[str, ModuleFace],
    wave: int,
    frontier: Sequence[Observation],
) -> tuple[list[Observation], frozenset[Pair]]:
    """What an earlier scan found and still holds, and the tasks that need not be done for it."""
    assert brief.baseline_id is not None
    if wave == 0:
        handled, fetched = _earlier(store, actor, brief, faces)
        store.write_places(actor, brief.scan_id, handled)
        store.write_pages(actor, brief.scan_id, fetched)
    baseline = Baseline(brief, store.places(actor, brief.scan_id))
    wanted: dict[tuple[int, int], list[tuple[Observation, Place]]] = {}
    for fact in sorted(frontier, key=lambda each: (each.scope_distance, each.id), reverse=True):
        for _, face in sorted(faces.items()):
            place = baseline.reusable(face, fact) if wants(face, fact, brief) else None
            if place is not None:
                wanted.setdefault((place.wave, place.batch), []).append((fact, place))
    given, done = list[Observation](), set[Pair]()
    with suppress(NotFound):  # deleted or retired meanwhile: the rest is done anew
        for key, rows in store.segments(actor, brief.baseline_id, sorted(wanted)):
            for fact, place in wanted[key]:
                found = taken_over(brief.scan_id, fact, place, rows)
                if found is not None:
                    given += found
                    done.add((place.module, place.type, place.value))
    return given, frozenset(done)


def faces_of(store: Store, actor: Actor, brief: ScanBrief) -> dict[str, ModuleFace]:
    """The faces of a scan's modules: those of the catalogue, and of the tenant's own in the versions that it pinned."""
    own = {name: version for name, version in brief.modules.items() if name not in catalogue()}
    return {n: face for n, face in catalogue().items() if n in brief.modules} | store.own_faces(actor, own)


def _earlier(
    store: Store, actor: Actor, brief: ScanBrief, faces: Mapping[str, ModuleFace]
) -> tuple[list[Place], list[Page]]:
    """What the earlier scan handled, and the pages that it kept; nothing when it is gone by now, or not the caller's:
    then all is done anew."""
    earlier = store.brief(actor, brief.baseline_id or "")
    if earlier is None or not actor.sees(earlier.team_id):
        return [], []
    found: list[Place] = []
    kept: list[Page] = []
    fetching: list[tuple[int, int]] = []
    with suppress(NotFound):  # deleted or retired while it is read
        for wave, number, batch, left in store.handled(actor, earlier.scan_id):
            found += places(brief, faces, wave, number, batch, left)
            if _fetches(catalogue().get(batch.module)):
                fetching.append((wave, number))
        answers = (row for _, rows in store.segments(actor, earlier.scan_id, fetching) for row in rows)
        kept += islice(pages(answers), MAX_PAGES)
    return found, kept


def _fetches(face: ModuleFace | None) -> bool:
    """Whether a module reads pages and keeps them."""
    return face is not None and ObservationType.HTTP_RESPONSE in face.produces


def _kept_pages(store: Store, actor: Actor, brief: ScanBrief, module: str) -> Earlier | None:
    """The pages of the earlier scan, for a module that reads pages."""
    if brief.baseline_id is None or not _fetches(catalogue().get(module)):
        return None
    earlier = brief.baseline_id

    async def body(reference: str) -> bytes:
        return await asyncio.to_thread(store.read_body, actor, earlier, reference)

    with suppress(NotFound):
        return Earlier(store.pages(actor, brief.scan_id), body)
    return None


async def run_batch(
    store: Store, open_session: OpenSession, open_config: OpenConfig, actor: Actor, scan_id: str, wave: int, number: int
) -> int:
    """Run one batch and write what it found; how many observations. Running it again writes the same objects.

    A scan that is to pause or stop is left alone within a second: what was not handled is handed to the next wave.
    """
    brief = store.brief(actor, scan_id)
    if brief is None:  # deleted while it ran
        return 0
    batch = store.batch(actor, scan_id, wave, number)
    blobs = BatchBlobs(wave, number, lambda w, b: store.read_bodies(actor, scan_id, w, b))
    meter = Meter()
    if reason_to_rest(brief):
        result = _handed_over(batch)
    else:
        module = _module(store, actor, batch)
        polite = brief.model_copy(update={"politeness": batch.manners(brief.politeness)})
        async with open_session(polite, type(module).face) as session:
            meter = session.meter
            session.earlier = await asyncio.to_thread(_kept_pages, store, actor, brief, batch.module)
            look = _looking(store, actor, scan_id)
            journal = Journal()
            tell = _telling(store, actor, scan_id, wave, number, batch.module, journal)
            async with supervised(session.halt, meter, batch.allowance, look, tell):
                result = await _run(open_config, brief, module, batch, session, blobs, journal)
    _write(store, actor, scan_id, wave, number, batch, result, blobs, meter)
    return len(result.observations)


def _module(store: Store, actor: Actor, batch: BatchInput) -> Module[Any]:
    """The module of a batch; one of the tenant's own in the version that the scan pinned. Raises NotFound."""
    if batch.module in catalogue():
        return load(batch.module)()
    version = store.own_version(actor, batch.module, batch.version)
    if version is None:
        raise NotFound()
    from functions.collection.own_modules import module_of

    return module_of(version)


def reason_to_rest(brief: ScanBrief | None) -> str | None:
    """Why nothing may be sent for a scan now; None while it may."""
    if brief is None:
        return "the scan was deleted"
    if brief.status in HALTED:
        return f"the scan is {brief.status.value}"
    if brief.ends_at is not None and clock.now() >= clock.parse(brief.ends_at):
        return "the scan's time is over"
    return None


def _looking(store: Store, actor: Actor, scan_id: str) -> Callable[[], str | None]:
    return lambda: reason_to_rest(store.brief(actor, scan_id))


def _telling(
    store: Store, actor: Actor, scan_id: str, wave: int, number: int, module: str, journal: Journal
) -> Callable[[], None]:
    """Writes what a batch has to say so far, if that is more than before: a log that people can follow."""
    told: list[LogEntry] = []

    def tell() -> None:
        entries = journal.entries()
        if entries != told:
            told[:] = entries
            store.write_log(actor, scan_id, wave, number, _signed(entries, module))

    return tell


def _signed(entries: list[LogEntry], module: str) -> list[LogEntry]:
    return [msgspec.structs.replace(entry, module=module) for entry in entries]


def close_wave(store: Store, actor: Actor, scan_id: str, wave: int) -> dict[str, Any]:
    """What the batches of a wave did, together: `{tasks, left, errors, packets, bytes, dollars}`. Tasks that were
    handed over are not counted; they will be when they are handled. A batch that ended without a word is a loss."""
    entries = store.wave(actor, scan_id, wave)
    silent = _silent(entries)
    with suppress(NotFound):  # deleted meanwhile
        for number in silent:
            record_loss(store, actor, scan_id, wave, number, "it ended without a word")
    if silent:
        entries = store.wave(actor, scan_id, wave)
    runs = [entry.run for entry in entries if entry.run]
    seconds, found = sum(run.seconds for run in runs), sum(run.observations for run in runs)
    return {
        "tasks": sum(run.tasks for run in runs),
        "left": sum(run.left for run in runs),
        "errors": sum(run.errors for run in runs),
        "packets": sum(run.packets for run in runs),
        "bytes": sum(run.bytes for run in runs),
        "dollars": round(cost_of_wave(len(runs), seconds, found), 6),
    }


def _silent(entries: Sequence[WaveEntry]) -> list[int]:
    """The numbers of planned batches that did not report: a child of the Map that takes longer than the five minutes
    which it has is ended, and nobody takes note of its loss."""
    planned = max((entry.batches for entry in entries), default=0)
    reported = {entry.number for entry in entries if entry.run}
    return [number for number in range(1, planned + 1) if number not in reported]


def record_loss(store: Store, actor: Actor, scan_id: str, wave: int, number: int, cause: str) -> None:
    """A batch failed in spite of its retries: the scan goes on without it, and its log says so."""
    batch = store.batch(actor, scan_id, wave, number)
    entry = LogEntry("error", f"A batch was lost: {cause[:300]}", "", len(batch.observations), batch.module)
    store.write_log(actor, scan_id, wave, number, [entry])
    lost = BatchRun(
        module=batch.module, version=batch.version, tasks=len(batch.observations), observations=0, errors=1, seconds=0
    )
    store.report(actor, scan_id, wave, number, lost)


def forget(store: Store, actor: Actor, scan_id: str) -> None:
    """Remove all that a deleted scan left."""
    store.delete(actor, scan_id)


def brief_of(store: Store, actor: Actor, scan_id: str) -> ScanBrief:
    """A scan that the actor sees. Raises NotFound."""
    brief = store.brief(actor, scan_id)
    if brief is None or not actor.sees(brief.team_id):
        raise NotFound()
    return brief


async def _run(
    open_config: OpenConfig,
    brief: ScanBrief,
    module: Module[Any],
    batch: BatchInput,
    session: Session,
    blobs: BatchBlobs,
    journal: Journal,
) -> BatchResult:
    work = Batch(brief.scan_id, batch.observations, open_config(type(module).face, batch.config))
    deadline = time.monotonic() + RUN_SECONDS
    return await engine.run_batch(module, work, session=session, blobs=blobs, deadline=deadline, journal=journal)


def _handed_over(batch: BatchInput) -> BatchResult:
    left = len(batch.observations)
    return BatchResult([], batch.observations, [], BatchStats(0, 0, left, 0, 0, 0.0))


def _write(
    store: Store,
    actor: Actor,
    scan_id: str,
    wave: int,
    number: int,
    batch: BatchInput,
    result: BatchResult,
    blobs: BatchBlobs,
    meter: Meter,
) -> None:
    """The segment goes last of the objects: where it stands, all that it refers to stands."""
    if blobs.bodies:
        store.write_blobs(actor, scan_id, wave, number, bytes(blobs.bodies))
    if result.log:
        store.write_log(actor, scan_id, wave, number, _signed(result.log, batch.module))
    leftovers = [Leftover(batch.module, observation) for observation in result.leftovers]
    store.write_leftovers(actor, scan_id, wave, number, leftovers)
    store.write_segment(actor, scan_id, wave, number, result.observations)
    run = BatchRun(
        module=batch.module,
        version=batch.version,
        tasks=result.stats.handled,
        observations=len(result.observations),
        errors=result.stats.failed,
        seconds=result.stats.seconds,
        left=result.stats.left,
        packets=meter.packets,
        bytes=meter.bytes,
        durations=result.stats.durations,
    )
    store.report(actor, scan_id, wave, number, run)
