"""Executions of a state machine that ended without their own last steps: aborted by hand, out of time, broken.

Step Functions tells the account's bus how each execution of a standard machine ends; a rule leads the bad ends to a
queue of the room that has the machine. What is told comes from Step Functions alone, and carries the input that the
room itself started the execution with: so it says for which tenant it ran. It may come twice, late, or about an
execution that has long been followed by another, and, rarely, not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from kernel import aws, observe
from kernel.actor import Actor
from kernel.consumer import behind_queue
from kernel.ids import is_tenant_id

SOURCE = "aws.states"
BAD_ENDS = {
    "ABORTED": "Somebody who operates the platform ended its execution.",
    "TIMED_OUT": "Its execution ran out of time.",
    "FAILED": "Its execution broke",
}
MAX_ERROR = 100


@dataclass(frozen=True)
class BrokenOff:
    """An execution that ended badly."""

    name: str
    status: str
    work: dict[str, Any]
    """What it was started with."""
    error: str = ""

    @property
    def words(self) -> str:
        """What happened, for people who do not know what an execution is made of."""
        if self.status != "FAILED":
            return BAD_ENDS[self.status]
        return f"{BAD_ENDS[self.status]} ({self.error})." if self.error else f"{BAD_ENDS[self.status]}."


Take = Callable[[Actor, BrokenOff], None]
Door = Callable[[dict[str, Any], object], Any]


def watches(machine: str) -> Callable[[Take], Door]:
    """Makes a door behind the queue of a machine's executions that broke off. The setting `machine` is the machine's
    ARN; what is not about it, or carries no work of a tenant, is left out and logged."""

    def door(take: Take) -> Door:
        def receive(record: SQSRecord) -> None:
            broken = read(json.loads(record.body), aws.setting(machine))
            if broken is None:
                observe.logger().warning("no execution of this machine", extra={"message_id": record.message_id})
                return
            actor = Actor.system(broken.work["tenant_id"])
            with observe.working_for(actor):
                told = {"execution": broken.name, "status": broken.status}
                observe.logger().warning("execution broke off", extra=told)
                take(actor, broken)

        return behind_queue(receive)

    return door


def read(event: dict[str, Any], machine_arn: str) -> BrokenOff | None:
    """What a status change of Step Functions says; None unless it is a bad end of this machine's, with its work."""
    detail = event["detail"]
    executions = machine_arn.replace(":stateMachine:", ":execution:")
    ours = (event.get("source"), detail["stateMachineArn"], detail["executionArn"]) == (
        *(SOURCE, machine_arn),
        f"{executions}:{detail['name']}",
    )
    work = _work(detail.get("input"))
    if not ours or detail["status"] not in BAD_ENDS or work is None:
        return None
    return BrokenOff(detail["name"], detail["status"], work, str(detail.get("error") or "")[:MAX_ERROR])


def _work(given: str | None) -> dict[str, Any] | None:
    """An execution's input; None when it was too large to be told, or is nothing that a room starts one with."""
    try:
        work = json.loads(given or "null")
    except ValueError:
        return None
    return work if isinstance(work, dict) and is_tenant_id(str(work.get("tenant_id"))) else None
