"""A DynamoDB stream is deaf after a restart: its records are not saved, but the readers' positions are.

`dynamodb.get_state` leaves out `_stream_records`; `lambda_svc` restores "the next is record 500" against a stream
that starts again at 0, and the next 500 records are never delivered. The records that some reader still wants are
saved with the table, at their absolute positions, and those that all have read are dropped from memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from infra.local.mends import part

_trimming = threading.RLock()


def apply() -> None:
    """Save and restore the records of streams."""
    dynamodb = part("services.dynamodb")
    get_state, load = dynamodb.get_state, dynamodb.load_persisted_state

    def state_with_streams() -> Any:
        streams = {"records": dynamodb._stream_records, "trimmed": dynamodb._stream_trimmed}
        return get_state() | {"streams": streams}

    def load_with_streams(data: dict[str, Any]) -> None:
        load(data)
        streams = data.get("streams") or {}
        dynamodb._stream_records.update(streams.get("records", {}))
        dynamodb._stream_trimmed.update(streams.get("trimmed", {}))

    dynamodb.get_state, dynamodb.load_persisted_state = state_with_streams, load_with_streams
    for name in ("stream_records_since", "stream_start_position", "stream_end_position", "stream_live_records"):
        setattr(dynamodb, name, _not_while_trimming(getattr(dynamodb, name)))


def _not_while_trimming(read: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(*args: Any, **named: Any) -> Any:
        with _trimming:
            return read(*args, **named)

    return guarded


def trim() -> None:
    """Drop the records that every Lambda function which reads the stream has got."""
    dynamodb = part("services.dynamodb")
    for (account, region, table), records in list(dynamodb._stream_records.all_items()):
        with _trimming:
            begin = dynamodb._stream_trimmed.get_scoped(account, region, table, 0)
            read = min(_positions(table), default=begin) - begin
            if read > 0:
                del records[:read]
                dynamodb._stream_trimmed.set_scoped(account, region, table, begin + read)


def _positions(table: str) -> list[int]:
    functions = part("services.lambda_svc")
    return [
        functions._dynamodb_stream_positions.get_scoped(account, region, mapping["UUID"], 0)
        for (account, region, _), mapping in list(functions._esms.all_items())
        if f":table/{table}/stream/" in mapping.get("EventSourceArn", "")
    ]
