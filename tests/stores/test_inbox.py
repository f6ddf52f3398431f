"""Notices: told once, to whom acts here; listed, counted, read and watched over gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from ducha.inbox.v1 import inbox_facts_pb2 as facts
from ducha.inbox.v1 import inbox_pb2
from ducha.inbox.v1 import inbox_service_pb2 as pb
from ducha.inbox.v1 import inbox_service_pb2_grpc as stubs
from tests.servers import AnApp, recorded, refusal, served
from tier import ledger
from tier.app import App
from tier.inbox import Kind, Notice, deliver, watch
from tier.inbox.capability import CAPABILITY
from tier.jurisdiction import Code, Level
from tier.ledger import Author
from tier.node import Neighbour, Node
from tier.runtime.area import seen_from

TOWN, VILLAGE, OTHER = Code("530102001"), Code("530102001001"), Code("530102002")
TOWNSHIP = Node("town", Level.TOWNSHIP, (Code("530102"),), parent="county")
COUNTY = Node(
    "county",
    Level.COUNTY,
    (Code("530102"),),
    parent="city",
    children=(Neighbour("town", (Code("530102"),)),),
)
NOW = datetime(2026, 5, 1, 2, tzinfo=UTC)
RED = 3
SOON = 1.0
"""How soon a watcher must be told, in seconds."""


def a_notice(division: Code = TOWN, kind: Kind = Kind.REMINDER_OVERDUE) -> Notice:
    return Notice(
        division, kind, uuid4(), NOW, RED, uuid4(), {"deadline": "2026-04-30T10:00Z"}
    )


async def tell(app: App, *notices: Notice) -> None:
    """Deliver with a fact, as all who tell something do."""
    author = Author.at(app.now(), app.node.name, "李四")
    entry = ledger.record(
        author,
        facts.NoticesRead(notice_ids=["of a test"]),
        division=app.node.hosts[0],
        subject="test",
        onward=(),
    )
    async with app.db.transaction() as tx:
        await deliver(app, tx, notices)
        await ledger.append(tx, app.feed, [entry], app.now())


@asynccontextmanager
async def a_desk(app: App) -> AsyncIterator[stubs.InboxServiceAsyncStub]:
    """Mount the inbox on a node."""
    async with served(app, CAPABILITY.services) as channel:
        yield stubs.InboxServiceStub(channel)


async def listed(desk: Any, **asked: Any) -> Sequence[inbox_pb2.Notice]:
    request = pb.ListNoticesRequest(**{"division": TOWN, **asked})
    notices: Sequence[inbox_pb2.Notice] = (await desk.ListNotices(request)).notices
    return notices


def reading(*notice_ids: str, division: str = TOWN) -> pb.AcknowledgeNoticesRequest:
    return pb.AcknowledgeNoticesRequest(
        request_id=str(uuid4()), division=division, actor="张三", notice_ids=notice_ids
    )


async def refused(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return refusal(error.value).reason


async def test_a_notice_told_twice_is_told_once(an_app: AnApp) -> None:
    """Where its fact was made and where it arrives; in one list and in two."""
    notice = a_notice()
    later = replace(notice, details={"deadline": "another"})
    async with an_app(TOWNSHIP) as app, a_desk(app) as desk:
        await tell(app, notice, notice)
        await tell(app, later)
        (found,) = await listed(desk)

    assert dict(found.details) == dict(notice.details)
    assert UUID(found.item_id) == notice.item_id
    assert UUID(found.source_fact_id) == notice.source
    assert found.happen_time.ToDatetime(UTC) == NOW
    assert (found.kind, found.light) == (4, RED)


async def test_a_notice_stands_only_where_its_division_acts(an_app: AnApp) -> None:
    """The county passes over what is its township's, the township what is its county's."""
    notices = [a_notice(TOWN), a_notice(Code("530102")), a_notice(VILLAGE)]
    stands = {}
    for node in (COUNTY, TOWNSHIP):
        async with an_app(node) as app:
            await tell(app, *notices)
            async with app.db.reading() as tx:
                rows = await tx.fetch("SELECT division FROM inbox_notice")
            stands[node.name] = sorted(row["division"] for row in rows)

    assert stands == {"county": ["530102"], "town": [TOWN, VILLAGE]}


async def test_newest_first_page_by_page_and_by_every_wish(an_app: AnApp) -> None:
    """All of them once; unread ones, kinds, an item; with villages and without."""
    told = [a_notice(kind=kind) for kind in (Kind.VERDICT, Kind.WITHDRAWN) * 3]
    below = a_notice(VILLAGE)
    async with an_app(TOWNSHIP) as app, a_desk(app) as desk:
        await tell(app, *told, a_notice(OTHER), below)
        shown: list[inbox_pb2.Notice] = []
        token = ""
        while True:
            page = await desk.ListNotices(
                pb.ListNoticesRequest(division=TOWN, page_size=4, page_token=token)
            )
            shown += page.notices
            token = page.next_page_token
            if not token:
                break
        await desk.AcknowledgeNotices(reading(shown[0].notice_id))
        unread = await listed(desk, unread_only=True)
        verdicts = await listed(desk, kinds=[Kind.VERDICT])
        of_item = await listed(desk, item_id=str(told[2].item_id))
        whole = await listed(desk, include_below=True)
        fresh = await listed(desk, include_below=True, unread_only=True, page_size=1)

    newest = [str(notice.item_id) for notice in reversed(told)]
    assert [one.item_id for one in shown] == newest
    assert [one.item_id for one in unread] == newest[1:]
    assert [one.item_id for one in verdicts] == newest[1::2]
    assert [one.item_id for one in of_item] == [str(told[2].item_id)]
    assert [one.item_id for one in whole] == [str(below.item_id), *newest]
    assert [one.item_id for one in fresh] == [str(below.item_id)]


async def test_what_is_unread_is_counted_by_kind_and_light(an_app: AnApp) -> None:
    """Until it is read; others' are not counted."""
    told = [
        a_notice(),
        a_notice(),
        replace(a_notice(), light=2),
        a_notice(kind=Kind.VERDICT),
    ]
    async with an_app(TOWNSHIP) as app, a_desk(app) as desk:
        await tell(app, *told, a_notice(OTHER), a_notice(VILLAGE))
        before = await desk.CountNotices(pb.CountNoticesRequest(division=TOWN))
        whole = await desk.CountNotices(
            pb.CountNoticesRequest(division=TOWN, include_below=True)
        )
        await desk.AcknowledgeNotices(
            reading(*(one.notice_id for one in await listed(desk)))
        )
        after = await desk.CountNotices(pb.CountNoticesRequest(division=TOWN))

    assert (before.unread_count, whole.unread_count, after.unread_count) == (4, 5, 0)
    found = [(int(c.kind), int(c.light), c.unread_count) for c in before.counts]
    assert found == [
        (Kind.REMINDER_OVERDUE, 2, 1),
        (Kind.REMINDER_OVERDUE, RED, 2),
        (Kind.VERDICT, RED, 1),
    ]
    assert list(after.counts) == []


