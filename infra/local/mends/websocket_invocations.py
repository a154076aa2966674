"""A WebSocket route calls its function past everything else: no log, one call at a time, errors unnoticed.

`apigateway._invoke_ws_lambda` takes a worker of its own (`get_or_create_worker`) instead of the dispatcher that
HTTP routes use. What it gets here is the dispatcher in the shape of a worker.
"""

from __future__ import annotations

from typing import Any

from infra.local.mends import part


def apply() -> None:
    """Let WebSocket routes invoke like everybody else."""
    part("core.lambda_runtime").get_or_create_worker = _Dispatched


class _Dispatched:
    """One function of the pool, called through the dispatcher."""

    def __init__(self, _name: str, config: dict[str, Any], code: bytes, qualifier: str = "$LATEST") -> None:
        self._record = {"config": config, "code_zip": code, "qualifier": qualifier}

    def invoke(self, event: Any, _request_id: str) -> dict[str, Any]:
        """The worker's answer: its status, and the result or the error's message."""
        result = part("services.lambda_svc")._execute_function(self._record, event)
        if result.get("error"):
            return {"status": "error", "error": "Internal server error"}
        return {"status": "ok", "result": result.get("body")}
