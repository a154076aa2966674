"""Identity's items."""

from __future__ import annotations

from contracts.identity import LoggedIn, UserCreated
from functions.identity.errors import BelongsElsewhere
from functions.identity.model import Identity, User
from kernel.actor import Actor
from kernel.table import Page, Table, create


class Store:
    """Reads and commits users and identities."""

    def __init__(self, table: Table | None = None) -> None:
        self._table = table or Table()

    def identity(self, user_id: str) -> Identity | None:
        """Whom a person acts for."""
        return self._table.get_platform(Identity, user_id=user_id)

    def user(self, actor: Actor, user_id: str) -> User:
        """One user of the tenant. Raises NotFound."""
        return self._table.require(actor, User, user_id=user_id)

    def find_user(self, actor: Actor, user_id: str) -> User | None:
        """One user of the tenant, or None."""
        return self._table.get(actor, User, user_id=user_id)

    def users(self, actor: Actor, limit: int, cursor: str | None) -> Page[User]:
        """The tenant's users."""
        return self._table.query(actor, User, limit=limit, cursor=cursor)

    def add_user(self, actor: Actor, user: User) -> None:
        """Commit a new user and the identity behind it. Raises BelongsElsewhere."""
        identity = Identity(tenant_id=user.tenant_id, user_id=user.user_id, email=user.email, roles=user.roles)
        event = UserCreated(user_id=user.user_id, email=user.email, roles=list(user.roles))
        self._table.transact(actor, [create(user), create(identity, BelongsElsewhere())], [event])

    def record_login(self, actor: Actor, user_id: str, email: str) -> None:
        """Somebody logged in."""
        self._table.transact(actor, [], [LoggedIn(user_id=user_id, email=email)])
