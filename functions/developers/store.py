"""The developers context's items, by named access pattern. A key is two items, the organisation's and the authorizer's,
which always change together."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.access import CustomRole, TeamMembership
from contracts.developers import ApiKeyRecord
from functions.developers.errors import AccountNameTaken, Moved
from functions.developers.model import ApiKey, Owner, Person, ServiceAccount, TakenName
from kernel.actor import Actor
from kernel.events import Event
from kernel.records import Resource
from kernel.table import Change, Page, Table, create, delete, update


class Store:
    """Reads and commits what the context owns, and reads the people, roles and teams that it was granted."""

    def __init__(self, table: Table | None = None) -> None:
        self.table = table or Table()

    def tell(self, actor: Actor, event: Event) -> None:
        """Publish what changed nothing: a refusal."""
        self.table.transact(actor, [], [event])

    def person(self, actor: Actor, user_id: str) -> Person | None:
        """A person of the organisation."""
        return self.table.get(actor, Person, user_id=user_id)

    def custom_roles(self, actor: Actor) -> dict[str, CustomRole]:
        """The organisation's own roles by id; their number is bounded."""
        return {role.role_id: role for role in self.table.all(actor, CustomRole)}

    def teams_of(self, actor: Actor, user_id: str) -> tuple[str, ...]:
        """The teams that somebody is in."""
        return tuple(each.team_id for each in self.table.all(actor, TeamMembership, user_id=user_id))

    def key(self, actor: Actor, key_id: str) -> ApiKey:
        """A key as its organisation sees it. Raises NotFound."""
        return self.table.require(actor, ApiKey, key_id=key_id)

    def keys_page(self, actor: Actor, limit: int, cursor: str | None) -> Page[ApiKey]:
        """The organisation's keys, newest first."""
        return self.table.query(actor, ApiKey, limit=limit, cursor=cursor, newest_first=True)

    def keys(self, actor: Actor) -> list[ApiKey]:
        """All keys that are not forgotten; their number is bounded."""
        return list(self.table.all(actor, ApiKey))

    def records(self, actor: Actor, keys: Sequence[ApiKey]) -> dict[str, ApiKeyRecord]:
        """What the authorizer sees of keys of the organisation, by id."""
        wanted = [{"key_id": key.key_id} for key in keys]
        found = self.table.get_many(actor, ApiKeyRecord, wanted) if wanted else []
        return {record.key_id: record for record in found if record.tenant_id == actor.tenant_id}

    def owner(self, actor: Actor, user_id: str) -> Owner | None:
        """The count of changes to an owner's keys; None before the first."""
        return self.table.get(actor, Owner, user_id=user_id)

    def account(self, actor: Actor, account_id: str) -> ServiceAccount:
        """A service account. Raises NotFound."""
        return self.table.require(actor, ServiceAccount, account_id=account_id)

    def find_account(self, actor: Actor, account_id: str) -> ServiceAccount | None:
        """A service account, or None."""
        return self.table.get(actor, ServiceAccount, account_id=account_id)

    def accounts_page(self, actor: Actor, limit: int, cursor: str | None) -> Page[ServiceAccount]:
        """The organisation's service accounts, oldest first."""
        return self.table.query(actor, ServiceAccount, limit=limit, cursor=cursor)

    def accounts(self, actor: Actor) -> list[ServiceAccount]:
        """All service accounts; their number is bounded."""
        return list(self.table.all(actor, ServiceAccount))

    def commit(
        self, actor: Actor, changes: Sequence[Change], events: Sequence[Event], answer: Resource | None = None
    ) -> None:
        """Commit a command. Raises Moved when somebody else changed the same meanwhile."""
        self.table.transact(actor, changes, events, answer=answer)


def added(key: ApiKey, record: ApiKeyRecord) -> list[Change]:
    """The items of a new key."""
    return [create(key), create(record)]


def changed(key: ApiKey, record: ApiKeyRecord) -> list[Change]:
    """The items of a key that is changed."""
    return [update(key, Moved()), update(record, Moved())]


def erased(key: ApiKey, record: ApiKeyRecord | None) -> list[Change]:
    """The items of a key whose owner is erased."""
    return [delete(key, Moved()), *([delete(record)] if record else [])]


def fence(actor: Actor, owner: Owner | None, user_id: str) -> Change:
    """The count of an owner's changes, one up."""
    if owner is None:
        return create(Owner(tenant_id=actor.tenant_id, user_id=user_id), Moved())
    return update(owner, Moved())


def new_account(account: ServiceAccount, name: TakenName) -> list[Change]:
    """The items of a new service account."""
    return [create(account), create(name, AccountNameTaken())]


def changed_account(account: ServiceAccount, freed: TakenName | None, taken: TakenName | None) -> list[Change]:
    """The items of a service account that is changed, and of its name where that is another."""
    changes = [update(account, Moved())]
    if freed is not None and taken is not None:
        changes += [delete(freed, Moved()), create(taken, AccountNameTaken())]
    return changes


def removed_account(account: ServiceAccount, name: TakenName) -> list[Change]:
    """The items of a service account that is gone."""
    return [delete(account, Moved()), delete(name, Moved())]
