"""The state machine that gathers a report's parts."""

from __future__ import annotations

import json
from typing import Protocol

from kernel import aws


class Machine(Protocol):
    """The executions of reports."""

    def start(self, tenant_id: str, report_id: str, scan_id: str) -> None:
        """Start a report's execution, once."""


class StepFunctions:
    """Machine on AWS Step Functions; the execution is named after the report."""

    def start(self, tenant_id: str, report_id: str, scan_id: str) -> None:
        """Start a report's execution, once."""
        client = aws.client("stepfunctions")
        work = {"tenant_id": tenant_id, "report_id": report_id, "scan_id": scan_id}
        try:
            client.start_execution(
                stateMachineArn=aws.setting("REPORT_MACHINE_ARN"), name=report_id, input=json.dumps(work)
            )
        except client.exceptions.ExecutionAlreadyExists:
            return
