"""Routes of the caller's own account: sessions, password, second factor."""

from __future__ import annotations

from functions.identity.api.app import app, bearer, place_of, store
from functions.identity.gateways import Cognito
from functions.identity.model.factors import Enrolment, RecoveryCodes
from functions.identity.model.sessions import Session, SignIn
from functions.identity.schemas import Address, ChangePassword, ChangeSignIn, FreshPassword, OneTimeCode, ResetPassword
from functions.identity.service import factors, passwords, rules, sessions
from kernel.actor import Actor
from kernel.http import IfMatch, List, Request, Response, page, reply, require


@app.get("/auth/sessions", response_model=List[Session])
async def list_sessions(actor: Actor = require(None)) -> Response:
    """The caller's sessions, the one last seen first."""
    return page(sessions.list_sessions(store(), actor), None)


@app.delete("/auth/sessions", status_code=204)
async def end_other_sessions(actor: Actor = require(None)) -> Response:
    """End all of the caller's sessions but this one."""
    sessions.revoke_others(store(), actor)
    return Response(status_code=204)


@app.delete("/auth/sessions/{session_id}", status_code=204)
async def end_session(session_id: str, actor: Actor = require(None)) -> Response:
    """End one of the caller's sessions; it stops working within a minute."""
    sessions.revoke(store(), actor, session_id)
    return Response(status_code=204)


@app.post("/auth/change-password", status_code=204)
async def change_password(body: ChangePassword, request: Request, actor: Actor = require(None)) -> Response:
    """Replace the caller's password. The caller's other sessions end."""
    token = bearer(request, actor)
    old, new = body.current_password, body.new_password
    passwords.change(store(), Cognito(), actor, token, old, new, place_of(request))
    return Response(status_code=204)


@app.post("/auth/forgot-password", status_code=204)
async def forgot_password(body: Address, request: Request) -> Response:
    """Mail a code to reset the password, if the address is somebody's: the answer is the same either way."""
    passwords.forget(store(), Cognito(), body.email, place_of(request))
    return Response(status_code=204)


@app.post("/auth/reset-password", status_code=204)
async def reset_password(body: ResetPassword, request: Request) -> Response:
    """Set a new password with the mailed code. All sessions end."""
    passwords.reset(store(), Cognito(), body.email, body.code, body.new_password, place_of(request))
    return Response(status_code=204)


@app.post("/auth/mfa/enable", response_model=Enrolment)
async def enable_mfa(request: Request, actor: Actor = require(None)) -> Response:
    """Begin to set up a second factor: the secret, as text, as an `otpauth` address and as a picture. It counts when
    `POST /auth/mfa/verify` has seen a code."""
    return reply(factors.begin(store(), Cognito(), actor, bearer(request, actor)))


@app.post("/auth/mfa/verify", response_model=RecoveryCodes)
async def verify_mfa(body: OneTimeCode, request: Request, actor: Actor = require(None)) -> Response:
    """The second factor counts from now on. The answer holds the recovery codes, this once."""
    token = bearer(request, actor)
    return reply(factors.confirm(store(), Cognito(), actor, token, body.code, place_of(request)))


@app.post("/auth/mfa/disable", status_code=204)
async def disable_mfa(body: FreshPassword, request: Request, actor: Actor = require(None)) -> Response:
    """Switch the second factor off, unless the organisation demands it."""
    bearer(request, actor)
    factors.drop(store(), Cognito(), actor, body.password, place_of(request))
    return Response(status_code=204)


@app.post("/auth/mfa/recovery-codes", response_model=RecoveryCodes)
async def renew_recovery_codes(body: FreshPassword, request: Request, actor: Actor = require(None)) -> Response:
    """New recovery codes, shown this once; the old ones are no longer good."""
    bearer(request, actor)
    return reply(factors.renew_codes(store(), Cognito(), actor, body.password, place_of(request)))


@app.get("/organizations/{organization_id}/sign-in", response_model=SignIn)
async def get_sign_in_rules(organization_id: str, actor: Actor = require("sso:read")) -> Response:
    """How the people of the organisation may log in."""
    return reply(rules.get_rules(store(), actor, organization_id))


@app.put("/organizations/{organization_id}/sign-in", response_model=SignIn)
async def change_sign_in_rules(
    organization_id: str, body: ChangeSignIn, if_match: IfMatch, actor: Actor = require("sso:update")
) -> Response:
    """Change how the people of the organisation may log in. A session that is idle for too long ends; a person without
    the second factor that is demanded can do nothing but set it up."""
    return reply(rules.change_rules(store(), actor, organization_id, body, if_match))
