"""What a policy allows whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def statements(policy: str | dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """The statements of a policy, as text or as parsed; none for what cannot be read."""
    try:
        document = json.loads(policy) if isinstance(policy, str) else policy
    except (ValueError, RecursionError):
        return
    found = document.get("Statement", []) if isinstance(document, dict) else []
    for statement in found if isinstance(found, list) else [found]:
        if isinstance(statement, dict):
            yield statement


def allows_anybody(policy: str | dict[str, Any] | None) -> bool:
    """Whether a statement allows any principal without a condition."""
    return any(
        each.get("Effect") == "Allow" and not each.get("Condition") and _is_anybody(each.get("Principal"))
        for each in statements(policy)
    )


def allows_everything(policy: str | dict[str, Any] | None) -> bool:
    """Whether a statement allows every action on every resource."""
    return any(
        each.get("Effect") == "Allow" and "*" in _many(each.get("Action")) and "*" in _many(each.get("Resource"))
        for each in statements(policy)
    )


def refuses_plain_http(policy: str | dict[str, Any] | None) -> bool:
    """Whether a statement denies everybody what does not come over TLS."""
    for each in statements(policy):
        wanted = each.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
        if each.get("Effect") == "Deny" and _is_anybody(each.get("Principal")) and str(wanted).lower() == "false":
            return True
    return False


def _is_anybody(principal: Any) -> bool:
    if isinstance(principal, dict):
        return any("*" in _many(value) for value in principal.values())
    return "*" in _many(principal)


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
