"""How a scan is going, what it will come to, and what it did: read from what its waves left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import zip_longest

from contracts.collection import ModulesRan, ModuleStint
from contracts.facts import LogEntry
from contracts.modules import ModuleFace, catalogue
from contracts.reports import CollectionPart, ModuleRun
from contracts.reports import LogEntry as LogLine
from contracts.scans import ScanStatus
from functions.collection.estimate import Estimate, estimate, same_kind
from functions.collection.model import BatchRun, Progress, WaveEntry, crew, plan, seeds
from functions.collection.service.waves import brief_of, faces_of
from functions.collection.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.table import Once

MAX_REPORTED_LOG = 200
RECENT_SCANS = 100
"""Among these the last one of the same kind is looked for."""


def get_progress(store: Store, actor: Actor, scan_id: str) -> Progress:
    """How far the present wave of a scan is. Raises NotFound."""
    brief = brief_of(store, actor, scan_id)
    entries = store.wave(actor, scan_id, brief.wave)
    runs = [entry.run for entry in entries if entry.run]
    planned = next((entry for entry in entries if entry.run is None), None)
    return Progress(
        scan_id=scan_id,
        wave=brief.wave,
        batches=planned.batches if planned else 0,
        batches_done=len(runs),
        tasks=planned.tasks if planned else 0,
        tasks_done=sum(run.tasks for run in runs),
        modules=planned.modules if planned else [],
        observations=sum(run.observations for run in runs),
        errors=sum(run.errors for run in runs),
        packets=sum(run.packets for run in runs),
        seconds_left=_seconds_left(planned, len(runs)) if brief.status is ScanStatus.RUNNING else None,
    )


def _seconds_left(planned: WaveEntry | None, done: int) -> float | None:
    if planned is None or not planned.planned_at or not done:
        return None
    elapsed = (clock.now() - clock.parse(planned.planned_at)).total_seconds()
    return round(max(0.0, elapsed / done * (planned.batches - done)), 1)


def get_estimate(store: Store, actor: Actor, scan_id: str, concurrency: int) -> Estimate:
    """What a scan will come to. Nothing is sent. Raises NotFound."""
    brief = brief_of(store, actor, scan_id)
    faces = faces_of(store, actor, brief)
    first = plan(brief, faces, seeds(brief))
    last = same_kind(brief, [each for each in store.briefs(actor, RECENT_SCANS) if actor.sees(each.team_id)])
    workers = crew(brief.politeness, concurrency, concurrency).workers
    return estimate(brief, catalogue() | faces, first, last, workers)


def tell_of_modules(store: Store, actor: Actor, scan_id: str, once: Once) -> None:
    """A scan has ended: publish what each version of its modules did. Raises AlreadySeen."""
    entries = store.entries(actor, scan_id)
    runs = [entry.run for entry in entries if entry.run]
    first = sum((Counter(entry.found_first) for entry in entries), Counter[str]())
    names = sorted({(run.module, run.version) for run in runs})
    if names:
        told = [_stint(*name, [run for run in runs if (run.module, run.version) == name], first) for name in names]
        store.publish(actor, ModulesRan(scan_id=scan_id, stints=told), once)


def _stint(module: str, version: str, runs: Sequence[BatchRun], first: Mapping[str, int]) -> ModuleStint:
    return ModuleStint(
        module=module,
        version=version,
        batches=len(runs),
        tasks=sum(run.tasks for run in runs),
        observations=sum(run.observations for run in runs),
        found_first=first.get(module, 0),
        errors=sum(run.errors for run in runs),
        seconds=round(sum(run.seconds for run in runs), 3),
        packets=sum(run.packets for run in runs),
        durations=[sum(counts) for counts in zip_longest(*(run.durations for run in runs), fillvalue=0)],
    )


def get_log(
    store: Store, actor: Actor, scan_id: str, after: str | None, limit: int
) -> tuple[list[LogEntry], str | None]:
    """The scan's log, some whole batches at a time: entries, and where to go on. Raises NotFound."""
    brief_of(store, actor, scan_id)
    entries: list[LogEntry] = []
    for key in store.log_keys(actor, scan_id):
        if after is not None and key <= after:
            continue
        entries += store.log(actor, key)
        if len(entries) >= limit:
            return entries, key
    return entries, None


def tell(store: Store, actor: Actor, scan_id: str, wave: int, order: str, entry: LogEntry) -> None:
    """Have the scan's log say what became of the scan; telling it again changes nothing. One that is gone has none."""
    if store.brief(actor, scan_id) is not None:
        store.write_word(actor, scan_id, wave, order, entry)


def hand_in(store: Store, actor: Actor, scan_id: str, report_id: str) -> None:
    """Write collection's part of a report: how each module worked, and the log's beginning."""
    faces = catalogue()
    runs = [entry.run for entry in store.entries(actor, scan_id) if entry.run]
    names = sorted({(run.module, run.version) for run in runs})
    modules = tuple(_module_run(name, version, faces, runs) for name, version in names)
    log = [line for key in store.log_keys(actor, scan_id) for line in store.log(actor, key)]
    lines = tuple(LogLine(at="", level=e.level, module=e.module, message=_words(e)) for e in log[:MAX_REPORTED_LOG])
    part = CollectionPart(modules=modules, log=lines, log_left_out=max(0, len(log) - MAX_REPORTED_LOG))
    store.hand_in(actor, report_id, part)


def _module_run(name: str, version: str, faces: Mapping[str, ModuleFace], runs: Sequence[BatchRun]) -> ModuleRun:
    own = [run for run in runs if (run.module, run.version) == (name, version)]
    return ModuleRun(
        name=name,
        version=version,
        summary=faces[name].summary if name in faces else "",
        tasks=sum(run.tasks for run in own),
        observations=sum(run.observations for run in own),
        errors=sum(run.errors for run in own),
        seconds=sum(run.seconds for run in own),
    )


def _words(entry: LogEntry) -> str:
    times = f" ({entry.count} times)" if entry.count > 1 else ""
    return f"{entry.message}: {entry.value}{times}" if entry.value else f"{entry.message}{times}"
