"""The Merkle tree over facts: RFC 9162, section 2.1, with the digest as a parameter. Pure.

A tree of n leaves is determined by their hashes in order. Its root commits to all of them;
an *inclusion proof* shows that a leaf is one of them, a *consistency proof* that an older
tree is a beginning of a newer one. Perfect subtrees never change once they are full, so
their hashes are kept in *tiles* of 256 (C2SP tlog-tiles), from which every proof is read.

Hashes are bytes (32 for both digests); a node is (level, index), a leaf has level 0; a
range is [begin, end).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Digest: TypeAlias = Callable[[bytes], bytes]
Range: TypeAlias = tuple[int, int]
NodeId: TypeAlias = tuple[int, int]
"""(level, index): the node over the leaves [index << level, (index + 1) << level)."""

LEAF: Final = b"\x00"
NODE: Final = b"\x01"
TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
HASH_BYTES: Final = 32


class ProofWrong(ValueError):
    """A proof does not show what it should."""


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of `data` (FIPS 180-4)."""
    return hashlib.sha256(data).digest()


def sm3(data: bytes) -> bytes:
    """Return the SM3 of `data` (GB/T 32905)."""
    return hashlib.new("sm3", data).digest()


DIGESTS: Final[Mapping[str, Digest]] = {"sha256": sha256, "sm3": sm3}


def leaf_hash(digest: Digest, data: bytes) -> bytes:
    """Return the hash of a leaf with this content."""
    return digest(LEAF + data)


def node_hash(digest: Digest, left: bytes, right: bytes) -> bytes:
    """Return the hash of the node over two subtrees."""
    return digest(NODE + left + right)


def empty_root(digest: Digest) -> bytes:
    """Return the root of the tree without leaves."""
    return digest(b"")


def fold(digest: Digest, hashes: Sequence[bytes]) -> bytes:
    """Return the root over perfect subtrees, largest first, by their hashes."""
    if not hashes:
        return empty_root(digest)
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = digest(NODE + left + root)
    return root


