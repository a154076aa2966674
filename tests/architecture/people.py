"""Scenes of people: log-ins, accounts, members and invitations, with the user pool as tests of identity play it."""

from __future__ import annotations

import io
import os
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
import pyotp

from functions.identity.model import User
from functions.identity.service.members import join
from functions.identity.store import Store
from kernel.actor import Actor
from kernel.ids import new_id
from tests import edges
from tests.architecture.scenes import READ_ONCE, Request, Scene
from tests.architecture.world import AT, World
from tests.faults import METADATA, Reply, hooked
from tests.identity.pool import SIGNING, Pool, Someone, playing

ANN = "ann@example.com"
NORA = "nora@example.com"
PASSWORD = "Correct-Horse-9-Battery"
NEW = "Another-Horse-9-Battery"
NEWCOMER = {"email": NORA, "password": PASSWORD, "name": "Nora", "organization_name": "Initech"}


def played(world: World) -> Pool:
    """The pool, in which the caller has an account; made once for each world."""
    known: Pool | None = world.__dict__.get("pool")
    if known is None:
        known = world.__dict__["pool"] = world.enter_context(playing())
        world.enter_context(hooked(_founder, "before-call"))
        world.setting("USER_POOL_ID", os.environ.get("USER_POOL_ID", "us-east-1_pool1"))
        world.setting("FOUNDER_ARN", "founder")
        known.trusts = True
        someone = Someone(ANN, PASSWORD, "CONFIRMED", {}, sub=world.who.user_id)
        known.people[ANN] = known.people[world.who.email or ANN] = someone
    return known


def _founder(model: Any, **_keywords: Any) -> Any:
    if model.name != "Invoke":
        return None
    return Reply(200), {**METADATA, "StatusCode": 200, "Payload": io.BytesIO(b"{}")}


def tokens(world: World) -> dict[str, Any]:
    """The caller logs in."""
    played(world)
    assert world.person
    answer = world.send("POST /auth/login", "/auth/login", {"email": ANN, "password": PASSWORD})
    assert answer.status == 200, answer.body
    given: dict[str, Any] = answer.body
    return given


def logging_in(world: World) -> Request:
    """The caller has an account."""
    played(world)
    assert world.person
    return Request("/auth/login", {"email": ANN, "password": PASSWORD})


def with_refresh_token(path: str) -> Scene:
    """About a session, by its refresh token."""
    return lambda world: Request(path, {"refresh_token": tokens(world)["refresh_token"]})


def switching(world: World) -> Request:
    """The caller is in another organisation too."""
    given, there = tokens(world), new_id("org")
    person = Store().person(world.who.user_id)
    user = world.person.model_copy(update={"tenant_id": there, "version": 0})
    join(Store(), Actor.system(there), user, person)
    return Request("/auth/switch", {"refresh_token": given["refresh_token"], "organization_id": there})


def challenged(world: World) -> Request:
    """The caller's second factor is asked for."""
    someone = played(world).people[ANN]
    assert world.person
    someone.secret, someone.has_factor = pyotp.random_base32(), True
    asked = world.send("POST /auth/login", "/auth/login", {"email": ANN, "password": PASSWORD}).body
    return Request("/auth/challenge", {"session": asked["session"], "code": pyotp.TOTP(someone.secret).now()})


def registering(world: World) -> Request:
    """Somebody new."""
    played(world)
    return Request("/auth/register", {**NEWCOMER, "email": f"{uuid.uuid4().hex}@example.com"})


def verifying(world: World) -> Request:
    """Somebody new got a code."""
    pool = played(world)
    world.send("POST /auth/register", "/auth/register", NEWCOMER)
    return Request("/auth/verify-email", {"email": NORA, "code": pool.codes[NORA][-1]})


def resending(world: World) -> Request:
    """Somebody new got no code."""
    verifying(world)
    return Request("/auth/resend-code", {"email": NORA})


def forgetting(world: World) -> Request:
    """The caller has forgotten the password."""
    logging_in(world)
    return Request("/auth/forgot-password", {"email": ANN})


def resetting(world: World) -> Request:
    """The caller got a code."""
    logging_in(world)
    world.send("POST /auth/forgot-password", "/auth/forgot-password", {"email": ANN})
    code = played(world).codes[ANN][-1]
    return Request("/auth/reset-password", {"email": ANN, "code": code, "new_password": NEW})


def own(path: str, body: Any = None) -> Scene:
    """Something of the caller's own account, with the caller's token."""

    def scene(world: World) -> Request:
        played(world)
        claims = {"sub": world.who.user_id, "origin_jti": "origin", "exp": int(time.time()) + 900}
        return Request(path, body, {"authorization": f"Bearer {jwt.encode(claims, SIGNING, 'HS256')}"})

    return scene


def without_factor(world: World) -> None:
    """The caller has none, or none any more."""
    account = Store().account(world.who.email or ANN)
    if account.has_factor:
        account.has_factor = False
        Store().save_account(account)


def proving_factor(world: World) -> Request:
    """The caller's authenticator has the secret."""
    begun = own("/auth/mfa/enable")(world)
    without_factor(world)
    sent = world.send("POST /auth/mfa/enable", begun.path, headers=begun.headers)
    code = pyotp.TOTP(sent.body["secret"]).now()
    return Request("/auth/mfa/verify", {"code": code}, begun.headers)


def with_factor(path: str) -> Scene:
    """The caller has a second factor."""

    def scene(world: World) -> Request:
        proved = proving_factor(world)
        sent = world.send("POST /auth/mfa/verify", proved.path, proved.body, headers=proved.headers)
        assert sent.status == 200, sent.body
        return Request(path, {"password": PASSWORD}, proved.headers)

    return scene


