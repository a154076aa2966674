"""Correlation rules: the product's, the organisation's own, and what one would find."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Table

from palisade import output, tables
from palisade.commands.shared import Json, Yes, confirm, connected, segment
from palisade.errors import WrongUsage

app = typer.Typer(help="Correlation rules, which read a scan's facts together.", no_args_is_help=True)
Named = Annotated[str, typer.Argument(metavar="RULE", callback=segment)]
Written = Annotated[Path, typer.Argument(metavar="FILE", help="A rule as YAML; SpiderFoot's format is read.")]
USED = "is used by scans that begin from now on"


@app.command("list")
def list_rules(
    own: Annotated[bool, typer.Option("--own", help="Only those of the organisation's own.")] = False,
    as_json: Json = False,
) -> None:
    """List the rules."""
    with connected() as api:
        found = api.listed("/rules", None)
    if own:
        found = found | {"items": [item for item in found["items"] if not item["shipped"]]}
    columns = {"Rule": "name", "Enabled": "enabled", "Risk": "risk", "Finds": "title"}
    output.show(tables.plain(found["items"], **columns), found, as_json=as_json)


@app.command()
def show(
    name: Named,
    version: Annotated[int | None, typer.Option(min=1, help="A text that it has had, by its number.")] = None,
    as_json: Json = False,
) -> None:
    """Show a rule and its text."""
    with connected() as api:
        found = api.get(f"/rules/{name}", version=version)
    output.show(_rule(found), found, as_json=as_json)


@app.command()
def versions(name: Named, as_json: Json = False) -> None:
    """List the texts that a rule of your own has had: who wrote each, when, and what changed."""
    with connected() as api:
        found = api.get(f"/rules/{name}/versions")
    shown = [tables.details(_version(item)) for item in found["items"]]
    output.show(Group(*shown), found, as_json=as_json)


@app.command()
def rollback(
    name: Named,
    version: Annotated[int, typer.Argument(min=1, help="The number of the text to go back to.")],
    as_json: Json = False,
) -> None:
    """Give a rule of your own a text that it has had."""
    with connected() as api:
        found = api.post(f"/rules/{name}/rollback", {"version": version})
    _tell(found, f"has its text {version} again and {USED}", as_json=as_json)


@app.command()
def add(file: Written, as_json: Json = False) -> None:
    """Add a rule of your own."""
    with connected() as api:
        found = api.post("/rules", {"rule": _text(file)})
    _tell(found, USED, as_json=as_json)


@app.command()
def change(name: Named, file: Written, as_json: Json = False) -> None:
    """Give a rule of your own another text; its id stays."""
    with connected() as api:
        found = api.put(f"/rules/{name}", {"rule": _text(file)})
    _tell(found, USED, as_json=as_json)


@app.command()
def remove(name: Named, yes: Yes = False, as_json: Json = False) -> None:
    """Remove a rule of your own. What it found stays."""
    with connected() as api:
        confirm(f"Remove {output.safe(name)}?", yes=yes)
        api.delete(f"/rules/{name}")
    output.show(f"{output.safe(name)} is removed.", {"name": name, "deleted": True}, as_json=as_json)


@app.command()
def enable(name: Named, as_json: Json = False) -> None:
    """Have scans that begin from now on use a rule."""
    with connected() as api:
        found = api.post(f"/rules/{name}/enable")
    _tell(found, USED, as_json=as_json)


@app.command()
def disable(name: Named, as_json: Json = False) -> None:
    """Have scans that begin from now on do without a rule."""
    with connected() as api:
        found = api.post(f"/rules/{name}/disable")
    _tell(found, "is left out by scans that begin from now on", as_json=as_json)


@app.command("try")
def try_rule(
    file: Written,
    scan: Annotated[str, typer.Argument(metavar="SCAN", help="The scan to try it on.", callback=segment)],
    as_json: Json = False,
) -> None:
    """Try a rule on the facts of a scan. Nothing is stored."""
    with connected() as api:
        found = api.post("/rules/dry-run", {"rule": _text(file), "scan_id": scan})
    output.show(Group(*_trial(found)), found, as_json=as_json)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{file} cannot be read: {error}") from None


def _tell(found: dict[str, Any], what: str, *, as_json: bool) -> None:
    note = _unknown(found)
    said = f"{output.safe(found['name'])} {what}." + (f" {output.safe(note)}" if note else "")
    output.show(said, found, as_json=as_json)


def _unknown(found: dict[str, Any]) -> str:
    """What a rule asks for and nothing here finds; empty when there is nothing of the kind."""
    unknown = ", ".join((*found["unknown_types"], *found.get("unknown_modules", ())))
    return f"Nothing here produces {unknown}: it finds none of these." if unknown else ""


def _version(item: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        ("Version", f"{item['number']}{' (in use)' if item['active'] else ''}"),
        ("By", f"{item['created_by']}, {item['created_at']}"),
        ("What", item["change"]),
        ("Lines", item["difference"]),
    ]


def _rule(found: dict[str, Any]) -> Table:
    pairs = [
        ("Rule", found["name"]),
        ("Finds", found["title"]),
        ("Risk", found["risk"]),
        ("From", "the product" if found["shipped"] else "your organisation"),
        ("Enabled", "yes" if found["enabled"] else "no"),
        ("Means", found["description"].splitlines()),
        ("Remedy", found["remedy"].splitlines()),
        ("Controls", found["controls"]),
        ("Unknown types", found["unknown_types"]),
        ("Unknown modules", found.get("unknown_modules", [])),
        ("Text", (found["text"] or "").splitlines()),
    ]
    return tables.details(pairs)


def _trial(found: dict[str, Any]) -> list[Any]:
    read = f"{found['facts_read']:,} facts were read" + ("" if found["complete"] else ", and there are more")
    shown: list[Any] = [f"{found['matched']:,} hits, {found['left_out']:,} of them not shown; {read}."]
    shown += [output.safe(note) for note in (found.get("note"), _unknown(found)) if note]
    for hit in found["hits"]:
        pairs = [("Hit", hit["headline"]), ("Asset", hit["asset"]), ("Confidence", f"{hit['confidence']:.0%}")]
        shown.append(tables.details([*pairs, ("How it is known", hit["chain"])]))
    return shown
