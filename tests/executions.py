"""How Step Functions tells that an execution broke off, as a queue behind the rule delivers it."""

from __future__ import annotations

import json
from typing import Any

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:palisade-test"


def status_change(name: str, work: Any, status: str = "ABORTED", /, *, machine: str = MACHINE, **detail: Any) -> Any:
    """The event; `work` is what the execution was started with, as text when it is no JSON."""
    told = {
        "executionArn": f"{machine.replace(':stateMachine:', ':execution:')}:{name}",
        "stateMachineArn": machine,
        "name": name,
        "status": status,
        "input": work if isinstance(work, str | None) else json.dumps(work),
        "inputDetails": {"included": work is not None},
        "error": None,
        "cause": None,
    }
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": told | detail,
    }


def queued(*events: Any) -> dict[str, Any]:
    """A batch of a queue."""
    records = [
        {
            "messageId": f"m{number}",
            "receiptHandle": "r",
            "body": event if isinstance(event, str) else json.dumps(event),
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
            "awsRegion": "us-east-1",
            "md5OfBody": "",
        }
        for number, event in enumerate(events)
    ]
    return {"Records": records}
