"""The Merkle tree of RFC 6962 as a verifier needs it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbours."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows leaf by leaf: its whole nodes, the largest first, one for each bit of its size."""

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        if len(nodes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} whole nodes, not {len(nodes)}")
        self.size = size
        self._nodes = list(nodes)

    def append(self, leaf: bytes) -> None:
        """One leaf more."""
        merges = self.size
        while merges & 1:
            leaf = node_hash(self._nodes.pop(), leaf)
            merges >>= 1
        self._nodes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._nodes:
            return EMPTY
        root = self._nodes[-1]
        for node in reversed(self._nodes[:-1]):
            root = node_hash(node, root)
        return root


def root_of_path(place: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root to which an audit path leads (RFC 9162, 2.1.3.2); None for a path of the wrong length."""
    if not 0 <= place < size:
        return None
    at, last = place, size - 1
    for step in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            leaf = node_hash(step, leaf)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            leaf = node_hash(leaf, step)
        at, last = at >> 1, last >> 1
    return leaf if last == 0 else None


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that one tree is the beginning of the other (RFC 9162, 2.1.4.2)."""
    if old in (0, new):
        return not proof and old_root == (EMPTY if old == 0 else new_root)
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not 0 < old < new or not steps:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, step)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root
