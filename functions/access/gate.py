"""What the authorizer reads, and the little that it writes: when somebody was last seen, and that he was refused."""

from __future__ import annotations

import time
from typing import NamedTuple

from contracts.access import AccessRefused, PolicySet
from contracts.developers import ApiKeyRecord
from contracts.identity import SessionRecord, SignInRules
from contracts.organizations import Tenancy
from kernel.actor import Actor
from kernel.errors import PreconditionFailed
from kernel.table import Table, update

REFUSALS_KEPT_SECONDS = 60
"""The same refusal of the same caller is recorded once in this time: a client that keeps trying is one event."""


class Tenant(NamedTuple):
    """What is known of an organisation before anybody of it is let in."""

    tenancy: Tenancy | None
    sign_in: SignInRules
    policies: PolicySet | None


class Gate:
    """Reads sessions, keys and organisations, which belong to no tenant until one knows whose they are."""

    def __init__(self, table: Table | None = None) -> None:
        self._table = table or Table()
        self._refusals: dict[tuple[str, ...], float] = {}

    def session(self, user_id: str, session_id: str) -> SessionRecord | None:
        """A person's session."""
        return self._table.get_platform(SessionRecord, user_id=user_id, session_id=session_id)

    def key(self, key_id: str) -> ApiKeyRecord | None:
        """An API key."""
        return self._table.get_platform(ApiKeyRecord, key_id=key_id)

    def tenant(self, tenant_id: str) -> Tenant:
        """An organisation: its status, its rules and its policies. One call."""
        found = self._table.get_platform_siblings(Tenancy, SignInRules, PolicySet, tenant_id=tenant_id)
        tenancy, rules, policies = (found.get(kind) for kind in (Tenancy, SignInRules, PolicySet))
        assert tenancy is None or isinstance(tenancy, Tenancy)
        assert policies is None or isinstance(policies, PolicySet)
        return Tenant(tenancy, rules if isinstance(rules, SignInRules) else SignInRules(tenant_id=tenant_id), policies)

    def touch(self, session: SessionRecord, at: str) -> None:
        """The session was used now; one that was changed meanwhile is left as it is in the table."""
        session.last_seen_at = at
        self._write(session)

    def touch_key(self, key: ApiKeyRecord, at: str) -> None:
        """The key was used now; one that was changed meanwhile is left as it is in the table."""
        key.last_used_at = at
        self._write(key)

    def record_refusal(self, actor: Actor, problem: str, detail: str) -> None:
        """Tell the security team, once a minute for the same caller and reason."""
        caller = actor.key_id or actor.session_id or actor.user_id
        mark, now = (actor.tenant_id, caller, problem), time.time()
        if self._refusals.get(mark, 0) > now:
            return
        self._refusals = {each: until for each, until in self._refusals.items() if until > now}
        self._refusals[mark] = now + REFUSALS_KEPT_SECONDS
        self._table.transact(actor, [], [AccessRefused(problem=problem, detail=detail, session_id=actor.session_id)])

    def _write(self, record: SessionRecord | ApiKeyRecord) -> None:
        try:
            self._table.write(update(record))
        except PreconditionFailed:
            return
