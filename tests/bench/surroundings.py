"""What several benchmarks need and is dear to make: one local cloud, brought up when the first of them asks."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from contracts.access import Role
from infra.local import emulator, lifecycle, supervisor
from infra.local.layout import Layout
from tests.e2e.client import Client, Demo


@dataclass(frozen=True)
class Cloud:
    """A running local cloud."""

    layout: Layout
    demo: Demo

    @property
    def emulator_pid(self) -> int:
        """The process whose children are the Lambda workers."""
        process = lifecycle.running(self.layout)[supervisor.EMULATOR]
        assert process is not None
        return process.pid

    def log_in(self) -> AbstractContextManager[Client]:
        """A client of the first organisation's administrator."""
        return self.demo.client(Role.ORGANIZATION_ADMIN)


class Surroundings(ExitStack):
    """Holds what was made, and undoes it at the end."""

    def __init__(self, *, with_peers: bool = False) -> None:
        super().__init__()
        self.with_peers = with_peers

    @cached_property
    def cloud(self) -> Cloud:
        """A local cloud in a folder of its own, gone when the benchmarks are over."""
        home = Path(tempfile.mkdtemp(prefix="palisade-bench-"))
        self.callback(shutil.rmtree, home, ignore_errors=True)
        layout = Layout(home=home, port=emulator.free_port(), aws_port=emulator.free_port())
        self.callback(lifecycle.down, layout)
        lifecycle.up(layout, lambda _step: None)
        return Cloud(layout, Demo(layout.demo))
