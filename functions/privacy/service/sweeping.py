"""Looking through everything: for what still names a person, and for what is left of a tenant. See decision 0013."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import time
import zipfile
import zlib
from collections.abc import Iterator
from typing import TypedDict

from contracts.privacy import Subject, TenantErasure, job_prefix, receipt
from contracts.redaction import names, without
from functions.privacy.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.attributes import from_item, to_item
from kernel.inventory import Place, kind_of

WORKS_SECONDS = 480
"""For so long one call of a door works; then it says where to go on."""
SEALED = frozenset({"AUDIT", "AUDITLOG", "AUDITLATE", "KEYS"})
"""What is left to the audit context alone, which forgets contents without breaking its seals; and keys."""
EXPENDABLE = frozenset({"IDEMPOTENCY"})
"""Kept answers: one that names the person goes."""
SHARED = frozenset({"TENANTS", "APIKEYS", "SESSIONS", "CLOSING", "BACKUPKEYS", "DOMAINS", "CHALLENGES", "RETENTION"})
"""Kinds of partition that belong to no tenant, in which a tenant has items."""
AREAS = ("reports", "privacy")
"""Areas of objects that are looked through; what scans found in the world is about their targets."""
MOST_BYTES = 200_000_000


class Progress(TypedDict):
    """How far a sweep is: where to go on (None: it is through), and how much it changed or removed."""

    resume: str | None
    changed: int


def sweep(store: Store, actor: Actor, erasure_id: str, so_far: Progress | None) -> Progress:
    """Take a person out of every item that still names one, and remove the objects that do. Called again with what it
    answered until `resume` is None; then its word is left with the rooms'."""
    subject = store.subject(actor, erasure_id)
    resume, changed = (so_far["resume"], so_far["changed"]) if so_far else (None, 0)
    if so_far is None:
        changed += _sweep_exports(store, actor, subject) + _sweep_objects(store, actor, subject)
    deadline = time.monotonic() + WORKS_SECONDS
    while time.monotonic() < deadline:
        look = store.inventory.look(actor, resume)
        changed += _clean(store, actor, subject, look.own)
        resume = look.resume
        if resume is None:
            receipt(store.facts, actor, erasure_id, "sweep", {"items": changed})
            break
    return Progress(resume=resume, changed=changed)


def _clean(store: Store, actor: Actor, subject: Subject, places: list[Place]) -> int:
    own = {(f"SUBJECT#{subject.job_id}"), f"ERASURE#{subject.job_id}", f"ERASING#{subject.user_id}"}
    wanted = [place for place in places if kind_of(place.pk) not in SEALED and place.sk not in own]
    changed = 0
    for item in store.inventory.read(actor, wanted):
        before = from_item(item)
        after = without(before, subject)
        if after == before:
            continue
        place = Place(before["pk"], before["sk"])
        moved = (after["pk"], after["sk"]) != (place.pk, place.sk)
        if moved or kind_of(place.pk) in EXPENDABLE:
            changed += store.inventory.remove(actor, [place])
            continue
        fresh = item
        while not store.inventory.replace(actor, fresh, to_item(after)):
            found = list(store.inventory.read(actor, [place]))
            if not found:
                break
            fresh, after = found[0], without(from_item(found[0]), subject)
        changed += 1
    return changed


def _sweep_exports(store: Store, actor: Actor, subject: Subject) -> int:
    """The person's own exports."""
    return sum(
        store.facts.erase(actor, job_prefix(actor.tenant_id, export.export_id))
        for export in store.exports_of(actor, subject.user_id)
    )


def _sweep_objects(store: Store, actor: Actor, subject: Subject) -> int:
    gone = 0
    for area in AREAS:
        for key in list(store.facts.keys(actor, f"tenants/{actor.tenant_id}/{area}/")):
            if key.startswith(job_prefix(actor.tenant_id, subject.job_id)):
                continue
            if any(names(text, subject) for text in _texts(store.facts.get(actor, key))):
                gone += store.facts.erase(actor, key)
    return gone


def _texts(body: bytes) -> Iterator[str]:
    """What an object says: as it is, unpacked, or member by member."""
    if body[:2] == b"\x1f\x8b":
        with contextlib.suppress(OSError, EOFError, zlib.error):
            body = gzip.decompress(body)
    elif body[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for member in archive.infolist():
                if member.file_size < MOST_BYTES:
                    yield archive.read(member).decode(errors="replace")
        return
    yield body.decode(errors="replace")


class Erased(TypedDict):
    """How far the erasure of a tenant is."""

    done: bool
    resume: str | None
    removed: int


def erase_tenant(store: Store, actor: Actor, people: int, resume: str | None, removed: int) -> Erased:
    """Remove everything of a tenant: its objects in all their versions, its items, the data key with them. It is done
    when a whole pass has found nothing; the proof is kept where no tenant's data lies. Called again with what it
    answered."""
    proof = store.tenant_erasure(actor) or _begun(store, actor, people)
    if proof.erased_at is not None:
        return Erased(done=True, resume=None, removed=0)
    if resume is None:
        objects = store.facts.erase(actor, f"tenants/{actor.tenant_id}/")
        proof.objects += objects
        removed = objects
    deadline = time.monotonic() + WORKS_SECONDS
    while True:
        look = store.inventory.look(actor, resume)
        shared = [place for place in look.shared if _goes(place)]
        went = store.inventory.remove(actor, look.own)
        went += sum(store.inventory.remove_shared(actor, place) for place in shared)
        proof.keys_digest = _chained(proof.keys_digest, [*look.own, *shared])
        proof.items, removed, resume = proof.items + went, removed + went, look.resume
        if resume is None or time.monotonic() > deadline:
            break
    if resume is None:
        proof.passes += 1
        if removed == 0:
            proof.erased_at = clock.timestamp()
    store.keep_tenant_erasure(proof)
    return Erased(done=proof.erased_at is not None, resume=resume, removed=removed if resume else 0)


def _begun(store: Store, actor: Actor, people: int) -> TenantErasure:
    wrapped = store.wrapped_key(actor)
    return TenantErasure(
        tenant_id=actor.tenant_id,
        closed_at=clock.timestamp(),
        people=people,
        data_key_digest=hashlib.sha256(wrapped.encode()).hexdigest() if wrapped else "",
    )


def _goes(place: Place) -> bool:
    """Whether an item that lies with no tenant goes with one: people are identity's, and the proof stays."""
    return kind_of(place.pk) in SHARED or (kind_of(place.pk) == "PEOPLE" and place.sk == "IDENTITY")


def _chained(before: str, places: list[Place]) -> str:
    sum_ = before
    for place in places:
        sum_ = hashlib.sha256(f"{sum_}\n{place.pk}\n{place.sk}".encode()).hexdigest()
    return sum_
