"""Two tiers that lose sight of each other: whatever was done meanwhile, they agree afterwards."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import Awaitable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, ClassVar, TypeVar

import grpc
import pytest
from hypothesis import (
    HealthCheck,
    Phase,
    currently_in_test_context,
    note,
    settings,
)
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.petition.v1 import petition_pb2
from ducha.petition.v1 import petition_service_pb2 as petitions
from ducha.rectification.v1 import rectification_pb2
from ducha.rectification.v1 import rectification_service_pb2 as points
from tests import life
from tests import life_moves as moves
from tests.life import CITY, COUNTY, OTHER_TOWN, THIRD_TOWN, TOWN, VILLAGE, Desk, Pair
from tests.life_checks import agree, missed
from tests.registry import Clock
from tests.servers import Databases, node_app, refusal
from tier.jurisdiction import Code

T = TypeVar("T")

SECONDS = 60.0

ASSIGNER = {
    COUNTY: CITY,
    TOWN: COUNTY,
    OTHER_TOWN: COUNTY,
    THIRD_TOWN: COUNTY,
    VILLAGE: TOWN,
}
SPLITS = {COUNTY: (TOWN, OTHER_TOWN), TOWN: (VILLAGE,)}
ENDS = (
    *("ConcludeItem",) * 6,
    *("CloseItem",) * 6,
    *("ReopenItem", "ReopenItem", "ArchiveItem", "ArchiveItem", "ArchiveItem"),
    "WithdrawItem",
)
DISPUTE = petition_pb2.PETITION_KIND_DISPUTE
EXECUTING = (1, 2, 4)
"""States in which an executor works."""

LIKELY = {
    "receive": (1,),
    "report": EXECUTING,
    "split": EXECUTING,
    "ask": (*EXECUTING, 8),
    "VerifyAssignments": (3,),
    "ReturnAssignments": (3, 5),
    "ResumeAssignments": (8,),
    "WithdrawAssignments": (*EXECUTING, 3, 8),
    "open_point": (*EXECUTING, 3, 5),
}
"""Whose turn it is by the state of the assignment; now and then somebody tries anyway."""

MOVES = (
    *("receive", "receive", "report", "report", "report", "split", "ask", "ask", "ask"),
    *("decide", "decide", "decide", "VerifyAssignments", "VerifyAssignments"),
    *("ReturnAssignments", "ResumeAssignments", "WithdrawAssignments", "urge"),
    *(
        "withdraw_petition",
        "open_point",
        "settle_point",
        "settle_point",
        "settle_point",
    ),
    *("end", "end", "end", "issue", "issue", "push", "push", "push"),
    *("wait", "wait", "wait", "cut", "cut", "heal"),
)
LAWFUL, HALF = 0.85, 0.5
HOURS = (1, 2, 5, 20, 90)
ROWS = """
    SELECT item_id, division, assigner_division, state FROM assignment
     ORDER BY item_id, division
