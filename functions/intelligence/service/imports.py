"""Files of facts become scans: uploaded, read whole, and only then taken in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from contracts import facts
from contracts.facts import encode_rows
from contracts.intelligence import ImportFailed, ImportFinished, ImportStarted
from contracts.observations import Observation
from functions.intelligence.errors import NotAwaiting, UnknownFormat, UnknownTeam
from functions.intelligence.model.archive import open_archive, taken_over
from functions.intelligence.model.imports import ARCHIVE, FORMATS, READERS
from functions.intelligence.model.imports.items import VERSION, Fault, Faulty, Reading
from functions.intelligence.model.records import FileFault, ImportStatus, ScanImport
from functions.intelligence.model.sliced import SlicedFile
from functions.intelligence.schemas import CreateImport
from functions.intelligence.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import PreconditionFailed
from kernel.ids import new_id
from kernel.table import Page

MAX_FILE: Final = 64 * 1024 * 1024
MAX_ARCHIVE: Final = 4 * 1024 * 1024 * 1024
SEGMENT_ROWS: Final = 1_000
WAVE_ROWS: Final = 50_000
"""Facts that are reduced at once: what keeps the reducer small."""
MAX_NAMED: Final = 20
"""Targets that a file without any is said to have."""


def create_import(store: Store, actor: Actor, command: CreateImport) -> ScanImport:
    """Begin an import; the file is to be uploaded next. Raises UnknownFormat, UnknownTeam."""
    if command.format not in FORMATS:
        raise UnknownFormat(f"There is no format {command.format!r}. Choose one of {', '.join(FORMATS)}.")
    if command.team_id and not (actor.sees(command.team_id) and store.has_team(actor, command.team_id)):
        raise UnknownTeam(errors=[{"pointer": "/team_id", "detail": "there is no such team among yours"}])
    record = ScanImport(
        tenant_id=actor.tenant_id,
        import_id=new_id("import"),
        scan_id=new_id("scan"),
        name=command.name,
        format=command.format,
        team_id=command.team_id,
        created_by=actor.user_id,
        created_at=clock.timestamp(),
    )
    store.add_import(actor, record)
    return record


def get_import(store: Store, actor: Actor, import_id: str) -> ScanImport:
    """How an import stands, with where to put the file while it is awaited. Raises NotFound."""
    record = store.import_(actor, import_id)
    if record.status is ImportStatus.AWAITING:
        record.upload_url = store.upload_link(actor, import_id)
    return record


def list_imports(store: Store, actor: Actor, limit: int, cursor: str | None) -> Page[ScanImport]:
    """The imports, newest first."""
    return store.imports(actor, limit, cursor)


def start_import(store: Store, actor: Actor, import_id: str) -> ScanImport:
    """Take in the file that was uploaded. Raises NotFound, NotAwaiting."""
    record = store.import_(actor, import_id)
    if record.status is not ImportStatus.AWAITING:
        raise NotAwaiting(f"The import is {record.status.value}.")
    record.status = ImportStatus.RUNNING
    event = ImportStarted(import_id=import_id, scan_id=record.scan_id, name=record.name, format=record.format)
    store.save_import(actor, record, event, answers=True)
    return record


def take_in(store: Store, actor: Actor, import_id: str) -> dict[str, Any]:
    """Read the file and write what it says as the segments of a scan: `{waves, scan}`, no waves when the file cannot
    be taken in. Doing it again writes the same."""
    record = store.import_(actor, import_id)
    if record.status is not ImportStatus.RUNNING:
        return {"waves": record.waves if record.status is ImportStatus.READY else 0, "scan": _scan(record)}
    try:
        rows = _read(store, actor, record)
        record.observations, record.waves = _write(store, actor, record.scan_id, rows)
    except Faulty as faulty:
        fail(store, actor, import_id, faulty.faults)
        return {"waves": 0, "scan": {}}
    try:
        store.save_import(actor, record)
    except PreconditionFailed:  # its execution broke off meanwhile, and nobody comes after this to clear up
        _leave_nothing(store, actor, store.import_(actor, import_id))
        raise
    return {"waves": record.waves, "scan": _scan(record)}


def finish(store: Store, actor: Actor, import_id: str) -> None:
    """The scan is there: the import is ready, and the file goes."""
    record = store.import_(actor, import_id)
    if record.status is ImportStatus.RUNNING:
        record.status, record.finished_at = ImportStatus.READY, clock.timestamp()
        told = {"scan_id": record.scan_id, "name": record.name, "observations": record.observations}
        store.save_import(actor, record, ImportFinished(import_id=import_id, **told))
    store.remove(actor, facts.upload_key(actor.tenant_id, import_id))


def fail(store: Store, actor: Actor, import_id: str, faults: list[Fault]) -> None:
    """Nothing of the file stays, but why."""
    record = store.import_(actor, import_id)
    if record.status is ImportStatus.RUNNING:
        record.status, record.finished_at = ImportStatus.FAILED, clock.timestamp()
        record.faults = [FileFault(line=each.line, detail=each.detail[:500]) for each in faults]
        record.observations = record.waves = 0
        reason = record.faults[0].detail if record.faults else "The import failed."
        store.save_import(actor, record, ImportFailed(import_id=import_id, name=record.name, reason=reason))
    _leave_nothing(store, actor, record)


def _leave_nothing(store: Store, actor: Actor, record: ScanImport) -> None:
    """What a failed import has written goes, and its file."""
    if record.status is ImportStatus.FAILED:
        store.remove(actor, facts.scan_prefix(actor.tenant_id, record.scan_id))
        store.remove(actor, facts.upload_key(actor.tenant_id, record.import_id))


def _read(store: Store, actor: Actor, record: ScanImport) -> Iterator[Observation]:
    """The facts of the file, which has been read to its end by then. Raises Faulty."""
    key = facts.upload_key(actor.tenant_id, record.import_id)
    size = store.size(actor, key)
    most = MAX_ARCHIVE if record.format == ARCHIVE else MAX_FILE
    if not 0 < size <= most:
        told = "Nothing was uploaded." if not size else f"A file of this format has {most:,} bytes at most."
        raise Faulty([Fault(0, told)])
    if record.format == ARCHIVE:
        return _archived(store, actor, record, key, size)
    reading = Reading(record.created_at)
    READERS[record.format](store.read(actor, key), reading)
    reading.demand_sound()
    record.skipped = reading.skipped
    record.modules = dict.fromkeys(sorted({item.module for item in reading.items.values()})[:200], VERSION)
    roots = [item.value for item in reading.items.values() if not item.parents]
    record.targets = tuple(dict.fromkeys(roots))[:MAX_NAMED] or (next(iter(reading.items.values())).value,)
    return reading.observations(record.scan_id)


def _archived(store: Store, actor: Actor, record: ScanImport, key: str, size: int) -> Iterator[Observation]:
    def read(key: str, start: int, size: int) -> bytes:
        return store.slice(actor, key, start, size)

    manifest, parts = open_archive(SlicedFile(lambda start, length: read(key, start, length), size), key)
    record.modules, record.targets = manifest.scan.modules, manifest.scan.targets
    return taken_over(parts, read, manifest.scan.scan_id, record.scan_id)


def _write(store: Store, actor: Actor, scan_id: str, rows: Iterable[Observation]) -> tuple[int, int]:
    """Write observations as segments; how many there were, and in how many waves."""
    coming = iter(rows)
    number = 0
    while segment := list(islice(coming, SEGMENT_ROWS)):
        wave, batch = number // WAVE_ROWS, number % WAVE_ROWS // SEGMENT_ROWS
        store.write(actor, facts.segment_key(actor.tenant_id, scan_id, wave, batch), encode_rows(segment))
        number += len(segment)
    return number, -(-number // WAVE_ROWS)


def _scan(record: ScanImport) -> dict[str, Any]:
    """What the scans context makes a scan of."""
    return {
        "scan_id": record.scan_id,
        "name": record.name,
        "team_id": record.team_id,
        "targets": record.targets,
        "modules": record.modules,
        "waves": record.waves,
        "observations": record.observations,
        "created_by": record.created_by,
        "created_at": record.created_at,
    }
