"""`ducha item watch`: live progress, until all have reported or Ctrl-C."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, nullcontext
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table

from clients.cli import options, progress
from clients.cli.command import command
from clients.cli.items import app
from clients.cli.parse import LevelName
from clients.cli.session import Session, as_json
from clients.runtime.watching import watch
from ducha.assignment.v1 import assignment_pb2
from ducha.assignment.v1.assignment_service_pb2 import GetItemRequest, GetItemResponse
from ducha.reporting.v1 import reporting_pb2 as pb
from ducha.reporting.v1 import reporting_service_pb2 as api

ENDINGS = ("ItemClosed", "ItemWithdrawn")
ENDED = (assignment_pb2.ITEM_STATE_CLOSED, assignment_pb2.ITEM_STATE_WITHDRAWN)


class Board:
    """The counts of a watched item as they stand."""

    def __init__(self, found: GetItemResponse) -> None:
        """Begin with what the node says of the item, and no counts."""
        self.rows: dict[tuple[str, int], pb.Progress] = {}
        self._targets = found.target_count
        self._ended = found.item.state in ENDED
        self.title = found.item.title

    def take(self, response: api.WatchItemResponse) -> None:
        """Bring the counts up to date."""
        for row in response.progress:
            self.rows[row.division, row.level] = row
        self._ended |= any(change.kind.endswith(ENDINGS) for change in response.changes)

    @property
    def is_over(self) -> bool:
        """Say whether nothing more is to come: ended, or all targets have reported.

        The first counts may come in several responses, so that all shown have
        reported does not say that all have.
        """
        whole = progress.total(self.rows.values())
        known = whole.expected_count >= max(1, self._targets)
        return self._ended or (known and whole.reported_count >= whole.expected_count)

    def table(self, session: Session) -> Table:
        """Return the counts by division."""
        rows = [self.rows[key] for key in sorted(self.rows)]
        return progress.board(session, rows, self.title)


@command(app, "watch", example="ducha item watch 0198c0de-… --level city")
async def watch_item(
    session: Session,
    item: options.Item,
    *,
    level: Annotated[
        LevelName, typer.Option(help="Counts of divisions of this level. 分级进度")
    ] = LevelName.CITY,
    resume: Annotated[str, typer.Option(help="Token to go on from. 续看令牌")] = "",
    at: options.At = "",
) -> None:
    """Watch an item until all have reported. 实时查看进度, 全部反馈后结束.

    With --json, one object a line for every change. Ctrl-C ends it too and
    prints the token to go on from.
    """
    client = await session.at(at)
    request = api.WatchItemRequest(
        item_id=item, resume_token=resume, division_level=level.wire
    )
    found = await client.call(client.assignments.GetItem, GetItemRequest(item_id=item))
    board = Board(found)
    live = Live(console=session.out, auto_refresh=False)
    on_screen = session.out.is_terminal and not session.choices.as_json
    with live if on_screen else nullcontext():
        try:
            responses = watch(
                client.reporting.WatchItem, request, address=client.address
            )
            async with aclosing(responses):
                async for response in responses:
                    board.take(response)
                    if session.choices.as_json:
                        session.write_json(as_json(response))
                    elif on_screen:
                        live.update(board.table(session), refresh=True)
                    if board.is_over:
                        break
        except asyncio.CancelledError:
            # Ctrl-C is the ordinary way to stop looking, so it is no failure.
            session.write(
                f"Stopped. Go on with: ducha item watch {item} --resume {request.resume_token}",
                f"已停止。继续查看：ducha item watch {item} --resume {request.resume_token}",
            )
            return
    if not on_screen and not session.choices.as_json:
        session.out.print(board.table(session))
    session.write(
        f"All have reported, or it has ended. --resume {request.resume_token} goes on here.",
        f"已全部反馈或已结束。以后可用 --resume {request.resume_token} 从此处继续。",
    )
