"""A local cloud of its own for the tests, with the demo tenants and targets; everything through the front door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.access import Role
from infra.local import emulator, lifecycle
from infra.local.emulator import free_port
from infra.local.layout import Layout
from tests.e2e.client import Client, Demo


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Where this local cloud lives."""
    return Layout(home=tmp_path_factory.mktemp("cloud"), port=free_port(), aws_port=free_port())


@pytest.fixture(scope="session")
def cloud(layout: Layout) -> Iterator[Demo]:
    """The running local cloud."""
    if not emulator.is_current():
        emulator.make_environment()
    try:
        lifecycle.up(layout, print)
        yield Demo(layout.demo)
    finally:
        lifecycle.down(layout)


@pytest.fixture
def admin(cloud: Demo) -> Iterator[Client]:
    """The first tenant's administrator."""
    with cloud.client(Role.ORGANIZATION_ADMIN) as client:
        yield client


@pytest.fixture
def stranger(cloud: Demo) -> Iterator[Client]:
    """The second tenant's administrator."""
    with cloud.client(Role.ORGANIZATION_ADMIN, tenant=1) as client:
        yield client


@pytest.fixture
def aws_url(layout: Layout, cloud: Demo) -> str:
    """The emulator itself."""
    return layout.aws


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    """Where documents go."""
    return tmp_path
