"""One emulator for all contract tests, on a free port, with its state in a temporary directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local import clients, emulator
from tests.infra.local import cloud_kit


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of function sources that the emulator watches, in place of the project's own tree."""
    return tmp_path_factory.mktemp("sources")


@pytest.fixture(scope="session")
def handle(tmp_path_factory: pytest.TempPathFactory, sources: Path) -> Iterator[emulator.Handle]:
    """A running emulator; skipped with its reason where its environment has not been made."""
    if not emulator.interpreter().exists():
        pytest.skip("the emulator's environment is absent: `make up` makes it")
    running = emulator.start(tmp_path_factory.mktemp("state"), emulator.free_port(), sources=(sources,))
    try:
        running.wait_ready()
        yield running
    finally:
        running.stop()


@pytest.fixture
def aws(handle: emulator.Handle) -> Iterator[Callable[[str], Any]]:
    """Makes clients of the running emulator, and closes them."""
    made: list[Any] = []

    def make(service: str) -> Any:
        made.append(clients.client(service, handle.endpoint))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def function(aws: Callable[[str], Any]) -> Iterator[Callable[..., cloud_kit.Function]]:
    """Makes Lambda functions from source text, and deletes them."""
    made: list[cloud_kit.Function] = []

    def make(source: str, **settings: Any) -> cloud_kit.Function:
        made.append(cloud_kit.create_function(aws("lambda"), source, **settings))
        return made[-1]

    yield make
    for each in made:
        each.delete()
