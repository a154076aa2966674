"""The Merkle tree of RFC 6962, for a log that only grows.

A subtree of 2^height leaves, the one at `index`, is a *node*. Whole nodes never change, so proofs are made of them
alone, wherever they are kept; what is kept here is every fourth level, in tiles of sixteen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

LEAF, NODE = b"\x00", b"\x01"
TILE_HEIGHT = 4
WIDTH = 1 << TILE_HEIGHT
EMPTY = hashlib.sha256(b"").digest()
Edge = list[list[bytes]]
"""For each level of tiles, the hashes of the tile that is not yet full."""
Whole = Callable[[int, int], bytes]
"""Gives the hash of the whole node of a height and an index."""


class Tile(NamedTuple):
    """Sixteen neighbours of one level."""

    level: int
    place: int
    hashes: tuple[bytes, ...]


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbours."""
    return hashlib.sha256(NODE + left + right).digest()


def grow(edge: Edge, size: int, leaf: bytes) -> Iterator[Tile]:
    """Append leaf number `size` to the edge, and give the tiles that are full with it."""
    level, position = 0, size
    while True:
        if level == len(edge):
            edge.append([])
        edge[level].append(leaf)
        if len(edge[level]) < WIDTH:
            return
        tile = Tile(level, position // WIDTH, tuple(edge[level]))
        yield tile
        edge[level] = []
        leaf, level, position = folded(tile.hashes), level + 1, tile.place


def folded(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of neighbours."""
    while len(hashes) > 1:
        hashes = [node_hash(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def edge_root(edge: Edge) -> bytes:
    """The root of the tree whose edge this is."""
    return crowned(edge_nodes(edge))


def edge_nodes(edge: Edge) -> list[bytes]:
    """The whole nodes that the tree is made of, the largest first."""
    found: list[bytes] = []
    for hashes in reversed(edge):
        start = 0
        for height in reversed(range(TILE_HEIGHT)):
            if len(hashes) >> height & 1:
                found.append(folded(hashes[start : start + (1 << height)]))
                start += 1 << height
    return found


def crowned(nodes: Sequence[bytes]) -> bytes:
    """The root over whole nodes, the largest first."""
    if not nodes:
        return EMPTY
    root = nodes[-1]
    for node in reversed(nodes[:-1]):
        root = node_hash(node, root)
    return root


def parts(first: int, last: int) -> Iterator[tuple[int, int]]:
    """The whole nodes (height, index) that the leaves from `first` up to `last` are made of, the leftmost first. The
    range is one that RFC 6962 comes to: `first` is a multiple of its largest part."""
    while first < last:
        height = (last - first).bit_length() - 1
        yield height, first >> height
        first += 1 << height


def root(size: int, whole: Whole) -> bytes:
    """The root of the first `size` leaves."""
    return _range_root(0, size, whole)


def inclusion(leaf: int, size: int, whole: Whole) -> list[bytes]:
    """PATH(m, D[n]) of RFC 6962: that leaf number `leaf` is in the tree of `size` leaves."""
    return _path(leaf, 0, size, whole)


def consistency(old: int, new: int, whole: Whole) -> list[bytes]:
    """PROOF(m, D[n]) of RFC 6962: that the tree of `old` leaves is the beginning of the tree of `new` ones."""
    return _subproof(old, 0, new, True, whole) if 0 < old < new else []


def _range_root(first: int, last: int, whole: Whole) -> bytes:
    return crowned([whole(height, index) for height, index in parts(first, last)])


def _split(first: int, last: int) -> int:
    """The largest power of two below the number of leaves, counted from the first."""
    return first + (1 << (last - first - 1).bit_length() - 1)


def _path(leaf: int, first: int, last: int, whole: Whole) -> list[bytes]:
    if last - first == 1:
        return []
    middle = _split(first, last)
    if leaf < middle:
        return [*_path(leaf, first, middle, whole), _range_root(middle, last, whole)]
    return [*_path(leaf, middle, last, whole), _range_root(first, middle, whole)]


def _subproof(old: int, first: int, last: int, is_known: bool, whole: Whole) -> list[bytes]:
    if old == last:
        return [] if is_known else [_range_root(first, last, whole)]
    middle = _split(first, last)
    if old <= middle:
        return [*_subproof(old, first, middle, is_known, whole), _range_root(middle, last, whole)]
    return [*_subproof(old, middle, last, False, whole), _range_root(first, middle, whole)]
