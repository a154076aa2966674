"""Evaluates the policies that a tenant has written. Pure; the engine is loaded with the first policy that is evaluated.

Roles come first: a room's `require` refuses what they do not allow, whatever the policies say. Policies can then take
away. A base policy permits everything, so a tenant's `permit` adds nothing, and a `forbid` beats it. What goes wrong in
an evaluation refuses the request.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from contracts.access import Role
from contracts.routes import PREFIX, singular
from kernel import clock

if TYPE_CHECKING:
    from cedarpy import Entities, PolicySet

BASE = '@id("base") permit(principal, action, resource);\n'
BREAK_GLASS = frozenset({"policies:read", "policies:update", "policies:delete"})
"""An administrator who has shown his second factor can always read, change and remove policies: the way back from a
policy that turned out to forbid too much. A key cannot."""
GLASS_BROKEN = "break-glass"
SERVICE_ACCOUNT = "svc_"
SETS_KEPT = 256
ENTITIES_KEPT = 4096


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request as policies see it. `resource_type` is an area such as `scans`; `at` is an aware time."""

    user_id: str
    organization_id: str
    roles: tuple[str, ...]
    teams: tuple[str, ...]
    permission: str
    method: str
    path: str
    resource_type: str
    resource_id: str | None
    address: str | None
    mfa: bool
    via_api_key: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What policies say to a request: the ids of those that forbid it, and what could not be evaluated."""

    allowed: bool
    determining: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def decide(source: str, request: AuthorizationRequest) -> Decision:
    """The verdict of a compiled set of policies (`contracts.access.PolicySet.source`) on a request that the caller's
    roles allow. Raises nothing: what goes wrong forbids. `break-glass` in `determining` says that the policies forbid
    it, and that the administrators' way back overruled them."""
    decision = judged(source, request)
    if not decision.allowed and breaks_glass(request):
        return Decision(True, (GLASS_BROKEN, *decision.determining), decision.errors)
    return decision


def breaks_glass(request: AuthorizationRequest) -> bool:
    """Whether no policy can stop a request."""
    return (
        request.permission in BREAK_GLASS
        and Role.ORGANIZATION_ADMIN in request.roles
        and request.mfa
        and not request.via_api_key
    )


def judged(source: str, request: AuthorizationRequest) -> Decision:
    """The policies' own verdict, without the administrators' way back."""
    import cedarpy

    try:
        entities = _entities(
            request.user_id,
            request.organization_id,
            request.roles,
            request.teams,
            request.permission,
            request.resource_type,
            request.resource_id or "",
        )
        result = cedarpy.is_authorized(_question(request), _parsed(source), entities)
    except Exception as error:  # the engine's own kinds of error are many, and all of them forbid
        return Decision(False, (), (str(error)[:300],))
    diagnostics = result.diagnostics
    errors = tuple(str(error)[:300] for error in diagnostics.errors)
    if result.allowed and not errors:
        return Decision(True)
    names = () if result.allowed else sorted(set(diagnostics.id_annotations_by_reason.values()))
    return Decision(False, tuple(names), errors)


def entity_type(area: str) -> str:
    """The type of an area's resources: `api_keys` gives `ApiKey`."""
    return "".join(word.capitalize() for word in singular(area).split("_"))


def action_groups(permission: str) -> tuple[str, ...]:
    """The groups of actions that a permission belongs to: its area, its verb over all areas, and everything."""
    area, _, verb = permission.partition(":")
    return f"{area}:*", f"*:{verb}", "*"


@lru_cache(maxsize=SETS_KEPT)
def _parsed(source: str) -> PolicySet:
    import cedarpy

    return cedarpy.PolicySet.from_str(BASE + source)


def _question(request: AuthorizationRequest) -> dict[str, Any]:
    return {
        "principal": {"type": "User", "id": request.user_id},
        "action": {"type": "Action", "id": request.permission},
        "resource": {"type": entity_type(request.resource_type), "id": request.resource_id or ""},
        "context": _context(request),
    }


def _context(request: AuthorizationRequest) -> dict[str, Any]:
    """What policies know of the circumstances. An address that is not known is absent: a policy that asks for it fails,
    and so forbids."""
    at = clock.timestamp(request.at)
    context: dict[str, Any] = {
        "time": _extension("datetime", at),
        "hour": int(at[11:13]),
        "weekday": clock.parse(at).isoweekday(),
        "mfa": request.mfa,
        "via_api_key": request.via_api_key,
        "method": request.method,
        "path": unquote(request.path.removeprefix(PREFIX)),
    }
    if request.address:
        context["address"] = _extension("ip", _plain(request.address))
    return context


@lru_cache(maxsize=ENTITIES_KEPT)
def _plain(address: str) -> str:
    """An address as Cedar reads it: one of IPv4 that comes in IPv6's clothes is one of IPv4. What is no address stays
    as it is, and fails there."""
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(getattr(read, "ipv4_mapped", None) or read)


@lru_cache(maxsize=ENTITIES_KEPT)
def _entities(
    user_id: str,
    organization_id: str,
    roles: tuple[str, ...],
    teams: tuple[str, ...],
    permission: str,
    area: str,
    resource_id: str,
) -> Entities:
    """Who acts, what is done, and to what. The same person does the same things again and again."""
    import cedarpy

    groups = [("Role", name) for name in roles] + [("Team", name) for name in teams]
    user = {
        "uid": {"type": "User", "id": user_id},
        "attrs": {"id": user_id, "service_account": user_id.startswith(SERVICE_ACCOUNT)},
        "parents": [{"type": kind, "id": name} for kind, name in groups],
    }
    action = {
        "uid": {"type": "Action", "id": permission},
        "attrs": {},
        "parents": [{"type": "Action", "id": group} for group in action_groups(permission)],
    }
    resource = {
        "uid": {"type": entity_type(area), "id": resource_id},
        "attrs": {"id": resource_id},
        "parents": [] if resource_id == organization_id else [{"type": "Organization", "id": organization_id}],
    }
    return cedarpy.Entities.from_json_str(json.dumps([user, action, resource]))


def _extension(function: str, argument: str) -> dict[str, Any]:
    return {"__extn": {"fn": function, "arg": argument}}
