"""Tables and small texts for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.markup import escape
from rich.table import Table

CHINA = ZoneInfo("Asia/Shanghai")


def table(
    heads: Sequence[str], rows: Iterable[Sequence[object]], title: str = ""
) -> Table:
    """Return a plain table; numbers stand right, codes are never cut."""
    shown = Table(title=title or None, title_justify="left", header_style="bold")
    kept = [list(row) for row in rows]
    for place, head in enumerate(heads):
        numbers = bool(kept) and all(
            isinstance(row[place], int | float) for row in kept
        )
        shown.add_column(head, justify="right" if numbers else "left", overflow="fold")
    for row in kept:
        shown.add_row(*(escape(str(cell)) for cell in row))
    return shown


def pairs(out: Console, rows: Iterable[tuple[str, object]]) -> None:
    """Print names and values, one pair a line; what is empty is left out."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in rows:
        if value not in ("", None):
            grid.add_row(escape(name), escape(str(value)))
    out.print(grid)


def when(moment: Timestamp) -> str:
    """Return a moment in China to the minute; empty where it is not set.

    There deadlines are counted, whatever the zone of the machine is.
    """
    if not moment.seconds:
        return ""
    return f"{moment.ToDatetime(tzinfo=UTC).astimezone(CHINA):%Y-%m-%d %H:%M}"


def percent(ratio: float) -> str:
    """Return a ratio of 0 to 1 as percent; never 100% before all is there."""
    return f"{int(ratio * 1000) / 10:.1f}%"
