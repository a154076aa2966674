"""The modules that this deployment ships, one per file."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any, TypeGuard

from contracts.modules import ModuleFace
from functions.collection.module import Module


@cache
def all_modules() -> dict[str, type[Module[Any]]]:
    """Every module by name, in the order of names."""
    found: dict[str, type[Module[Any]]] = {}
    for info in pkgutil.iter_modules(__path__):
        room = importlib.import_module(f"{__name__}.{info.name}")
        for item in vars(room).values():
            if _is_module_of(item, room.__name__):
                found[item.face.name] = item
    return dict(sorted(found.items()))


def load(name: str) -> type[Module[Any]]:
    """One module by name, importing its file alone. Raises KeyError when there is none."""
    if name not in {info.name for info in pkgutil.iter_modules(__path__)}:
        raise KeyError(name)
    room = importlib.import_module(f"{__name__}.{name}")
    return next(item for item in vars(room).values() if _is_module_of(item, room.__name__))


def describe(module: type[Module[Any]]) -> ModuleFace:
    """A module's face with the JSON Schema of its configuration."""
    return module.face.model_copy(update={"config_schema": module.config.model_json_schema()})


def _is_module_of(item: Any, room: str) -> TypeGuard[type[Module[Any]]]:
    return inspect.isclass(item) and issubclass(item, Module) and item.__module__ == room and hasattr(item, "face")
