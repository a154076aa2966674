"""The state machines that carry a job through the rooms."""

from __future__ import annotations

import json
from typing import Protocol

from kernel import aws


class Machines(Protocol):
    """The executions of jobs."""

    def start(self, machine: str, name: str, work: dict[str, object]) -> None:
        """Start an execution, once."""


class StepFunctions:
    """Machines on AWS Step Functions; an execution is named after its job, or after the event that asked for it."""

    def start(self, machine: str, name: str, work: dict[str, object]) -> None:
        """Start an execution of `export`, `erasure` or `tenant`, once."""
        client = aws.client("stepfunctions")
        arn = aws.setting(f"PRIVACY_{machine.upper()}_MACHINE_ARN")
        try:
            client.start_execution(stateMachineArn=arn, name=name, input=json.dumps(work))
        except client.exceptions.ExecutionAlreadyExists:
            return
