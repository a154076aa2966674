"""Realtime's items; they all expire by themselves. Whether a session or key still holds is read from what identity and
developers publish, and counts for `KEPT_SECONDS`."""

from __future__ import annotations

import time
from functools import lru_cache

from contracts.developers import ApiKeyRecord
from contracts.identity import SessionRecord
from contracts.organizations import OrganizationStatus, Tenancy
from contracts.scans import ScanBrief
from functions.realtime.errors import TooManyTopics
from functions.realtime.model import CONNECTION_SECONDS, MAX_TOPICS, Connection, Subscription, bearer_of
from kernel.actor import Actor
from kernel.errors import Conflict, PreconditionFailed, Unavailable
from kernel.table import Change, Table, create, put, update

ATTEMPTS = 5
KEPT_SECONDS = 25


class Store:
    """Reads and commits connections and subscriptions."""

    def __init__(self, table: Table | None = None) -> None:
        self._table = table or Table()
        self._session = lru_cache(maxsize=4096)(self._read_session)
        self._key = lru_cache(maxsize=4096)(self._read_key)
        self._tenancy = lru_cache(maxsize=1024)(self._read_tenancy)

    def open(self, actor: Actor, connection_id: str) -> None:
        """Somebody has connected."""
        self._table.write(put(_connection(actor, connection_id)))

    def subscribe(self, actor: Actor, connection_id: str, topic: str) -> None:
        """A connection listens to a topic. Raises TooManyTopics."""
        for _ in range(ATTEMPTS):
            known = self._table.get(actor, Connection, bearer=bearer_of(actor), connection_id=connection_id)
            connection = known or _connection(actor, connection_id)
            topics = dict.fromkeys((*connection.topics, topic))
            if len(topics) > MAX_TOPICS:
                raise TooManyTopics()
            connection.topics = tuple(topics)
            changed = update(connection) if known else create(connection)
            try:
                self._table.transact(actor, [changed, put(_subscription(actor, connection, topic))])
            except (Conflict, PreconditionFailed):
                continue
            return
        raise Unavailable(retry_after=1)

    def is_hidden(self, actor: Actor, topic: str) -> bool:
        """Whether a topic is about a scan of a team that is none of the actor's."""
        if actor.sees_every_team:
            return False
        scan = self._table.get(actor, ScanBrief, scan_id=topic.partition(":")[2])
        return scan is not None and not actor.sees(scan.team_id)

    def unsubscribe(self, actor: Actor, connection_id: str, topic: str) -> None:
        """A connection no longer listens to a topic."""
        known = self._table.get(actor, Connection, bearer=bearer_of(actor), connection_id=connection_id)
        if known is None or topic not in known.topics:
            return
        known.topics = tuple(each for each in known.topics if each != topic)
        gone = Change(_subscription(actor, known, topic), "Delete", "")
        self._table.transact(actor, [update(known), gone])

    def close(self, actor: Actor, bearer: str, connection_id: str) -> None:
        """Forget a connection with all that it listens to."""
        known = self._table.get(actor, Connection, bearer=bearer, connection_id=connection_id)
        if known is None:
            return
        subscriptions = [_subscription(actor, known, topic) for topic in known.topics]
        self._table.transact(actor, [Change(each, "Delete", "") for each in (known, *subscriptions)])

    def connections(self, actor: Actor, bearer: str) -> list[str]:
        """The connections that a session or key has open."""
        return [each.connection_id for each in self._table.all(actor, Connection, bearer=bearer)]

    def listeners(self, actor: Actor, topic: str) -> list[Subscription]:
        """Who listens to a topic."""
        return list(self._table.all(actor, Subscription, topic=topic))

    def topics(self, actor: Actor, connection_id: str) -> tuple[str, ...]:
        """What a connection of the actor listens to."""
        known = self._table.get(actor, Connection, bearer=bearer_of(actor), connection_id=connection_id)
        return known.topics if known else ()

    def still_holds(self, tenant_id: str, user_id: str, bearer: str, since: int) -> bool:
        """Whether the session or key that opened a connection at `since` (Unix time) may still use it, and its
        organisation may work."""
        slot = int(time.time() // KEPT_SECONDS)
        tenancy = self._tenancy(tenant_id, slot)
        if tenancy is None or tenancy.status is OrganizationStatus.SUSPENDED:
            return False
        if bearer.startswith("key_"):
            key = self._key(bearer, slot)
            return key is not None and key.revoked_at is None and not (key.ends_at and key.ends_at <= time.time())
        session = self._session(user_id, bearer, slot)
        return (
            session is not None
            and session.ended_at is None
            and session.tenant_id == tenant_id
            and session.not_before <= since
        )

    def _read_session(self, user_id: str, session_id: str, _slot: int) -> SessionRecord | None:
        return self._table.get_platform(SessionRecord, user_id=user_id, session_id=session_id)

    def _read_tenancy(self, tenant_id: str, _slot: int) -> Tenancy | None:
        return self._table.get_platform(Tenancy, tenant_id=tenant_id)

    def _read_key(self, key_id: str, _slot: int) -> ApiKeyRecord | None:
        return self._table.get_platform(ApiKeyRecord, key_id=key_id)


def _connection(actor: Actor, connection_id: str) -> Connection:
    now = int(time.time())
    return Connection(
        tenant_id=actor.tenant_id,
        bearer=bearer_of(actor),
        connection_id=connection_id,
        since=now,
        expires_at=now + CONNECTION_SECONDS,
    )


def _subscription(actor: Actor, connection: Connection, topic: str) -> Subscription:
    return Subscription(
        tenant_id=actor.tenant_id,
        topic=topic,
        connection_id=connection.connection_id,
        bearer=connection.bearer,
        user_id=actor.user_id,
        since=connection.since,
        expires_at=connection.expires_at,
    )
