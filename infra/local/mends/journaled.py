"""Which of the emulator's functions change what must not be lost, and what of it is written to the journal."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from infra.local.mends import part
from infra.local.mends.journal import JOURNAL

# Small enough to be written whole after each change.
WHOLE_SERVICES = ("cognito", "scheduler", "kms", "secretsmanager", "ssm")
_UNCHANGING = ("Get", "List", "Describe", "Decrypt", "Encrypt", "GenerateDataKey", "Verify", "Sign")


def wrap_services() -> None:
    """Journal items, streams, messages and executions, and note that invocations leave something to save."""
    _journal_items()
    _journal_streams()
    _journal_messages()
    _journal_executions()
    _note_invocations()


def small_services() -> None:
    """Journal the whole state of each small service after a request that changed it."""
    for name in WHOLE_SERVICES:
        service = part(f"services.{name}")
        service.handle_request = _keeping_whole(name, service, service.handle_request)


def _keeping_whole(name: str, service: Any, handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def handle_and_keep(method: str, path: str, headers: dict[str, str], *rest: Any) -> Any:
        response = await handle(method, path, headers, *rest)
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if method != "GET" and response[0] < 300 and not action.startswith(_UNCHANGING):
            state = json.loads(json.dumps(service.get_state(), default=part("core.persistence")._json_default))
            JOURNAL.write("service", name, state)
        return response

    return handle_and_keep


def _journal_items() -> None:
    dynamodb = part("services.dynamodb")
    set_item, remove_item, replaced = dynamodb._set_item, dynamodb._remove_item, dynamodb._items_replaced
    handle = dynamodb.handle_request

    def set_and_journal(table: Any, pk: str, sk: str, item: Any) -> Any:
        JOURNAL.write("put", table["TableArn"], item)
        return set_item(table, pk, sk, item)

    def remove_and_journal(table: Any, pk: str, sk: str) -> Any:
        JOURNAL.write("remove", table["TableArn"], pk, sk)
        return remove_item(table, pk, sk)

    def replaced_and_journal(table: Any) -> None:
        items = [item for partition in table["items"].values() for item in partition.values()]
        JOURNAL.write("items", table["TableArn"], items)
        replaced(table)

    async def handle_together(*args: Any) -> Any:
        with JOURNAL.together():
            return await handle(*args)

    dynamodb._set_item, dynamodb._remove_item = set_and_journal, remove_and_journal
    dynamodb._items_replaced, dynamodb.handle_request = replaced_and_journal, handle_together


def _journal_streams() -> None:
    dynamodb = part("services.dynamodb")
    emit = dynamodb._emit_stream_event

    def emit_and_journal(table: str, *args: Any, **named: Any) -> None:
        before = dynamodb.stream_end_position(table)
        emit(table, *args, **named)
        for record in dynamodb.stream_records_since(table, before, 1):
            JOURNAL.write("stream", dynamodb._tables[table]["TableArn"], before, record)

    dynamodb._emit_stream_event = emit_and_journal


def _journal_messages() -> None:
    queues = part("services.sqs")
    dispatch = queues._dispatch

    async def dispatch_and_journal(action: str, data: dict[str, Any], url: str) -> Any:
        result = await dispatch(action, data, url)
        if action in ("SendMessage", "SendMessageBatch"):
            _journal_sent(queues, url, result)
        return result

    queues._dispatch = dispatch_and_journal


def _journal_sent(queues: Any, url: str, result: dict[str, Any]) -> None:
    sent = {entry["MessageId"] for entry in result.get("Successful", [result]) if "MessageId" in entry}
    queue = queues._get_q(url)
    for message in queue["messages"][-len(sent) - 10 :]:
        if message["id"] in sent:
            JOURNAL.write("message", queue["attributes"]["QueueArn"], message)


def _journal_executions() -> None:
    machines = part("services.stepfunctions")
    emit = machines._emit_execution_status_event

    def emit_and_journal(execution: dict[str, Any]) -> None:
        if not execution.get("sync"):
            JOURNAL.write("execution", execution["executionArn"], execution)
        emit(execution)

    machines._emit_execution_status_event = emit_and_journal


def _note_invocations() -> None:
    functions = part("services.lambda_svc")
    execute = functions._execute_function_dispatch

    def execute_and_note(*args: Any) -> Any:
        try:
            return execute(*args)
        finally:
            JOURNAL.dirty.set()

    functions._execute_function_dispatch = execute_and_note
