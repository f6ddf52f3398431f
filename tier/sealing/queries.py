"""What is read of a ledger and its proofs: exports, proofs of subjects, states."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, Final

from ducha.ledger.v1 import ledger_pb2 as pb
from tier import ledger
from tier.app import App
from tier.runtime import moments
from tier.runtime.db import Tx
from tier.sealing import store, tile_store, tree, trees, wire
from tier.sealing.errors import NothingSealed, SubjectNotSealed
from tier.sealing.model import MOMENT_BYTES, Life, Tile
from tier.sealing.store import KeptCheckpoint
from tier.sealing.tree import HASH_BYTES, TILE_WIDTH

SEGMENT_BYTES: Final = 4 * 1024 * 1024
SUBJECT_FACTS: Final = 1000
PAGE_TILES: Final = 100


async def export(app: App) -> AsyncIterator[list[pb.LedgerRecord]]:
    """Yield the records of an export, up to the latest checkpoint.

    Each page is read by itself: what is sealed does not change, and if it does, that is
    what the export is to show.

    Raises:
        NothingSealed: there is no checkpoint.
    """
    async with app.db.reading() as tx:
        latest = await store.latest(tx)
        lives = await tile_store.lives(tx)
    if latest is None:
        raise NothingSealed(node=app.node.name)
    header = pb.LedgerHeader(
        node=app.node.name,
        spiffe_id=str(app.identity.spiffe) if app.identity else "",
        create_time=moments.stamp_of(app.now()),
        life=latest.life,
        size=latest.size,
    )
    yield [
        pb.LedgerRecord(header=header),
        *(pb.LedgerRecord(life=wire.life_to(life)) for life in lives),
    ]
    told = set[bytes]()
    for first in range(1, latest.size + 1, TILE_WIDTH):
        last = min(first + TILE_WIDTH - 1, latest.size)
        async with app.db.reading() as tx:
            for record in await _checkpoints(tx, (first - 1, last), told):
                yield [record]
            for record in await _segments(tx, latest.life, first, last):
                yield [record]
    async for records in _upper(app, latest.life):
        yield records


async def _checkpoints(
    tx: Tx, between: tuple[int, int], told: set[bytes]
) -> list[pb.LedgerRecord]:
    """Return checkpoints, and before them the certificates not `told` yet."""
    found = await store.checkpoints_between(tx, *between)
    needed = {one for kept in found for one in wire.signers(kept)} - told
    told |= needed
    ders = await store.certificates(tx, needed) if needed else []
    certificates = wire.certificates_to(ders)
    return [
        *(pb.LedgerRecord(certificate=one) for one in certificates),
        *(pb.LedgerRecord(checkpoint=wire.checkpoint_to(kept)) for kept in found),
    ]


async def _segments(
    tx: Tx, life: int, first: int, last: int
) -> Iterator[pb.LedgerRecord]:
    """Return the facts at the places of one tile, in segments that fit a message."""
    which = (0, (first - 1) // TILE_WIDTH)
    kept = await tile_store.tiles(tx, life, [which])
    rows = await store.facts(tx, first, last)
    return _cut(kept.get(which, Tile(*which, b"")), rows, first, last)


def _cut(
    tile: Tile, rows: Sequence[Any], first: int, last: int
) -> Iterator[pb.LedgerRecord]:
    facts, begin, size = list[pb.SealedFact](), first, 0
    for row in rows:
        size += len(row["body"])
        if facts and size > SEGMENT_BYTES:
            yield _segment(tile, facts, begin, facts[-1].position)
            begin, size, facts = facts[-1].position + 1, len(row["body"]), []
        facts.append(wire.fact_to(row))
    yield _segment(tile, facts, begin, last)


def _segment(
    tile: Tile, facts: list[pb.SealedFact], first: int, last: int
) -> pb.LedgerRecord:
    begin, end = (first - 1) % TILE_WIDTH, (last - 1) % TILE_WIDTH + 1
    return pb.LedgerRecord(
        segment=pb.Segment(
            first_position=first,
            last_position=last,
            facts=facts,
            leaf_hashes=tile.hashes[begin * HASH_BYTES : end * HASH_BYTES],
            moments=tile.moments[begin * MOMENT_BYTES : end * MOMENT_BYTES],
        )
    )


async def _upper(app: App, life: int) -> AsyncIterator[list[pb.LedgerRecord]]:
    """Yield the tiles above the leaves."""
    after = (0, 0)
    while True:
        async with app.db.reading() as tx:
            page = await tile_store.upper_tiles(tx, life, after, PAGE_TILES)
        if not page:
            return
        yield [
            pb.LedgerRecord(
                tile=pb.Tile(level=one.level, index=one.number, hashes=one.hashes)
            )
            for one in page
        ]
        after = (page[-1].level, page[-1].number)


async def prove(app: App, subject: str) -> pb.SubjectProof:
    """Return what proves the facts about a subject offline.

    Raises:
        NothingSealed: there is no checkpoint.
        SubjectNotSealed: no fact about it is covered by one.
    """
    async with app.db.reading() as tx:
        kept = await store.latest_cosigned(tx) or await store.latest(tx)
        if kept is None:
            raise NothingSealed(node=app.node.name)
        lives = await tile_store.lives(tx)
        life = next(one for one in lives if one.number == kept.life)
        rows = await store.facts_about(tx, subject, kept.size, SUBJECT_FACTS)
        if not rows:
            raise SubjectNotSealed(subject=subject)
        return pb.SubjectProof(
            subject=subject,
            checkpoint=wire.checkpoint_to(kept),
            certificates=await _certificates(tx, [kept]),
            facts=await _proofs(tx, life, kept, rows),
            later_count=await store.count_later(tx, subject, rows[-1]["position"]),
            life=wire.life_to(life),
        )


async def _certificates(tx: Tx, kept: Iterable[KeptCheckpoint]) -> list[pb.Certificate]:
    needed = {one for each in kept for one in wire.signers(each)}
    return wire.certificates_to(await store.certificates(tx, needed))


async def _proofs(
    tx: Tx, life: Life, kept: KeptCheckpoint, rows: Sequence[Any]
) -> list[pb.FactProof]:
    """Return each fact with its inclusion proof, all from one look at the tiles."""
    paths = [tree.inclusion_ranges(row["position"] - 1, kept.size) for row in rows]
    ranges = sorted({span for path in paths for span in path})
    hashes = await trees.range_hashes(tx, life, ranges)
    known = dict(zip(ranges, hashes, strict=True))
    return [
        pb.FactProof(fact=wire.fact_to(row), hashes=[known[span] for span in path])
        for row, path in zip(rows, paths, strict=True)
    ]


async def head(tx: Tx) -> int:
    """Return the position of the last fact."""
    return await ledger.store.head(tx)
