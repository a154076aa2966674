"""The items of provisioning: profiles, groups, and the names that are taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from contracts.plans import Exhausted, LimitReached, Metered, unless_exhausted
from functions.identity.errors import NameInUse
from functions.identity.model import User
from functions.identity.model.provisioning import ADDRESS, Group, Profile, Taken, taken
from kernel import clock
from kernel.actor import Actor
from kernel.table import Change, Page, Table, create, delete


class Provisions:
    """Reads what an organisation's directory has said."""

    def __init__(self, table: Table | None = None) -> None:
        self._table = table or Table()

    def profile(self, actor: Actor, user_id: str) -> Profile | None:
        """What is said of a person."""
        return self._table.get(actor, Profile, user_id=user_id)

    def profiles(self, actor: Actor) -> Iterator[Profile]:
        """What is said of everybody."""
        return self._table.all(actor, Profile)

    def some(self, actor: Actor, user_ids: Sequence[str]) -> tuple[dict[str, User], dict[str, Profile]]:
        """Some people, as the organisation and as its directory knows them. Two calls for each hundred."""
        keys = [{"user_id": user_id} for user_id in user_ids]
        users = {each.user_id: each for each in self._table.get_many(actor, User, keys)}
        return users, {each.user_id: each for each in self._table.get_many(actor, Profile, keys)}

    def owner_of(self, actor: Actor, kind: str, text: str, *, exact: bool = False) -> str | None:
        """Whose a name is."""
        wanted = taken(actor.tenant_id, kind, text, "", exact=exact)
        found = self._table.get(actor, Taken, what=kind, digest=wanted.digest)
        return found.owner if found else None

    def group(self, actor: Actor, group_id: str) -> Group:
        """One group. Raises NotFound."""
        return self._table.require(actor, Group, group_id=group_id)

    def groups(self, actor: Actor) -> list[Group]:
        """All of them: they are few."""
        return list(self._table.all(actor, Group))

    def page_of_groups(self, actor: Actor, limit: int, cursor: str | None) -> Page[Group]:
        """Some of them."""
        return self._table.query(actor, Group, limit=limit, cursor=cursor)

    def demand_seat(self, actor: Actor) -> None:
        """Raises LimitReached when the plan allows nobody more: asked before anything is done that no transaction takes
        back. The transaction asks again."""
        mark = self._table.get(actor, Exhausted, metered=Metered.USERS)
        now = int(clock.now().timestamp())
        if mark is not None and (mark.expires_at is None or mark.expires_at >= now):
            raise unless_exhausted(actor, Metered.USERS).otherwise or LimitReached()


def renaming(before: Mapping[str, Taken], after: Mapping[str, Taken]) -> list[Change]:
    """The changes that give some names back and take others."""
    changes: list[Change] = []
    for kind in sorted({*before, *after}):
        old, new = before.get(kind), after.get(kind)
        if old and new and old.digest == new.digest:
            continue
        if old:
            changes.append(delete(old))
        if new:
            changes.append(create(new, NameInUse(f"The {WORDS[kind]} is in use.")))
    return changes


WORDS = {
    "USERNAME": "userName",
    ADDRESS: "address",
    "USERID": "externalId",
    "GROUPNAME": "displayName",
    "GROUPID": "externalId",
}
