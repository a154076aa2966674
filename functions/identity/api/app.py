"""What the routes share."""

from __future__ import annotations

from functools import cache

from functions.identity.model.accounts import Place, device_name
from functions.identity.store import Store
from kernel.http import Request, Room

app = Room("identity")
store = cache(Store)


def place_of(request: Request) -> Place:
    """Where a request comes from."""
    return Place(
        address=request.client.host if request.client else None,
        device=device_name(request.headers.get("user-agent")),
        request_id=request.state.request_id,
    )
