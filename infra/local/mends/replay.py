"""Play the journal on a restored snapshot. Every record says what is, not what to do, so twice does no harm."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from infra.local.mends import part

logger = logging.getLogger("palisade.replay")


def replay(records: Iterable[list[Any]]) -> None:
    """Apply the records in their order; one that no longer fits (its table was deleted) is left out."""
    for kind, *values in records:
        apply = _KINDS.get(kind)
        if apply is None:
            logger.error("the journal has a record of an unknown kind: %s", kind)
            continue
        apply(*values)


def _table(arn: str) -> tuple[Any, str, str, str]:
    """A table by its ARN, with its account, region and name; the table is None when it is not there."""
    _, _, _, region, account, resource = arn.split(":", 5)
    name = resource.partition("/")[2]
    return part("services.dynamodb")._tables.get_scoped(account, region, name), account, region, name


def _put(arn: str, item: dict[str, Any]) -> None:
    table, *_ = _table(arn)
    if table is not None:
        dynamodb = part("services.dynamodb")
        dynamodb._set_item(table, *_keys(table, item), item)


def _keys(table: Any, item: dict[str, Any]) -> tuple[Any, Any]:
    value_of = part("services.dynamodb")._extract_key_val
    sort = value_of(item[table["sk_name"]]) if table["sk_name"] else "__no_sort__"
    return value_of(item[table["pk_name"]]), sort


def _remove(arn: str, pk: str, sk: str) -> None:
    table, *_ = _table(arn)
    if table is not None:
        part("services.dynamodb")._remove_item(table, pk, sk)


def _items(arn: str, items: list[dict[str, Any]]) -> None:
    table, *_ = _table(arn)
    if table is None:
        return
    table["items"] = defaultdict(dict)
    for item in items:
        partition, sort = _keys(table, item)
        table["items"][partition][sort] = item
    part("services.dynamodb")._items_replaced(table)


def _stream(arn: str, position: int, record: dict[str, Any]) -> None:
    table, account, region, name = _table(arn)
    if table is None:
        return
    dynamodb = part("services.dynamodb")
    scope = (account, region, name)
    if not dynamodb._stream_records.contains_scoped(*scope):
        dynamodb._stream_records.set_scoped(*scope, [])
    records = dynamodb._stream_records.get_scoped(*scope)
    if position >= dynamodb._stream_trimmed.get_scoped(*scope, 0) + len(records):
        records.append(record)


def _message(arn: str, message: dict[str, Any]) -> None:
    for queue in part("services.sqs")._queues.all_values():
        if queue["attributes"].get("QueueArn") == arn and all(m["id"] != message["id"] for m in queue["messages"]):
            queue["messages"].append(message)


def _execution(arn: str, execution: dict[str, Any]) -> None:
    _, _, _, region, account, *_ = arn.split(":")
    part("services.stepfunctions")._executions.set_scoped(account, region, arn, execution)


def _service(name: str, state: dict[str, Any]) -> None:
    text = json.dumps(state)
    restored = json.loads(text, object_hook=part("core.persistence")._json_object_hook)
    service = part(f"services.{name}")
    # Not `reset`: Cognito's would throw away the keys that issued tokens are signed with.
    for store in vars(service).values():
        if type(store).__name__ in ("AccountScopedDict", "AccountRegionScopedDict"):
            store.clear()
    service.load_persisted_state(restored)


def return_in_flight() -> None:
    """Make the messages visible that somebody had received: the restart has ended every receiver."""
    for queue in part("services.sqs")._queues.all_values():
        for message in queue["messages"]:
            if message.get("receipt_handle"):
                message["visible_at"] = 0


_KINDS: dict[str, Callable[..., None]] = {
    "put": _put,
    "remove": _remove,
    "items": _items,
    "stream": _stream,
    "message": _message,
    "execution": _execution,
    "service": _service,
}
