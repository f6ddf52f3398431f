"""The link door of assignments: late, doubled, poisonous and crossing facts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from google.protobuf.message import Message

from ducha.assignment.v1 import assignment_facts_pb2 as facts
from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as pb
from tests.divisions import an_entry
from tests.doors import letters
from tests.servers import AnApp, carry, quarantined, recorded
from tier import division, ledger
from tier.acting import Call
from tier.app import App
from tier.assignment import queries
from tier.assignment.actions import end, issue, judge, report
from tier.assignment.actions.report import Filing, Piece
from tier.assignment.capability import CAPABILITY as ASSIGNMENT
from tier.assignment.model import Key
from tier.division import store as division_store
from tier.division.capability import CAPABILITY as DIVISION
from tier.jurisdiction import Code, Level
from tier.link import actions as link
from tier.link import owing
from tier.link.model import Run
from tier.node import Neighbour, Node
from tier.runtime import moments
from tier.runtime.errors import TierError
from tier.runtime.requests import Request

DOORS = {**DIVISION.kinds, **ASSIGNMENT.kinds}
COUNTY = Node(
    "wuhua",
    Level.COUNTY,
    (Code("530102"),),
    None,
    (Neighbour("streets", (Code("530102"),)),),
)
STREETS = Node("streets", Level.TOWNSHIP, (Code("530102"),), "wuhua")
TOWN, OTHER = Code("530102001"), Code("530102002")
VILLAGE = Code("530102001001")
TREE = ("53", "5301", "530102", TOWN, OTHER, VILLAGE)


@dataclass
class Pair:
    """A county and its townships, and an item between them."""

    county: App
    streets: App
    item_id: UUID

    async def down(self) -> int:
        return await carry(self.county, self.streets, DOORS)

    async def up(self) -> int:
        return await carry(self.streets, self.county, DOORS)

    async def report(self, *divisions: Code, epoch: int = 0) -> list[bytes | TierError]:
        pieces = [
            Piece(Key(self.item_id, one), epoch, letters.a_report())
            for one in divisions
        ]
        return await report.file(
            self.streets, [Filing(a_request(), "甲", tuple(pieces))]
        )

    async def seen(self, app: App, division: Code) -> nouns.Assignment:
        return (
            await queries.get_assignment(app, Key(self.item_id, division))
        ).assignment

    async def tell_up(self, *payloads: Message) -> None:
        """Have the townships tell facts as they stand, right or wrong."""
        author = ledger.Author.at(self.streets.now(), "streets", "甲", "")
        entries = [
            ledger.record(
                author, one, division=TOWN, subject=str(self.item_id), onward=("wuhua",)
            )
            for one in payloads
        ]
        async with self.streets.db.transaction() as tx:
            await ledger.append(tx, self.streets.feed, entries, self.streets.now())
        await self.up()


def a_request() -> Request:
    return Request(uuid4(), "test", b"")


def a_call() -> Call:
    return Call(a_request(), Code("530102"), "乙")


@asynccontextmanager
async def paired(
    an_app: AnApp, mode: nouns.Mode.ValueType = nouns.MODE_DIRECT
) -> AsyncIterator[Pair]:
    """Issue an item to both townships and let them hear of it."""
    async with an_app(COUNTY) as county, an_app(STREETS) as streets:
        for app in (county, streets):
            async with app.db.transaction() as tx:
                await division_store.upsert(tx, [an_entry(code) for code in TREE])
        targets = nouns.TargetSelection(divisions=[TOWN, OTHER])
        done = await issue.issue(
            county, a_call(), letters.an_item(lead="530102", mode=mode), targets
        )
        pair = Pair(county, streets, UUID(done.item.item_id))
        await pair.down()
        yield pair


async def test_work_under_a_passed_epoch_is_kept_aside_and_shown(an_app: AnApp) -> None:
    """A township, restored from a backup, reports again what was returned meanwhile."""
    async with paired(an_app) as pair:
        await pair.report(TOWN)
        await pair.up()
        await judge.send_back(pair.county, a_call(), pair.item_id, [TOWN], "数据不实")
        told = facts.AssignmentReported(
            item_id=str(pair.item_id), division=TOWN, epoch=1, report=letters.a_report()
        )
        told.report_time.FromDatetime(pair.streets.now())
        await pair.tell_up(told)
        standing = await pair.seen(pair.county, TOWN)
        (work,) = (
            await queries.list_fenced(pair.county, pb.ListFencedWorkRequest())
        ).work

        assert standing.state == nouns.ASSIGNMENT_STATE_RETURNED
        assert (standing.epoch, standing.return_reason) == (2, "数据不实")
        assert (work.epoch, work.current_epoch) == (1, 2)
        assert work.assignment == letters.ref(str(pair.item_id), TOWN)
        kept = [fact.fact_id for fact in await recorded(pair.county)]
        assert work.fact_id == kept[-2]  # and then the verdict on it
        assert await quarantined(pair.county) == []


async def test_a_poison_fact_blocks_nobody(an_app: AnApp) -> None:
    """No calendar holds its moment; those before and after it are applied (I8)."""
    async with paired(an_app) as pair:
        good = [
            facts.AssignmentsReceived(
                item_id=str(pair.item_id), divisions=division.set_to([code])
            )
            for code in (TOWN, OTHER)
        ]
        for one in good:
            one.receive_time.FromDatetime(pair.streets.now())
        poison = facts.AssignmentsReceived()
        poison.CopyFrom(good[0])
        poison.receive_time.seconds = 2**60
        unreadable = facts.AssignmentReported(item_id="no uuid", division=TOWN)
        odd = facts.AssignmentsReturned(
            item_id=str(pair.item_id),
            divisions=division.set_to([TOWN]),
            reason="\0",
            epochs=[2],
        )
        await pair.tell_up(good[0], poison, unreadable, odd, good[1])

        for code in (TOWN, OTHER):
            standing = await pair.seen(pair.county, code)
            assert standing.state == nouns.ASSIGNMENT_STATE_RECEIVED
        assert await quarantined(pair.county) == [
            "INVALID_INPUT",
            "BROKEN",
            "WRONG_JURISDICTION",
        ]


async def test_facts_of_what_is_not_here_are_set_aside(an_app: AnApp) -> None:
    """An item nobody knows, an assignment nobody made: the link goes on."""
    async with paired(an_app) as pair:
        stranger = str(uuid4())
        moment = moments.stamp(pair.streets.now())
        await pair.tell_up(
            facts.AssignmentsReceived(
                item_id=stranger, divisions=division.set_to([TOWN]), receive_time=moment
            ),
            facts.ItemClosed(item_id=stranger, close_time=moment),
            facts.AssignmentSplit(
                item_id=stranger,
                assigner_division=TOWN,
                receive_by_time=moment,
                deadline_time=moment,
            ),
        )

        assert await quarantined(pair.county) == [
            "UNKNOWN_ASSIGNMENT",
            "WRONG_JURISDICTION",  # whatever it says, only the issuer closes its item
            "UNKNOWN_ITEM",
        ]


async def test_two_lives_of_a_sequence_that_come_together_have_one_effect(
    an_app: AnApp,
) -> None:
    """The last of the old and all of the new in one bundle: each fact once."""
    async with paired(an_app) as pair:
        await pair.report(TOWN)
        await pair.report(OTHER)
        run = await owing.owed(pair.streets, "wuhua", 0, 10)
        assert run is not None
        again = Run(run.epoch + 1, 1, run.bodies)
        applied = await link.apply(pair.county, DOORS, "streets", [run, again])
        once = len(await recorded(pair.county))
        repeated = await link.apply(pair.county, DOORS, "streets", [run, again])

        assert (applied.mark.epoch, applied.mark.seq) == (run.epoch + 1, 2)
        assert repeated.count == 0
        assert len(await recorded(pair.county)) == once
        assert await quarantined(pair.county) == []


async def test_a_withdrawal_that_crosses_reports_ends_all_the_same(
    an_app: AnApp,
) -> None:
    """The townships worked while it was on its way; both tiers end withdrawn."""
    async with paired(an_app) as pair:
        await end.withdraw(pair.county, a_call(), pair.item_id, "重复")
        outcomes = await pair.report(TOWN)
        await pair.up()
        await pair.down()
        late = await pair.report(OTHER)

        assert all(isinstance(one, bytes) for one in outcomes)
        assert [getattr(one, "reason", "") for one in late] == ["ITEM_ENDED"]
        for code in (TOWN, OTHER):
            above, below = (
                await pair.seen(pair.county, code),
                await pair.seen(pair.streets, code),
            )
            assert above == below
            assert above.state == nouns.ASSIGNMENT_STATE_WITHDRAWN


async def test_a_split_that_crosses_a_withdrawal_opens_no_work(an_app: AnApp) -> None:
    """The township passed it on to a village meanwhile; both tiers end withdrawn."""
    async with paired(an_app, nouns.MODE_CASCADE) as pair:
        await end.withdraw(pair.county, a_call(), pair.item_id, "重复")
        call = Call(a_request(), TOWN, "甲")
        village = nouns.TargetSelection(divisions=[VILLAGE])
        await issue.split(
            pair.streets, call, issue.Split(pair.item_id, village, None, None, "")
        )
        await pair.up()
        await pair.down()
        held = [await pair.seen(app, VILLAGE) for app in (pair.county, pair.streets)]

        assert held[0] == held[1]
        assert held[0].state == nouns.ASSIGNMENT_STATE_WITHDRAWN
        assert held[0].assigner_division == TOWN
        assert await quarantined(pair.county) == []


async def test_a_refused_and_a_reused_call_of_a_batch_hinder_nobody(
    an_app: AnApp,
) -> None:
    """Coalesced: a report, its retry, its id with other content, a wrong one, another."""
    async with paired(an_app) as pair:
        request = a_request()
        reuse = Request(request.request_id, request.method, b"other")
        piece = Piece(Key(pair.item_id, TOWN), 0, letters.a_report())
        wrong = Piece(Key(pair.item_id, Code("530102009")), 0, letters.a_report())
        other = Piece(Key(pair.item_id, OTHER), 0, letters.a_report())
        first, retry, reused, refused, last = await report.file(
            pair.streets,
            [
                Filing(request, "甲", (piece,)),
                Filing(request, "甲", (piece,)),
                Filing(reuse, "甲", (other,)),
                Filing(a_request(), "甲", (other, wrong)),
                Filing(a_request(), "甲", (other,)),
            ],
        )

        assert first == retry
        assert [getattr(one, "reason", "") for one in (reused, refused)] == [
            "REQUEST_ID_REUSED",
            "ASSIGNMENT_UNKNOWN",
        ]
        assert isinstance(last, bytes)
        assert [
            fact.kind.split(".")[-1] for fact in (await recorded(pair.streets))[-2:]
        ] == ["AssignmentReported"] * 2
