"""HTTP door of intelligence: what scans came to know, each and all together."""

from __future__ import annotations

from functions.intelligence.api import (  # noqa: F401 - they add their routes
    differences,
    graph,
    imports,
    retention,
    rules,
    scans,
)
from functions.intelligence.api.app import app, store
from kernel.http import lambda_handler

__all__ = ["app", "handler", "store"]

handler = lambda_handler(app)
