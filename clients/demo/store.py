"""Count what the tiers' databases hold, past every service: the demonstration's proof."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

COUNT = """
    SELECT count(*) AS targets,
           count(*) FILTER (WHERE received_at IS NOT NULL) AS received,
           count(*) FILTER (WHERE reported_at IS NOT NULL AND NOT returned) AS reported,
           count(*) FILTER (WHERE verified_at IS NOT NULL) AS verified,
           count(*) FILTER (WHERE late) AS late,
           count(*) FILTER (WHERE closed) AS closed,
           count(*) FILTER (WHERE returned) AS returned
      FROM assignment
     WHERE item_id = $1::uuid
       AND NOT withdrawn
"""

DEADLINE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Tally:
    """How many assignments of an item have come how far."""

    targets: int = 0
    received: int = 0
    reported: int = 0
    verified: int = 0
    late: int = 0
    closed: int = 0
    returned: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Add what two nodes of a tier hold."""
        return Tally(
            self.targets + other.targets,
            self.received + other.received,
            self.reported + other.reported,
            self.verified + other.verified,
            self.late + other.late,
            self.closed + other.closed,
            self.returned + other.returned,
        )


async def tally(connection: asyncpg.Connection[asyncpg.Record], item: str) -> Tally:
    """Count the item's assignments in one database."""
    row = await connection.fetchrow(COUNT, item, timeout=DEADLINE_SECONDS)
    return Tally(**dict(row)) if row is not None else Tally()
