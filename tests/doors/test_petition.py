"""Petitions through the doors of four running tiers: seen by both sides within a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median

import pytest

from deploy.authority import tokens
from deploy.authority.store import Store
from deploy.authority.tokens import Person
from ducha.assignment.v1 import assignment_pb2
from ducha.assignment.v1 import assignment_service_pb2 as assignment
from ducha.inbox.v1 import inbox_pb2
from ducha.inbox.v1 import inbox_service_pb2 as inbox
from ducha.inbox.v1.inbox_service_pb2_grpc import InboxServiceStub
from ducha.petition.v1 import petition_pb2 as nouns
from ducha.petition.v1 import petition_service_pb2 as pb
from ducha.petition.v1.petition_service_pb2_grpc import PetitionServiceStub
from tests.doors import letters
from tests.doors.paging import every_way
from tests.doors.petition_rpcs import (
    DISPUTE,
    EXTENSION,
    OTHER,
    REVIEW,
    SUSPENSION,
    TOWN,
    a_draft,
    ask,
    concluded,
    decide,
    decided,
    filed,
    take_back,
)
from tests.doors.tiers import Line, Tier, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROMISE_SECONDS = 1.0
PATIENCE_SECONDS = 20.0
TRIES = 5


async def seconds_until(promise: Callable[[], Awaitable[bool]]) -> float:
    """Return after how long a promise holds."""
    start = time.monotonic()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await promise():
            await asyncio.sleep(0.01)
    return time.monotonic() - start


async def waiting(tier: Tier, item_id: str, *, pending_only: bool = True) -> int:
    """Return how many petitions about an item a tier holds."""
    request = pb.ListPetitionsRequest(item_id=item_id, pending_only=pending_only)
    return len((await tier.petition.ListPetitions(request)).petitions)


async def notices(tier: Tier, division: str, item_id: str) -> list[inbox_pb2.Notice]:
    """Return what a unit was told of petitions about an item."""
    request = inbox.ListNoticesRequest(
        division=division,
        item_id=item_id,
        kinds=[
            inbox_pb2.NOTICE_KIND_PETITION_FILED,
            inbox_pb2.NOTICE_KIND_PETITION_DECIDED,
        ],
    )
    found = await InboxServiceStub(tier.channel).ListNotices(request)
    return list(found.notices)


async def test_what_is_asked_and_decided_is_seen_within_a_second(line: Line) -> None:
    """From the township to the province and back, over three links; the median of five."""
    up: list[float] = []
    down: list[float] = []
    for _ in range(TRIES):
        item_id = await letters.issued(line)

        async def has_come(item: str = item_id) -> bool:
            return bool(await notices(line.province, "53", item))

        async def is_decided(item: str = item_id) -> bool:
            standing = await letters.seen(line.township, item, TOWN)
            told = await notices(line.township, TOWN, item)
            return bool(standing.extension_count and told)

        request = ask(a_draft(item_id))
        done = await line.township.petition.FilePetitions(request)
        up.append(await seconds_until(has_come))
        await line.province.petition.DecidePetitions(
            decide(done.petitions[0].petition_id)
        )
        down.append(await seconds_until(is_decided))

    assert median(up) < PROMISE_SECONDS, up
    assert median(down) < PROMISE_SECONDS, down


async def test_every_tier_holds_the_same(line: Line) -> None:
    """Granted, refused, withdrawn: but for the moment that each heard of it."""
    item_id = await letters.issued(line)
    granted, refused_one, gone = [
        await filed(line, a_draft(item_id, kind), division=town)
        for kind, town in (
            (EXTENSION, TOWN),
            (SUSPENSION, TOWN),
            (DISPUTE, OTHER),
        )
    ]
    await decided(line, *granted)
    await line.province.petition.DecidePetitions(
        decide(*refused_one, outcome=nouns.OUTCOME_REFUSED)
    )
    await line.township.petition.WithdrawPetitions(take_back(*gone, division=OTHER))
    await line.settled()
    held = []
    for tier in line.by_name.values():
        request = pb.ListPetitionsRequest(item_id=item_id)
        found = list((await tier.petition.ListPetitions(request)).petitions)
        for one in found:
            one.ClearField("record_time")
        held.append(found)

    assert held == [held[0]] * 4
    assert [one.state for one in held[0]] == [
        nouns.PETITION_STATE_WITHDRAWN,
        nouns.PETITION_STATE_REFUSED,
        nouns.PETITION_STATE_GRANTED,
    ]


async def test_petitions_newest_first(line: Line) -> None:
    """All, those of an area, an item, a kind, a decider; and those that wait."""
    item_id = await letters.issued(line)
    asked = [
        *await filed(line, a_draft(item_id, EXTENSION), a_draft(item_id, SUSPENSION)),
        *await filed(line, a_draft(item_id, DISPUTE), division=OTHER),
    ]
    await decided(line, asked[0])
    list_ = line.province.petition.ListPetitions

    async def ids(**filters: object) -> list[str]:
        request = pb.ListPetitionsRequest(item_id=item_id, **filters)  # type: ignore[arg-type]
        return [one.petition_id for one in await every_way(list_, request, "petitions")]

    whole = await every_way(list_, pb.ListPetitionsRequest(), "petitions")
    shown = [one.petition_id for one in whole]
    assert shown == sorted(shown, reverse=True)
    assert len(shown) == await line.province.count("petition")
    assert await ids() == asked[::-1] == shown[:3]
    assert await ids(within=OTHER) == asked[2:]
    assert await ids(kinds=[DISPUTE, EXTENSION]) == [asked[2], asked[0]]
    assert await ids(pending_only=True) == [asked[2], asked[1]]
    assert await ids(decider_division="53") == asked[::-1]
    assert await ids(decider_division="5301") == []


async def test_a_review_is_decided_by_another_person(line: Line) -> None:
    """Who concluded is refused; a colleague with a token of their own is not."""
    item_id = await concluded(line)
    [petition] = await filed(line, a_draft(item_id, REVIEW))
    by_author = await refused(line.province.petition.DecidePetitions(decide(petition)))
    colleague = Person("zhao.liu", "53", ("officer",), "赵六")
    token = tokens.issue(Store(line.data / "identity"), colleague, hours=1)
    done = await PetitionServiceStub(line.province.way.bare).DecidePetitions(
        decide(petition), metadata=(("authorization", f"Bearer {token.text}"),)
    )
    await line.settled()
    items = [
        await tier.items.GetItem(assignment.GetItemRequest(item_id=item_id))
        for tier in line.by_name.values()
    ]

    assert by_author.refusal.reason == "REVIEWER_IS_AUTHOR"
    assert done.petitions[0].state == nouns.PETITION_STATE_GRANTED
    assert {one.item.state for one in items} == {assignment_pb2.ITEM_STATE_ISSUED}


async def test_what_was_asked_of_a_report_that_came_is_settled(line: Line) -> None:
    """The township reports while its petition waits: nobody has to decide it."""
    item_id = await letters.issued(line)
    await filed(line, a_draft(item_id))
    await line.township.items.ReportAssignments(letters.report(item_id, TOWN))

    async def is_settled() -> bool:
        return not await waiting(line.township, item_id)

    await seconds_until(is_settled)
    request = pb.ListPetitionsRequest(item_id=item_id)
    [one] = (await line.township.petition.ListPetitions(request)).petitions
    assert one.decision.rule == "PETITION_NOT_OPEN"
