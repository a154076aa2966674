"""A user pool as Cognito keeps one, played at the edge to AWS: passwords, challenges, codes by mail, TOTP, rotated
refresh tokens, and our trigger before each token. What neither moto nor the emulator does (codes that end, used codes,
rotation) is done here after Cognito's documentation."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import pyotp

from functions.identity import triggers
from tests.faults import METADATA, Reply, hooked, refusal

SIGNING = "k" * 32
CODE_SECONDS = 3600
ROTATION_GRACE = 30
SYMBOLS = "^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+="


class Refused(Exception):
    """Cognito says no."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code)
        self.answer = refusal(code, message)


@dataclass
class Someone:
    """An account of the pool."""

    email: str
    password: str
    status: str
    attributes: dict[str, str]
    sub: str = field(default_factory=lambda: str(uuid.uuid4()))
    code: tuple[str, float] | None = None
    reset: tuple[str, float] | None = None
    pending_secret: str | None = None
    secret: str | None = None
    has_factor: bool = False


@dataclass
class Pool:
    """The pool; `codes` is what was mailed, by address, the latest last."""

    people: dict[str, Someone] = field(default_factory=dict)
    codes: dict[str, list[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    questions: dict[str, tuple[str, str]] = field(default_factory=dict)
    refreshes: dict[str, tuple[str, str, float | None]] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    trusts: bool = False
    """Whether every token counts, and everybody has an account."""
    instead: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What an operation answers in place of what it would."""

    def totp(self, email: str) -> str:
        """What the person's authenticator shows."""
        return pyotp.TOTP(str(self.people[email].secret)).now()

    def handle(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """One call."""
        self.calls.append(operation)
        if operation in self.instead:
            return self.instead[operation]
        method: Callable[[dict[str, Any]], dict[str, Any]] | None = getattr(self, f"_{operation}", None)
        if method is None:
            raise AssertionError(f"the pool does not play {operation}")
        return method(request)

    def _AdminCreateUser(self, request: dict[str, Any]) -> dict[str, Any]:
        email = request["Username"].lower()
        if email in self.people:
            raise Refused("UsernameExistsException")
        made = Someone(email, secrets.token_urlsafe(), "FORCE_CHANGE_PASSWORD", _attributes(request))
        self.people[email] = made
        return {"User": {"Attributes": self._shown(made), "UserStatus": made.status}}

    def _AdminGetUser(self, request: dict[str, Any]) -> dict[str, Any]:
        someone = self._named(request["Username"])
        return {
            "Username": someone.sub,
            "UserStatus": someone.status,
            "UserAttributes": self._shown(someone),
            "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"] if someone.has_factor else [],
        }

    def _AdminDeleteUser(self, request: dict[str, Any]) -> dict[str, Any]:
        del self.people[self._named(request["Username"]).email]
        return {}

    def _AdminSetUserPassword(self, request: dict[str, Any]) -> dict[str, Any]:
        someone = self._named(request["Username"])
        _demand_strong(request["Password"])
        someone.password = request["Password"]
        someone.status = "CONFIRMED" if request["Permanent"] else "FORCE_CHANGE_PASSWORD"
        return {}

    def _AdminUserGlobalSignOut(self, request: dict[str, Any]) -> dict[str, Any]:
        someone = self._named(request["Username"])
        self.revoked |= {origin for email, origin, _ in self.refreshes.values() if email == someone.email}
        return {}

    def _AdminSetUserMFAPreference(self, request: dict[str, Any]) -> dict[str, Any]:
        self._named(request["Username"]).has_factor = request["SoftwareTokenMfaSettings"]["Enabled"]
        return {}

    def _SignUp(self, request: dict[str, Any]) -> dict[str, Any]:
        email = request["Username"].lower()
        _demand_strong(request["Password"])
        if email in self.people:
            raise Refused("UsernameExistsException")
        made = Someone(email, request["Password"], "UNCONFIRMED", _attributes(request))
        self.people[email] = made
        made.code = self._mail(email)
        return {"UserSub": made.sub, "UserConfirmed": False}

    def _ResendConfirmationCode(self, request: dict[str, Any]) -> dict[str, Any]:
        someone = self.people.get(request["Username"].lower())
        if someone is None:
            return {}
        if someone.status != "UNCONFIRMED":
            raise Refused("InvalidParameterException")
        someone.code = self._mail(someone.email)
        return {}

    def _ConfirmSignUp(self, request: dict[str, Any]) -> dict[str, Any]:
        someone = self.people.get(request["Username"].lower())
        if someone is None:
            raise Refused("CodeMismatchException")
        if someone.status != "UNCONFIRMED":
            raise Refused("NotAuthorizedException", "User cannot be confirmed.")
        _demand_code(someone.code, request["ConfirmationCode"])
        someone.status, someone.code = "CONFIRMED", None
        return {}

    def _ForgotPassword(self, request: dict[str, Any]) -> dict[str, Any]:
        someone = self.people.get(request["Username"].lower())
        if someone is not None:
            if someone.status not in ("CONFIRMED", "RESET_REQUIRED"):
                raise Refused("NotAuthorizedException")
            someone.reset = self._mail(someone.email)
        return {"CodeDeliveryDetails": {}}

    def _ConfirmForgotPassword(self, request: dict[str, Any]) -> dict[str, Any]:
        someone = self.people.get(request["Username"].lower())
        if someone is None:
            raise Refused("CodeMismatchException")
        _demand_code(someone.reset, request["ConfirmationCode"])
        _demand_strong(request["Password"])
        someone.password, someone.reset = request["Password"], None
        return {}

    def _ChangePassword(self, request: dict[str, Any]) -> dict[str, Any]:
        someone = self._bearer(request)
        if someone.password != request["PreviousPassword"]:
            raise Refused("NotAuthorizedException")
        _demand_strong(request["ProposedPassword"])
        someone.password = request["ProposedPassword"]
        return {}

    def _AssociateSoftwareToken(self, request: dict[str, Any]) -> dict[str, Any]:
        someone = self._bearer(request)
        someone.pending_secret = pyotp.random_base32()
        return {"SecretCode": someone.pending_secret}

    def _VerifySoftwareToken(self, request: dict[str, Any]) -> dict[str, Any]:
        someone = self._bearer(request)
        if someone.pending_secret is None:
            raise Refused("EnableSoftwareTokenMFAException")
        if not pyotp.TOTP(someone.pending_secret).verify(request["UserCode"], valid_window=1):
            raise Refused("EnableSoftwareTokenMFAException", "Code mismatch")
        someone.secret, someone.pending_secret = someone.pending_secret, None
        return {"Status": "SUCCESS"}

    def _SetUserMFAPreference(self, request: dict[str, Any]) -> dict[str, Any]:
        self._bearer(request).has_factor = request["SoftwareTokenMfaSettings"]["Enabled"]
        return {}

    def _InitiateAuth(self, request: dict[str, Any]) -> dict[str, Any]:
        assert request["AuthFlow"] == "USER_PASSWORD_AUTH", "a client that rotates has no other way to refresh"
        someone = self.people.get(request["AuthParameters"]["USERNAME"].lower())
        if someone is None:
            raise Refused("NotAuthorizedException")
        if someone.status == "UNCONFIRMED":
            raise Refused("UserNotConfirmedException")
        if someone.password != request["AuthParameters"]["PASSWORD"]:
            raise Refused("NotAuthorizedException")
        return self._on(someone)

    def _RespondToAuthChallenge(self, request: dict[str, Any]) -> dict[str, Any]:
        name, answers = request["ChallengeName"], request["ChallengeResponses"]
        if self.questions.get(request["Session"]) != (name, answers["USERNAME"].lower()):
            raise Refused("NotAuthorizedException", "Invalid session for the user.")
        someone = self._named(answers["USERNAME"])
        if name == "NEW_PASSWORD_REQUIRED":
            _demand_strong(answers["NEW_PASSWORD"])
            someone.password, someone.status = answers["NEW_PASSWORD"], "CONFIRMED"
        elif not pyotp.TOTP(str(someone.secret)).verify(answers["SOFTWARE_TOKEN_MFA_CODE"], valid_window=1):
            raise Refused("CodeMismatchException")
        del self.questions[request["Session"]]
        return self._on(someone, done=name)

    def _GetTokensFromRefreshToken(self, request: dict[str, Any]) -> dict[str, Any]:
        known = self.refreshes.get(request["RefreshToken"])
        if known is None or known[1] in self.revoked:
            raise Refused("NotAuthorizedException", "Refresh Token has been revoked")
        email, origin, replaced = known
        if replaced is not None and time.time() > replaced + ROTATION_GRACE:
            raise Refused("RefreshTokenReuseException")
        self.refreshes[request["RefreshToken"]] = (email, origin, replaced or time.time())
        return {"AuthenticationResult": self._tokens(self._named(email), origin, request.get("ClientMetadata"))}

    def _RevokeToken(self, request: dict[str, Any]) -> dict[str, Any]:
        known = self.refreshes.get(request["Token"])
        if known is not None:
            self.revoked.add(known[1])
        return {}

    def _on(self, someone: Someone, done: str = "") -> dict[str, Any]:
        if someone.status == "FORCE_CHANGE_PASSWORD":
            return self._ask("NEW_PASSWORD_REQUIRED", someone)
        if someone.has_factor and done != "SOFTWARE_TOKEN_MFA":
            return self._ask("SOFTWARE_TOKEN_MFA", someone)
        return {"AuthenticationResult": self._tokens(someone, str(uuid.uuid4()), None)}

    def _ask(self, name: str, someone: Someone) -> dict[str, Any]:
        session = secrets.token_urlsafe(40)
        self.questions[session] = (name, someone.email)
        return {"ChallengeName": name, "Session": session, "ChallengeParameters": {"USER_ID_FOR_SRP": someone.sub}}

    def _tokens(self, someone: Someone, origin: str, metadata: dict[str, str] | None) -> dict[str, Any]:
        request: dict[str, Any] = {"userAttributes": {**someone.attributes, "sub": someone.sub}}
        if metadata:
            request["clientMetadata"] = metadata
        given = triggers.pre_token({"request": request}, None)["response"]["claimsAndScopeOverrideDetails"]
        now = int(time.time())
        claims = {"sub": someone.sub, "origin_jti": origin, "iat": now, "exp": now + 900, "token_use": "access"}
        token = jwt.encode(claims | given["accessTokenGeneration"]["claimsToAddOrOverride"], SIGNING, "HS256")
        refresh = secrets.token_urlsafe(40)
        self.refreshes[refresh] = (someone.email, origin, None)
        return {"AccessToken": token, "RefreshToken": refresh, "ExpiresIn": 900, "TokenType": "Bearer"}

    def _named(self, username: str) -> Someone:
        for someone in self.people.values():
            if username == someone.sub or username.lower() == someone.email:
                return someone
        raise Refused("UserNotFoundException")

    def _bearer(self, request: dict[str, Any]) -> Someone:
        if self.trusts:
            said = jwt.decode(request["AccessToken"], options={"verify_signature": False})
            known = [each for each in self.people.values() if each.sub == said["sub"]]
            return known[0] if known else Someone(said["sub"], "", "CONFIRMED", {}, sub=said["sub"])
        try:
            claims = jwt.decode(request["AccessToken"], SIGNING, ["HS256"])
        except jwt.PyJWTError:
            raise Refused("NotAuthorizedException", "Invalid Access Token") from None
        if claims["origin_jti"] in self.revoked:
            raise Refused("NotAuthorizedException")
        return self._named(claims["sub"])

    def _shown(self, someone: Someone) -> list[dict[str, str]]:
        return [{"Name": name, "Value": value} for name, value in {**someone.attributes, "sub": someone.sub}.items()]

    def _mail(self, email: str) -> tuple[str, float]:
        code = f"{secrets.randbelow(10**6):06}"
        self.codes.setdefault(email, []).append(code)
        return code, time.time() + CODE_SECONDS


@contextmanager
def playing() -> Iterator[Pool]:
    """Within, calls to Cognito reach the pool."""
    pool = Pool()

    def hook(model: Any, params: dict[str, Any], **_keywords: Any) -> Any:
        if model.service_model.service_name != "cognito-idp":
            return None
        try:
            answer = pool.handle(model.name, json.loads(params["body"]))
        except Refused as refused:
            return Reply(400), {**METADATA, **refused.answer}
        return Reply(400 if "Error" in answer else 200), {**METADATA, **answer}

    with hooked(hook, "before-call"):
        yield pool


def _attributes(request: dict[str, Any]) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in request.get("UserAttributes", [])}


def _demand_strong(password: str) -> None:
    wanted = (str.islower, str.isupper, str.isdigit, lambda letter: letter in SYMBOLS)
    if len(password) < 12 or not all(any(kind(letter) for letter in password) for kind in wanted):
        raise Refused("InvalidPasswordException", "Password did not conform with policy")


def _demand_code(known: tuple[str, float] | None, code: str) -> None:
    if known is None:
        raise Refused("ExpiredCodeException")
    if known[0] != code:
        raise Refused("CodeMismatchException")
    if known[1] < time.time():
        raise Refused("ExpiredCodeException")
