"""The live picture: what the province's watch says, city by city."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from clients.cli.progress import bar, highest
from clients.demo.store import Tally
from clients.runtime import Client
from clients.runtime.watching import watch
from ducha.division.v1 import division_pb2
from ducha.reporting.v1 import reporting_pb2 as pb
from ducha.reporting.v1 import reporting_service_pb2 as api


class Board:
    """Counts of one item as its issuer's node streams them."""

    def __init__(self, say: Callable[[str, str], str]) -> None:
        """Begin empty; `say` chooses the language."""
        self._say = say
        self._rows: dict[tuple[str, int], pb.Progress] = {}
        self._changed = asyncio.Condition()
        self.step = ""

    async def follow(self, client: Client, item: str) -> None:
        """Keep the counts up to date, until cancelled."""
        request = api.WatchItemRequest(
            item_id=item, division_level=division_pb2.LEVEL_CITY
        )
        stream = watch(client.reporting.WatchItem, request, address=client.address)
        async with aclosing(stream) as responses:
            async for response in responses:
                async with self._changed:
                    for row in response.progress:
                        self._rows[row.division, row.level] = row
                    self._changed.notify_all()

    def total(self) -> Tally:
        """Return the counts of the top division, as streamed so far."""
        return tally_of(highest(self._rows.values()))

    def problems(self) -> int:
        """Return how many problems were found, as streamed so far."""
        return sum(row.problem_count for row in highest(self._rows.values()))

    async def until(self, reached: Callable[[Tally], bool]) -> None:
        """Wait until the counts of the top are so."""
        async with self._changed:
            await self._changed.wait_for(lambda: reached(self.total()))

    def __rich__(self) -> RenderableType:
        """Draw the counts of the cities and of the whole."""
        say = self._say
        shown = Table(title=say("Simulated officers answer", "模拟干部办理进度"))
        shown.add_column(say("Division", "区划"))
        for head in (
            say("Expected", "应办"),
            say("Received", "已签收"),
            say("Reported", "已反馈"),
            say("Verified", "已核查"),
            say("Problems", "问题"),
        ):
            shown.add_column(head, justify="right")
        shown.add_column(say("Reported of expected", "反馈进度"))
        for key in sorted(self._rows, key=lambda key: (-len(key[0]), key)):
            row = self._rows[key]
            shown.add_row(
                f"{row.division} {row.division_name}".strip(),
                str(row.expected_count),
                str(row.received_count),
                str(row.reported_count),
                str(row.verified_count),
                str(row.problem_count),
                bar(row.completeness),
                style="bold" if len(row.division) == len(min(self._rows)[0]) else "",
            )
        return Group(Text(self.step), shown)


def tally_of(rows: list[pb.Progress]) -> Tally:
    """Return the sum of counts."""
    total = Tally()
    for row in rows:
        total += Tally(
            targets=row.expected_count,
            received=row.received_count,
            reported=row.reported_count,
            verified=row.verified_count,
            late=row.late_count,
            closed=row.closed_count,
            returned=row.returned_count,
        )
    return total
