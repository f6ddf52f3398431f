"""How far an item is: counts by division, once or live."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table

from clients.cli import render
from clients.cli.parse import LevelName
from clients.cli.session import Session
from clients.runtime import Client
from ducha.division.v1 import division_pb2
from ducha.reporting.v1 import reporting_pb2 as pb
from ducha.reporting.v1 import reporting_service_pb2 as api

BAR_WIDTH = 20


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
    for silent in whole.out_of_contact:
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


def board(session: Session, rows: Iterable[pb.Progress], title: str = "") -> Table:
    """Return the counts as a table with a bar for what is reported."""
    say = session.say
    heads = [say("Division", "区划"), say("Of", "承办层级"), say("Expected", "应办")]
    heads += [
        say("Received", "已签收"),
        say("Reported", "已反馈"),
        say("Verified", "已核查"),
    ]
    heads += [
        say("Returned", "已退回"),
        say("Late", "逾期反馈"),
        say("Overdue", "逾期未报"),
    ]
    heads += [say("Problems", "问题"), say("Complete", "完整率")]
    return render.table(heads, [_row(session, row) for row in rows], title)


def _row(session: Session, row: pb.Progress) -> Sequence[object]:
    return (
        f"{row.division} {row.division_name}".strip(),
        session.label(division_pb2.Level.Name(row.level)),
        row.expected_count,
        row.received_count,
        row.reported_count,
        row.verified_count,
        row.returned_count,
        row.late_count,
        row.overdue_count,
        row.problem_count,
        f"{bar(row.completeness)} {render.percent(row.completeness)}",
    )


def bar(ratio: float) -> str:
    """Return a bar; full only when all is there."""
    full = int(ratio * BAR_WIDTH)
    return "█" * full + "░" * (BAR_WIDTH - full)
