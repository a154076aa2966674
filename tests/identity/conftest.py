"""A pool that is played, and people in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.identity.pool import Pool, playing


@pytest.fixture(autouse=True)
def pool(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """The stack's user pool."""
    monkeypatch.setenv("USER_POOL_ID", "us-east-1_pool1")
    monkeypatch.setenv("USER_POOL_CLIENT_ID", "client1")
    with playing() as played:
        yield played
