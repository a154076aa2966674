"""The door that Cognito calls before it makes a token."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.identity.service import standing
from functions.identity.store import Store

store = cache(Store)


def pre_token(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Cognito's pre-token-generation trigger, version 2: organisation, roles and permissions go into both tokens."""
    asked = event["request"]
    claims = standing.claims(store(), asked["userAttributes"], asked.get("clientMetadata") or {})
    override = {"claimsToAddOrOverride": claims}
    event["response"] = {
        "claimsAndScopeOverrideDetails": {"accessTokenGeneration": override, "idTokenGeneration": override}
    }
    return event
