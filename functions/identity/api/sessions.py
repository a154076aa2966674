"""Routes of log-in and sessions."""

from __future__ import annotations

from functions.identity.api.app import app, place_of, store
from functions.identity.gateways import Cognito, Organizations, Ses
from functions.identity.model.accounts import normal
from functions.identity.model.members import Registered
from functions.identity.model.sessions import ChallengeDocument, Tokens
from functions.identity.schemas import Address, Answer, Login, LogOut, Refresh, Register, Switch, VerifyEmail
from functions.identity.service import log_in as entrance
from functions.identity.service import registration, sessions
from kernel.http import Request, Response, reply

ASKED = {"model": ChallengeDocument, "description": "More is asked: the log-in goes on at `POST /auth/challenge`."}


@app.post("/auth/login", response_model=Tokens, responses={202: ASKED})
async def log_in(body: Login, request: Request) -> Response:
    """Log in with e-mail and password. 200 gives tokens; 202 says what else is asked, and names the log-in for
    `POST /auth/challenge`."""
    return _given(entrance.log_in(store(), Cognito(), body, place_of(request), _complete))


@app.post("/auth/challenge", response_model=Tokens, responses={202: ASKED})
async def answer_challenge(body: Answer, request: Request) -> Response:
    """Answer what a log-in asked: `code` for the challenge `mfa`, `new_password` for `new_password`. 202 asks on."""
    return _given(entrance.answer(store(), Cognito(), body, place_of(request)))


@app.post("/auth/refresh", response_model=Tokens)
async def refresh_session(body: Refresh, request: Request) -> Response:
    """Fresh tokens for a session. The refresh token that comes with them replaces the one that was sent: one that
    was replaced more than a moment ago ends the session."""
    return reply(sessions.refresh(store(), Cognito(), body.refresh_token, place_of(request)))


@app.post("/auth/switch", response_model=Tokens)
async def switch_organization(body: Switch, request: Request) -> Response:
    """Go on in another of the person's organisations; the tokens of the first no longer count."""
    return reply(sessions.switch(store(), Cognito(), body.refresh_token, body.organization_id, place_of(request)))


@app.post("/auth/logout", status_code=204)
async def log_out(body: LogOut, request: Request) -> Response:
    """End a session, or with `everywhere` all of its person's."""
    sessions.log_out(store(), Cognito(), body.refresh_token, place_of(request), everywhere=body.everywhere)
    return Response(status_code=204)


@app.post("/auth/register", response_model=Registered, status_code=202)
async def register(body: Register) -> Response:
    """Begin an account: with `organization_name` for a new organisation, or with `invitation` to join one. The answer
    is the same for an address that has an account."""
    return reply(registration.register(store(), Cognito(), Ses(), body), 202)


@app.post("/auth/verify-email", status_code=204)
async def verify_email(body: VerifyEmail, request: Request) -> Response:
    """The code that was mailed: from now on the person can log in."""
    registration.verify(store(), Cognito(), Organizations(), body.email, body.code, place_of(request))
    return Response(status_code=204)


@app.post("/auth/resend-code", status_code=204)
async def resend_code(body: Address) -> Response:
    """Mail another code, if the address waits for one: the answer is the same either way."""
    Cognito().resend(normal(body.email))
    return Response(status_code=204)


def _complete(email: str) -> bool:
    return registration.complete(store(), Organizations(), email)


def _given(result: Tokens | ChallengeDocument) -> Response:
    return reply(result, 202 if isinstance(result, ChallengeDocument) else 200)
