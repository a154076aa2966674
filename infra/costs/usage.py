"""What an operation uses of AWS, and where the measured figures are kept."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).with_name("measured.json")


@dataclass(frozen=True)
class Usage:
    """The AWS calls of one piece of work by `Service.Operation`, its DynamoDB request units, the events that it
    committed, and the milliseconds of its own code (measured on the machine that wrote the file, calls left out)."""

    calls: dict[str, int] = field(default_factory=dict)
    reads: float = 0.0
    writes: float = 0.0
    events: tuple[str, ...] = ()
    milliseconds: float = 0.0

    def count(self, service: str) -> int:
        """The calls to one service."""
        return sum(number for name, number in self.calls.items() if name.startswith(f"{service}."))

    @property
    def total(self) -> int:
        """All calls."""
        return sum(self.calls.values())


@dataclass(frozen=True)
class Measured:
    """Everything that was measured: HTTP operations by `METHOD /path`, consumers by event type and room, and the
    steps of a scan by name. `scan` says how many waves and batches the measured scan had."""

    operations: dict[str, Usage]
    consumers: dict[str, dict[str, Usage]]
    steps: dict[str, Usage]


def read(file: Path = MEASURED) -> Measured:
    """The committed measurements."""
    found = json.loads(file.read_text())
    return Measured(
        operations={name: _usage(each) for name, each in found["operations"].items()},
        consumers={
            kind: {room: _usage(each) for room, each in rooms.items()} for kind, rooms in found["consumers"].items()
        },
        steps={name: _usage(each) for name, each in found["steps"].items()},
    )


def write(measured: Measured, file: Path = MEASURED) -> None:
    """Replace the committed measurements."""
    file.write_text(json.dumps(asdict(measured), indent=1, sort_keys=True) + "\n")


def together(usages: Iterable[Usage]) -> Usage:
    """Several usages as one."""
    calls: dict[str, int] = {}
    reads = writes = milliseconds = 0.0
    events: list[str] = []
    for usage in usages:
        for name, number in usage.calls.items():
            calls[name] = calls.get(name, 0) + number
        reads, writes = reads + usage.reads, writes + usage.writes
        milliseconds += usage.milliseconds
        events += usage.events
    return Usage(calls, reads, writes, tuple(events), milliseconds)


def _usage(found: dict[str, Any]) -> Usage:
    return Usage(**{**found, "events": tuple(found["events"])})
