"""The tree against the test vectors of Certificate Transparency, and against its definition."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tier.sealing import tree
from tier.sealing.tree import DIGESTS, Digest, Frontier, ProofWrong

# The leaves and roots of trees of 1 to 8 that RFC 6962 implementations share.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CONSISTENCY = {
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
SIZES = st.integers(1, 600)
DIGEST = st.sampled_from(sorted(DIGESTS))


def hashes(digest: Digest, count: int) -> list[bytes]:
    return [tree.leaf_hash(digest, number.to_bytes(8)) for number in range(count)]


def naive(digest: Digest, leaves: Sequence[bytes]) -> bytes:
    """The root as RFC 9162 defines it, word for word."""
    if not leaves:
        return digest(b"")
    if len(leaves) == 1:
        return leaves[0]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    left, right = naive(digest, leaves[:middle]), naive(digest, leaves[middle:])
    return digest(b"\x01" + left + right)


def proof(
    digest: Digest, leaves: Sequence[bytes], ranges: Sequence[tuple[int, int]]
) -> list[bytes]:
    return [naive(digest, leaves[begin:end]) for begin, end in ranges]


def grown(digest: Digest, leaves: Sequence[bytes]) -> Frontier:
    frontier = Frontier(digest)
    for leaf in leaves:
        frontier.append(leaf)
    return frontier


@pytest.mark.parametrize("size", range(1, 9))
def test_the_shared_vectors_have_the_known_roots(size: int) -> None:
    leaves = [tree.leaf_hash(tree.sha256, leaf) for leaf in LEAVES[:size]]

    assert grown(tree.sha256, leaves).root().hex() == ROOTS[size - 1]


def test_the_empty_tree_has_the_root_of_nothing() -> None:
    assert Frontier(tree.sha256).root() == sha256(b"").digest()


@pytest.mark.parametrize(("old", "size"), CONSISTENCY)
def test_the_shared_consistency_proofs_are_made_and_accepted(
    old: int, size: int
) -> None:
    leaves = [tree.leaf_hash(tree.sha256, leaf) for leaf in LEAVES]
    known = [bytes.fromhex(text) for text in CONSISTENCY[old, size]]
    roots = [bytes.fromhex(root) for root in ROOTS]

    made = proof(tree.sha256, leaves, tree.consistency_ranges(old, size))
    assert made == known
    tree.check_consistency(
        tree.sha256, (old, roots[old - 1]), (size, roots[size - 1]), known
    )


def test_sm3_is_that_of_the_standard() -> None:
    """GB/T 32905, appendix A: SM3("abc")."""
    known = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"

    assert tree.sm3(b"abc").hex() == known


@given(SIZES, DIGEST)
def test_a_frontier_has_the_root_of_the_definition(size: int, name: str) -> None:
    digest = DIGESTS[name]
    leaves = hashes(digest, size)

    assert grown(digest, leaves).root() == naive(digest, leaves)


@given(SIZES, st.data(), DIGEST)
def test_each_leaf_has_an_inclusion_proof_and_no_other_place(
    size: int, data: st.DataObject, name: str
) -> None:
    digest = DIGESTS[name]
    leaves = hashes(digest, size)
    index = data.draw(st.integers(0, size - 1))
    root = naive(digest, leaves)
    made = proof(digest, leaves, tree.inclusion_ranges(index, size))

    tree.check_inclusion(digest, leaves[index], (index, size), made, root)
    other = (
        data.draw(st.integers(0, size - 1).filter(lambda at: at != index))
        if size > 1
        else 1
    )
    with pytest.raises(ProofWrong):
        tree.check_inclusion(digest, leaves[index], (other, size), made, root)
    for wrong in damaged(data, made):
        with pytest.raises(ProofWrong):
            tree.check_inclusion(digest, leaves[index], (index, size), wrong, root)


def damaged(data: st.DataObject, made: list[bytes]) -> list[list[bytes]]:
    """A proof with one hash too many, one too few, and one changed."""
    wrong = [[*made, made[-1] if made else bytes(32)]]
    if made:
        at = data.draw(st.integers(0, len(made) - 1))
        changed = bytes([made[at][0] ^ 1]) + made[at][1:]
        wrong += [made[:at] + made[at + 1 :], [*made[:at], changed, *made[at + 1 :]]]
    return wrong


@given(SIZES, st.data(), DIGEST)
def test_a_tree_extends_its_beginnings_and_nothing_else(
    size: int, data: st.DataObject, name: str
) -> None:
    digest = DIGESTS[name]
    leaves = hashes(digest, size)
    old = data.draw(st.integers(0, size))
    before, after = naive(digest, leaves[:old]), naive(digest, leaves)
    made = proof(digest, leaves, tree.consistency_ranges(old, size))

    tree.check_consistency(digest, (old, before), (size, after), made)
    forged = digest(b"forged")
    for old_root, root in ((forged, after), (before, forged)):
        if root == after or old:  # the empty tree says nothing of what comes
            with pytest.raises(ProofWrong):
                tree.check_consistency(digest, (old, old_root), (size, root), made)
    for wrong in damaged(data, made):
        with pytest.raises(ProofWrong):
            tree.check_consistency(digest, (old, before), (size, after), wrong)


@given(st.integers(1, 70_000), st.data())
def test_a_range_is_covered_without_gap_by_perfect_nodes(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    spans = [*tree.inclusion_ranges(index, size), (0, size)]
    spans += tree.consistency_ranges(index, size)

    for begin, end in spans:
        at = begin
        levels = []
        for level, place in tree.cover(begin, end):
            assert place << level == at
            at += 1 << level
            levels.append(level)
        assert at == end
        assert levels == sorted(levels, reverse=True)


@given(st.integers(1, 3_000))
def test_tiles_hold_every_node_of_a_tree(size: int) -> None:
    """Fill tiles as the sealer does, and read the root back from them."""
    digest = tree.sha256
    tiles: dict[tuple[int, int], bytes] = {}

    def put(level: int, value: bytes) -> None:
        rows = [index for at, index in tiles if at == level]
        index = max(rows, default=0)
        if len(tiles.get((level, index), b"")) == 32 * tree.TILE_WIDTH:
            index += 1
        tiles[level, index] = tiles.get((level, index), b"") + value

    frontier = Frontier(digest)
    for leaf in hashes(digest, size):
        put(0, leaf)
        for level, value in frontier.append(leaf):
            put(level, value)

    def node(which: tuple[int, int]) -> bytes:
        tile, span = tree.tile_of(which)
        return tree.node_from_tile(digest, tiles[tile], span)

    assert tree.range_hash(digest, (0, size), node) == frontier.root()


def test_there_is_no_proof_for_what_is_not_there() -> None:
    with pytest.raises(ValueError, match="no leaf"):
        tree.inclusion_ranges(5, 5)
    with pytest.raises(ValueError, match="extend"):
        tree.consistency_ranges(6, 5)
    with pytest.raises(ProofWrong):
        tree.check_inclusion(tree.sha256, b"", (3, 2), [], b"")
    with pytest.raises(ProofWrong):
        tree.check_consistency(tree.sha256, (3, b""), (2, b""), [])
    with pytest.raises(ProofWrong, match="lacks"):
        tree.node_from_tile(tree.sha256, bytes(32), (0, 2))
