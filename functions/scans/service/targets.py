"""Ownership of targets: a DNS TXT record, a well-known file, or an operator's attestation."""

from __future__ import annotations

import secrets

from contracts.scans import TargetApproved, TargetRevoked
from contracts.targets import parse
from functions.scans.errors import BadTarget, NotVerified
from functions.scans.gateways import Proofs
from functions.scans.model import ApprovedTarget
from functions.scans.schemas import CreateTarget
from functions.scans.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import Invalid
from kernel.events import Event
from kernel.ids import new_id


def create_target(store: Store, actor: Actor, command: CreateTarget) -> ApprovedTarget:
    """Name a target. An attestation approves it at once and is kept with its author; the others await their proof."""
    attested = command.method == "attestation"
    if attested and not command.statement:
        raise Invalid(errors=[{"pointer": "/statement", "detail": "an attestation needs a statement"}])
    target = ApprovedTarget(
        tenant_id=actor.tenant_id,
        target_id=new_id("target"),
        pattern=_pattern(command.pattern),
        method=command.method,
        approved=attested,
        challenge=f"palisade-verification={secrets.token_urlsafe(24)}",
        statement=command.statement,
        created_by=actor.user_id,
        created_at=clock.timestamp(),
    )
    store.add(actor, target, [_approved(target)] if attested else [])
    return target


async def verify_target(store: Store, proofs: Proofs, actor: Actor, target_id: str) -> ApprovedTarget:
    """Look for the proof. Raises NotVerified that says where it was sought."""
    target = store.target(actor, target_id)
    if target.approved:
        return target
    if not await proofs.found(target.method, target.pattern, target.challenge):
        raise NotVerified(f"Expected {target.challenge!r} in {proofs.place(target.method, target.pattern)}.")
    target.approved = True
    store.save(actor, target, _approved(target), answer=target)
    return target


def revoke_target(store: Store, actor: Actor, target_id: str) -> None:
    """Forget a target; scans that run go on, later ones need a new proof."""
    target = store.target(actor, target_id)
    store.remove(actor, target, TargetRevoked(target_id=target.target_id, pattern=target.pattern))


def _pattern(text: str) -> str:
    try:
        target = parse(text)
    except ValueError as error:
        raise BadTarget(errors=[{"pointer": "/pattern", "detail": str(error)}]) from None
    return target.value if "/" in target.value and "://" not in target.value else target.host


def _approved(target: ApprovedTarget) -> Event:
    return TargetApproved(target_id=target.target_id, pattern=target.pattern, method=target.method)
