"""Statistics prove themselves by the ledger: after a whole life, and where a row was touched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.petition.v1 import petition_pb2
from ducha.petition.v1 import petition_service_pb2 as petitions
from ducha.statistics.v1 import statistics_pb2
from ducha.statistics.v1 import statistics_service_pb2 as pb
from ducha.urging.v1 import urging_service_pb2 as urging
from tests import life
from tests.life import CITY, COUNTY, OTHER_TOWN, TOWN, Desk, Pair
from tests.registry import Clock
from tests.servers import AnApp, quarantined
from tier.jurisdiction import Code

OTHER = "换人经办"


@asynccontextmanager
async def lived(an_app: AnApp) -> AsyncIterator[tuple[Pair, str]]:
    """Let an item live from November into December: each measure is met once at least."""
    async with life.a_pair(an_app, Clock()) as pair:
        item_id = await _begun(pair)
        await _asked(pair, item_id)
        await _ended(pair, item_id)
        yield pair, item_id


async def _begun(pair: Pair, days: float = 10) -> str:
    """Issue, split, receive late, urge."""
    now = pair.clock.now()
    asked = life.issue(life.an_item(now, days=days), [COUNTY])
    item_id = (await pair.upper.items.IssueItem(asked)).item.item_id
    await pair.exchange()
    await pair.lower.items.SplitAssignment(
        api.SplitAssignmentRequest(
            request_id=life.request_id(),
            division=COUNTY,
            actor=life.ACTOR,
            item_id=item_id,
            targets=nouns.TargetSelection(divisions=[TOWN, OTHER_TOWN]),
        )
    )
    await receive(pair.lower, item_id, TOWN)
    pair.clock.wait(days=4)
    await receive(pair.lower, item_id, COUNTY)
    await pair.lower.urges.UrgeAssignments(
        urging.UrgeAssignmentsRequest(
            request_id=life.request_id(),
            division=COUNTY,
            actor=life.ACTOR,
            item_id=item_id,
            message="请抓紧",
        )
    )
    return item_id


async def _asked(pair: Pair, item_id: str) -> None:
    """Extend the county; suspend and resume a township; transfer the other one."""
    kinds = petition_pb2
    await petition(pair, item_id, COUNTY, CITY, kinds.PETITION_KIND_EXTENSION)
    await petition(pair, item_id, TOWN, COUNTY, kinds.PETITION_KIND_SUSPENSION)
    pair.clock.wait(hours=30)
    await petition(pair, item_id, TOWN, COUNTY, kinds.PETITION_KIND_RESUMPTION)
    await pair.exchange()


async def _ended(pair: Pair, item_id: str) -> None:
    """Report late, after escalations, return once, verify, conclude, overturn by review."""
    pair.clock.wait(days=30)
    await pair.sweep()
    await pair.exchange()
    for town in (TOWN, OTHER_TOWN):
        await report(pair.lower, item_id, town)
    await judge(pair.lower, "ReturnAssignments", item_id, COUNTY, TOWN)
    pair.clock.wait(hours=1)
    await report(pair.lower, item_id, TOWN)
    await judge(pair.lower, "VerifyAssignments", item_id, COUNTY, TOWN, OTHER_TOWN)
    await report(pair.lower, item_id, COUNTY)
    await pair.exchange()
    await judge(pair.upper, "VerifyAssignments", item_id, CITY, COUNTY)
    await pair.upper.items.ConcludeItem(
        api.ConcludeItemRequest(
            request_id=life.request_id(),
            division=CITY,
            actor=life.ACTOR,
            item_id=item_id,
            conclusion=nouns.Conclusion(
                summary="已落实", outcome=nouns.Conclusion.OUTCOME_SATISFIED
            ),
        )
    )
    await pair.exchange()
    kind = petition_pb2.PETITION_KIND_REVIEW
    await petition(pair, item_id, COUNTY, CITY, kind)
    await pair.exchange()


async def receive(desk: Desk, item_id: str, division: Code) -> None:
    await desk.items.ReceiveAssignments(
        api.ReceiveAssignmentsRequest(
            request_id=life.request_id(),
            actor=life.ACTOR,
            assignments=[nouns.AssignmentRef(item_id=item_id, division=division)],
        )
    )


async def report(desk: Desk, item_id: str, division: Code) -> None:
    await desk.items.ReportAssignments(
        api.ReportAssignmentsRequest(
            request_id=life.request_id(),
            actor=life.ACTOR,
            reports=[
                api.AssignmentReport(
                    assignment=nouns.AssignmentRef(item_id=item_id, division=division),
                    report=nouns.Report(summary="已办理"),
                )
            ],
        )
    )


async def judge(
    desk: Desk, move: str, item_id: str, division: Code, *divisions: Code
) -> None:
    request = getattr(api, f"{move}Request")(
        request_id=life.request_id(),
        division=division,
        actor=life.ACTOR,
        item_id=item_id,
        divisions=divisions,
    )
    if move == "ReturnAssignments":
        request.reason = "请补充"
    await getattr(desk.items, move)(request)


async def petition(
    pair: Pair,
    item_id: str,
    division: Code,
    decider: Code,
    kind: petition_pb2.PetitionKind.ValueType,
) -> None:
    """File and grant a petition, over the link where it is between them."""
    is_extension = kind == petition_pb2.PETITION_KIND_EXTENSION
    filed = await pair.lower.petitions.FilePetitions(
        petitions.FilePetitionsRequest(
            request_id=life.request_id(),
            division=division,
            actor=life.ACTOR,
            petitions=[
                petitions.PetitionDraft(
                    item_id=item_id,
                    kind=kind,
                    reason="情况特殊",
                    days=2 * is_extension,
                    evidence=[petition_pb2.Evidence(text="照片说明")],
                )
            ],
        )
    )
    await pair.exchange()
    desk = pair.upper if decider == CITY else pair.lower
    await desk.petitions.DecidePetitions(
        petitions.DecidePetitionsRequest(
            request_id=life.request_id(),
            division=decider,
            actor=OTHER,
            decisions=[
                petitions.DecisionDraft(
                    petition_id=filed.petitions[0].petition_id,
                    outcome=petition_pb2.OUTCOME_GRANTED,
                    reason="情况属实",
                    days=2 * is_extension,
                )
            ],
        )
    )
    await pair.exchange()


async def test_a_whole_life_is_counted_alike_by_the_rows_and_by_the_ledger(
    an_app: AnApp,
) -> None:
    """At both tiers, over two months: the audit is clean, and both serve the same."""
    async with lived(an_app) as (pair, _):
        asked = pb.ListStatisticsRequest(
            group_by=[
                statistics_pb2.GROUPING_DIVISION,
                statistics_pb2.GROUPING_ORGANISER,
                statistics_pb2.GROUPING_MONTH,
            ]
        )
        above = await pair.upper.statistics.ListStatistics(asked)
        below = await pair.lower.statistics.ListStatistics(asked)
        counts = above.total.counts

        for desk in (pair.upper, pair.lower):
            audited = await desk.audit()
            assert list(audited.differences) == []
            assert audited.compared_count >= 6
            assert audited.fact_count > 15
            assert await quarantined(desk.app) == []
        assert list(above.statistics) == list(below.statistics)
        assert {one.month for one in above.statistics} == {"2026-11", "2026-12"}
        assert (counts.assigned, counts.finished_late) == (3, 3)
        assert (counts.received_on_time, counts.received_late) == (1, 2)
        assert (counts.extended, counts.suspended) == (1, 1)
        assert counts.stopped_seconds == 30 * 3600
        assert (counts.returned, counts.urged >= 3) == (1, True)
        assert counts.escalated >= 3
        assert (counts.reviewed, counts.reviews_overturned) == (1, 1)


TOUCHES = (
    "UPDATE assignment SET deadline_at = deadline_at + interval '90 days' WHERE division = $1",
    "UPDATE assignment SET reported_at = reported_at - interval '40 days' WHERE division = $1",
    "DELETE FROM assignment_return WHERE division = $1",
    "UPDATE petition SET outcome = 2 WHERE division = $1",
    "DELETE FROM urging_urge WHERE division = $1",
    "DELETE FROM timing_raised WHERE division = $1",
    "DELETE FROM assignment_deadline_move WHERE division = $1",
    "UPDATE assignment_item SET organiser = 'another' WHERE $1 <> ''",
    "DELETE FROM ledger_fact WHERE kind LIKE '%AssignmentReported' AND division = $1",
)


async def test_what_was_touched_is_found_and_named(an_app: AnApp) -> None:
    """A row, or the ledger itself, changed behind our back: each touch changes what is told."""
    async with lived(an_app) as (pair, item_id):
        before = await pair.lower.audit()
        assert not before.differences
        for touch in TOUCHES:
            async with pair.lower.app.db.transaction() as tx:
                await tx.execute(touch, TOWN)
            after = await pair.lower.audit()
            named = {
                one.served.division or one.computed.division
                for one in after.differences
            }

            assert TOWN in named, touch
            assert list(after.differences) != list(before.differences), touch
            assert {one.item_id for one in after.differences} == {item_id}
            assert all(one.served != one.computed for one in after.differences)
            before = after