async def test_who_read_first_stays_and_it_is_one_fact(an_app: AnApp) -> None:
    """Read again it is unchanged; nobody else is told; the retry has the same answer."""
    async with an_app(TOWNSHIP) as app, a_desk(app) as desk:
        await tell(app, a_notice(), a_notice(VILLAGE))
        named = [one.notice_id for one in await listed(desk, include_below=True)]
        first = reading(named[0])
        answers = [
            await desk.AcknowledgeNotices(request)
            for request in (first, first, reading(*named), reading(*named))
        ]
        shown = await listed(desk, include_below=True)
        kept = [fact for fact in await recorded(app) if fact.subject == "inbox"]

    counts = [(one.read_count, one.unchanged_count) for one in answers]
    assert counts == [(1, 0), (1, 0), (1, 1), (0, 2)]
    assert {one.reader for one in shown} == {"张三"}
    assert all(one.HasField("read_time") for one in shown)
    read = [facts.NoticesRead.FromString(one.payload).notice_ids for one in kept]
    assert [sorted(ids) for ids in read] == [[named[0]], [named[1]]]
    assert {one.division for one in kept} == {TOWN}


async def test_what_is_not_in_the_inbox_is_read_by_nobody(an_app: AnApp) -> None:
    """NOTICES_UNKNOWN names it, and what stood beside it stays unread."""
    async with an_app(TOWNSHIP) as app, a_desk(app) as desk:
        await tell(app, a_notice(), a_notice(OTHER))
        (ours,) = await listed(desk)
        (others,) = await listed(desk, division=OTHER)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await desk.AcknowledgeNotices(reading(ours.notice_id, others.notice_id))
        unread = await listed(desk, unread_only=True)
        elsewhere = [
            await refused(call)
            for call in (
                desk.ListNotices(pb.ListNoticesRequest(division="530102")),
                desk.CountNotices(pb.CountNoticesRequest(division="530102")),
                desk.AcknowledgeNotices(reading(ours.notice_id, division="530102")),
            )
        ]

    told = refusal(error.value)
    assert told.reason == "NOTICES_UNKNOWN"
    assert list(told.fields) == ["notice_ids[1]"]
    assert [one.notice_id for one in unread] == [ours.notice_id]
    assert elsewhere == ["DIVISION_NOT_HOSTED"] * 3


