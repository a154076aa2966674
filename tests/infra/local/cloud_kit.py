"""What the contract tests of the emulator share: small functions, stacks and waiting."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
ROLE = "arn:aws:iam::000000000000:role/any"


@dataclass
class Function:
    """A Lambda function of a test."""

    client: Any
    name: str
    arn: str

    def invoke(self, event: object = None) -> Any:
        """The function's answer, or what it says of its error."""
        answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(event))
        with answer["Payload"] as body:
            return json.loads(body.read() or b"null")

    def delete(self) -> None:
        """Remove it, with its workers."""
        self.client.delete_function(FunctionName=self.name)


def create_function(client: Any, source: str, *, handler: str = "room.handler", **settings: Any) -> Function:
    """A function whose module `room` is `source`."""
    name = f"f-{uuid.uuid4().hex[:8]}"
    made = client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=ROLE,
        Handler=handler,
        Code={"ZipFile": archive({"room.py": source})},
        **({"Timeout": 10} | settings),
    )
    return Function(client, name, made["FunctionArn"])


def archive(files: dict[str, str]) -> bytes:
    """A zip of the files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for path, text in files.items():
            zipped.writestr(path, text)
    return buffer.getvalue()


def until(look: Callable[[], T | None], what: str, seconds: float = 20) -> T:
    """The first answer of `look` that is not falsy; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come about within {seconds} s")


def deploy(cloudformation: Any, resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> str:
    """Create a stack of these resources and return its name; fails with the events of a stack that fails."""
    name = f"s-{uuid.uuid4().hex[:8]}"
    template = {"Resources": resources, "Outputs": outputs or {}}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    until(lambda: _finished(cloudformation, name), f"stack {name}")
    return name


def _finished(cloudformation: Any, name: str) -> bool:
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    if stack["StackStatus"] in ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"):
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        raise AssertionError([event.get("ResourceStatusReason") for event in events])
    return bool(stack["StackStatus"] == "CREATE_COMPLETE")


def outputs(cloudformation: Any, name: str) -> dict[str, str]:
    """A stack's outputs by their keys."""
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
