"""Health: whether the platform lives, and whether what it needs answers."""

from __future__ import annotations

from typing import Literal

from kernel.records import Resource


class Health(Resource):
    """The API answers."""

    status: Literal["ok"] = "ok"


class Dependency(Resource):
    """Something the platform needs."""

    name: str
    ok: bool
    milliseconds: float


class Readiness(Resource):
    """Whether the platform can work."""

    ready: bool
    dependencies: list[Dependency]
