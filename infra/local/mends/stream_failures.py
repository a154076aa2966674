"""A function that reports failed records of a DynamoDB stream loses them.

`lambda_svc._poll_dynamodb_streams` advances past the whole batch whatever `batchItemFailures` says; for SQS it
reads them. A batch with failures counts as failed here, and is delivered again from its first record: more often
than in AWS, never less.
"""

from __future__ import annotations

from typing import Any

from infra.local.mends import part


def apply() -> None:
    """Take a reported failure for a failure."""
    functions = part("services.lambda_svc")
    execute = functions._execute_function

    def execute_and_read_failures(function: Any, event: Any) -> Any:
        result = execute(function, event)
        if _is_from_a_stream(event) and _failures(result):
            message = f"{len(_failures(result))} records were reported as failed"
            failure = {"errorType": "ReportedBatchItemFailures", "errorMessage": message}
            return {"body": failure, "error": True, "log": result.get("log", "")}
        return result

    functions._execute_function = execute_and_read_failures


def _is_from_a_stream(event: Any) -> bool:
    records: list[dict[str, Any]] = (event.get("Records") or []) if isinstance(event, dict) else []
    return bool(records) and records[0].get("eventSource") == "aws:dynamodb"


def _failures(result: dict[str, Any]) -> list[Any]:
    body = result.get("body")
    return list(body.get("batchItemFailures") or []) if isinstance(body, dict) else []
