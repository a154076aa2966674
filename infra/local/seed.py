"""The demo: two organisations with a user for each default role, and the right to scan the demo's own domain.

What is there stays as it is, so that seeding again changes nothing; the log-ins are written for scripts, readable
by their owner alone.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import httpx

from contracts.access import Role
from infra.local import clients
from infra.local.endpoints import Endpoints
from infra.operator import Operator
from kernel.ids import new_id

STAGE = "local"
TENANTS = (("Acme Corporation", "acme.example"), ("Globex Industries", "globex.example"))
PLAN = "enterprise"
"""The demo shows everything, and nothing runs out while it is tried."""
DEMO_DOMAIN = "demo.palisade.test"
STATEMENT = "The demo targets run on this machine and belong to whoever started them."

Demo = dict[str, Any]


def seed(endpoints: Endpoints) -> None:
    """Create what is missing and write the demo file."""
    demo = _read(endpoints.demo_file)
    lambdas = clients.client("lambda", endpoints.aws)
    try:
        operator = Operator(lambdas, STAGE)
        tenants = [_tenant(operator, name, domain, demo) for name, domain in TENANTS]
    finally:
        lambdas.close()
    _write(endpoints.demo_file, {"url": endpoints.url, "tenants": tenants, "targets": demo.get("targets", [])})
    for tenant in tenants:
        _attest_demo_domain(endpoints.url, tenant)


def record_targets(demo_file: Path, targets: list[dict[str, str]]) -> None:
    """Note where the demo targets listen: `[{name, kind, address}]`."""
    _write(demo_file, _read(demo_file) | {"targets": targets})


def user_of(demo: Demo, role: Role, tenant: int = 0) -> dict[str, str]:
    """The log-in of a role in a demo tenant."""
    users: list[dict[str, str]] = demo["tenants"][tenant]["users"]
    return next(user for user in users if user["role"] == role)


def _tenant(operator: Operator, name: str, domain: str, demo: Demo) -> Demo:
    known: Demo = next((tenant for tenant in demo.get("tenants", []) if tenant["name"] == name), {})
    organization = operator.create_organization(name, known.get("organization_id", new_id("org")), PLAN)
    organization_id = organization["organization_id"]
    passwords = {user["role"]: user["password"] for user in known.get("users", [])}
    users = [_user(operator, organization_id, role, domain, passwords.get(role)) for role in Role]
    return {"organization_id": organization_id, "name": name, "users": users}


def _user(operator: Operator, organization_id: str, role: Role, domain: str, password: str | None) -> dict[str, str]:
    label = role.value.replace("_", " ")
    user = {
        "email": f"{role.value.replace('_', '.')}@{domain}",
        "password": password or f"Demo-{secrets.token_urlsafe(12)}-1a",
        "role": role.value,
    }
    operator.create_user(organization_id, user["email"], label.capitalize(), role, user["password"])
    return user


def _attest_demo_domain(url: str, tenant: Demo) -> None:
    admin = user_of({"tenants": [tenant]}, Role.ORGANIZATION_ADMIN)
    with httpx.Client(base_url=f"{url}/api/v1", timeout=30) as api:
        login = api.post("/auth/login", json={"email": admin["email"], "password": admin["password"]})
        login.raise_for_status()
        api.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        target = {"pattern": DEMO_DOMAIN, "method": "attestation", "statement": STATEMENT}
        key = {"Idempotency-Key": f"demo-{DEMO_DOMAIN}"}
        known = api.get("/targets").raise_for_status().json()["items"]
        if not any(item["pattern"] == DEMO_DOMAIN for item in known):
            api.post("/targets", json=target, headers=key).raise_for_status()


def _read(file: Path) -> Demo:
    try:
        demo: Demo = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return demo


def _write(file: Path, demo: Demo) -> None:
    """Replace the file whole, with mode 0600 from its first byte."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
        json.dump(demo, output, indent=2)
    fresh.replace(file)
