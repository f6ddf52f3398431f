"""Two tiers that lose sight of each other: whatever was done meanwhile, they agree afterwards."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import grpc
import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.petition.v1 import petition_pb2
from ducha.petition.v1 import petition_service_pb2 as petitions
from ducha.rectification.v1 import rectification_pb2
from ducha.rectification.v1 import rectification_service_pb2 as points
from ducha.timing.v1 import timing_facts_pb2
from ducha.urging.v1 import urging_service_pb2 as urging
from tests import life
from tests.life import (
    CITY,
    COUNTY,
    OTHER_TOWN,
    THIRD_TOWN,
    TOWN,
    VILLAGE,
    Desk,
    Pair,
)
from tests.registry import Clock
from tests.servers import Databases, node_app, quarantined, recorded, refusal
from tier import calendar, division
from tier.calendar.rules import after as due_after
from tier.jurisdiction import Code

T = TypeVar("T")

BELOW = (COUNTY, TOWN, OTHER_TOWN, THIRD_TOWN, VILLAGE)
ASSIGNERS = (CITY, COUNTY, TOWN)
SPLITS = {COUNTY: (TOWN, OTHER_TOWN), TOWN: (VILLAGE,)}
KINDS = tuple(petition_pb2.PetitionKind.values()[1:])

divisions = st.sampled_from(BELOW)
assigners = st.sampled_from(ASSIGNERS)
choices = st.integers(0, 7)
"""Which item, or which of the petitions and points that there are."""

OPEN = """
    SELECT a.item_id, a.division, a.assigner_division, a.deadline_at, a.term, i.item
      FROM assignment a JOIN assignment_item i USING (item_id)
     WHERE a.state IN (1, 2, 4) AND i.state IN (1, 2)
"""
RAISED = "SELECT item_id, division, term, rung FROM timing_raised WHERE step = 6"
TOLD = """
    SELECT f.fact_id FROM ledger_outbox o JOIN ledger_fact f USING (position)
"""
KEPT = "SELECT fact_id FROM ledger_fact"
REPORTS = """
    SELECT item_id, division, epoch, reported_at FROM assignment
     WHERE (item_id, division) = ($1, $2)
