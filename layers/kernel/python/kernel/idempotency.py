"""Idempotency-Key: the answer of a command is kept in the command's own transaction.

A repeat fails on the record's condition and gets the kept answer; a repeat with another payload is refused.
The happy path costs no call of its own.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.actor import Actor
from kernel.errors import Conflict, Problem
from kernel.records import Record, Resource

if TYPE_CHECKING:
    from kernel.crypto import Envelope
    from kernel.table import Table

KEPT_SECONDS = 36 * 3600


class KeyReused(Problem):
    """The key was used for another payload."""

    slug, status, title = "idempotency-key-reused", 422, "The Idempotency-Key was used for another request"


class StillRunning(Conflict):
    """The first request with this key has not finished."""

    slug, title = "idempotency-key-in-use", "A request with this Idempotency-Key is still running"


class Kept(Record, pk="TENANT#{tenant_id}#IDEMPOTENCY#{digest}", sk="KEY"):
    """The answer that was given for a key. The digest covers route and key; each is its own partition."""

    digest: str
    fingerprint: str
    status: int
    body: str
    sealed: bool = False
    address: str | None = None


class Replay(Exception):
    """The command was committed before, under the same key."""


@dataclass(frozen=True, slots=True)
class Command:
    """The POST that is being handled: its route, key, payload and the status of its success."""

    route: str
    key: str
    payload: bytes
    status: int

    @property
    def digest(self) -> str:
        """Names the record: 128 bits over route and key."""
        return _digest(self.route.encode() + b"\x00" + self.key.encode())

    @property
    def fingerprint(self) -> str:
        """Tells one payload from another."""
        return _digest(self.payload)


_current: ContextVar[Command | None] = ContextVar("command", default=None)


@contextmanager
def handling(command: Command) -> Iterator[None]:
    """Commits within belong to this command."""
    token = _current.set(command)
    try:
        yield
    finally:
        _current.reset(token)


def record(table: Table, actor: Actor, answer: Resource | None) -> Kept | None:
    """The record to commit with the current command, if the caller sent a key. A secret in the answer is sealed."""
    command = _current.get()
    if command is None or answer is None:
        return None
    body = answer.wire().decode()
    if answer.confidential:
        body = _envelope(table).encrypt(actor, command.digest, "body", body)
    return Kept(
        tenant_id=actor.tenant_id,
        digest=command.digest,
        fingerprint=command.fingerprint,
        status=command.status,
        body=body,
        sealed=answer.confidential,
        address=answer.path(),
        expires_at=int(time.time()) + KEPT_SECONDS,
    )


def demand_fresh(table: Table, actor: Actor) -> None:
    """Raises Replay when the current command was done before: for commands whose effect lies outside the table, and
    would be had before the condition could fail."""
    command = _current.get()
    if command is not None and table.get(actor, Kept, digest=command.digest) is not None:
        raise Replay


def body_of(table: Table, actor: Actor, kept: Kept) -> str:
    """The answer's body as the first caller got it."""
    return _envelope(table).decrypt(actor, kept.digest, "body", kept.body) if kept.sealed else kept.body


def _envelope(table: Table) -> Envelope:
    from kernel.crypto import Envelope  # it needs the table, which needs this module

    return Envelope(table)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
