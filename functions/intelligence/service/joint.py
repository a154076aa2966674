"""Several audiences' graphs as one: joined ahead for those who see them, because a large one takes longer than anybody
waits for an answer.

What is joined lies under a key that says of which generations it is, so that who finds it has what he asks for. Who
comes when a generation is new gets what was joined before, until the next one is there.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from contracts import facts
from functions.intelligence.errors import NotJoined
from functions.intelligence.model.learning import Snapshot, joined
from functions.intelligence.model.outline import Outline
from functions.intelligence.model.records import GraphHead
from functions.intelligence.service.scans import reader
from functions.intelligence.store import Store
from kernel.actor import Actor
from kernel.errors import NotFound

IN_ANSWER_ROWS: Final = 60_000
"""Entities and relations of graphs that are joined while somebody waits: half a second."""
MAX_SETS: Final = 30
"""Sets of audiences that are joined ahead, those of most people first: a large one takes a quarter of a minute."""
RETRY_SECONDS: Final = 60


def view(store: Store, actor: Actor, heads: Sequence[GraphHead]) -> Outline:
    """These graphs (two or more) as one. One call where it is kept in the process, two where it was joined. Raises
    NotJoined."""
    key = _key(actor, heads)
    try:
        return _load(store, actor, key)
    except NotFound:
        snapshots = [store.snapshot(actor, head) for head in heads]
    if sum(each.entity_count + each.relation_count for each in snapshots) <= IN_ANSWER_ROWS:
        return store.remembered((key,), lambda: _make(store, actor, key, snapshots))
    earlier = store.keys(actor, _place(actor, heads))
    try:
        return _load(store, actor, earlier[-1] if earlier else key)
    except NotFound:
        detail = "The graphs that you see are being put together. It takes some minutes, once. Try again then."
        raise NotJoined(detail, retry_after=RETRY_SECONDS) from None


def renew(store: Store, actor: Actor) -> int:
    """Join what people see together and is not joined yet; how many were. The actor sees every graph."""
    made = 0
    for heads in _seen_together(store, actor):
        key = _key(actor, heads)
        if not store.keys(actor, key):
            _make(store, actor, key, [store.snapshot(actor, head) for head in heads])
            made += 1
    return made


def sweep(store: Store, actor: Actor) -> int:
    """Remove what was joined of earlier generations, and for nobody who is there; how many objects went. The actor
    sees every graph."""
    newest = {keys[-1] for heads in _seen_together(store, actor) if (keys := store.keys(actor, _place(actor, heads)))}
    prefix = facts.joined_prefix(actor.tenant_id)
    return store.remove_some(actor, prefix, [key for key in store.keys(actor, prefix) if key not in newest])


def _seen_together(store: Store, actor: Actor) -> list[list[GraphHead]]:
    """The sets of graphs that somebody sees as one; those of most people first, and all of them, which administrators
    see."""
    heads = {head.audience: head for head in store.heads(actor)}
    if len(heads) < 2:
        return []
    shared = {audience for audience, head in heads.items() if head.team_id is None}
    sets = Counter(frozenset(shared | (teams & heads.keys())) for teams in store.teams_of_people(actor))
    wanted = [frozenset(heads), *(audiences for audiences, _ in sets.most_common())]
    several = list(dict.fromkeys(each for each in wanted if len(each) > 1))
    return [[heads[audience] for audience in sorted(each)] for each in several[:MAX_SETS]]


def _make(store: Store, actor: Actor, key: str, snapshots: Sequence[Snapshot]) -> Outline:
    outline = joined(snapshots, reader(store, actor))
    store.write(actor, key, outline.dump())
    return outline


def _load(store: Store, actor: Actor, key: str) -> Outline:
    return store.remembered((key,), lambda: Outline.load(store.read(actor, key)))


def _key(actor: Actor, heads: Iterable[GraphHead]) -> str:
    """Where these generations are one: later ones have later keys."""
    heads = sorted(heads, key=lambda head: head.audience)
    generation = sum(head.generation for head in heads)
    return f"{_place(actor, heads)}{generation:09}-{_digest(head.outline for head in heads)}.mpk.gz"


def _place(actor: Actor, heads: Iterable[GraphHead]) -> str:
    """The prefix of all that these audiences' graphs were as one."""
    return f"{facts.joined_prefix(actor.tenant_id)}{_digest(sorted(head.audience for head in heads))}/"


def _digest(names: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:32]
