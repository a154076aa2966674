"""Every permission that there is, said in words."""

from __future__ import annotations

from contracts.routes import permissions, routes
from functions.access.model import Permission, PermissionUse
from kernel.actor import Actor

VERBS = {
    "cancel": "Cancel",
    "control": "Start, pause, resume and stop",
    "create": "Make",
    "delete": "Remove",
    "export": "Export",
    "read": "See",
    "update": "Change",
    "verify": "Verify",
}
AREAS = {
    "api_keys": "API keys and service accounts",
    "audit": "the audit trail",
    "delegations": "what providers may do in the organisation",
    "members": "the organisation's people",
    "modules": "scan modules and their configuration",
    "organizations": "the organisation itself",
    "policies": "authorisation policies",
    "privacy": "exports and erasures of a person's data",
    "roles": "roles",
    "sso": "single sign-on",
}


def every_permission(actor: Actor) -> list[Permission]:
    """All permissions in the order of their names, with the routes that need them."""
    uses: dict[str, list[PermissionUse]] = {name: [] for name in sorted(permissions())}
    for route in routes():
        if route.permission:
            use = PermissionUse(method=route.method, template=route.template, summary=route.summary)
            uses[route.permission].append(use)
    return [_permission(actor, name, found) for name, found in uses.items()]


def grantable() -> frozenset[str]:
    """What a role can be made of: every permission, and all of an area at once."""
    known = permissions()
    return known | {f"{name.partition(':')[0]}:*" for name in known}


def _permission(actor: Actor, name: str, found: list[PermissionUse]) -> Permission:
    area, _, verb = name.partition(":")
    what = AREAS.get(area, area.replace("_", " "))
    return Permission(
        permission=name,
        area=area,
        verb=verb,
        description=f"{VERBS.get(verb, verb.replace('_', ' ').capitalize())} {what}.",
        held=actor.may(name),
        routes=found,
    )
