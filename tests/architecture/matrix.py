"""The matrix: every operation of the API, asked by everybody who might ask for it.

A request goes as it does in the cloud: a signed token through the authorizer, and what that says to the room.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from contracts.access import Role, permissions_of
from contracts.identity import SessionRecord
from contracts.organizations import Tenancy
from functions.access import tokens
from functions.access.triggers import authorize
from functions.access.triggers import store as entrance
from kernel import aws, clock
from kernel.actor import Actor
from kernel.attributes import from_item
from kernel.errors import Conflict
from kernel.http.app import gateway_event
from kernel.ids import new_id
from kernel.records import Record
from kernel.table import Table, create, update
from tests.architecture.scenes import Request
from tests.kit import REGION, Answer, Handler, addressed

CLIENT, POOL = "client", f"{REGION}_pool"
OURS = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGERS = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ANY_ID = re.compile(r"[a-z]+_[0-7][0-9A-HJKMNP-TV-Z]{25}")
UNAUTHENTICATED = ("none", "expired", "wrong audience", "ID token", "another pool", "a stranger's key", "revoked")
"""Ways not to be logged in."""


class KnownKeys:
    """The pool's key set, as the authorizer asks it."""

    def get_signing_key_from_jwt(self, _token: str) -> Any:
        return NamedTuple("Key", [("key", Any)])(OURS.public_key())


@contextmanager
def issuing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The authorizer knows our keys and remembers nobody."""
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("USER_POOL_ID", POOL)
    monkeypatch.setenv("USER_POOL_CLIENT_ID", CLIENT)
    monkeypatch.setattr(tokens, "_keys", KnownKeys)
    entrance.cache_clear()
    yield
    entrance.cache_clear()


def caller(role: str, tenant_id: str) -> Actor:
    """Somebody of a tenant with a session; the tenant is there."""
    who = Actor(
        tenant_id=tenant_id,
        user_id=str(uuid.uuid4()),
        email="caller@example.com",
        roles=(role,),
        permissions=permissions_of((role,)),
        session_id=str(uuid.uuid4()),
    )
    for record in (session_of(who), Tenancy(tenant_id=tenant_id, requests_per_second=10_000, burst=10_000)):
        _ensure(record)
    return who


def session_of(who: Actor) -> SessionRecord:
    """The session that somebody has just begun."""
    now = clock.timestamp()
    return SessionRecord(
        tenant_id=who.tenant_id,
        session_id=str(who.session_id),
        user_id=who.user_id,
        device="A browser",
        created_at=now,
        last_seen_at=now,
    )


def _ensure(record: Record) -> None:
    try:
        Table().write(create(record))
    except Conflict:
        return


def bearer(who: Actor, fault: str = "") -> dict[str, str]:
    """The Authorization header of a caller, or one that is wrong in a way."""
    if fault == "none":
        return {}
    if fault == "revoked":
        _end_session(who)
    now = int(clock.now().timestamp())
    claims = {
        "iss": f"https://cognito-idp.{REGION}.amazonaws.com/{POOL}" + ("2" if fault == "another pool" else ""),
        "sub": who.user_id,
        "client_id": "another" if fault == "wrong audience" else CLIENT,
        "token_use": "id" if fault == "ID token" else "access",
        "iat": now - 10,
        "exp": now + (-60 if fault == "expired" else 900),
        "organization_id": who.tenant_id,
        "user_id": who.user_id,
        "email": who.email,
        "roles": list(who.roles),
        "permissions": sorted(who.permissions),
        "origin_jti": who.session_id,
    }
    key = STRANGERS if fault == "a stranger's key" else OURS
    return {"authorization": f"Bearer {jwt.encode(claims, key, 'RS256', headers={'kid': '1'})}"}


def _end_session(who: Actor) -> None:
    table = Table()
    session = table.get_platform(SessionRecord, user_id=who.user_id, session_id=who.session_id)
    assert session is not None
    session.ended_at = clock.timestamp()
    table.write(update(session))
    entrance.cache_clear()


def ask(handler: Handler, method: str, request: Request, headers: dict[str, str]) -> Answer:
    """Send a request through the authorizer and the room; without an Authorization header the gateway answers."""
    body = None if request.body is None else json.dumps(request.body)
    sent = {"content-type": "application/json", **request.headers, **headers}
    event = gateway_event(method, addressed(request.path), query=request.query, headers=sent, body=body)
    if "authorization" in headers:
        event["requestContext"]["authorizer"] = {"lambda": authorize(event, None)["context"]}
    answer = handler(event, None)
    content = answer.get("body") or ""
    if answer.get("isBase64Encoded"):
        content = base64.b64decode(content).decode(errors="replace")
    is_json = content and "json" in answer["headers"].get("content-type", "")
    return Answer(answer["statusCode"], answer["headers"], json.loads(content) if is_json else content)


def owned(tenant_id: str) -> dict[tuple[str, str], Any]:
    """Everything that a tenant has in the table, but for what the platform keeps for itself of requests."""
    items = aws.client("dynamodb").scan(TableName="palisade")["Items"]
    records = [from_item(item) for item in items]
    return {
        (each["pk"], each["sk"]): each
        for each in records
        if each["pk"].startswith(f"TENANT#{tenant_id}#") and not _is_book_keeping(each)
    }


def _is_book_keeping(record: dict[str, Any]) -> bool:
    return "#LIMITS#" in record["pk"] or "AccessRefused" in str(record.get("envelope", ""))


def canaries(tenant_id: str) -> set[str]:
    """What nobody else may ever be shown: the tenant's id, and every id that stands in what it has."""
    found = {tenant_id}
    for record in owned(tenant_id).values():
        found |= set(ANY_ID.findall(json.dumps(record, default=str)))
    return found


