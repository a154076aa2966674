"""The tree of RFC 6962: the vectors of Certificate Transparency's own implementations, and each proof against each."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.audit.model import merkle
from functions.audit.model.log import LOST, Head, needed, nodes, packed
from palisade.audit import tree

INPUTS = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
PROOFS = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of the RFC, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return merkle.node_hash(naive_root(leaves[:half]), naive_root(leaves[half:]))


def whole_of(leaves: list[bytes]) -> merkle.Whole:
    """Nodes worked out anew from all leaves."""
    return lambda height, index: naive_root(leaves[index << height : (index + 1) << height])


def kept(leaves: list[bytes]) -> tuple[Head, dict[tuple[int, int], list[bytes]]]:
    """A head and tiles, grown leaf by leaf."""
    edge: merkle.Edge = []
    tiles = {}
    for number, leaf in enumerate(leaves):
        for tile in merkle.grow(edge, number, leaf):
            assert (tile.level, tile.place) not in tiles
            tiles[tile.level, tile.place] = list(tile.hashes)
    assert merkle.edge_root(edge) == naive_root(leaves)
    head = Head(tenant_id="t", size=len(leaves), edge=[packed(level) for level in edge])
    return head, tiles


LEAVES = [merkle.leaf_hash(data) for data in INPUTS]


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    edge: merkle.Edge = []
    for number, leaf in enumerate(LEAVES[:size]):
        list(merkle.grow(edge, number, leaf))
    assert merkle.edge_root(edge).hex() == ROOTS[size]
    grown = tree.Tree()
    for leaf in LEAVES[:size]:
        grown.append(leaf)
    assert grown.root().hex() == ROOTS[size]


@pytest.mark.parametrize(("place", "size"), PATHS)
def test_known_audit_paths(place: int, size: int) -> None:
    path = merkle.inclusion(place, size, whole_of(LEAVES))
    assert [each.hex() for each in path] == PATHS[place, size]
    assert tree.root_of_path(place, size, LEAVES[place], path).hex() == ROOTS[size]


@pytest.mark.parametrize(("old", "new"), PROOFS)
def test_known_consistency_proofs(old: int, new: int) -> None:
    proof = merkle.consistency(old, new, whole_of(LEAVES))
    assert [each.hex() for each in proof] == PROOFS[old, new]
    assert tree.is_consistent(old, new, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]), proof)


@settings(max_examples=60)
@given(st.integers(1, 700), st.data())
def test_every_proof_made_of_tiles_holds_and_no_other_does(size: int, data: st.DataObject) -> None:
    leaves = [merkle.leaf_hash(str(number).encode()) for number in range(size)]
    head, tiles = kept(leaves)
    place, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))

    def read(proof: object) -> merkle.Whole:
        return nodes(head, {at: tiles[at] for at in needed(head, proof)})

    path_of = lambda whole: merkle.inclusion(place, size, whole)  # noqa: E731
    path = path_of(read(path_of))
    root = naive_root(leaves)
    assert tree.root_of_path(place, size, leaves[place], path) == root
    for wrong in range(len(path)):
        bent = [*path[:wrong], bytes(32), *path[wrong + 1 :]]
        assert tree.root_of_path(place, size, leaves[place], bent) != root
    assert size == 1 or tree.root_of_path((place + 1) % size, size, leaves[place], path) != root
    proof_of = lambda whole: merkle.consistency(old, size, whole)  # noqa: E731
    proof = proof_of(read(proof_of))
    old_root = naive_root(leaves[:old])
    assert tree.is_consistent(old, size, old_root, root, proof)
    assert old in (0, size) or not tree.is_consistent(old, size, bytes(32), root, proof)
    assert old == 0 or not tree.is_consistent(old, size, old_root, bytes(32), proof)
    assert old in (0, size) or not tree.is_consistent(old, size, old_root, root, [*proof, bytes(32)])


def test_a_lost_tile_proves_nothing() -> None:
    leaves = [merkle.leaf_hash(str(number).encode()) for number in range(100)]
    head, _ = kept(leaves)
    assert merkle.inclusion(3, 100, nodes(head, {}))[0] == LOST[0]
