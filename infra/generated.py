"""What is generated from the code and committed, so that it can be read, diffed and served:
`python -m infra.generated` writes it, `--check` fails when it is stale."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fastapi.routing import APIRoute

from contracts import all_events, routes
from functions.collection import catalogue
from functions.identity import scim
from infra import module_reference, rule_reference
from kernel.events import Event, event_schema
from kernel.http import PREFIX, Room
from kernel.http.openapi import document, permission_of

ROOT = Path(__file__).resolve().parents[1]
VERSION = "1.0.0"


def doors() -> Iterator[Room]:
    """Every HTTP application: those of the API, and what speaks somebody else's protocol beside it."""
    yield from rooms()
    yield scim.app


def rooms() -> Iterator[Room]:
    """The HTTP application of every context that has one."""
    folder = ROOT / "functions"
    for file in sorted((*folder.glob("*/api.py"), *folder.glob("*/api/__init__.py"))):
        yield importlib.import_module(f"functions.{file.relative_to(folder).parts[0]}.api").app


def openapi() -> dict[str, Any]:
    """The API, OpenAPI 3.1."""
    return document(rooms(), VERSION)


def route_table() -> list[routes.Route]:
    """Every route with the permission that it needs, in the order of their paths."""
    found = [
        routes.Route(method, _lies_at(room, route), permission_of(route)[1], (route.endpoint.__doc__ or "").strip())
        for room in doors()
        for route in room.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]
    return sorted(found, key=lambda route: (route.template, route.method))


def _lies_at(room: Room, route: APIRoute) -> str:
    """The route's path in the API; what lies elsewhere is named in full."""
    return route.path if room.prefix == PREFIX else room.prefix + route.path


def asyncapi() -> dict[str, Any]:
    """The events, AsyncAPI 3.0: one channel for each context, one message for each type."""
    events = all_events()
    messages = {name: _message(name, kind) for name, kind in events.items()}
    contexts = sorted({kind.context for kind in events.values()})
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Palisade events", "version": VERSION},
        "defaultContentType": "application/json",
        "channels": {
            context: {
                "address": f"palisade.{context}",
                "messages": {
                    name: {"$ref": f"#/components/messages/{name}"}
                    for name, kind in events.items()
                    if kind.context == context
                },
            }
            for context in contexts
        },
        "operations": {
            f"receive-{context}": {"action": "receive", "channel": {"$ref": f"#/channels/{context}"}}
            for context in contexts
        },
        "components": {"messages": messages},
    }


def _message(name: str, kind: type[Event]) -> dict[str, Any]:
    summary = (kind.__doc__ or "").strip()
    return {"name": name, "title": name, "summary": summary, "payload": _rebased(name, event_schema(kind))}


def _rebased(name: str, schema: Any) -> Any:
    """JSON Schema's local references count from the schema; in the document they count from its root."""
    if isinstance(schema, list):
        return [_rebased(name, item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {key: _rebased(name, value) for key, value in schema.items()}
    if isinstance(moved.get("$ref"), str):
        moved["$ref"] = moved["$ref"].replace("#/", f"#/components/messages/{name}/payload/", 1)
    return moved


def files() -> dict[Path, str]:
    """Every generated file with its content."""
    return {
        catalogue.PATH: catalogue.rendered(),
        ROOT / "functions" / "monitoring" / "openapi.json": _json(openapi()),
        ROOT / "docs" / "events" / "asyncapi.json": _json(asyncapi()),
        routes.PATH: _rows(route_table()),
        **module_reference.pages(),
        **rule_reference.pages(),
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=False, ensure_ascii=False) + "\n"


def _rows(rows: Iterable[Any]) -> str:
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"


def main() -> None:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    texts = files()
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
    if check and stale:
        sys.exit("stale, run `make generated`: " + ", ".join(str(path.relative_to(ROOT)) for path in stale))
    for path in [] if check else stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path])


if __name__ == "__main__":
    main()
