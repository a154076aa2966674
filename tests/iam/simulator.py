"""The simulator of IAM, as a process that answers one line with another."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.iam.policies import ACCOUNT, Policy

HERE = Path(__file__).parent
ROLE = f"arn:aws:iam::{ACCOUNT}:role/door"


class Request(NamedTuple):
    """One thing that a role wants to do. `context` are IAM's condition keys, as a sorted tuple of pairs."""

    action: str
    resource: str
    context: tuple[tuple[str, str | tuple[str, ...]], ...] = ()


class Decision(NamedTuple):
    """What IAM says, and why."""

    allowed: bool
    why: str


def is_installed() -> bool:
    """Whether the simulator is there."""
    return (HERE / "node_modules" / "@cloud-copilot" / "iam-simulate").is_dir()


class Simulator:
    """Decides requests; asks the process once for each."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def decide(self, policies: Sequence[Policy], request: Request) -> Decision:
        """Whether the policies allow the request."""
        document = {
            "policies": list(policies),
            "principal": ROLE,
            "action": request.action,
            "resource": request.resource,
            "context": {name: list(value) if isinstance(value, tuple) else value for name, value in request.context},
        }
        with self._lock:
            answer = self._ask(document)
        if answer["why"].startswith("error"):
            raise RuntimeError(f"the simulator could not decide {request}: {answer['why']}")
        return Decision(answer["allowed"], answer["why"])

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate(timeout=10)
            self._process = None

    def _ask(self, document: dict[str, Any]) -> dict[str, Any]:
        if self._process is None:
            self._process = subprocess.Popen(
                ["node", str(HERE / "simulate.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer
