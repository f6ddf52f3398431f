"""The kept tree, read: its edge, its roots, and proofs from it."""

from __future__ import annotations

from collections.abc import Sequence

from tier.runtime.db import Tx
from tier.sealing import tile_store, tree
from tier.sealing.growing import Edge, edge_tiles, reader, tiles_for
from tier.sealing.model import Life
from tier.sealing.tree import DIGESTS, Range


async def edge(tx: Tx, life: Life, size: int) -> Edge:
    """Read the edge of a tree.

    Raises:
        ProofWrong: a tile lacks hashes.
    """
    wanted = {*edge_tiles(size), *tiles_for(list(tree.cover(0, size)))}
    return Edge.read(life, size, await tile_store.tiles(tx, life.number, wanted))


async def root(tx: Tx, life: Life, size: int) -> bytes:
    """Return the root of the tree over the first `size` facts.

    Raises:
        ProofWrong: a tile lacks hashes.
    """
    (found,) = await range_hashes(tx, life, [(0, size)])
    return found


async def consistency(tx: Tx, life: Life, old: int, size: int) -> list[bytes]:
    """Return the proof that the tree of `size` extends that of `old`.

    Raises:
        ProofWrong: a tile lacks hashes.
        ValueError: `old` is the larger one.
    """
    return await range_hashes(tx, life, tree.consistency_ranges(old, size))


async def range_hashes(tx: Tx, life: Life, ranges: Sequence[Range]) -> list[bytes]:
    """Return the hash over each range of leaves.

    Raises:
        ProofWrong: a tile lacks hashes.
    """
    nodes = [node for span in ranges for node in tree.cover(*span)]
    kept = await tile_store.tiles(tx, life.number, tiles_for(nodes))
    digest = DIGESTS[life.digest]
    node = reader(digest, kept)
    return [tree.range_hash(digest, span, node) for span in ranges]
