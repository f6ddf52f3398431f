"""1,000 tamperings by a database administrator, on a real ledger: every one is found.

One ledger is sealed and witnessed. Each tampering is done by SQL in a transaction, exported
from inside of it by the node's own code, checked offline, and undone.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

from ducha.ledger.v1 import ledger_pb2 as pb
from tests.sealing.administrator import Administrator, Truth, tamperings
from tests.sealing.line import Pair, a_pair, verified
from tests.servers import Databases
from tier.runtime.db import Database, Tx
from tier.sealing import queries
from tier.sealing.findings import Finding, Kind, Report
from tier.sealing.verify import FileWrong

TAMPERINGS = 1000
ROUNDS = (1, 2, 30, 31, 40, 60, 90, 1, 3, 61, 40, 25)


class _Undone(Exception):
    """Takes a tampering back."""


class Inside:
    """A database seen from inside one open transaction."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Tx]:
        yield self._tx


async def exported(pair: Pair, tx: Tx) -> list[pb.LedgerRecord]:
    app = replace(pair.township, db=cast("Database", Inside(tx)))
    return [record async for records in queries.export(app) for record in records]


def missed(report: Report, truth: Truth, sizes: Sequence[int]) -> str:
    """Say how a report fails the truth; empty if it does not."""
    first = report.first
    if first is None:
        return "not found"
    named = next((one for one in report.findings if fits(one, truth, sizes)), None)
    if named is None:
        return f"named {first}"
    if first.first > truth.first or (truth.exact and named.first != first.first):
        return f"named {first} first"
    return ""


def fits(found: Finding, truth: Truth, sizes: Sequence[int]) -> bool:
    """Whether a finding names what was done, as near to where it was done as can be."""
    if found.kind not in truth.kinds or not found.first <= truth.first <= found.last:
        return False
    if found.kind in {Kind.REWRITTEN, Kind.SPLIT}:
        return (found.first, found.last) == around(truth.first, sizes)
    return found.is_exact or not truth.exact


def around(position: int, sizes: Sequence[int]) -> tuple[int, int]:
    """Return the places between the two checkpoints around a place."""
    before = max((size for size in sizes if size < position), default=0)
    after = min((size for size in sizes if size >= position), default=sizes[-1])
    return before + 1, after


async def test_a_thousand_tamperings_are_found_where_they_were_done(
    databases: Databases, tmp_path: Path
) -> None:
    """Any column and place, with and without the node's own key; untouched, it is whole."""
    ways = tamperings()
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    async with a_pair(databases, tmp_path) as pair:
        for count in ROUNDS:
            await pair.round(count)
        witnessed, trust = await pair.witnessed(), pair.trust()
        async with pair.township.db.transaction() as tx:
            assert verified(await exported(pair, tx), trust, witnessed).findings == ()
            for number in range(TAMPERINGS):
                name = list(ways)[number % len(ways)]
                chance = random.Random(number)
                try:
                    async with tx.savepoint():
                        truth = await ways[name](Administrator(tx, chance, pair))
                        try:
                            report = verified(
                                await exported(pair, tx), trust, witnessed
                            )
                            problem = missed(report, truth, pair.sizes)
                        except FileWrong as broken:
                            problem = f"no report: {broken}"
                        if problem:
                            wrong.append(f"{name} {number} {truth}: {problem}")
                        raise _Undone
                except _Undone:
                    counts[name] += 1
            assert verified(await exported(pair, tx), trust, witnessed).findings == ()

    assert not wrong, "\n".join(wrong)
    assert counts.total() == TAMPERINGS
    assert min(counts.values()) >= TAMPERINGS // len(ways)
