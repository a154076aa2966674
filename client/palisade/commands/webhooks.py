"""Endpoints that are told what happens."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from palisade import output, tables
from palisade.commands.shared import Json, Limit, Yes, confirm, connected, most, segment
from palisade.errors import NotDelivered

app = typer.Typer(help="Endpoints that are told what happens.")
WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", callback=segment)]
COLUMNS = {"Id": "webhook_id", "URL": "url", "Events": "event_types", "Enabled": "enabled", "Since": "created_at"}
DELIVERIES = {
    "Event": "event_id",
    "Type": "event_type",
    "Status": "status",
    "Attempts": "tries",
    "Last_answer": "answer",
    "Created": "created_at",
    "Next_attempt": "next_attempt_at",
}


@app.callback(invoke_without_command=True)
def list_webhooks(context: typer.Context, as_json: Json = False) -> None:
    """List the endpoints."""
    if context.invoked_subcommand is not None:
        return
    with connected() as api:
        found = api.get("/webhooks")
    output.show(tables.plain(found["items"], **COLUMNS), found, as_json=as_json)


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL")],
    event: Annotated[
        list[str] | None, typer.Option(help="An event type, such as ScanEnded.v1 (repeatable); * for all.")
    ] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: Json = False,
) -> None:
    """Register an endpoint. Its signing secret is shown this once."""
    with connected() as api:
        found = api.post("/webhooks", {"url": url, "event_types": event or ["*"], "description": description})
    _tell_secret(found, as_json=as_json)


@app.command("rotate-secret")
def rotate_secret(webhook: WebhookId, as_json: Json = False) -> None:
    """Make a new signing secret; for a day, deliveries carry a signature by each."""
    with connected() as api:
        found = api.post(f"/webhooks/{webhook}/rotate-secret")
    _tell_secret(found, as_json=as_json)


@app.command("test")
def send_test(webhook: WebhookId, as_json: Json = False) -> None:
    """Send a test event now, and see how the endpoint takes it."""
    with connected() as api:
        found = api.post(f"/webhooks/{webhook}/test")
    _tell_delivery(found, as_json=as_json)


@app.command()
def deliveries(webhook: WebhookId, limit: Limit = 20, as_json: Json = False) -> None:
    """List what was sent to an endpoint, the newest first."""
    with connected() as api:
        found = api.listed(f"/webhooks/{webhook}/deliveries", most(limit))
    items = [_flat(item) for item in found["items"]]
    output.show(tables.plain(items, **DELIVERIES), found, as_json=as_json)


@app.command()
def replay(
    webhook: WebhookId, event: Annotated[str, typer.Argument(metavar="EVENT", callback=segment)], as_json: Json = False
) -> None:
    """Send a delivery once more."""
    with connected() as api:
        found = api.post(f"/webhooks/{webhook}/deliveries/{event}/replay")
    _tell_delivery(found, as_json=as_json)


@app.command()
def remove(webhook: WebhookId, yes: Yes = False, as_json: Json = False) -> None:
    """Remove an endpoint."""
    with connected() as api:
        confirm(f"Remove {output.safe(webhook)}?", yes=yes)
        api.delete(f"/webhooks/{webhook}")
    output.show(f"{output.safe(webhook)} is removed.", {"webhook_id": webhook, "deleted": True}, as_json=as_json)


def _tell_secret(found: dict[str, Any], *, as_json: bool) -> None:
    output.show(tables.fields(found, **COLUMNS, Signed_with="signing_secret"), found, as_json=as_json)
    if not as_json:
        output.hint("Keep the secret now: it is not shown again.")


def _tell_delivery(found: dict[str, Any], *, as_json: bool) -> None:
    """Show a delivery. Raises NotDelivered when the endpoint did not take it."""
    flat = _flat(found)
    output.show(tables.fields(flat, **DELIVERIES), found, as_json=as_json)
    if found["status"] != "delivered":
        raise NotDelivered(f"The endpoint did not take it: {flat['answer']}.")


def _flat(delivery: dict[str, Any]) -> dict[str, Any]:
    """A delivery with its attempts in brief."""
    attempts = delivery.get("attempts", [])
    last = attempts[-1] if attempts else {}
    answer = last.get("error") or last.get("status") or "no answer"
    return {"next_attempt_at": None} | delivery | {"tries": len(attempts), "answer": answer}
