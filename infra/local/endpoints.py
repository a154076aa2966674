"""Where the running local cloud is, for whoever works with it: the seed, the command line, the tests."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Endpoints:
    """The addresses of a local cloud and the outputs of what is deployed there."""

    url: str  # the front door
    aws: str  # for AWS clients
    demo_file: Path  # where the seed writes the demo tenants and log-ins
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)  # by stack name

    def output(self, key: str) -> str | None:
        """The output of that name, whichever stack has it; a stage's prefix of the key plays no part."""
        for stack in self.outputs.values():
            for name, value in stack.items():
                if name == key or name.startswith(key):
                    return value
        return None


@dataclass(frozen=True)
class Origins:
    """What the front door forwards to: an API of the emulator, a WebSocket API, a bucket with the web app."""

    aws: str
    http_api: str | None = None
    web_socket_api: str | None = None
    web_socket_stage: str = "$default"
    web_bucket: str | None = None

    def write(self, file: Path) -> None:
        """Replace the file, so that a reader finds the old origins or the new ones, whole."""
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self)))
        os.replace(fresh, file)


def read_origins(file: Path) -> Origins:
    """The origins that were written last. Raises `OSError` when none were."""
    return Origins(**json.loads(file.read_text()))
