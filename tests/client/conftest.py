"""The client against a server on loopback, with a configuration directory of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from palisade import cli, session
from palisade.session import Session
from tests.client.platform import EMAIL, Platform, serving


@dataclass
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The JSON on stdout, which holds nothing else."""
        return json.loads(self.out)

    @property
    def problem(self) -> Any:
        """The problem on stderr, which holds nothing else."""
        assert self.out == ""
        return json.loads(self.err)


Palisade = Callable[..., Said]


@pytest.fixture
def platform() -> Iterator[Platform]:
    """The server."""
    with serving() as running:
        yield running


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's configuration directory; nothing of the machine's own plays a part."""
    for name in ("PALISADE_URL", "PALISADE_EMAIL", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "palisade"


@pytest.fixture
def palisade(capfd: pytest.CaptureFixture[str]) -> Palisade:
    """Runs one command in this process."""

    def run(*arguments: object) -> Said:
        capfd.readouterr()
        code = cli.main([str(each) for each in arguments])
        return Said(code, *capfd.readouterr())

    return run


@pytest.fixture
def logged_in(platform: Platform) -> Platform:
    """The server, with a session of it kept."""
    session.keep(Session(platform.url, EMAIL, platform.access_token, platform.refresh_token))
    return platform
