"""A copy of everything about a person: ordered, put together from what the rooms hand in, handed out, removed."""

from __future__ import annotations

import hashlib
import json

from contracts.privacy import (
    EXPORTING,
    PersonalDataDiscarded,
    PersonalDataExported,
    PersonalDataIncomplete,
    PersonalDataRequested,
    Subject,
)
from functions.privacy.model import ExportStatus, PersonExport
from functions.privacy.schemas import ExportPerson
from functions.privacy.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import Forbidden, NotFound, PreconditionFailed
from kernel.ids import new_id
from kernel.table import Page

OF_OTHERS = "privacy:export"


def order(store: Store, actor: Actor, command: ExportPerson) -> PersonExport:
    """Order one's own data, or another's. Raises Forbidden, or NotFound for somebody who is not here."""
    user_id = command.user_id or actor.user_id
    if user_id != actor.user_id or actor.key_id is not None:
        actor.require(OF_OTHERS)
    member = store.member(actor, user_id)
    export = PersonExport(
        tenant_id=actor.tenant_id,
        export_id=new_id("pex"),
        user_id=user_id,
        created_by=actor.user_id,
        created_at=clock.timestamp(),
    )
    subject = Subject(
        tenant_id=actor.tenant_id, job_id=export.export_id, user_id=user_id, email=member.email, name=member.name
    )
    store.add_export(actor, export, subject, PersonalDataRequested(export_id=export.export_id, user_id=user_id))
    return export


def get_export(store: Store, actor: Actor, export_id: str) -> PersonExport:
    """One export that the actor may see, as it stands now. Raises NotFound."""
    export = _seen(actor, store.export(actor, export_id))
    if export.status is ExportStatus.RUNNING:
        export.stands(store.papers(actor, export_id))
    if export.status is ExportStatus.READY:
        export.download_url = store.link(actor, export)
    return export


def list_exports(store: Store, actor: Actor, limit: int, cursor: str | None) -> Page[PersonExport]:
    """The organisation's exports that the actor may see, newest first; a page may be short."""
    page = store.exports(actor, limit, cursor)
    return Page([export for export in page.items if _may_see(actor, export)], page.next_cursor)


def discard(store: Store, actor: Actor, export_id: str, if_match: int | None) -> None:
    """Remove an export and its file. Raises NotFound or PreconditionFailed."""
    export = _seen(actor, store.export(actor, export_id))
    if if_match is not None and if_match != export.version:
        raise PreconditionFailed()
    store.remove_export(actor, export, PersonalDataDiscarded(export_id=export_id, user_id=export.user_id))


def finish(store: Store, actor: Actor, export_id: str) -> str:
    """Put the parts together; an export that lacks one is not handed out. How it ended. Again changes nothing."""
    try:
        export = store.export(actor, export_id)
    except NotFound:  # removed meanwhile
        return "removed"
    if export.status is not ExportStatus.RUNNING:
        return export.status
    export.stands(store.papers(actor, export_id))
    export.finished_at = clock.timestamp()
    if export.missing:
        export.status = ExportStatus.INCOMPLETE
        missing = list(export.missing)
        lacks = PersonalDataIncomplete(export_id=export_id, user_id=export.user_id, missing=missing)
        store.save_export(actor, export, lacks)
        return export.status
    body = store.write_file(actor, export, _files(store, actor, export))
    export.size, export.digest = len(body), hashlib.sha256(body).hexdigest()
    export.status = ExportStatus.READY
    done = PersonalDataExported(export_id=export_id, user_id=export.user_id, digest=export.digest)
    store.save_export(actor, export, done)
    return export.status


def _files(store: Store, actor: Actor, export: PersonExport) -> dict[str, bytes]:
    """One file for each list of each room, and a table of contents with their digests."""
    files: dict[str, bytes] = {}
    for room in EXPORTING:
        for name, entries in store.paper(actor, export.export_id, room)["sections"].items():
            files[f"{room}/{name}.json"] = _json(entries)
    contents = {
        "user_id": export.user_id,
        "organization_id": export.tenant_id,
        "exported_at": export.finished_at,
        "contexts": list(EXPORTING),
        "files": {name: hashlib.sha256(body).hexdigest() for name, body in files.items()},
    }
    return {"contents.json": _json(contents), **files}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def _may_see(actor: Actor, export: PersonExport) -> bool:
    try:
        if export.user_id != actor.user_id or actor.key_id is not None:
            actor.require(OF_OTHERS)
    except Forbidden:
        return False
    return True


def _seen(actor: Actor, export: PersonExport) -> PersonExport:
    if not _may_see(actor, export):
        raise NotFound()
    return export
