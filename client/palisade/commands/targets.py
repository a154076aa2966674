"""What the organisation may scan."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from palisade import output, tables
from palisade.commands.shared import Json, Yes, confirm, connected, segment
from palisade.errors import WrongUsage

app = typer.Typer(help="What the organisation may scan, and how it showed that.")
TargetId = Annotated[str, typer.Argument(metavar="TARGET_ID", callback=segment)]
COLUMNS = {"Id": "target_id", "Target": "pattern", "Approved": "approved", "By": "method", "Since": "created_at"}


class Proof(StrEnum):
    """How the right to scan is shown."""

    DNS_TXT = "dns_txt"
    WELL_KNOWN = "well_known"
    ATTESTATION = "attestation"


@app.callback(invoke_without_command=True)
def list_targets(context: typer.Context, as_json: Json = False) -> None:
    """List the targets that the organisation named."""
    if context.invoked_subcommand is not None:
        return
    with connected() as api:
        found = api.listed("/targets", None)
    output.show(tables.plain(found["items"], **COLUMNS), found, as_json=as_json)


@app.command()
def add(
    pattern: Annotated[str, typer.Argument(metavar="TARGET", help="A host, domain, address or network.")],
    method: Annotated[Proof, typer.Option(help="How you show that you may scan it.")] = Proof.DNS_TXT,
    attest: Annotated[str | None, typer.Option(metavar="STATEMENT", help="With attestation: who allowed it.")] = None,
    as_json: Json = False,
) -> None:
    """Name a target, and learn which proof to publish."""
    if attest is None and method is Proof.ATTESTATION:
        raise WrongUsage("An attestation needs --attest 'who allowed the scan'.")
    shown = Proof.ATTESTATION if attest else method
    with connected() as api:
        found = api.post("/targets", {"pattern": pattern, "method": shown.value, "statement": attest})
    _tell(found, as_json=as_json)


@app.command()
def verify(target_id: TargetId, as_json: Json = False) -> None:
    """Look for the proof now."""
    with connected() as api:
        found = api.post(f"/targets/{target_id}/verify")
    _tell(found, as_json=as_json)


@app.command()
def remove(target_id: TargetId, yes: Yes = False, as_json: Json = False) -> None:
    """Forget a target; later scans need a new proof."""
    with connected() as api:
        confirm(f"Forget {output.safe(target_id)}?", yes=yes)
        api.delete(f"/targets/{target_id}")
    said = {"target_id": target_id, "deleted": True}
    output.show(f"{output.safe(target_id)} is forgotten.", said, as_json=as_json)


def _tell(found: dict[str, Any], *, as_json: bool) -> None:
    output.show(tables.fields(found, **COLUMNS), found, as_json=as_json)
    if not (found["approved"] or as_json):
        output.hint(_next_step(found))


def _next_step(found: dict[str, Any]) -> str:
    challenge = output.safe(found["challenge"])
    place = "a TXT record" if found["method"] == Proof.DNS_TXT else "the well-known file"
    return f"Publish {challenge} in {place}, then `palisade targets verify {output.safe(found['target_id'])}`."
