"""Read what the tiers' databases hold of data requests and values, past every service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import asyncpg

DEADLINE_SECONDS = 10.0

# Sums of digests, so that the nodes of a tier add up to the same as one node that has it all.
SHEETS = """
    SELECT count(*) AS sheets,
           coalesce(sum(cardinality(elements)), 0) AS values,
           count(*) FILTER (WHERE asked <> '{}') AS open_tasks,
           coalesce(sum(('x' || left(md5(concat_ws('|', period, division, elements, numbers,
               given, flags, answers, texts)), 15))::bit(60)::bigint), 0)::text AS digest
      FROM registry_sheet
"""

REQUESTS = """
    SELECT count(*) AS known,
           count(*) FILTER (WHERE waiting = 0 AND completed_at IS NOT NULL
                                  AND NOT withdrawn) AS complete
      FROM registry_request
     WHERE data_request_id = ANY($1::uuid[])
"""

# Asked in full or to confirm, over all who needed it: once for each cell is all there may be.
ASKED = """
    SELECT coalesce(sum(confirm + collect), 0) AS asked,
           coalesce(sum(joined), 0) AS joined,
           coalesce(sum(served), 0) AS served
      FROM registry_need
     WHERE data_request_id = ANY($1::uuid[])
"""

FACTS = """
    SELECT kind, body FROM ledger_fact WHERE kind = ANY($1::text[]) ORDER BY position
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What a tier holds: sheets and values with their digest, open tasks, the requests."""

    sheets: int = 0
    values: int = 0
    open_tasks: int = 0
    digest: int = 0
    known: int = 0
    complete: int = 0
    asked: int = 0
    joined: int = 0
    served: int = 0

    def __add__(self, other: Held) -> Held:
        """Add what two nodes of a tier hold."""
        return Held(
            self.sheets + other.sheets,
            self.values + other.values,
            self.open_tasks + other.open_tasks,
            self.digest + other.digest,
            self.known + other.known,
            self.complete + other.complete,
            self.asked + other.asked,
            self.joined + other.joined,
            self.served + other.served,
        )


async def held(
    connection: asyncpg.Connection[asyncpg.Record], requests: Sequence[str]
) -> Held:
    """Count what one database holds."""
    sheets = await connection.fetchrow(SHEETS, timeout=DEADLINE_SECONDS)
    counts = await connection.fetchrow(REQUESTS, requests, timeout=DEADLINE_SECONDS)
    asked = await connection.fetchrow(ASKED, requests, timeout=DEADLINE_SECONDS)
    if sheets is None or counts is None or asked is None:
        return Held()
    return Held(
        **{name: int(number) for name, number in dict(sheets).items()},
        **dict(counts),
        **dict(asked),
    )


async def facts(
    connection: asyncpg.Connection[asyncpg.Record], kinds: Iterable[str]
) -> list[tuple[str, bytes]]:
    """Return the facts of these kinds that one ledger holds, in order."""
    found = await connection.fetch(FACTS, list(kinds), timeout=DEADLINE_SECONDS)
    return [(row["kind"], row["body"]) for row in found]
