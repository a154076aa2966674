"""The world around the rooms, as moto and a server on loopback play it: machines, clock, mail, a partner's endpoint."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from kernel import aws
from tests.audit import clouds
from tests.kit import REGION

SENDER = "palisade@example.com"
DEFINITION = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
ROLE = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/any"


MACHINES = tuple(f"{name}_MACHINE_ARN" for name in ("SCAN", "DELIVERY", "REPORT", "SETTLE", "FORGET", "IMPORT", "JOIN"))


def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines, a schedule group and a mail sender, and the settings that name them."""
    for setting in MACHINES:
        answer = aws.client("stepfunctions").create_state_machine(
            name=setting.lower().replace("_", "-"), definition=DEFINITION, roleArn=ROLE
        )
        monkeypatch.setenv(setting, answer["stateMachineArn"])
    aws.client("scheduler").create_schedule_group(Name="palisade")
    clouds.set_up(monkeypatch)
    aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    settings = {
        "SCHEDULE_GROUP": "palisade",
        "SCHEDULE_TARGET_ARN": f"arn:aws:lambda:{REGION}:{DEFAULT_ACCOUNT_ID}:function:clock",
        "SCHEDULE_ROLE_ARN": ROLE,
        "MAIL_SENDER": SENDER,
        "SOCKET_ENDPOINT": f"https://socket.execute-api.{REGION}.amazonaws.com/live",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def tear_down() -> None:
    """The machines, the clock and the mail forget all they did."""
    for service in ("stepfunctions", "scheduler", "ses"):
        get_backend(service)[DEFAULT_ACCOUNT_ID][REGION].reset()


def executions(setting: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and input of every execution that was started on a machine."""
    client = aws.client("stepfunctions")
    found = client.list_executions(stateMachineArn=aws.setting(setting))["executions"]
    inputs = {each["name"]: client.describe_execution(executionArn=each["executionArn"])["input"] for each in found}
    return [(name, json.loads(inputs[name])) for name in sorted(inputs)]


def schedules() -> dict[str, dict[str, Any]]:
    """The clock's schedules by name."""
    client = aws.client("scheduler")
    names = [each["Name"] for each in client.list_schedules(GroupName="palisade")["Schedules"]]
    return {name: client.get_schedule(Name=name, GroupName="palisade") for name in sorted(names)}


def mails() -> list[tuple[str, str, str]]:
    """Address, subject and body of every mail that was sent."""
    messages = get_backend("ses")[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    return [(each.destinations["ToAddresses"][0], each.subject, each.body) for each in messages]


@dataclass
class Receiver:
    """A partner's endpoint: keeps what it got, and answers as `answer` says."""

    url: str
    answer: Callable[[BaseHTTPRequestHandler], None]
    requests: list[tuple[dict[str, str], str]] = field(default_factory=list)


def status(code: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer without a body."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()

    return answer


@contextmanager
def receiving(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[Receiver]:
    """A real server on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            receiver.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            receiver.answer(self)

        do_GET = do_POST

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}/in", answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