"""


def tell(what: str) -> None:
    """Have it told with the moves of an example that fails."""
    if currently_in_test_context():
        note(what)


@dataclass(frozen=True)
class Seen:
    """An assignment, as the one who moves sees it."""

    item_id: str
    division: Code
    assigner: Code


class Life(RuleBasedStateMachine):
    """Officers of both tiers do what they may, over a link that comes and goes."""

    done: ClassVar[Counter[str]] = Counter()
    """Moves that were made, over all examples."""

    def __init__(self, loop: asyncio.AbstractEventLoop, databases: Databases) -> None:
        """Begin on fresh databases, in a task that lives as long as the machine."""
        super().__init__()
        self.loop = loop
        self.clock = Clock()
        self.items: list[str] = []
        self.reports: dict[tuple[str, str], datetime] = {}
        self.linked = True
        self.turns = 0
        self._over = asyncio.Event()
        ready: asyncio.Future[Pair] = loop.create_future()
        self._home = loop.create_task(self._live(databases, ready))
        self.pair = loop.run_until_complete(ready)

    async def _live(self, databases: Databases, ready: asyncio.Future[Pair]) -> None:
        an_app = functools.partial(node_app, databases)
        async with life.a_pair(an_app, self.clock) as pair:
            ready.set_result(pair)
            await self._over.wait()

    def teardown(self) -> None:
        """See that all agree, whatever was left over the link; then stop."""
        try:
            self.heal(Random(0))
        finally:
            self._over.set()
            self.loop.run_until_complete(asyncio.wait_for(self._home, SECONDS))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, SECONDS))

    def at(self, acting: str) -> Desk:
        return self.pair.upper if acting == CITY else self.pair.lower

    def move(self, name: str, call: Awaitable[T]) -> T | None:
        """Make a move; a typed refusal is an answer, too."""

        async def made() -> T | None:
            try:
                answer = await call
            except grpc.aio.AioRpcError as no:
                reason = refusal(no).reason
                if reason in {"", "INTERNAL", "INVALID_INPUT"}:
                    raise
                tell(f"{name}: {reason}")
                return None
            tell(f"{name}: done")
            Life.done[name] += 1
            if self.linked:
                await self.pair.exchange()
            return answer

        return self.run(made())

    # --- The link and the clock --------------------------------------------------------

    def cut(self, _: Random) -> None:
        self.linked = False

    def heal(self, _: Random) -> None:
        self.linked = True
        self.run(self._heal())

    async def _heal(self) -> None:
        await self.pair.exchange()
        await agree(self.pair, self.reports)

    def wait(self, dice: Random) -> None:
        """Let time pass: each tier's timers run alone."""
        self.clock.wait(hours=dice.choice(HOURS))
        self.run(self._timers())

    async def _timers(self) -> None:
        for desk in (self.pair.upper, self.pair.lower):
            await desk.sweep()
            assert await missed(desk, self.clock.now()) == set()
        if self.linked:
            await self.pair.exchange()

    # --- Moves --------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        self.issue(Random(0))
        self.split(Random(0))

    @rule(move=st.sampled_from(MOVES), seed=st.integers(0, 2**32))
    def act(self, move: str, seed: int) -> None:
        """Somebody does something, mostly somebody whose turn it is; or time passes."""
        self.turns += 1  # the same seed again is another throw
        dice = Random(f"{seed} {self.turns}")
        own = getattr(self, move, None)
        if own is not None:
            own(dice)
        else:
            self.judge(dice, move)

    def one(self, move: str, dice: Random, *, above: bool = False) -> Seen | None:
        """Return an assignment that a move may be about, as its tier sees it."""
        desk = self.pair.upper if above else self.pair.lower
        rows = self.run(desk.fetch(ROWS))
        turn = [row for row in rows if row["state"] in LIKELY.get(move, EXECUTING)]
        kept = turn if turn and dice.random() < LAWFUL else rows
        if above:
            kept = [row for row in kept if row["assigner_division"] == CITY]
        if not kept:
            return None
        row = dice.choice(kept)
        return Seen(
            str(row["item_id"]), Code(row["division"]), Code(row["assigner_division"])
        )

    def issue(self, _: Random) -> None:
        """Five items at most; every other straight to its executors."""
        if len(self.items) > 4:
            return
        straight = len(self.items) % 2
        mode = nouns.MODE_DIRECT if straight else nouns.MODE_CASCADE
        targets = (TOWN, OTHER_TOWN) if straight else (COUNTY,)
        now = self.clock.now()
        call = moves.issue_item(self.pair.upper, now, CITY, *targets, mode=mode)
        issued = self.move("issue", call)
        assert issued is not None
        self.items.append(issued.item.item_id)

    def split(self, dice: Random) -> None:
        acting = dice.choice((COUNTY, COUNTY, TOWN))
        item_id = dice.choice(self.items)
        call = moves.split(self.pair.lower, item_id, acting, *SPLITS[acting])
        self.move("split", call)

    def receive(self, dice: Random) -> None:
        if one := self.one("receive", dice):
            call = moves.receive(self.pair.lower, one.item_id, one.division)
            self.move("receive", call)

    def report(self, dice: Random) -> None:
        if one := self.one("report", dice):
            self.report_of(one)

    def report_of(self, one: Seen) -> None:
        call = moves.report(self.pair.lower, one.item_id, one.division)
        if self.move("report", call) is not None:
            self.reports[one.item_id, one.division] = self.clock.now()

    def judge(self, dice: Random, move: str) -> None:
        if one := self.one(move, dice, above=dice.random() < HALF):
            desk = self.at(one.assigner)
            call = moves.judge(desk, move, one.item_id, one.assigner, one.division)
            self.move(move, call)

    def push(self, dice: Random) -> None:
        """Everybody reports and verifies, from the bottom up, as far as it goes."""
        item_id = dice.choice(self.items)
        for division in (VILLAGE, TOWN, OTHER_TOWN, THIRD_TOWN, COUNTY):
            self.report_of(Seen(item_id, division, CITY))
            for assigner in (CITY, ASSIGNER[division]):
                desk = self.at(assigner)
                name = "VerifyAssignments"
                call = moves.judge(desk, name, item_id, assigner, division)
                self.move(name, call)

    def end(self, dice: Random) -> None:
        move, item_id = dice.choice(ENDS), dice.choice(self.items)
        self.move(move, moves.end(self.pair.upper, move, item_id, CITY))

    def ask(self, dice: Random) -> None:
        if one := self.one("ask", dice):
            kind = dice.choice(petition_pb2.PetitionKind.values()[1:])
            call = moves.ask(self.pair.lower, one.item_id, one.division, kind)
            self.move(f"ask {petition_pb2.PetitionKind.Name(kind)}", call)

    def decide(self, dice: Random) -> None:
        desk = dice.choice((self.pair.upper, self.pair.lower))
        if pending := self.run(self._pending(desk)):
            one = dice.choice(pending)
            granted = dice.random() < LAWFUL
            may_go = one.kind == DISPUTE and one.decider_division == COUNTY and granted
            to = dice.choice(("", THIRD_TOWN)) if may_go else ""
            decider = self.at(one.decider_division)
            call = moves.decide(decider, one, granted=granted, transfer_to=to)
            self.move(f"decide {petition_pb2.PetitionKind.Name(one.kind)}", call)

    def withdraw_petition(self, dice: Random) -> None:
        if pending := self.run(self._pending(self.pair.lower)):
            one = dice.choice(pending)
            self.move("withdraw", moves.withdraw_petition(self.pair.lower, one))

    async def _pending(self, desk: Desk) -> list[petition_pb2.Petition]:
        request = petitions.ListPetitionsRequest(pending_only=True)
        return list((await desk.petitions.ListPetitions(request)).petitions)

    def urge(self, dice: Random) -> None:
        if one := self.one("urge", dice, above=dice.random() < HALF):
            call = moves.urge(self.at(one.assigner), one.item_id, one.assigner)
            self.move("urge", call)

    def open_point(self, dice: Random) -> None:
        if one := self.one("open_point", dice, above=dice.random() < HALF):
            desk = self.at(one.assigner)
            call = moves.open_point(desk, one.item_id, one.assigner, one.division)
            self.move("open point", call)

    def settle_point(self, dice: Random) -> None:
        """Each by its turn; some are returned, some tried out of turn."""
        desk = dice.choice((self.pair.upper, self.pair.lower))
        if found := self.run(self._points(desk)):
            one = dice.choice(found)
            is_open = one.state == rectification_pb2.RECTIFICATION_STATE_OPEN
            close = dice.choice(
                (moves.close_point, moves.close_point, moves.return_point)
            )
            move = moves.report_point if is_open else close
            at = self.pair.lower if is_open else self.at(one.opener_division)
            call: Awaitable[object] = move(at, one)
            self.move(move.__name__, call)

    async def _points(self, desk: Desk) -> list[rectification_pb2.Rectification]:
        request = points.ListRectificationsRequest()
        return list((await desk.points.ListRectifications(request)).rectifications)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One loop for all examples."""
    with asyncio.Runner() as runner:
        yield runner.get_loop()


def test_tiers_that_were_apart_agree_afterwards(
    loop: asyncio.AbstractEventLoop, databases: Databases
) -> None:
    """Same rows, nothing lost, each step of a ladder once, statistics that the ledger proves."""
    Life.done.clear()
    run_state_machine_as_test(
        lambda: Life(loop, databases),  # type: ignore[arg-type] # a maker does as well
        settings=settings(
            max_examples=15,
            stateful_step_count=60,
            phases=(Phase.generate,),  # to shrink takes minutes; the moves are told
            suppress_health_check=list(HealthCheck),
        ),
    )

    for move in ("report", "VerifyAssignments", "ReturnAssignments", "ConcludeItem"):
        assert Life.done[move] > 0, dict(Life.done)


@pytest.mark.parametrize("seed", [0, 126, 132, 139])
def test_a_long_walk_ends_in_agreement(
    loop: asyncio.AbstractEventLoop, databases: Databases, seed: int
) -> None:
    """Many moves thrown by dice; some of these walks once found rows that did not agree."""
    dice = Random(seed)
    walk = Life(loop, databases)
    try:
        walk.begin()
        for _ in range(160):
            walk.act(dice.choice(MOVES), dice.getrandbits(32))
    finally:
        walk.teardown()

    assert walk.linked
    assert len(walk.reports) > 1
