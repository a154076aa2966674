"""A trail to try things on: a store in memory, a key and a bucket that behave like AWS's, and the hands of a thief."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ulid import ULID

from contracts.scans import ScanQueued
from functions.audit.model.canonical import canonical
from functions.audit.model.log import Head, Statement
from functions.audit.model.reports import AuditReport, AuditReportFormat
from functions.audit.service import reports, sealing, trail
from functions.audit.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.events import Envelope
from kernel.ids import new_id
from kernel.outbox import outbox_record
from tests.kit import actor
from tests.memory_facts import memory_facts
from tests.memory_table import memory_table


class LocalSigner:
    """A key of its own, as KMS would keep it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key = base64.b64encode(public).decode()

    def sign(self, statement: dict[str, Any]) -> Statement:
        signature = self._key.sign(canonical(statement), ec.ECDSA(hashes.SHA256()))
        return Statement(statement=statement, signature=base64.b64encode(signature).decode(), key=self.key)


class LockedBucket:
    """Anchors that nobody can take back."""

    def __init__(self) -> None:
        self.anchors: dict[tuple[str, int], Statement] = {}
        self.before_call = lambda: None

    def drop(self, actor: Actor, anchor: Statement, until: datetime) -> Statement:
        self.before_call()
        return self.anchors.setdefault((actor.tenant_id, anchor.statement["size"]), anchor)

    def from_size(self, actor: Actor, size: int) -> Iterator[Statement]:
        for (tenant_id, at), anchor in sorted(self.anchors.items()):
            if tenant_id == actor.tenant_id and at >= size:
                yield anchor


class Wishes:
    """Work that was asked for."""

    def __init__(self) -> None:
        self.seals: list[str] = []
        self.reports: list[str] = []

    def seal(self, tenant_id: str) -> None:
        self.seals.append(tenant_id)

    def make(self, tenant_id: str, report_id: str) -> None:
        self.reports.append(report_id)


SIGNER = LocalSigner()


START = datetime(2026, 6, 1, 12, tzinfo=UTC)


@contextmanager
def travelling() -> Iterator[time_machine.Coordinates]:
    """Time stands, until it is moved."""
    with time_machine.travel(START, tick=False) as clock_:
        yield clock_


class Place:
    """One deployment's audit room, with one tenant."""

    def __init__(self, who: Actor | None = None, store: Store | None = None) -> None:
        if who is None:
            with time_machine.travel(clock.now() - timedelta(days=1), tick=False):
                who = actor()
        self.who = who
        self.table = memory_table()
        self.facts = memory_facts()
        self.store = store or Store(self.table, self.facts)
        self.signer, self.bucket, self.work = SIGNER, LockedBucket(), Wishes()

    def deed(self, age: timedelta = timedelta(), **fields: Any) -> Envelope:
        """An event that was born so long ago."""
        record = outbox_record(self.who, ScanQueued(scan_id=fields.pop("scan_id", "scan_1"), name="Site"), 1)
        made = Envelope.model_validate_json(record.envelope)
        born = clock.now() - age
        update = {"id": f"evt_{ULID.from_datetime(born)}", "at": clock.timestamp(born), **fields}
        return made.model_copy(update=update)

    def keep(self, *deeds: Envelope) -> None:
        for deed in deeds:
            trail.keep(self.store, self.work, deed)

    def seal(self) -> Head:
        """What the sealer does now: it passes what is older than the grace."""
        return sealing.seal(self.store, self.signer, self.bucket, Actor.system(self.who.tenant_id), clock.now())

    def export(self, since: datetime | None = None, until: datetime | None = None) -> list[bytes]:
        """The lines of an export."""
        return gzip.decompress(self.file(AuditReportFormat.EXPORT, since, until)).splitlines(keepends=True)

    def file(self, kind: AuditReportFormat, since: datetime | None = None, until: datetime | None = None) -> bytes:
        report = AuditReport(
            tenant_id=self.who.tenant_id,
            report_id=new_id("areport"),
            format=kind,
            since=clock.timestamp(since or datetime(2020, 1, 1, tzinfo=UTC)),
            until=clock.timestamp(until or clock.now() + timedelta(days=1)),
            created_by="user_1",
            created_at=clock.timestamp(),
        )
        self.store.add_report(self.who, report, ScanQueued(scan_id="x", name="y"))
        reports.make(self.store, self.signer, self.bucket, self.who, report.report_id)
        made = self.store.report(self.who, report.report_id)
        return self.facts.get(self.who, made.object_key())
