"""How a waterfall looks in a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.table import Table
from rich.text import Text

from clients.cli.session import Session
from clients.cli.waterfall import Row, Stretch, Tree, spent

BAR_LEAST: Final = 16
BAR_MOST: Final = 72
BESIDE_BAR: Final = 88
"""Columns that the other cells take, about."""

CRITICAL: Final = "bold red"
CALM: Final = "cyan"
NANOS_A_MS: Final = 1e6


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown of one trace."""

    trace_id: str
    rows: Sequence[Row]
    path: Sequence[Stretch]
    dropped: int


def show(session: Session, page: Page, tree: Tree) -> None:
    """Print the waterfall, then where the time of the critical path went."""
    say = session.say
    begin = min(row.start for row in page.rows)
    end = max(row.end for row in page.rows)
    count = len(tree.spans)
    session.out.print(
        say(
            f"Trace {page.trace_id}: {count} spans, {ms(end - begin)} ms",
            f"链路 {page.trace_id}：{count} 个跨度，{ms(end - begin)} 毫秒",
        ),
        style="bold",
    )
    session.out.print(table(session, page, (begin, end)))
    work, waiting = spent(page.path)
    session.out.print(
        say(
            f"● critical path: {ms(work)} ms of work, {ms(waiting)} ms of waiting",
            f"● 关键路径：工作 {ms(work)} 毫秒，等待 {ms(waiting)} 毫秒",
        )
    )
    session.out.print("  " + ", ".join(_by_tier(session, page.path, tree)))
    if page.dropped:
        session.out.print(
            say(
                f"{page.dropped} older spans had no room; this trace may lack some.",
                f"因空间不足已舍弃 {page.dropped} 个较早的跨度，本链路可能不全。",
            )
        )


def table(session: Session, page: Page, extent: tuple[int, int]) -> Table:
    """Return the waterfall; `extent` is the first start and the last end."""
    say = session.say
    width = max(BAR_LEAST, min(BAR_MOST, session.out.width - BESIDE_BAR))
    critical = {stretch.span_id for stretch in page.path}
    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("", no_wrap=True)
    shown.add_column(say("Tier", "层级"), no_wrap=True)
    shown.add_column(say("Span", "跨度"), overflow="fold", max_width=60)
    shown.add_column(say("Start ms", "起点毫秒"), justify="right", no_wrap=True)
    shown.add_column(say("Took ms", "耗时毫秒"), justify="right", no_wrap=True)
    shown.add_column("", no_wrap=True, min_width=width)
    for row in page.rows:
        marked = any(span.span_id in critical for span in row.members)
        style = CRITICAL if marked else CALM
        first = row.members[0]
        shown.add_row(
            Text("●" if marked else "", style=CRITICAL),
            Text(session.label(first.tier) or first.service),
            _name(session, row),
            Text(ms(row.start - extent[0])),
            Text(ms(row.end - row.start)),
            Text(bar(row, extent, width), style=style),
        )
    return shown


def _name(session: Session, row: Row) -> Text:
    text = Text("  " * row.depth + row.members[0].name)
    if len(row.members) > 1:
        slowest = ms(row.slowest.duration)
        text.append(f" x{len(row.members)}", style="bold")
        text.append(
            session.say(f" slowest {slowest} ms", f" 最慢 {slowest} 毫秒"), style="dim"
        )
    if row.links:
        text.append(f" ⇠{row.links}", style="dim")
    if row.failed:
        failed = session.say("failed", "失败")
        count = f" {row.failed}" if len(row.members) > 1 else ""
        text.append(f" ✗ {failed}{count}", style=CRITICAL)
    return text


def bar(row: Row, extent: tuple[int, int], width: int) -> str:
    """Draw when a row was at work; of many spans, the slowest is drawn solid.

    Never empty and never beyond `width`: a span of no length has one cell.
    """
    begin, end = _cells(row.start, row.end, extent, width)
    if len(row.members) == 1:
        return " " * begin + "━" * (end - begin)
    slowest = row.slowest
    first, last = _cells(slowest.start, slowest.end, extent, width)
    drawn = "─" * (first - begin) + "━" * (last - first) + "─" * (end - last)
    return " " * begin + drawn


def _cells(
    start: int, end: int, extent: tuple[int, int], width: int
) -> tuple[int, int]:
    """Return the first cell of a stretch, and the one after its last."""
    length = max(1, extent[1] - extent[0])
    begin = min(width - 1, (start - extent[0]) * width // length)
    after = -((extent[0] - end) * width // length)
    return begin, max(begin + 1, min(width, after))


def _by_tier(session: Session, path: Sequence[Stretch], tree: Tree) -> list[str]:
    """Say how much of the critical path each tier took, in the order of the path."""
    took: defaultdict[str, int] = defaultdict(int)
    for stretch in path:
        tier = tree.spans[stretch.span_id].tier
        kind = "" if not stretch.waiting else session.say(" (waiting)", "（等待）")
        took[f"{session.label(tier)}{kind}"] += stretch.end - stretch.begin
    unit = session.say("ms", "毫秒")
    return [f"{place} {ms(nanos)} {unit}" for place, nanos in took.items()]


def ms(nanos: int) -> str:
    """Write nanoseconds as milliseconds."""
    return f"{nanos / NANOS_A_MS:.1f}"
