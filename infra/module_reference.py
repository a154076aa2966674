"""The reference of scan modules, written from their code: an index, and a page for each."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from contracts.modules import ModuleFace
from functions.collection.module import Module
from functions.collection.modules import describe, shipped_modules
from functions.collection.weakness import Check

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "modules"
HEAD = """# Scan modules

{count} modules ship with the product. This index and the pages behind it are generated from the modules' code
(`make generated`). How to write one: [modules](../guides/modules.md); checks as templates:
[templates](../guides/templates.md).

| module | what it does | consumes | invasiveness | checked against |
|---|---|---|---|---|
"""
INVASIVENESS = {
    "passive": "passive: the target is sent nothing",
    "active": "active: ordinary packets are sent to the target",
    "intrusive": "intrusive: what is sent may disturb the target",
}


def pages() -> dict[Path, str]:
    """Every page with its content."""
    modules = shipped_modules()
    faces = {name: describe(module) for name, module in modules.items()}
    written = {FOLDER / f"{name}.md": _page(faces[name], modules[name]) for name in modules}
    return {FOLDER / "README.md": _index(faces.values()), **written}


def _index(faces: Iterable[ModuleFace]) -> str:
    rows = [
        f"| [{face.name}]({face.name}.md) | {_cell(face.summary)} | {_names(face.consumes)} "
        f"| {face.invasiveness.value} | {face.oracle or ''} |"
        for face in faces
    ]
    return HEAD.format(count=len(rows)) + "\n".join(rows) + "\n"


def _page(face: ModuleFace, module: type[Module[Any]]) -> str:
    return "\n\n".join([f"# {face.name}", f"{face.summary}.", *_about(module), _facts(face), *_settings(face),
                        *_checks(module)]) + "\n"  # fmt: skip


def _about(module: type[Module[Any]]) -> Iterator[str]:
    """What its class says of how it works."""
    words = " ".join((module.__doc__ or "").split())
    if words:
        yield words


def _facts(face: ModuleFace) -> str:
    rows = {
        "version": face.version,
        "consumes": _names(face.consumes) + (f", where the value matches `{face.matching}`" if face.matching else ""),
        "produces": _names(face.produces),
        "invasiveness": INVASIVENESS[face.invasiveness.value],
        "cost": face.cost_class.value,
        "rate": f"group `{face.rate_group}`, {face.concurrency} at a time, {face.batch_size} in a batch",
        "depends on": ", ".join(face.depends_on),
        "licence": face.licence,
        "data source": face.data_source,
        "checked against": face.oracle or "",
    }
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {_cell(text)} |" for name, text in rows.items() if text)


def _settings(face: ModuleFace) -> Iterator[str]:
    properties: dict[str, dict[str, Any]] = face.config_schema.get("properties", {})
    if not properties:
        return
    rows = [
        f"| `{name}` | {_cell(_type(schema))} | {_cell(_default(schema))} | {_cell(schema.get('description', ''))} |"
        for name, schema in properties.items()
    ]
    yield "## Settings\n\n| name | type | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows)


def _type(schema: dict[str, Any]) -> str:
    kind = str(schema.get("type") or schema.get("$ref", "").rpartition("/")[2] or "any of several")
    if kind == "array":
        kind = f"list of {_type(schema.get('items', {}))}"
    low, high = schema.get("minimum"), schema.get("maximum")
    bounds = f", {low}–{high}" if low is not None and high is not None else ""  # noqa: RUF001 - a range in print
    return kind + bounds + (", secret" if schema.get("writeOnly") else "")


def _default(schema: dict[str, Any]) -> str:
    if schema.get("writeOnly") or "default" not in schema:
        return ""
    text = json.dumps(schema["default"], ensure_ascii=False)
    return f"`{text}`" if len(text) <= 120 else f"{len(schema['default'])} values"


def _checks(module: type[Module[Any]]) -> Iterator[str]:
    found = sorted(checks_of(module), key=lambda check: check.id)
    if not found:
        return
    rows = [
        f"| `{check.id}` | {check.severity.value} | {_cell(check.title)} | {_cell(check.remedy)} |" for check in found
    ]
    yield "## Checks\n\n| id | severity | title | remedy |\n|---|---|---|---|\n" + "\n".join(rows)


def checks_of(module: type[Module[Any]]) -> set[Check]:
    """The weaknesses that a module's file names, in constants, in tables of them, or by a function `checks`."""
    room = sys.modules[module.__module__]
    found = {value for value in vars(room).values() if isinstance(value, Check)}
    for value in vars(room).values():
        if isinstance(value, dict | tuple | list | frozenset):
            members = value.values() if isinstance(value, dict) else value
            found |= {member for member in members if isinstance(member, Check)}
    named = getattr(room, "checks", None)
    return found | (set(named()) if callable(named) else set())


def _names(types: Iterable[Any]) -> str:
    return ", ".join(str(getattr(kind, "value", kind)) for kind in types)


def _cell(text: Any) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")
