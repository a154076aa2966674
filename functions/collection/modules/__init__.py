"""The modules of this deployment: those that are shipped, one per file, and those of installed packages."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any, NoReturn, TypeGuard

from contracts.modules import ModuleFace
from functions.collection.extensions import announced, checked, extensions
from functions.collection.module import Module


@cache
def all_modules() -> dict[str, type[Module[Any]]]:
    """Every module by name, in the order of names. Raises `ExtensionError` for a faulty package."""
    shipped = shipped_modules()
    return dict(sorted({**shipped, **extensions(shipped)}.items()))


@cache
def shipped_modules() -> dict[str, type[Module[Any]]]:
    """Those that come with the product."""
    found: dict[str, type[Module[Any]]] = {}
    for info in pkgutil.iter_modules(__path__):
        room = importlib.import_module(f"{__name__}.{info.name}")
        for item in vars(room).values():
            if _is_module_of(item, room.__name__):
                found[item.face.name] = item
    return dict(sorted(found.items()))


def load(name: str) -> type[Module[Any]]:
    """One module by name, importing its file or package alone. Raises KeyError when there is none."""
    if name not in _shipped_names():
        return checked(next((entry for entry in announced() if entry.name == name), None) or _missing(name))
    room = importlib.import_module(f"{__name__}.{name}")
    return next(item for item in vars(room).values() if _is_module_of(item, room.__name__))


def _shipped_names() -> frozenset[str]:
    return frozenset(info.name for info in pkgutil.iter_modules(__path__))


def _missing(name: str) -> NoReturn:
    raise KeyError(name)


def describe(module: type[Module[Any]]) -> ModuleFace:
    """A module's face with the JSON Schema of its configuration."""
    return module.face.model_copy(update={"config_schema": module.config.model_json_schema()})


def _is_module_of(item: Any, room: str) -> TypeGuard[type[Module[Any]]]:
    return inspect.isclass(item) and issubclass(item, Module) and item.__module__ == room and hasattr(item, "face")
