"""The right edge of a kept tree: what the sealer holds in memory between two writes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from tier.sealing import tree
from tier.sealing.model import MOMENT_BYTES, Life, Tile, leaf_data
from tier.sealing.tree import (
    DIGESTS,
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Frontier,
    NodeId,
)


@dataclass(slots=True)
class _Open:
    """The last tile of a level; the number goes up when it is full."""

    number: int
    hashes: bytearray = field(default_factory=bytearray)
    moments: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class Edge:
    """The edge of one life's tree, and the tiles that changed since they were written."""

    life: Life
    frontier: Frontier
    open: dict[int, _Open]
    changed: dict[NodeId, Tile] = field(default_factory=dict)

    @classmethod
    def read(cls, life: Life, size: int, kept: Mapping[NodeId, Tile]) -> Self:
        """Go on with a tree of `size` leaves, from the tiles that `edge_tiles` names.

        Raises:
            ProofWrong: a tile is not as wide as it was written.
        """
        digest = DIGESTS[life.digest]
        node = reader(digest, kept)
        hashes = [node(each) for each in tree.cover(0, size)]
        opened = {}
        for level, number in edge_tiles(size):
            tile = kept.get((level, number), Tile(level, number, b""))
            opened[level] = _Open(
                number, bytearray(tile.hashes), bytearray(tile.moments)
            )
        return cls(life, Frontier(digest, size, hashes), opened)

    def append(self, position: int, micros: int, body: bytes) -> None:
        """Add a fact."""
        leaf = self.frontier.digest(tree.LEAF + leaf_data(position, micros, body))
        self._put(0, leaf, micros.to_bytes(MOMENT_BYTES, signed=True))
        for level, value in self.frontier.append(leaf):
            self._put(level, value)

    def take_changed(self) -> list[Tile]:
        """Return tiles to write; nothing is changed after that."""
        for level, tile in self.open.items():
            if tile.hashes:
                self._close(level, tile)
        written = list(self.changed.values())
        self.changed = {}
        return written

    def _put(self, level: int, value: bytes, moment: bytes = b"") -> None:
        tile = self.open.get(level)
        if tile is None:
            tile = self.open[level] = _Open(0)
        tile.hashes += value
        tile.moments += moment
        if len(tile.hashes) == TILE_WIDTH * HASH_BYTES:
            self._close(level, tile)
            self.open[level] = _Open(tile.number + 1)

    def _close(self, level: int, tile: _Open) -> None:
        written = Tile(level, tile.number, bytes(tile.hashes), bytes(tile.moments))
        self.changed[level, tile.number] = written


def edge_tiles(size: int) -> list[NodeId]:
    """Return the last tile of each level of a tree: what its growth and its root need.

    A level whose last tile is full has the next one, which is not there yet.
    """
    tiles, level = [], 0
    while size >> (TILE_HEIGHT * level):
        tiles.append((level, (size >> (TILE_HEIGHT * level)) // TILE_WIDTH))
        level += 1
    return tiles


def tiles_for(nodes: Iterable[NodeId]) -> set[NodeId]:
    """Return the tiles that these nodes are read from."""
    return {tree.tile_of(node)[0] for node in nodes}


def reader(
    digest: tree.Digest, kept: Mapping[NodeId, Tile]
) -> Callable[[NodeId], bytes]:
    """Return a function that reads nodes from tiles.

    It raises `ProofWrong` where a tile is not there, or too narrow.
    """

    def node(which: NodeId) -> bytes:
        tile, span = tree.tile_of(which)
        held = kept.get(tile)
        return tree.node_from_tile(digest, held.hashes if held else b"", span)

    return node
