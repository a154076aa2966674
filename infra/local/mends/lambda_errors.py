"""A failed handler's `errorType` is always `Runtime.HandlerError`, and its exception kills the warm worker.

AWS answers the exception's class name, which Retry and Catch of a state machine match on, and keeps the
environment; a runtime that dies is `Runtime.ExitError`. Seen in `lambda_svc._execute_function_warm` (a constant)
and `lambda_runtime.Worker.invoke` (terminate on status `error`): the call after an error pays a cold start.

The worker therefore reports a failure inside an `ok` answer, and it becomes an error again outside.
"""

from __future__ import annotations

from typing import Any

from infra.local.mends import part, worker_script

FAILURE = "palisade.failure"
DIED = "Worker process died"
_REPORT = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
_REPORT_WITHIN_OK = (
    '{"status": "ok", "result": {"' + FAILURE + '": {"errorMessage": str(e), "errorType": type(e).__name__, '
    '"stackTrace": traceback.format_tb(e.__traceback__)}, "trace": traceback.format_exc()}}'
)


def apply() -> None:
    """Carry the real error type, and keep the worker that raised."""
    worker_script.replace(_REPORT, _REPORT_WITHIN_OK)
    functions = part("services.lambda_svc")
    execute = functions._execute_function_warm

    def execute_with_error_type(func: Any, event: Any, request_id: str) -> Any:
        return _with_error_type(execute(func, event, request_id))

    functions._execute_function_warm = execute_with_error_type


def _with_error_type(result: dict[str, Any]) -> dict[str, Any]:
    body = result.get("body")
    if not isinstance(body, dict):
        return result
    if FAILURE in body:
        log = "\n".join(filter(None, [result.get("log", ""), body["trace"]]))
        return {"body": body[FAILURE], "error": True, "log": log}
    if result.get("error") and body.get("errorMessage") == DIED:
        return result | {"body": {"errorMessage": "Runtime exited", "errorType": "Runtime.ExitError"}}
    return result
