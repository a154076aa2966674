"""The audit room's own part of the mocked AWS."""

from __future__ import annotations

import pytest

from tests.audit import clouds


@pytest.fixture
def vault(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key, locked bucket and queues."""
    clouds.set_up(monkeypatch)
