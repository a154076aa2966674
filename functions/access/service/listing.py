"""Pages of collections that are small enough to be read whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from kernel.actor import Actor
from kernel.cursors import Cursors

T = TypeVar("T")


def cut(
    actor: Actor, kind: str, items: Sequence[T], name: Callable[[T], str], limit: int, cursor: str | None
) -> tuple[list[T], str | None]:
    """The items after the cursor's, in their order, and the cursor of the next page. An item that is gone meanwhile
    does not lose the place: the cursor holds how many were seen. Raises BadRequest for a cursor of another list."""
    cursors = Cursors(f"{actor.tenant_id}|{kind}")
    position = cursors.read(cursor) if cursor else {}
    start = next((n + 1 for n, item in enumerate(items) if name(item) == position.get("after")), None)
    if start is None:
        seen = position.get("seen", 0)
        start = seen if isinstance(seen, int) else 0
    part = list(items[start : start + limit])
    end = start + len(part)
    more = cursors.write({"after": name(part[-1]), "seen": end}) if part and end < len(items) else None
    return part, more
