"""The live picture: what the province's watch says, city by city."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from clients.cli.progress import bar, total
from clients.demo.store import Tally
from clients.runtime import Client
from clients.runtime.watching import watch
from ducha.division.v1 import division_pb2
from ducha.reporting.v1 import reporting_pb2 as pb
from ducha.reporting.v1 import reporting_service_pb2 as api

BAR_WIDTH = 10


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
        """Return the counts of the whole, as streamed so far."""
        return tally_of([total(self._rows.values())])

    def problems(self) -> int:
        """Return how many problems were found, as streamed so far."""
        return total(self._rows.values()).problem_count

    async def until(self, reached: Callable[[Tally], bool]) -> None:
        """Wait until the counts of the whole are so."""
        async with self._changed:
            await self._changed.wait_for(lambda: reached(self.total()))

    def __rich__(self) -> RenderableType:
        """Draw the counts of the cities and of the whole."""
        say = self._say
        # Narrow on purpose: the picture fits a terminal of 80 columns.
        shown = Table(
            title=say("Simulated officers answer", "模拟干部办理进度"),
            box=box.SIMPLE,
            padding=0,
            pad_edge=False,
        )
        shown.add_column(say("Division", "区划"), no_wrap=True)
        for head in (
            say("Expected", "应办"),
            say("Received", "已签收"),
            say("Reported", "已反馈"),
            say("Verified", "已核查"),
            say("Problems", "问题"),
        ):
            shown.add_column(head, justify="right", no_wrap=True)
        shown.add_column("", no_wrap=True)
        for key in sorted(self._rows):
            row = self._rows[key]
            shown.add_row(row.division_name or row.division, *cells(row))
        shown.add_section()
        shown.add_row(
            say("Total", "合计"), *cells(total(self._rows.values())), style="bold"
        )
        return Group(Text(self.step), shown)


def cells(row: pb.Progress) -> tuple[str, ...]:
    """Return what is shown of a row, after its name."""
    return (
        str(row.expected_count),
        str(row.received_count),
        str(row.reported_count),
        str(row.verified_count),
        str(row.problem_count),
        bar(row.completeness, BAR_WIDTH),
    )


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
