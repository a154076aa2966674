"""Every execution of a state machine sleeps 150 ms before its first state.

`stepfunctions._run_execution` does so unconditionally; the module's clock here skips exactly that sleep.
"""

from __future__ import annotations

import time
from typing import Any

from infra.local.mends import part

START_DELAY = 0.15


def apply() -> None:
    """Start executions at once."""
    part("services.stepfunctions").time = _Clock()


class _Clock:
    """The `time` module, but for the sleep before an execution starts."""

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    @staticmethod
    def sleep(seconds: float) -> None:
        if seconds != START_DELAY:
            time.sleep(seconds)
