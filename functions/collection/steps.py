"""Task doors of the scan state machine: plan a wave, run a batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import msgspec

from contracts.modules import ModuleFace
from contracts.scans import ScanBrief
from functions.collection.gateways import LeasedRate, open_egress, open_session
from functions.collection.model import Remaining
from functions.collection.service import views, waves
from functions.collection.session import Session
from functions.collection.store import Store
from kernel import aws
from kernel.actor import Actor
from kernel.crypto import Envelope
from kernel.observe import task
from kernel.table import Table

store = cache(Store)


@cache
def envelope() -> Envelope:
    """Opens the secret values of module configurations."""
    return Envelope(Table())


@task
def plan(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{scan_id, wave, budget?}`; see `waves.plan_wave`."""
    left = msgspec.convert(event["budget"], Remaining) if event.get("budget") else None
    at_most = int(aws.setting("MAP_CONCURRENCY"))
    return waves.plan_wave(store(), actor, event["scan_id"], event["wave"], left, at_most)


@task
def close(actor: Actor, event: dict[str, Any]) -> dict[str, Any]:
    """Takes `{scan_id, wave}`; see `waves.close_wave`."""
    return waves.close_wave(store(), actor, event["scan_id"], event["wave"])


@task
def run_batch(actor: Actor, event: dict[str, Any]) -> int:
    """Takes `{scan_id, wave, batch}`; how many observations the batch found."""

    @asynccontextmanager
    async def session(brief: ScanBrief, face: ModuleFace) -> AsyncIterator[Session]:
        async with open_egress(brief.scope) as egress:
            own = {face.rate_group: face.rate_per_second} if face.rate_per_second else {}
            rate = LeasedRate(actor, Table(), brief.pace, own)
            yield open_session(egress, brief, rate, face.rate_group)

    def config(face: ModuleFace, values: dict[str, Any]) -> dict[str, Any]:
        secrets = face.secret_fields()
        return {
            name: envelope().decrypt(actor, face.name, name, value) if name in secrets else value
            for name, value in values.items()
        }

    return asyncio.run(
        waves.run_batch(store(), session, config, actor, event["scan_id"], event["wave"], event["batch"])
    )


@task
def hand_in(actor: Actor, event: dict[str, Any]) -> None:
    """Takes `{scan_id, report_id}`: write this context's part of a report."""
    views.hand_in(store(), actor, event["scan_id"], event["report_id"])


@task
def record_loss(actor: Actor, event: dict[str, Any]) -> None:
    """Takes `{scan_id, wave, batch, cause}`: the batch failed in spite of its retries."""
    waves.record_loss(store(), actor, event["scan_id"], event["wave"], event["batch"], event.get("cause") or "unknown")
