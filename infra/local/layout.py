"""Where the local cloud keeps its things below `.local/`, and the ports it takes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from infra.local.emulator import ROOT

# What Lambda functions import from instead of their uploaded code, so that a saved file is live.
SOURCES = (ROOT, ROOT / "layers" / "kernel" / "python")


@dataclass(frozen=True)
class Layout:
    """One local cloud: its directory and its ports."""

    home: Path = ROOT / ".local"
    port: int = 8080
    aws_port: int = 14566
    nameservers: str | None = None  # who answers for which DNS zones, in place of the demo targets' name server

    @classmethod
    def of_environment(cls) -> Layout:
        """The local cloud that `PORT`, `AWS_PORT`, `LOCAL_HOME` and `NAMESERVERS` describe.

        A port that is none raises `ValueError`.
        """
        home = Path(os.environ.get("LOCAL_HOME") or cls.home).resolve()
        named = os.environ.get("NAMESERVERS") or None
        return cls(home, _port("PORT", cls.port), _port("AWS_PORT", cls.aws_port), named)

    @property
    def url(self) -> str:
        """The front door."""
        return f"http://localhost:{self.port}"

    @property
    def aws(self) -> str:
        """The endpoint for AWS clients."""
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def state(self) -> Path:
        """What survives: the emulator's state."""
        return self.home / "state"

    @property
    def deployed(self) -> Path:
        """What was deployed, by stack."""
        return self.home / "state" / "deployed.json"

    @property
    def origins(self) -> Path:
        """What the front door forwards to."""
        return self.home / "state" / "origins.json"

    @property
    def demo(self) -> Path:
        """The demo tenants and log-ins, for scripts."""
        return self.home / "demo.json"

    @property
    def targets(self) -> Path:
        """The demo targets' certificate, and, while they run, where they listen."""
        return self.home / "targets"

    @property
    def reports(self) -> Path:
        """The reports of the scans that `make run` made."""
        return self.home / "reports"

    @property
    def assemblies(self) -> Path:
        """The synthesised templates, by the digest of their sources."""
        return self.home / "assemblies"

    def log(self, process: str) -> Path:
        """The log of one background process."""
        return self.home / "logs" / f"{process}.log"

    def run_file(self, process: str) -> Path:
        """Where a background process is remembered."""
        return self.home / "run" / f"{process}.json"


def _port(variable: str, default: int) -> int:
    value = os.environ.get(variable) or str(default)
    if not value.isdigit() or not 1024 <= int(value) <= 65535:
        raise ValueError(f"{variable}={value} is not a port between 1024 and 65535.")
    return int(value)
