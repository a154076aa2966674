"""What lies around single sign-on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.identity.federation.hosted import Around, around
from tests.identity.pool import Pool


@pytest.fixture
def outside(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Around]:
    """Hosted pages, an OpenID provider, a name server."""
    with around(pool, monkeypatch) as made:
        yield made
