"""FastAPI, imported and used so that a door starts quickly. Whoever needs it imports `kernel.http` first.

Two things take a fifth of a door's start and serve no request: FastAPI builds the models of an OpenAPI document while
it is imported, and looks at every type it is shown for models of pydantic 1, which it imports to that end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel


@contextmanager
def _models_wait() -> Iterator[None]:
    """Models defined within are built when they are first used, and not by a `model_rebuild()` before that."""
    rebuild = BaseModel.__dict__["model_rebuild"]

    def only_when_used(model: type[BaseModel], /, **how: Any) -> bool | None:
        """A use says how it rebuilds; the import of a module does not."""
        built: bool | None = rebuild.__func__(model, **how) if how else None
        return built

    BaseModel.model_config["defer_build"] = True
    BaseModel.model_rebuild = classmethod(only_when_used)  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        del BaseModel.model_config["defer_build"]
        BaseModel.model_rebuild = rebuild  # type: ignore[method-assign]


@contextmanager
def no_pydantic_1() -> Iterator[None]:
    """Within, pydantic 1 looks as if it were not installed, unless somebody has imported it."""
    name = "pydantic.v1"
    hidden = sys.modules.setdefault(name, None) is None  # type: ignore[arg-type]
    try:
        yield
    finally:
        if hidden:
            del sys.modules[name]


with _models_wait():
    from fastapi import Query, Request, Response

__all__ = ["Query", "Request", "Response", "no_pydantic_1"]
