"""The world outside: the state machine, the clock, and the places where proofs of ownership lie."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from kernel import aws, clock
from kernel.egress.deployment import dns_settings, scan_policy
from kernel.egress.errors import EgressError
from kernel.executions import BAD_ENDS, BrokenOff

if TYPE_CHECKING:
    from kernel.egress.client import Egress

WELL_KNOWN = "/.well-known/palisade-verification.txt"
TXT_LABEL = "_palisade"
SOON = timedelta(seconds=10)
"""Until an alarm that is set now can ring."""


class Machine(Protocol):
    """The executions of scans."""

    def start(self, tenant_id: str, scan_id: str, execution: str = "") -> bool:
        """Start an execution of a scan, once; the first one bears the scan's own name. Whether it begins now."""

    def wake(self, token: str) -> None:
        """Let the execution that waits on the token go on."""

    def broke_off(self, execution: str) -> str | None:
        """Why an execution has ended, in words; None while it goes on, or is not there."""


class StepFunctions:
    """Machine on AWS Step Functions. Executions are named after the scan, so a second start is refused there."""

    def start(self, tenant_id: str, scan_id: str, execution: str = "") -> bool:
        """Start an execution of a scan, once. Whether it begins now."""
        client = aws.client("stepfunctions")
        try:
            client.start_execution(
                stateMachineArn=aws.setting("SCAN_MACHINE_ARN"),
                name=execution or scan_id,
                input=json.dumps({"tenant_id": tenant_id, "scan_id": scan_id}),
            )
        except client.exceptions.ExecutionAlreadyExists:
            return False
        return True

    def wake(self, token: str) -> None:
        """Let the execution that waits on the token go on; a token that was used or timed out is ignored."""
        client = aws.client("stepfunctions")
        try:
            client.send_task_success(taskToken=token, output="{}")
        except (client.exceptions.TaskTimedOut, client.exceptions.InvalidToken, client.exceptions.TaskDoesNotExist):
            return

    def broke_off(self, execution: str) -> str | None:
        """Why an execution has ended; None while it goes on, was never started, or is no longer remembered."""
        client = aws.client("stepfunctions")
        executions = aws.setting("SCAN_MACHINE_ARN").replace(":stateMachine:", ":execution:")
        try:
            found = client.describe_execution(executionArn=f"{executions}:{execution}")
        except client.exceptions.ExecutionDoesNotExist:
            return None
        if found["status"] not in BAD_ENDS:
            return None
        return BrokenOff(execution, found["status"], {}, str(found.get("error") or "")).words


class Clockwork(Protocol):
    """The clock that starts recurring scans."""

    def set(self, tenant_id: str, schedule_id: str, cron: str, timezone: str) -> None:
        """Fire at these times, replacing what was set before."""

    def once(self, tenant_id: str, scan_id: str, at: str) -> None:
        """Fire for a scan at an instant, replacing what was set before."""

    def clear(self, schedule_id: str) -> None:
        """Never fire again."""


class Scheduler:
    """Clockwork on EventBridge Scheduler."""

    def set(self, tenant_id: str, schedule_id: str, cron: str, timezone: str) -> None:
        """Create or replace the schedule."""
        occasion = {"tenant_id": tenant_id, "schedule_id": schedule_id, "occasion": "<aws.scheduler.scheduled-time>"}
        self._put(schedule_id, cron, timezone, occasion)

    def once(self, tenant_id: str, scan_id: str, at: str) -> None:
        """Create or replace a schedule that fires once and is then gone; soon, for an instant that has passed."""
        occasion = {"tenant_id": tenant_id, "scan_id": scan_id, "resumes_at": at}
        self._put(scan_id, f"at({alarm(at)})", "UTC", occasion, ActionAfterCompletion="DELETE")

    def clear(self, schedule_id: str) -> None:
        """Delete the schedule, if there is one."""
        client = aws.client("scheduler")
        try:
            client.delete_schedule(Name=schedule_id, GroupName=aws.setting("SCHEDULE_GROUP"))
        except client.exceptions.ResourceNotFoundException:
            return

    @staticmethod
    def _put(name: str, expression: str, timezone: str, occasion: dict[str, str], **options: Any) -> None:
        client = aws.client("scheduler")
        request = {
            "Name": name,
            "GroupName": aws.setting("SCHEDULE_GROUP"),
            "ScheduleExpression": expression,
            "ScheduleExpressionTimezone": timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": aws.setting("SCHEDULE_TARGET_ARN"),
                "RoleArn": aws.setting("SCHEDULE_ROLE_ARN"),
                "Input": json.dumps(occasion),
            },
            **options,
        }
        try:
            client.create_schedule(**request)
        except client.exceptions.ConflictException:
            client.update_schedule(**request)


def alarm(at: str) -> str:
    """An instant as the clock takes it, in whole seconds and never too early: a scan that is woken before its calendar
    opens rests on, and one whose alarm lies in the past rests for ever."""
    moment = max(clock.parse(at), clock.now() + SOON)
    return (moment + timedelta(microseconds=999_999)).strftime("%Y-%m-%dT%H:%M:%S")


class Proofs(Protocol):
    """Where a proof of ownership is looked for."""

    async def found(self, method: str, pattern: str, challenge: str) -> bool:
        """Whether the challenge stands where its method says."""

    def place(self, method: str, pattern: str) -> str:
        """That place, in words."""


class PublishedProofs:
    """Proofs in DNS and on web sites, through the outbound client."""

    async def found(self, method: str, pattern: str, challenge: str) -> bool:
        """Whether the challenge stands where its method says; what cannot be reached holds no proof."""
        look = self._in_dns if method == "dns_txt" else self._on_site
        try:
            return await look(pattern, challenge)
        except EgressError:
            return False

    def place(self, method: str, pattern: str) -> str:
        """The place in words."""
        return f"the TXT record of {TXT_LABEL}.{pattern}" if method == "dns_txt" else f"https://{pattern}{WELL_KNOWN}"

    async def _in_dns(self, pattern: str, challenge: str) -> bool:
        async with self._egress() as egress:
            answer = await egress.query(f"{TXT_LABEL}.{pattern}", "TXT")
        texts = [text.decode("ascii", "replace") for rows in answer.answer for row in rows for text in row.strings]
        return challenge in texts

    async def _on_site(self, pattern: str, challenge: str) -> bool:
        async with self._egress() as egress:
            response = await egress.get(f"https://{pattern}{WELL_KNOWN}")
        return response.status == 200 and challenge in response.body.decode("utf-8", "replace").splitlines()

    @staticmethod
    def _egress() -> Egress:
        from kernel.egress.client import Egress  # heavy, and only this command needs it

        return Egress(scan_policy(), dns=dns_settings())
