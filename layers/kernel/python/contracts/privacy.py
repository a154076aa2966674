"""Privacy: what people have a right to. Each room that holds something about people hands in its part of an export and
erases its part of a person when the job's machine calls its `person` door; it leaves a paper at `part_key`, so that a
job knows which rooms have done theirs, and one that is missing shows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kernel import clock
from kernel.actor import Actor
from kernel.events import Category, Event
from kernel.facts import Facts
from kernel.records import Record, Resource
from kernel.table import Table

EXPORTING = ("identity", "organizations", "access", "developers", "notifications", "scans", "intelligence", "audit")
"""The rooms that hand in what they know of a person."""
ERASING = ("identity", "organizations", "access", "developers", "notifications", "audit")
"""The rooms that erase a person. Everywhere else a person is but an id, which means nothing once nobody has it."""
ERASED_NAME = "Erased person"
Sections = Mapping[str, Iterable[Any]]
"""A part of an export: lists of resources, or of plain objects, by their names."""


class Subject(Record, pk="TENANT#{tenant_id}#PRIVACY", sk="SUBJECT#{job_id}"):
    """Whom a job is about. It is there while the job runs, so that no event and no machine's input names the person."""

    job_id: str
    user_id: str
    email: str
    name: str

    @property
    def pseudonym(self) -> str:
        """What stands in place of the address from now on; nothing leads back from it."""
        return f"{self.job_id.lower()}@erased.invalid"


class TenantErasure(Record, pk="PLATFORM#ERASURES", sk="TENANT#{tenant_id}", platform=True):
    """The proof that a tenant was erased: what there was, and when it was seen that nothing is left."""

    closed_at: str
    erased_at: str | None = None
    items: int = 0
    objects: int = 0
    people: int = 0
    passes: int = 0
    keys_digest: str = ""
    """SHA-256 over the names of all that was removed, chained in the order of removal."""
    data_key_digest: str = ""
    """SHA-256 of the wrapped data key that was destroyed; empty where there was none."""


def part_key(tenant_id: str, job_id: str, room: str) -> str:
    """Where a room's paper lies."""
    return f"{job_prefix(tenant_id, job_id)}parts/{room}.json"


def job_prefix(tenant_id: str, job_id: str) -> str:
    """Where everything of a job lies."""
    return f"tenants/{tenant_id}/privacy/{job_id}/"


def subject_of(table: Table, actor: Actor, job_id: str) -> Subject:
    """Whom a job is about. Raises NotFound when the job is over."""
    return table.require(actor, Subject, job_id=job_id)


def hand_in(facts: Facts, actor: Actor, job_id: str, room: str, sections: Sections) -> dict[str, int]:
    """Leave a room's part of an export: lists of what it has, by their names. How many entries each list has."""
    shown = {name: [_plain(each) for each in entries] for name, entries in sections.items()}
    _leave(facts, actor, job_id, room, {"room": room, "at": clock.timestamp(), "sections": shown})
    return {name: len(entries) for name, entries in shown.items()}


def receipt(facts: Facts, actor: Actor, job_id: str, room: str, counts: Mapping[str, int]) -> dict[str, int]:
    """Leave a room's word that it has erased its part: how many items of each kind."""
    _leave(facts, actor, job_id, room, {"room": room, "at": clock.timestamp(), "erased": dict(counts)})
    return dict(counts)


def _leave(facts: Facts, actor: Actor, job_id: str, room: str, paper: dict[str, Any]) -> None:
    body = json.dumps(paper, ensure_ascii=False, indent=1).encode()
    facts.put(actor, part_key(actor.tenant_id, job_id, room), body, "application/json")


def _plain(entry: Resource | dict[str, Any]) -> dict[str, Any]:
    return entry if isinstance(entry, dict) else entry.model_dump(mode="json", exclude=set(entry.hidden))


class PersonalDataRequested(Event, context="privacy", category=Category.COMPLIANCE):
    """Everything about a person is to be exported."""

    export_id: str
    user_id: str


class PersonalDataExported(Event, context="privacy", category=Category.COMPLIANCE):
    """Everything about a person can be downloaded; `digest` is the file's SHA-256."""

    export_id: str
    user_id: str
    digest: str


class PersonalDataIncomplete(Event, context="privacy", category=Category.COMPLIANCE):
    """An export lacks what these contexts hold, and is not handed out."""

    export_id: str
    user_id: str
    missing: list[str]


class PersonalDataDiscarded(Event, context="privacy", category=Category.COMPLIANCE):
    """An export was removed."""

    export_id: str
    user_id: str


class PersonErasureRequested(Event, context="privacy", category=Category.COMPLIANCE):
    """A person is to be erased when the time to take it back is over."""

    erasure_id: str
    user_id: str
    begins_at: str


class PersonErasureCancelled(Event, context="privacy", category=Category.COMPLIANCE):
    """A person is not to be erased after all."""

    erasure_id: str
    user_id: str


class PersonErasureRefused(Event, context="privacy", category=Category.SECURITY):
    """Somebody wanted to erase a person who cannot be spared: the owner, or the last administrator."""

    user_id: str
    reason: str


class PersonErased(Event, context="privacy", category=Category.COMPLIANCE):
    """Nothing names a person any more; `counts` say how much was erased, by context."""

    erasure_id: str
    user_id: str
    counts: dict[str, int]


class PersonErasureIncomplete(Event, context="privacy", category=Category.COMPLIANCE):
    """A person could not be erased in these contexts; ask again."""

    erasure_id: str
    user_id: str
    missing: list[str]
