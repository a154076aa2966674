"""Modules of third parties: Python packages that announce them in the entry point group `palisade.modules`.

A package is installed beside the product when a deployment is built, so that its modules stand in the catalogue like
those that are shipped. What is announced is checked when it is loaded; a faulty package stops the build, not a scan.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from contracts.modules import ModuleFace
from functions.collection.module import Config, Module

GROUP = "palisade.modules"


class ExtensionError(Exception):
    """A package whose module cannot be used; says which and why."""

    def __init__(self, entry: EntryPoint, reason: str) -> None:
        package = entry.dist.name if entry.dist else "an unknown package"
        super().__init__(f"the module {entry.name!r} of {package} cannot be used: {reason}")


def announced() -> tuple[EntryPoint, ...]:
    """What packages announce, in the order of names and packages."""
    return tuple(sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, _package(entry))))


def extensions(shipped: Collection[str], entries: Iterable[EntryPoint] | None = None) -> dict[str, type[Module[Any]]]:
    """The modules of third parties by name; `shipped` are the names that are taken. Raises `ExtensionError`."""
    found: dict[str, type[Module[Any]]] = {}
    for entry in announced() if entries is None else entries:
        if entry.name in shipped:
            raise ExtensionError(entry, "the product has a module of that name")
        if entry.name in found:
            raise ExtensionError(entry, "another package has a module of that name")
        found[entry.name] = checked(entry)
    return found


@cache
def checked(entry: EntryPoint) -> type[Module[Any]]:
    """The module behind an entry point, its face marked with the package it comes from. Raises `ExtensionError`."""
    try:
        module = entry.load()
    except Exception as error:
        # Importing foreign code fails in many ways.
        raise ExtensionError(entry, f"it cannot be imported ({type(error).__name__}: {error})") from error
    _check_class(entry, module)
    _check_face(entry, module.face)
    if entry.dist is not None:
        module.face = module.face.model_copy(update={"package": f"{entry.dist.name} {entry.dist.version}"})
    return module  # type: ignore[no-any-return]  # the class was just checked


def _check_class(entry: EntryPoint, module: Any) -> None:
    if not (inspect.isclass(module) and issubclass(module, Module)):
        raise ExtensionError(entry, "it is no Module")
    if inspect.isabstract(module):
        missing = ", ".join(sorted(module.__abstractmethods__))
        raise ExtensionError(entry, f"it lacks {missing}")
    if not (inspect.isclass(module.config) and issubclass(module.config, Config)):
        raise ExtensionError(entry, "its config is no Config")
    try:
        module.config.model_validate({})
    except ValueError as error:
        raise ExtensionError(entry, f"its config has settings without a default: {error}") from None


def _check_face(entry: EntryPoint, face: Any) -> None:
    if not isinstance(face, ModuleFace):
        raise ExtensionError(entry, "it shows no ModuleFace")
    if face.name != entry.name:
        raise ExtensionError(entry, f"its face says {face.name!r}")
    if not face.consumes or not face.produces:
        raise ExtensionError(entry, "its face must say what it consumes and produces")
    try:
        re.compile(face.matching)
    except re.error as error:
        raise ExtensionError(entry, f"`matching` is no regular expression: {error}") from None
    if entry.dist is not None and face.version != _release(entry.dist.version):
        raise ExtensionError(entry, f"its face says version {face.version}, its package {entry.dist.version}")


def _release(version: str) -> str:
    """A package's version as three numbers: scans pin it."""
    numbers = re.match(r"\d+(?:\.\d+){0,2}", version)
    parts = numbers.group().split(".") if numbers else []
    return ".".join([*parts, "0", "0", "0"][:3])


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else ""
