"""What everybody is asked who comes back from an identity provider, an organisation's or a social one."""

from __future__ import annotations

import hmac

from functions.identity.errors import ForeignRedirect, SsoMismatch, SsoOver
from functions.identity.model.federation import Attempt, Said
from functions.identity.providers import Hosted
from functions.identity.schemas import FinishSso
from kernel import clock
from kernel.errors import Problem


class Refusal(Exception):
    """Why somebody is not let in, and what the caller is told of it."""

    def __init__(self, problem: Problem, reason: str = "", email: str = "") -> None:
        super().__init__(reason)
        self.problem, self.reason, self.email = problem, reason or problem.slug, email


async def heard(attempt: Attempt, hosted: Hosted, command: FinishSso) -> tuple[Said, str]:
    """What the provider says of somebody, in this log-in, to who began it; and the directory's refresh token. Raises
    Refusal."""
    exchanged = await hosted.exchange(command.code, command.code_verifier, command.redirect_uri)
    if exchanged is None or exchanged.granted.refresh_token is None:
        raise Refusal(SsoOver("The code is not good, or was used before."), "code")
    said = Said.of(exchanged.claims)
    if not hmac.compare_digest(said.nonce.encode(), attempt.nonce.encode()):
        raise Refusal(SsoMismatch("The token is another log-in's."), "nonce", said.email)
    if said.provider != attempt.provider or not said.subject:
        raise Refusal(SsoMismatch("Another identity provider has answered."), "provider", said.email)
    return said, exchanged.granted.refresh_token


def demand_good(attempt: Attempt, command: FinishSso) -> None:
    """What came back belongs to what was begun, in time, once, and the caller is who began it. Raises Refusal."""
    if attempt.used:
        raise Refusal(SsoOver("The code was used before."), "reused")
    if attempt.is_late(int(clock.now().timestamp())):
        raise Refusal(SsoOver("This log-in took too long."), "expired")
    if not hmac.compare_digest(attempt.redirect_uri, command.redirect_uri):
        raise Refusal(ForeignRedirect(), "redirect")
    if not attempt.is_proved_by(command.code_verifier):
        raise Refusal(SsoMismatch("The code verifier is another's."), "verifier")
