"""What happens elsewhere, and what it means for keys."""

from __future__ import annotations

from functions.developers.service.rights import follow
from functions.developers.store import Store
from kernel.actor import Actor


def owner_changed(store: Store, actor: Actor, user_id: str, reason: str) -> None:
    """Somebody has other roles or teams, or is gone: his keys follow."""
    follow(store, actor, user_id, reason)


def role_changed(store: Store, actor: Actor, role_id: str) -> None:
    """A role allows something else: the keys of all who have it follow."""
    live = [key for key in store.keys(actor) if key.is_live]
    records = store.records(actor, live)
    for user_id in sorted({record.user_id for record in records.values() if role_id in record.roles}):
        follow(store, actor, user_id, f"the role {role_id} was changed")
