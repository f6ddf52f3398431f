"""The main job, step by step, and how long it took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from clients.cli.divisions import import_rows
from clients.demo import officers, plan, proof
from clients.demo.board import Board
from clients.demo.province import Supervisor
from clients.demo.store import Tally
from clients.runtime import Client, Endpoints, Refused
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.division.v1 import division_pb2
from ducha.division.v1.division_service_pb2 import GetDivisionRequest

KNOWN_SECONDS = 120.0
WORK_SECONDS = 300.0
SETTLE_SECONDS = 30.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Wish:
    """What to demonstrate."""

    rows: Sequence[division_pb2.Division]
    root: str
    level: division_pb2.Level.ValueType
    pace: float


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    root: str
    item: str
    example: str
    """One of the targets."""
    trace_id: str
    problems: int
    returned: int
    seconds_to_last_target: float
    seconds_to_complete: float
    issued: int
    told: Tally
    held: Mapping[str, Tally]

    @property
    def agrees(self) -> bool:
        """Say whether the API and all databases hold every number as it must be."""
        must = proof.expected(self.issued)
        return (
            self.issued > 0
            and self.told == must
            and all(tally == must for tally in self.held.values())
        )


async def spread_divisions(endpoints: Endpoints, wish: Wish) -> None:
    """Import the divisions at the top and wait until every node knows its own.

    They go down the links in order: who knows the last one knows all.
    """
    async with endpoints.client() as province:
        await import_rows(province, wish.rows)
    async with asyncio.timeout(KNOWN_SECONDS), asyncio.TaskGroup() as waits:
        for node in endpoints.nodes:
            own = [row.code for row in wish.rows if node.is_host_of(row.code)]
            waits.create_task(_until_known(endpoints.client(node), own[-1]))


async def _until_known(opened: Client, code: str) -> None:
    async with opened as client:
        while True:
            try:
                await client.call(
                    client.divisions.GetDivision, GetDivisionRequest(code=code)
                )
            except Refused as refused:
                if refused.reason != "DIVISION_UNKNOWN":
                    raise
                await asyncio.sleep(POLL_SECONDS)
            else:
                return


async def main_job(
    endpoints: Endpoints, wish: Wish, board: Board, say: Callable[[str, str], str]
) -> Result:
    """Issue, answer, return a few, verify, conclude, close; then compare all counts."""
    async with (
        endpoints.client() as province,
        endpoints.client(endpoints.at_tier("township")[0]) as below,
        proof.databases(endpoints) as held,
        asyncio.timeout(WORK_SECONDS),
    ):
        board.step = say("Issuing …", "正在下发…")
        begin = time.monotonic()
        supervisor = Supervisor(province, wish.root)
        issued = await supervisor.issue(wish.level)
        item = issued.item.item_id
        supervisor = replace(supervisor, item=item)
        async with asyncio.TaskGroup() as tasks:
            follower = tasks.create_task(board.follow(province, item))
            await held.until_delivered(item, issued.target_count)
            to_last_target = time.monotonic() - begin
            returned = await _answers(supervisor, below, board, wish.pace, say)
            board.step = say("Verifying and closing …", "正在核查、办结…")
            await supervisor.verify()
            await supervisor.conclude_and_close()
            complete = time.monotonic() - begin
            must = proof.expected(issued.target_count)
            await held.until_all_are(must, item, SETTLE_SECONDS)
            await _settle(board, must)
            board.step = say("Closed", "已办结")
            follower.cancel()
        return Result(
            root=wish.root,
            item=item,
            example=wish.rows[-1].code,
            trace_id=issued.item.trace_id,
            problems=board.problems(),
            returned=returned,
            seconds_to_last_target=to_last_target,
            seconds_to_complete=complete,
            issued=issued.target_count,
            told=await proof.by_api(province, item),
            held=await held.tallies(item),
        )


async def _answers(
    supervisor: Supervisor,
    below: Client,
    board: Board,
    pace: float,
    say: Callable[[str, str], str],
) -> int:
    """Let all officers answer, send a few reports back, have these reported again."""
    item = supervisor.item
    board.step = say(
        "Simulated officers receive and report …", "模拟干部正在签收、反馈…"
    )
    assigned = await officers.inbox(below, item, [pb.ASSIGNMENT_STATE_ISSUED])
    await officers.answer(below, assigned, pace)
    await board.until(lambda total: total.reported >= len(assigned) > 0)
    board.step = say("The province sends a few back …", "省级退回少量反馈…")
    chosen = plan.to_return([one.division for one in assigned])
    returned = await supervisor.send_back(chosen)
    await officers.report_returned(below, item, returned)
    await board.until(
        lambda total: total.reported >= len(assigned) and not total.returned
    )
    return returned


async def _settle(board: Board, must: Tally) -> None:
    """Let the picture show the end; it may be a moment behind the databases."""
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            await board.until(lambda total: total.closed >= must.closed)
    except TimeoutError:
        return  # the comparison says what is missing