async def test_thousands_are_told_in_one_statement(an_app: AnApp) -> None:
    """An item withdrawn from every unit of a node, in the order given."""
    told = [a_notice() for _ in range(5000)]
    async with an_app(TOWNSHIP) as app, a_desk(app) as desk:
        await tell(app, *told)
        shown = await listed(desk, page_size=2000)

    newest = [str(notice.item_id) for notice in reversed(told)]
    assert [one.item_id for one in shown] == newest[:2000]


async def test_who_sees_an_area_sees_its_notices_alone(an_app: AnApp) -> None:
    """The second wall: a query that forgot to ask finds no other's."""
    async with an_app(TOWNSHIP) as app:
        await tell(app, a_notice(), a_notice(OTHER), a_notice(VILLAGE))
        with seen_from(TOWN):
            async with app.db.reading() as tx:
                rows = await tx.fetch("SELECT division FROM inbox_notice")

    assert sorted(row["division"] for row in rows) == [TOWN, VILLAGE]


def watching(desk: Any, token: str = "", **asked: Any) -> Any:
    return desk.WatchNotices(
        pb.WatchNoticesRequest(**{"division": TOWN, "resume_token": token, **asked})
    )


async def told(call: Any) -> pb.WatchNoticesResponse:
    """Return what a watcher is told next, within a bound."""
    async with asyncio.timeout(20):
        response = await call.read()
    assert response is not grpc.aio.EOF
    assert isinstance(response, pb.WatchNoticesResponse)
    return response


def named(response: pb.WatchNoticesResponse) -> list[str]:
    return [one.item_id for one in response.notices]


async def test_a_watch_tells_what_comes_and_goes_on_from_its_token(
    an_app: AnApp,
) -> None:
    """First where it stands, then what comes, oldest first; others' wake nobody."""
    before, one, two, three = (a_notice() for _ in range(4))
    async with an_app(TOWNSHIP) as app, a_desk(app) as desk:
        await tell(app, before)
        call = watching(desk)
        start = await told(call)
        await tell(app, a_notice(OTHER), a_notice(VILLAGE))
        await tell(app, one)
        first = await told(call)
        call.cancel()
        await tell(app, two, three)
        second = await told(watching(desk, first.resume_token))
        again = await told(watching(desk, start.resume_token))

    assert named(start) == []
    assert named(first) == [str(one.item_id)]
    assert named(second) == [str(two.item_id), str(three.item_id)]
    assert named(again) == [str(each.item_id) for each in (one, two, three)]