def another_session(world: World) -> Request:
    """The caller is logged in elsewhere."""
    given = tokens(world)
    session = jwt.decode(given["access_token"], SIGNING, ["HS256"])["origin_jti"]
    return Request(f"/auth/sessions/{session}")


def sessions(world: World) -> Request:
    """The caller is logged in elsewhere."""
    tokens(world)
    return Request("/auth/sessions")


def colleague(world: World) -> User:
    """Somebody else of the organisation."""
    assert world.person
    user = User(
        tenant_id=world.who.tenant_id,
        user_id=str(uuid.uuid4()),
        email=NORA,
        name="Nora",
        roles=("viewer", "organization_member"),
        created_at=AT,
    )
    join(Store(), world.who, user, None)
    return user


def about_colleague(path: str, body: Any = None) -> Scene:
    """About somebody else of the organisation."""

    def scene(world: World) -> Request:
        found = {"organization": world.who.tenant_id, "user": colleague(world).user_id}
        return Request(path.format(**found), body)

    return scene


def inside(tail: str, body: Any = None) -> Scene:
    """About the caller's organisation."""
    return lambda world: Request(f"/organizations/{world.who.tenant_id}{tail}", body)


def mine(path: str, body: Any = None) -> Scene:
    """About the caller, as a member."""

    def scene(world: World) -> Request:
        assert world.person
        return Request(path.format(organization=world.who.tenant_id), body, READ_ONCE if body else {})

    return scene


def invited(tail: str) -> Scene:
    """About an invitation."""

    def scene(world: World) -> Request:
        path = f"/organizations/{world.who.tenant_id}/members"
        sent = world.send("POST /organizations/{organization_id}/members", path, {"email": NORA, "roles": ["viewer"]})
        assert sent.status == 201, sent.body
        return Request(f"/organizations/{world.who.tenant_id}/invitations/{sent.body['invitation_id']}{tail}")

    return scene


def leaving(world: World) -> Request:
    """The caller is not the only administrator."""
    user = colleague(world)
    path = f"/users/{user.user_id}/roles"
    world.send("POST /users/{user_id}/roles", path, {"role": "organization_admin"})
    return Request(f"/users/me/organizations/{world.who.tenant_id}")


def accepting(world: World) -> Request:
    """Another organisation has invited the caller."""
    from tests.kit import actor

    there = actor()
    path = f"/organizations/{there.tenant_id}/members"
    before, world.who = world.who, there
    world.send("POST /organizations/{organization_id}/members", path, {"email": before.email, "roles": ["viewer"]})
    world.who = before
    words = edges.mails()[-1][2].split()
    token = next(word for word in words if word.startswith("org_") and word.count(".") == 2)
    return Request("/invitations/accept", {"token": token})


ORGANIZATION = "/organizations/{organization_id}"
Scenes = dict[str, Callable[[World], Request]]
PEOPLE: Scenes = {
    "POST /auth/login": logging_in,
    "POST /auth/challenge": challenged,
    "POST /auth/refresh": with_refresh_token("/auth/refresh"),
    "POST /auth/switch": switching,
    "POST /auth/logout": with_refresh_token("/auth/logout"),
    "POST /auth/register": registering,
    "POST /auth/verify-email": verifying,
    "POST /auth/resend-code": resending,
    "POST /auth/forgot-password": forgetting,
    "POST /auth/reset-password": resetting,
    "POST /auth/change-password": own("/auth/change-password", {"current_password": PASSWORD, "new_password": NEW}),
    "POST /auth/mfa/enable": own("/auth/mfa/enable"),
    "POST /auth/mfa/verify": proving_factor,
    "POST /auth/mfa/disable": with_factor("/auth/mfa/disable"),
    "POST /auth/mfa/recovery-codes": with_factor("/auth/mfa/recovery-codes"),
    "GET /auth/sessions": sessions,
    "DELETE /auth/sessions": sessions,
    "DELETE /auth/sessions/{session_id}": another_session,
    f"GET {ORGANIZATION}/sign-in": inside("/sign-in"),
    f"PUT {ORGANIZATION}/sign-in": inside("/sign-in", {"idle_minutes": 30}),
    f"GET {ORGANIZATION}/members": inside("/members"),
    f"POST {ORGANIZATION}/members": inside("/members", {"email": NORA, "roles": ["viewer"]}),
    f"GET {ORGANIZATION}/members/{{user_id}}": about_colleague("/organizations/{organization}/members/{user}"),
    f"PUT {ORGANIZATION}/members/{{user_id}}": about_colleague(
        "/organizations/{organization}/members/{user}", {"roles": ["viewer"]}
    ),
    f"DELETE {ORGANIZATION}/members/{{user_id}}": about_colleague("/organizations/{organization}/members/{user}"),
    f"GET {ORGANIZATION}/invitations": inside("/invitations"),
    f"GET {ORGANIZATION}/invitations/{{invitation_id}}": invited(""),
    f"DELETE {ORGANIZATION}/invitations/{{invitation_id}}": invited(""),
    f"POST {ORGANIZATION}/invitations/{{invitation_id}}/resend": invited("/resend"),
    "POST /invitations/accept": accepting,
    "GET /users": mine("/users"),
    "GET /users/me": mine("/users/me"),
    "PUT /users/me": mine("/users/me", {"name": "Anna"}),
    "GET /users/me/organizations": mine("/users/me/organizations"),
    "DELETE /users/me/organizations/{organization_id}": leaving,
    "GET /users/{user_id}": about_colleague("/users/{user}"),
    "POST /users/{user_id}/roles": about_colleague("/users/{user}/roles", {"role": "analyst"}),
    "DELETE /users/{user_id}/roles/{role_id}": about_colleague("/users/{user}/roles/viewer"),
}
