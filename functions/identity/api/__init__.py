"""HTTP door of identity."""

from __future__ import annotations

from functions.identity.api import (  # noqa: F401 - they add their routes
    account,
    federation,
    groups,
    members,
    people,
    sessions,
)
from functions.identity.api.app import app, store
from kernel.http import lambda_handler

__all__ = ["app", "handler", "store"]

handler = lambda_handler(app)
