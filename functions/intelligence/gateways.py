"""The state machines that keep what scans found."""

from __future__ import annotations

import json
from typing import Protocol

from kernel import aws


class Machine(Protocol):
    """Executions about one scan."""

    def settle(self, tenant_id: str, scan_id: str, name: str) -> None:
        """Keep a scan that has ended: compact it, take it into the graph. Once for each name."""

    def forget(self, tenant_id: str, scan_id: str, name: str) -> None:
        """Take a scan that was deleted out of the graph. Once for each name."""

    def take_in(self, tenant_id: str, import_id: str) -> None:
        """Take in a file, once."""

    def join(self, tenant_id: str, name: str) -> None:
        """Join the graphs that people see together. Once for each name."""


class StepFunctions:
    """Machine on AWS Step Functions."""

    def settle(self, tenant_id: str, scan_id: str, name: str) -> None:
        """Keep a scan that has ended."""
        _start("SETTLE_MACHINE_ARN", name, {"tenant_id": tenant_id, "scan_id": scan_id})

    def forget(self, tenant_id: str, scan_id: str, name: str) -> None:
        """Take a scan that was deleted out of the graph."""
        _start("FORGET_MACHINE_ARN", name, {"tenant_id": tenant_id, "scan_id": scan_id})

    def take_in(self, tenant_id: str, import_id: str) -> None:
        """Take in a file, once."""
        _start("IMPORT_MACHINE_ARN", import_id, {"tenant_id": tenant_id, "import_id": import_id})

    def join(self, tenant_id: str, name: str) -> None:
        """Join the graphs that people see together."""
        _start("JOIN_MACHINE_ARN", name, {"tenant_id": tenant_id})


def _start(setting: str, name: str, work: dict[str, str]) -> None:
    client = aws.client("stepfunctions")
    try:
        client.start_execution(stateMachineArn=aws.setting(setting), name=name, input=json.dumps(work))
    except client.exceptions.ExecutionAlreadyExists:
        return
