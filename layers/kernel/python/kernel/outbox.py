"""The outbox: events wait in the table, in the transaction that made them true, until the relay publishes them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

from kernel import aws, clock, observe
from kernel.actor import Actor
from kernel.attributes import from_item
from kernel.events import Envelope, Event, Origin
from kernel.ids import new_id
from kernel.records import Hidden, Record

KEPT_SECONDS = 7 * 86400
MAX_ENTRIES = 10
MAX_BYTES = 250_000
"""What one PutEvents takes: ten entries, and 256 KB of them together."""
SOURCE_PREFIX = "palisade."
Entry = dict[str, str]
"""An event as PutEvents takes it."""


class Outbox(Record, pk="TENANT#{tenant_id}#OUTBOX#{hour}", sk="EVENT#{event_id}"):
    """One event that waits or has been published; kept a week for redrive. A partition is an hour."""

    hour: str
    event_id: str
    envelope: Hidden[str]


def outbox_record(actor: Actor, event: Event, sequence: int) -> Outbox:
    """The event as it is committed."""
    at = clock.timestamp()
    envelope = Envelope(
        id=new_id("evt"),
        type=event.type,
        context=event.context,
        tenant_id=actor.tenant_id,
        category=event.category,
        at=at,
        sequence=sequence,
        origin=_origin(actor),
        request_id=actor.request_id,
        trace_id=os.environ.get("_X_AMZN_TRACE_ID"),
        data=event.model_dump(mode="json"),
    )
    return Outbox(
        tenant_id=actor.tenant_id,
        hour=at[:13],
        event_id=envelope.id,
        envelope=envelope.model_dump_json(),
        expires_at=int(time.time()) + KEPT_SECONDS,
    )


def _origin(actor: Actor) -> Origin:
    return Origin(
        user_id=actor.user_id,
        email=actor.email,
        address=actor.address,
        key_id=actor.key_id,
        provider_id=actor.provider_id,
    )


def relay(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Lambda handler on the table's stream: publish new outbox items on the bus, in order.

    The first record that cannot be published is reported, and the stream resumes from it: at least once, none lost.
    """
    changes = [record["dynamodb"] for record in event["Records"] if _is_outbox_insert(record)]
    pending = [(change["SequenceNumber"], _entry(change["NewImage"])) for change in changes]
    for chunk in _chunks(pending):
        failed = _publish([entry for _, entry in chunk])
        if failed is not None:
            return {"batchItemFailures": [{"itemIdentifier": chunk[failed][0]}]}
        observe.count("EventsPublished", len(chunk))
    return {"batchItemFailures": []}


def _is_outbox_insert(record: dict[str, Any]) -> bool:
    partition = record["dynamodb"].get("Keys", {}).get("pk", {}).get("S", "")
    return record["eventName"] == "INSERT" and "#OUTBOX#" in partition


def _chunks(pending: Sequence[tuple[str, Entry]]) -> Iterator[list[tuple[str, Entry]]]:
    """The entries in their order, as many at once as one call takes."""
    chunk: list[tuple[str, Entry]] = []
    size = 0
    for number, entry in pending:
        weight = sum(len(text.encode()) for text in entry.values())
        if chunk and (len(chunk) == MAX_ENTRIES or size + weight > MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append((number, entry))
        size += weight
    if chunk:
        yield chunk


def _publish(entries: list[Entry]) -> int | None:
    """Put events on the bus; the position of the first that failed, or None."""
    answer = aws.client("events").put_events(Entries=entries)
    if not answer.get("FailedEntryCount"):
        return None
    return next(position for position, entry in enumerate(answer["Entries"]) if "ErrorCode" in entry)


def _entry(image: dict[str, Any]) -> Entry:
    envelope = Envelope.model_validate_json(from_item(image)["envelope"])
    return {
        "EventBusName": aws.setting("BUS_NAME"),
        "Source": SOURCE_PREFIX + envelope.context,
        "DetailType": envelope.type,
        "Detail": envelope.model_dump_json(),
    }
