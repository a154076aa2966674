"""For whom this context acts when it is not the caller: the clock's mark is behind it."""

from __future__ import annotations

from kernel.actor import Actor


def keeper(tenant_id: str) -> Actor:
    """The platform working for an organisation whose facts the clock looks after."""
    return Actor.system(tenant_id)
