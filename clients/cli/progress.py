"""How far an item is: counts by division, once or live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table

from clients.cli import render
from clients.cli.parse import LevelName
from clients.cli.session import Session
from clients.runtime import Client
from ducha.division.v1 import division_pb2
from ducha.reporting.v1 import reporting_pb2 as pb
from ducha.reporting.v1 import reporting_service_pb2 as api

BAR_WIDTH = 20
WIDE = 140
"""Columns of a terminal from which on everything is shown."""


async def counts(
    client: Client, item: str, level: LevelName | None
) -> api.ListProgressResponse:
    """Return the counts of all divisions of a level; of the highest without one.

    All pages, as one response.
    """
    request = api.ListProgressRequest(item_id=item, page_size=2000)
    if level:
        request.division_level = level.wire
    whole = api.ListProgressResponse()
    while True:
        page = await client.call(client.reporting.ListProgress, request)
        request.page_token = page.next_page_token
        page.next_page_token = ""
        if whole.progress:  # who is out of contact is the same on every page
            page.ClearField("out_of_contact")
        whole.MergeFrom(page)
        if level is None:
            _keep(whole, highest(whole.progress))
        if not request.page_token:
            return whole


def highest(rows: Iterable[pb.Progress]) -> list[pb.Progress]:
    """Return the rows of the divisions with the shortest code."""
    kept = list(rows)
    shortest = min((len(row.division) for row in kept), default=0)
    return [row for row in kept if len(row.division) == shortest]


def _keep(whole: api.ListProgressResponse, rows: Sequence[pb.Progress]) -> None:
    del whole.progress[:]
    whole.progress.extend(rows)


def print_counts(session: Session, whole: api.ListProgressResponse) -> None:
    """Print the counts, the moment they speak of, and who is out of contact."""
    session.out.print(board(session, whole.progress))
    session.out.print(
        session.say("As of ", "截至 ") + (render.when(whole.as_of_time) or "?"),
        style="dim",
    )
    print_silent(session, whole.out_of_contact)


def print_silent(session: Session, nodes: Iterable[pb.OutOfContact]) -> None:
    """Print which nodes are out of contact, so that counts below them may be old."""
    for silent in nodes:
        last = render.when(silent.last_contact_time) or session.say("never", "从未")
        session.out.print(
            session.say(
                f"Out of contact: {silent.node} ({', '.join(silent.divisions)}), last heard {last}."
                " Counts below it may be old.",
                f"失联：{silent.node}（{'、'.join(silent.divisions)}），最近联系 {last}。"
                "其下级数据可能不是最新。",
            ),
            style="yellow",
        )


COUNTS = (
    "expected_count",
    "received_count",
    "reported_count",
    "verified_count",
    "returned_count",
    "closed_count",
    "on_time_count",
    "late_count",
    "problem_count",
    "overdue_count",
)


def total(rows: Iterable[pb.Progress]) -> pb.Progress:
    """Return the sum of counts of divisions that do not lie within each other."""
    whole = pb.Progress()
    for row in rows:
        for name in COUNTS:
            setattr(whole, name, getattr(whole, name) + getattr(row, name))
    if whole.expected_count:
        whole.completeness = whole.reported_count / whole.expected_count
        whole.timeliness = whole.on_time_count / whole.expected_count
    return whole


def board(session: Session, rows: Iterable[pb.Progress], title: str = "") -> Table:
    """Return the counts as a table; a narrow terminal gets the columns that matter most."""
    kept = list(rows)
    names = [f"{row.division} {row.division_name}".strip() for row in kept]
    if len(set(names)) > 1:
        kept.append(total(kept))
        names.append(session.say("Total", "合计"))
    columns = _columns(session)
    if session.out.width < WIDE:
        columns = [column for column in columns if column.matters]
    cells = [
        [name, *(c.read(row) for c in columns)]
        for name, row in zip(names, kept, strict=True)
    ]
    heads = [session.say("Division", "区划"), *(column.head for column in columns)]
    return render.table(heads, cells, title)


@dataclass(frozen=True, slots=True)
class Column:
    """One thing to show of a row; `matters` keeps it where there is little room."""

    head: str
    read: Callable[[pb.Progress], object]
    matters: bool = True


def _columns(session: Session) -> list[Column]:
    say = session.say

    def level(row: pb.Progress) -> str:
        return session.label(division_pb2.Level.Name(row.level)) if row.level else ""

    return [
        Column(say("Of", "承办层级"), level, matters=False),
        Column(say("Expected", "应办"), lambda row: row.expected_count),
        Column(say("Received", "已签收"), lambda row: row.received_count),
        Column(say("Reported", "已反馈"), lambda row: row.reported_count),
        Column(say("Verified", "已核查"), lambda row: row.verified_count),
        Column(
            say("Returned", "已退回"), lambda row: row.returned_count, matters=False
        ),
        Column(say("Late", "逾期反馈"), lambda row: row.late_count, matters=False),
        Column(
            say("Overdue", "逾期未报"), lambda row: row.overdue_count, matters=False
        ),
        Column(say("Problems", "问题"), lambda row: row.problem_count, matters=False),
        Column(say("Complete", "完整率"), lambda row: render.percent(row.completeness)),
        Column("", lambda row: bar(row.completeness), matters=False),
    ]


def bar(ratio: float, width: int = BAR_WIDTH) -> str:
    """Return a bar; full only when all is there."""
    full = int(ratio * width)
    return "█" * full + "░" * (width - full)