def elsewhere(path: str) -> str:
    """The same path with ids that nothing has."""
    return ANY_ID.sub(lambda match: new_id(match.group().partition("_")[0]), path)


def shown(answer: Answer) -> str:
    """What an answer says, without what names the request itself."""
    if not isinstance(answer.body, dict):
        return str(answer.body)
    return json.dumps({key: value for key, value in answer.body.items() if key not in ("instance", "trace_id")})


class Intruder:
    """Looks for what a stranger is shown, and can do, of a tenant's."""

    def __init__(self, victim: str) -> None:
        self.victim = victim
        self.secrets = canaries(victim)
        self.before = owned(victim)

    def faults(self, handler: Handler, method: str, request: Request) -> list[str]:
        """What is wrong with how a stranger with every right in his own organisation is answered."""
        stranger = caller(Role.ORGANIZATION_ADMIN, new_id("org"))
        headers = bearer(stranger)
        answer = ask(handler, method, request, headers)
        text = shown(answer) + str({k: v for k, v in answer.headers.items() if k != "x-request-id"})
        faults = [f"shows {secret}" for secret in self.secrets if secret in text and secret not in request.path]
        if owned(self.victim) != self.before:
            faults.append("changes what is another's")
        if ANY_ID.search(request.path):
            nowhere = ask(handler, method, request_to(elsewhere(request.path), request), headers)
            if (answer.status, shown(answer)) != (nowhere.status, shown(nowhere)):
                faults.append(f"tells another's from nobody's: {answer.status} and {nowhere.status}")
            elif answer.status < 400:
                faults.append(f"answers {answer.status}")
        return faults


def request_to(path: str, request: Request) -> Request:
    """The same request elsewhere."""
    return Request(path, request.body, request.headers, request.query)


class Uninvited:
    """Looks for operations that answer somebody who is not logged in."""

    def __init__(self, victim: str) -> None:
        self.victim = victim
        self.before = owned(victim)

    def faults(self, handler: Handler, method: str, request: Request) -> list[str]:
        """What is wrong with how those are answered who are not logged in."""
        faults = []
        for fault in UNAUTHENTICATED:
            answer = ask(handler, method, request, bearer(caller(Role.ORGANIZATION_ADMIN, self.victim), fault))
            if answer.status != 401:
                faults.append(f"answers {answer.status} to a token that is bad: {fault}")
        if owned(self.victim) != self.before:
            faults.append("changes something")
        return faults


def role_faults(
    handler: Handler, method: str, request: Request, tenant_id: str, role: str, permission: str | None
) -> list[str]:
    """What is wrong with how somebody with one of the default roles is answered: refused without the permission,
    with nothing changed, and not refused with it."""
    who = caller(role, tenant_id)
    before = owned(tenant_id)
    answer = ask(handler, method, request, bearer(who))
    is_refused = answer.status == 403
    if answer.status in (401, 500):
        return [f"answers {answer.status} to {role}"]
    if permission is None or who.may(permission):
        needs = f"This needs the permission {permission}."
        return [f"refuses {role}"] if is_refused and answer.body["detail"] == needs else []  # else a domain's reason
    if not is_refused:
        return [f"answers {answer.status} to {role}, who lacks {permission}"]
    return [f"changes something for {role}"] if owned(tenant_id) != before else []