async def test_a_watch_with_villages_is_told_of_them(an_app: AnApp) -> None:
    """A township officer answers for what lies within."""
    below = a_notice(VILLAGE)
    async with an_app(TOWNSHIP) as app, a_desk(app) as desk:
        call = watching(desk, include_below=True)
        await told(call)
        await tell(app, below)
        found = await told(call)

    assert named(found) == [str(below.item_id)]


async def test_a_watcher_is_told_within_a_second(an_app: AnApp) -> None:
    """However many notices came before: what counts is from the commit on."""
    delays = []
    async with an_app(TOWNSHIP) as app, a_desk(app) as desk:
        call = watching(desk)
        await told(call)
        for _ in range(5):
            await tell(app, a_notice())
            began = asyncio.get_running_loop().time()
            await told(call)
            delays.append(asyncio.get_running_loop().time() - began)

    assert sorted(delays)[2] < SOON


async def test_more_than_a_page_comes_in_order(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watcher that was away for long is told everything, a page at a time."""
    monkeypatch.setattr(watch, "PAGE", 3)
    notices = [a_notice() for _ in range(7)]
    async with an_app(TOWNSHIP) as app, a_desk(app) as desk:
        token = (await told(watching(desk))).resume_token
        await tell(app, *notices)
        call = watching(desk, token)
        pages = [named(await told(call)) for _ in range(3)]

    ids = [str(notice.item_id) for notice in notices]
    assert pages == [ids[:3], ids[3:6], ids[6:]]


async def test_what_another_process_tells_is_seen_too(an_app: AnApp) -> None:
    """A replica of the service on the same database wakes nobody here."""
    notice = a_notice()
    async with an_app(TOWNSHIP) as app, a_desk(app) as desk:
        call = watching(desk)
        await told(call)
        await tell(replace(app, feed=ledger.Feed()), notice)
        found = await told(call)

    assert named(found) == [str(notice.item_id)]


async def test_a_token_of_another_database_is_refused(an_app: AnApp) -> None:
    """Also where as many notices were told there; start again without it."""
    async with an_app(TOWNSHIP) as one, a_desk(one) as desk:
        await tell(one, a_notice())
        token = (await told(watching(desk))).resume_token
    async with an_app(TOWNSHIP) as other, a_desk(other) as desk:
        await tell(other, a_notice())
        reasons = [await refused(told(watching(desk, wrong))) for wrong in (token, "?")]
        elsewhere = await refused(told(watching(desk, division="530102")))

    assert reasons == ["RESUME_TOKEN_INVALID"] * 2
    assert elsewhere == "DIVISION_NOT_HOSTED"


async def first_word(desk: Any) -> str:
    """Return what a new watcher hears first: `told`, or the reason of a refusal."""
    try:
        await told(watching(desk))
    except grpc.aio.AioRpcError as error:
        return refusal(error).reason
    return "told"


async def test_a_node_carries_a_limited_number_of_watchers(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more is told to come back, and the place of one who left is free (I9)."""
    monkeypatch.setattr(watch, "WATCHERS", 1)
    async with an_app(TOWNSHIP) as app, a_desk(app) as desk:
        call = watching(desk)
        await told(call)
        reason = await refused(told(watching(desk)))
        call.cancel()
        async with asyncio.timeout(20):
            while (again := await first_word(desk)) == "OVERLOADED":
                await asyncio.sleep(0.01)

    assert reason == "OVERLOADED"
    assert again == "told"


async def test_a_watch_ends_when_the_node_drains(an_app: AnApp) -> None:
    """A restart does not wait for watchers, old or new."""
    async with an_app(TOWNSHIP) as app, a_desk(app) as desk:
        call = watching(desk)
        await told(call)
        app.draining.set()
        reasons = [await refused(told(call)), await refused(told(watching(desk)))]

    assert reasons == ["DRAINING"] * 2