@dataclass(slots=True)
class Frontier:
    """The right edge of a growing tree: its perfect subtrees, largest first.

    This is all that is needed to go on, and to know the root: one hash a set bit of `size`.
    """

    digest: Digest
    size: int = 0
    hashes: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> Sequence[tuple[int, bytes]]:
        """Add a leaf's hash; return (tile level, hash) of each tile it filled."""
        digest, hashes = self.digest, self.hashes
        node, carry, level = leaf, self.size, 0
        filled: Sequence[tuple[int, bytes]] = ()
        while carry & 1:
            node = digest(NODE + hashes.pop() + node)
            carry >>= 1
            level += 1
            if not level % TILE_HEIGHT:
                filled = (*filled, (level // TILE_HEIGHT, node))
        hashes.append(node)
        self.size += 1
        return filled

    def root(self) -> bytes:
        """Return the root of the tree as it is."""
        return fold(self.digest, self.hashes)


def split(size: int) -> int:
    """Return the largest power of two smaller than `size` (2 or more)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Return the ranges whose hashes prove leaf `index` in a tree of `size`, leaf first.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    begin, end, path = 0, size, list[Range]()
    while end - begin > 1:
        middle = begin + split(end - begin)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((begin, middle))
            begin = middle
    return path[::-1]


def consistency_ranges(old: int, size: int) -> list[Range]:
    """Return the ranges whose hashes prove a tree of `old` leaves the beginning of `size`.

    Empty where there is nothing to prove: from the empty tree, and to itself.

    Raises:
        ValueError: the older tree is the larger one.
    """
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} does not extend one of {old}")
    begin, end, path, whole = 0, size, list[Range](), True
    if old in (0, size):
        return []
    while old != end:
        middle = begin + split(end - begin)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((begin, middle))
            begin, whole = middle, False
    if not whole:
        path.append((begin, end))
    return path[::-1]


def cover(begin: int, end: int) -> Iterator[NodeId]:
    """Yield the perfect nodes that make up a range of a proof or of a whole tree."""
    while begin < end:
        longest = (end - begin).bit_length() - 1
        level = min((begin & -begin).bit_length() - 1, longest) if begin else longest
        yield level, begin >> level
        begin += 1 << level


def range_hash(digest: Digest, span: Range, node: Callable[[NodeId], bytes]) -> bytes:
    """Return the hash over a range, from the perfect nodes that `node` gives."""
    return fold(digest, [node(each) for each in cover(*span)])


def check_inclusion(
    digest: Digest,
    leaf: bytes,
    place: tuple[int, int],
    proof: Sequence[bytes],
    root: bytes,
) -> None:
    """Check that a leaf's hash stands at `place`, (index, size), of the tree with `root`.

    Raises:
        ProofWrong: the proof does not show it.
    """
    index, size = place
    if not 0 <= index < size:
        raise ProofWrong(f"no leaf {index} in a tree of {size}")
    node, last, found = index, size - 1, leaf
    for sibling in proof:
        if not last:
            raise ProofWrong("the inclusion proof is too long")
        if node & 1 or node == last:
            found = digest(NODE + sibling + found)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            found = digest(NODE + found + sibling)
        node, last = node >> 1, last >> 1
    if last or found != root:
        raise ProofWrong(f"the proof does not lead from leaf {index} to the root")


def check_consistency(
    digest: Digest,
    old: tuple[int, bytes],
    new: tuple[int, bytes],
    proof: Sequence[bytes],
) -> None:
    """Check that the tree `old`, (size, root), is the beginning of the tree `new`.

    Raises:
        ProofWrong: the proof does not show it.
    """
    (old_size, old_root), (size, root) = old, new
    if not 0 <= old_size <= size:
        raise ProofWrong(f"a tree of {size} does not extend one of {old_size}")
    if old_size in (0, size):
        known = root if old_size else empty_root(digest)
        if proof or old_root != known:
            raise ProofWrong(f"two trees of {old_size} leaves differ")
        return
    if not old_size & (old_size - 1):
        proof = [old_root, *proof]
    if _both_roots(digest, (old_size - 1, size - 1), proof) != (old_root, root):
        raise ProofWrong(f"the tree of {size} does not extend that of {old_size}")


def _both_roots(
    digest: Digest, edges: tuple[int, int], proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """Return the older and the newer root that a consistency proof leads to.

    `edges` are the last leaves of both trees.
    """
    node, last = edges
    while node & 1:
        node, last = node >> 1, last >> 1
    if not proof:
        raise ProofWrong("the consistency proof is empty")
    before = after = proof[0]
    for sibling in proof[1:]:
        if not last:
            raise ProofWrong("the consistency proof is too long")
        if node & 1 or node == last:
            before = digest(NODE + sibling + before)
            after = digest(NODE + sibling + after)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            after = digest(NODE + after + sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofWrong("the consistency proof is too short")
    return before, after


def tile_of(node: NodeId) -> tuple[NodeId, Range]:
    """Return the tile a node is read from, (tile level, tile index), and which hashes of it."""
    level, index = node
    height = level % TILE_HEIGHT
    begin = (index << height) % TILE_WIDTH
    tile = (level // TILE_HEIGHT, index >> (TILE_HEIGHT - height))
    return tile, (begin, begin + (1 << height))


def node_from_tile(digest: Digest, hashes: bytes, span: Range) -> bytes:
    """Return the hash over a power of two of a tile's hashes.

    Raises:
        ProofWrong: the tile is not that wide.
    """
    begin, end = span
    if len(hashes) < end * HASH_BYTES:
        raise ProofWrong("a tile lacks hashes")
    row = [hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in range(begin, end)]
    while len(row) > 1:
        row = [digest(NODE + row[at] + row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]