"""


def ends_cleanly(error: grpc.aio.AioRpcError) -> str:
    """Return the reason of a refusal; anything but a typed one is a fault."""
    told = refusal(error)
    assert told.reason, error
    assert told.reason not in {"INTERNAL", "INVALID_INPUT"}, error
    return told.reason


class Life(RuleBasedStateMachine):
    """Officers of both tiers do what they may, over a link that comes and goes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, databases: Databases) -> None:
        """Begin on fresh databases, in a task that lives as long as the machine."""
        super().__init__()
        self.loop = loop
        self.items: list[str] = []
        self.linked = True
        self.acknowledged: Counter[str] = Counter()
        self.clock = Clock()
        self._over = asyncio.Event()
        ready: asyncio.Future[Pair] = loop.create_future()
        an_app = functools.partial(node_app, databases)

        async def live() -> None:
            try:
                async with life.a_pair(an_app, self.clock) as pair:
                    ready.set_result(pair)
                    await self._over.wait()
            except BaseException as broken:
                if not ready.done():
                    ready.set_exception(broken)
                raise

        self._home = loop.create_task(live())
        self.pair = loop.run_until_complete(ready)

    def teardown(self) -> None:
        """See that all agree, whatever was left over the link; then stop."""
        try:
            self.heal()
        finally:
            self._over.set()
            self.loop.run_until_complete(self._home)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def at(self, acting: Code) -> Desk:
        return self.pair.upper if acting == CITY else self.pair.lower

    def item(self, choice: int) -> str:
        return self.items[choice % len(self.items)]

    def move(self, name: str, call: Awaitable[T]) -> T | None:
        """Make a move; a refusal is an answer, too."""

        async def made() -> T | None:
            try:
                answer = await call
            except grpc.aio.AioRpcError as no:
                note(f"{name}: {ends_cleanly(no)}")
                return None
            self.acknowledged[name] += 1
            note(f"{name}: done")
            if self.linked:
                await self.pair.exchange()
            return answer

        return self.run(made())

    # --- The link and the clock --------------------------------------------------------

    @precondition(lambda self: self.linked)
    @rule()
    def cut(self) -> None:
        self.linked = False

    @precondition(lambda self: not self.linked)
    @rule()
    def heal(self) -> None:
        self.linked = True
        self.run(self._agree())

    @rule(hours=st.sampled_from((1, 5, 20, 60, 200)))
    def wait(self, hours: int) -> None:
        """Let time pass: each tier's timers run alone."""
        self.clock.wait(hours=hours)
        self.run(self._timers())

    async def _timers(self) -> None:
        for desk in (self.pair.upper, self.pair.lower):
            await desk.sweep()
            assert await missed(desk, self.clock) == set()
        if self.linked:
            await self.pair.exchange()

    # --- Down ---------------------------------------------------------------------------

    @initialize()
    def first_item(self) -> None:
        self.issue(cascade=True)

    @precondition(lambda self: len(self.items) < 3)
    @rule(cascade=st.booleans())
    def issue(self, *, cascade: bool) -> None:
        mode = nouns.MODE_CASCADE if cascade else nouns.MODE_DIRECT
        targets = [COUNTY] if cascade else [TOWN, OTHER_TOWN]
        item = life.an_item(self.clock.now(), mode=mode, days=6)
        done = self.move("issue", self.at(CITY).items.IssueItem(life.issue(item, targets)))
        if done is not None:
            self.items.append(done.item.item_id)

    @rule(acting=st.sampled_from(tuple(SPLITS)), choice=choices)
    def split(self, acting: Code, choice: int) -> None:
        request = api.SplitAssignmentRequest(
            request_id=life.request_id(),
            division=acting,
            actor=life.ACTOR,
            item_id=self.item(choice),
            targets=nouns.TargetSelection(divisions=SPLITS[acting]),
        )
        self.move("split", self.at(acting).items.SplitAssignment(request))

    @rule(acting=assigners, division=divisions, choice=choices)
    def send_back(self, acting: Code, division: Code, choice: int) -> None:
        self._judge("ReturnAssignments", acting, division, choice, reason="请补充")

    @rule(acting=assigners, division=divisions, choice=choices)
    def verify(self, acting: Code, division: Code, choice: int) -> None:
        self._judge("VerifyAssignments", acting, division, choice)

    @rule(acting=assigners, division=divisions, choice=choices)
    def take_back(self, acting: Code, division: Code, choice: int) -> None:
        self._judge("WithdrawAssignments", acting, division, choice, reason="另行安排")

    @rule(acting=assigners, division=divisions, choice=choices)
    def resume(self, acting: Code, division: Code, choice: int) -> None:
        self._judge("ResumeAssignments", acting, division, choice, reason="条件具备")

    def _judge(
        self, name: str, acting: Code, division: Code, choice: int, **also: str
    ) -> None:
        request = getattr(api, f"{name}Request")(
            request_id=life.request_id(),
            division=acting,
            actor=life.ACTOR,
            item_id=self.item(choice),
            divisions=[division],
            **also,
        )
        self.move(name, getattr(self.at(acting).items, name)(request))

    # --- Up -----------------------------------------------------------------------------

    @rule(division=divisions, choice=choices)
    def receive(self, division: Code, choice: int) -> None:
        ref = nouns.AssignmentRef(item_id=self.item(choice), division=division)
        request = api.ReceiveAssignmentsRequest(
            request_id=life.request_id(), actor=life.ACTOR, assignments=[ref]
        )
        self.move("receive", self.at(division).items.ReceiveAssignments(request))

    @rule(division=divisions, choice=choices)
    def report(self, division: Code, choice: int) -> None:
        ref = nouns.AssignmentRef(item_id=self.item(choice), division=division)
        one = api.AssignmentReport(assignment=ref, report=nouns.Report(summary="已办理"))
        request = api.ReportAssignmentsRequest(
            request_id=life.request_id(), actor=life.ACTOR, reports=[one]
        )
        self.move("report", self.at(division).items.ReportAssignments(request))

    # --- What is asked ------------------------------------------------------------------

    @rule(division=divisions, kind=st.sampled_from(KINDS), choice=choices)
    def ask(self, division: Code, kind: Any, choice: int) -> None:
        draft = petitions.PetitionDraft(
            item_id=self.item(choice),
            kind=kind,
            reason="情况特殊",
            days=1 if kind == petition_pb2.PETITION_KIND_EXTENSION else 0,
            evidence=[petition_pb2.Evidence(text="情况说明")],
        )
        request = petitions.FilePetitionsRequest(
            request_id=life.request_id(),
            division=division,
            actor=life.ACTOR,
            petitions=[draft],
        )
        name = petition_pb2.PetitionKind.Name(kind)
        self.move(f"ask {name}", self.at(division).petitions.FilePetitions(request))

    @rule(acting=assigners, choice=choices, granted=st.booleans())
    def decide(self, acting: Code, choice: int, *, granted: bool) -> None:
        pending = self.run(self._pending(acting))
        if not pending:
            return
        one = pending[choice % len(pending)]
        disputed = granted and one.kind == petition_pb2.PETITION_KIND_DISPUTE
        extended = granted and one.kind == petition_pb2.PETITION_KIND_EXTENSION
        may_go = disputed and acting == COUNTY and choice % 2
        decision = petitions.DecisionDraft(
            petition_id=one.petition_id,
            outcome=petition_pb2.OUTCOME_GRANTED
            if granted
            else petition_pb2.OUTCOME_REFUSED,
            reason="经研究",
            days=int(extended),
            transfer_to=THIRD_TOWN if may_go else "",
        )
        request = petitions.DecidePetitionsRequest(
            request_id=life.request_id(),
            division=acting,
            actor=life.OTHER_ACTOR,
            decisions=[decision],
        )
        name = petition_pb2.PetitionKind.Name(one.kind)
        self.move(
            f"decide {name} {granted}", self.at(acting).petitions.DecidePetitions(request)
        )

    @rule(division=divisions, choice=choices)
    def withdraw_petition(self, division: Code, choice: int) -> None:
        found = self.run(self._petitions(division, within=division, pending_only=True))
        mine = [one for one in found if one.division == division]
        if mine:
            request = petitions.WithdrawPetitionsRequest(
                request_id=life.request_id(),
                division=division,
                actor=life.ACTOR,
                petition_ids=[mine[choice % len(mine)].petition_id],
            )
            call = self.at(division).petitions.WithdrawPetitions(request)
            self.move("withdraw petition", call)

    async def _pending(self, decider: Code) -> list[petition_pb2.Petition]:
        return await self._petitions(
            decider, decider_division=decider, pending_only=True
        )

    async def _petitions(self, at: Code, **asked: Any) -> list[petition_pb2.Petition]:
        request = petitions.ListPetitionsRequest(**asked)
        return list((await self.at(at).petitions.ListPetitions(request)).petitions)

    # --- Pressing and putting right -----------------------------------------------------

    @rule(acting=assigners, choice=choices)
    def urge(self, acting: Code, choice: int) -> None:
        request = urging.UrgeAssignmentsRequest(
            request_id=life.request_id(),
            division=acting,
            actor=life.ACTOR,
            item_id=self.item(choice),
            message="请抓紧",
        )
        self.move("urge", self.at(acting).urges.UrgeAssignments(request))

    @rule(acting=assigners, division=divisions, choice=choices)
    def open_point(self, acting: Code, division: Code, choice: int) -> None:
        point = points.NewRectification(
            division=division, problem="台账不全", requirement="补齐"
        )
        point.within.working_days = 2
        request = points.OpenRectificationsRequest(
            request_id=life.request_id(),
            division=acting,
            actor=life.ACTOR,
            item_id=self.item(choice),
            rectifications=[point],
        )
        self.move("open point", self.at(acting).points.OpenRectifications(request))

    @rule(acting=assigners, choice=choices, what=st.sampled_from(("report", "close", "return")))
    def settle_point(self, acting: Code, choice: int, what: str) -> None:
        found = self.run(self._points(acting))
        if not found:
            return
        one = found[choice % len(found)]
        desk = self.at(acting)
        common = {"request_id": life.request_id(), "actor": life.ACTOR}
        ids = [one.rectification_id]
        if what == "report":
            if acting == CITY:
                return
            filing = points.RectificationFiling(
                rectification_id=ids[0],
                report=rectification_pb2.RectificationReport(summary="已补齐"),
            )
            filed = points.ReportRectificationsRequest(
                division=one.division, reports=[filing], **common
            )
            self.move("report point", desk.points.ReportRectifications(filed))
        elif what == "close":
            closed = points.CloseRectificationsRequest(
                division=acting, rectification_ids=ids, **common
            )
            self.move("close point", desk.points.CloseRectifications(closed))
        else:
            back = points.ReturnRectificationsRequest(
                division=acting, rectification_ids=ids, reason="仍不全", **common
            )
            self.move("return point", desk.points.ReturnRectifications(back))

    async def _points(self, acting: Code) -> list[rectification_pb2.Rectification]:
        request = points.ListRectificationsRequest()
        listed = await self.at(acting).points.ListRectifications(request)
        return list(listed.rectifications)
