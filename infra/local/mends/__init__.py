"""What the local cloud's emulator gets wrong, put right from outside, one module for each fault.

Every module has `apply()`, called once before the emulator serves. They touch private names of one pinned
version, so each has a contract test in tests/infra/local: an upgrade that breaks a mend says so there.
"""

from __future__ import annotations

import importlib
from typing import Any

MENDS = (
    "worker_script",
    "lambda_errors",
    "lambda_logs",
    "cold_starts",
    "hot_reload",
    "template_properties",
    "missing_types",
    "execution_start",
    "state_language",
    "stream_positions",
    "stream_failures",
    "queue_addresses",
    "refresh_tokens",
    "federation",
    "durability",
    "interrupted_executions",
    "interrupted_stacks",
    "route_specificity",
    "websocket_invocations",
    "tenant_walls",
    "foreign_hosts",
)


def part(name: str) -> Any:
    """A module of the emulator by its name below the package (`services.sqs`), untyped as it comes."""
    return importlib.import_module(f"ministack.{name}")


def apply_all() -> None:
    """Apply every mend, in order. Raises `MendError` when the emulator is not the version they fit."""
    for name in MENDS:
        importlib.import_module(f"{__name__}.{name}").apply()


class MendError(Exception):
    """The emulator does not look as the mend expects: it was upgraded, and the mend wants another look."""
