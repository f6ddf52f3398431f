"""Reading what the registry holds, over gRPC, on real PostgreSQL and at two tiers."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from ducha.link.v1 import link_pb2
from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as pb
from tests.servers import AnApp, recorded
from tests.stores.holding import (
    NOTE,
    PEOPLE,
    PERIOD,
    PRICE,
    START,
    TOWNS,
    Clock,
    a_door,
    ask,
    carry_all,
    conflict,
    decide,
    give,
    observations,
    reason,
    two_tiers,
)
from tier.app import App
from tier.registry import observations as reading

APPROVED_BY_THE_COUNTY = """
    UPDATE registry_sheet SET flags = ARRAY(SELECT flag + 32 FROM unnest(flags) AS flag)
     WHERE division = $1
"""


def value(code: str, **given: Any) -> registry_pb2.Value:
    return registry_pb2.Value(element=code, **given)


def brief(one: registry_pb2.Observation) -> tuple[str, str, float | str, int]:
    """Return what a reader sees first: where, what, how much, by which answer."""
    kind = one.value.WhichOneof("value")
    return (
        one.division, one.value.element, getattr(one.value, kind or "number"), one.revision,
    )  # fmt: skip


async def test_a_value_says_who_gave_it_where_when_how_and_for_whom(
    an_app: AnApp,
) -> None:
    """An auditor at the province sees the grassroots author of every figure."""
    clock = Clock()
    async with two_tiers(an_app, clock) as (province, below):
        request_id = await ask(province, PEOPLE, PRICE, NOTE)
        await carry_all(province, below)
        seen = clock.pass_(hours=1)
        recorded_at = clock.pass_(hours=1)
        given = [
            value(PEOPLE, number=1200),
            value(PRICE, number=3.25),
            value(NOTE, text="塌方（模拟）"),
        ]
        await give(
            below, TOWNS[0], values=given, device="手机", observe_time=seen, reason="补"
        )
        await carry_all(province, below)
        async with province.db.transaction() as tx:
            await tx.execute(APPROVED_BY_THE_COUNTY, TOWNS[0])
        async with a_door(province) as door:
            shown = await observations(door)
        fact = (await recorded(province))[-1]

    assert [brief(one) for one in shown] == [
        (TOWNS[0], PEOPLE, 1200.0, 1),
        (TOWNS[0], PRICE, 3.25, 1),
        (TOWNS[0], NOTE, "塌方（模拟）", 1),
    ]
    for one in shown:
        assert one.observe_time.ToDatetime(START.tzinfo) == seen
        assert one.record_time.ToDatetime(START.tzinfo) == recorded_at
        assert (one.author, one.author_division) == ("李（模拟）", TOWNS[0])
        assert (one.origin, one.device, one.reason) == ("towns", "手机", "补")
        assert list(one.data_request_ids) == [str(request_id)]
        assert one.fact_id == fact.fact_id
        assert one.trace_id == trace_of(fact)
        assert one.stage == registry_pb2.STAGE_COUNTY
        marks = (one.late, one.outlier, one.unchanged, one.contested, one.superseded)
        assert not any(marks)


def trace_of(fact: link_pb2.Fact) -> str:
    return fact.traceparent.split("-")[1] if fact.traceparent else ""


async def test_what_is_late_or_unchanged_says_so(an_app: AnApp) -> None:
    """A label that was put on stays on, at every tier."""
    clock = Clock()
    async with two_tiers(an_app, clock) as (province, below):
        await give(below, TOWNS[0], 7)
        await ask(province, PEOPLE, deadline=START + timedelta(hours=1))
        await carry_all(province, below)
        clock.pass_(hours=2)
        await give(below, TOWNS[1], 8)
        await carry_all(province, below)
        async with a_door(province) as door:
            shown = await observations(door)

    assert [(one.division, one.late) for one in shown] == [
        (TOWNS[0], False),
        (TOWNS[1], True),
    ]


async def test_pages_show_every_value_once_by_division_and_element(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the page's size in divisions or bytes; and only what was asked."""
    async with two_tiers(an_app, Clock()) as (province, below):
        for people, town in enumerate(TOWNS):
            both = [value(PEOPLE, number=people), value(PRICE, number=0.5)]
            await give(below, town, values=both[: 1 + people % 2])
        await carry_all(province, below)
        async with a_door(province) as door:
            whole = await observations(door)
            few = [await observations(door, size=size) for size in (1, 2, 4, 6)]
            county = await observations(door, within="530103", size=1)
            price = await observations(door, elements=[PRICE], size=1)
            monkeypatch.setattr(reading, "PAGE_BYTES", 1)
            small = await observations(door)

    assert [brief(one)[:2] for one in whole] == [
        (town, code)
        for place, town in enumerate(TOWNS)
        for code in (PEOPLE, PRICE)[: 1 + place % 2]
    ]
    assert few == [whole] * 4
    assert small == whole
    assert [one.division for one in county] == [TOWNS[2], TOWNS[3], TOWNS[3]]
    assert price == [one for one in whole if one.value.element == PRICE]


async def test_nothing_is_shown_of_other_areas(an_app: AnApp) -> None:
    """A node answers for its own subtree, however wide the question is (law 12)."""
    async with two_tiers(an_app, Clock()) as (province, below):
        await give(below, TOWNS[0], 7)
        await give(below, TOWNS[0], 8, reason="更正")
        await conflict(below, TOWNS[0], 9)
        await carry_all(province, below)
        async with a_door(below) as door:
            wider = await observations(door, within="53")
            ours = await observations(door, within=TOWNS[0])
            elsewhere = await observations(door, within="5303")
            ask = pb.ListConflictsRequest(within="5303")
            disputes = (await door.ListConflicts(ask)).conflicts
        async with a_door(province) as door:
            top = await observations(door, within="53")

    assert (elsewhere, list(disputes)) == ([], [])
    assert top == ours == wider
    assert [brief(one) for one in top] == [(TOWNS[0], PEOPLE, 8.0, 2)]


async def test_what_cannot_be_asked_is_refused(an_app: AnApp) -> None:
    """Unknown elements, periods that are none, ids and tokens of nothing."""
    none = str(uuid4())
    token: dict[str, Any] = {"page_token": "x"}
    async with two_tiers(an_app, Clock()) as (province, _), a_door(province) as door:
        unknown = pb.ListObservationsRequest(period=PERIOD, elements=["no.such"])
        period = pb.ListObservationsRequest(period="2026-13")
        versions = pb.ListVersionsRequest(
            element="no.such", division=TOWNS[0], period=PERIOD
        )
        digits = pb.ListVersionsRequest(
            element=PEOPLE, division="5301020011", period=PERIOD
        )
        area = pb.ListNeedsRequest(data_request_id=none, within="530")
        reasons = [
            await reason(door.ListObservations(unknown)),
            await reason(door.ListVersions(versions)),
            await reason(door.ListObservations(period)),
            await reason(door.ListVersions(digits)),
            await reason(door.ListNeeds(area)),
            await reason(
                door.ListObservations(
                    pb.ListObservationsRequest(period=PERIOD, **token)
                )
            ),
            await reason(door.ListConflicts(pb.ListConflictsRequest(**token))),
            await reason(door.ListDataRequests(pb.ListDataRequestsRequest(**token))),
            await reason(
                door.GetDataRequest(pb.GetDataRequestRequest(data_request_id=none))
            ),
            await reason(door.ListNeeds(pb.ListNeedsRequest(data_request_id=none))),
        ]

    assert reasons == [
        *["ELEMENT_UNKNOWN"] * 2,
        *["INVALID_INPUT"] * 3,
        *["PAGE_TOKEN_INVALID"] * 3,
        *["DATA_REQUEST_UNKNOWN"] * 2,
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_a_moment_in_the_past_shows_what_was_known_then(
    an_app: AnApp, seed: int
) -> None:
    """Whatever was given, corrected, contested and decided since: at both tiers alike."""
    chance, clock = random.Random(seed), Clock()
    async with two_tiers(an_app, clock) as (province, below):
        open_conflicts: list[str] = []
        known = []
        async with a_door(below) as door:
            for _ in range(25):
                clock.pass_(minutes=1)
                await step(below, chance, open_conflicts)
                known.append((clock.at, await observations(door)))
                clock.pass_(minutes=1)
            past = [await observations(door, as_of_time=at) for at, _ in known]
        await carry_all(province, below)
        async with a_door(province) as door:
            above = [await observations(door, size=2, as_of_time=at) for at, _ in known]
            before = await observations(door, size=1, as_of_time=START)

    assert past == [shown for _, shown in known]
    assert above == past
    assert before == []


async def step(app: App, chance: random.Random, open_conflicts: list[str]) -> None:
    """Do one thing that changes what stands, or may change it later."""
    town, people = chance.choice(TOWNS[:3]), chance.randrange(1_000_000)
    match chance.choice(["give", "note", "contest", "contest", "decide", "decide"]):
        case "note":
            note = value(NOTE, text=f"模拟{people}")
            await give(app, town, values=[note], reason="更正")
        case "contest":
            done = await give(app, town, people, base_revision=0)
            open_conflicts.extend(
                one for remark in done.remarks for one in remark.conflict_ids
            )
        case "decide" if open_conflicts:
            one = open_conflicts.pop(chance.randrange(len(open_conflicts)))
            await decide(app, one, take_rival=chance.random() < 0.7)
        case _:
            await give(app, town, people, reason="更正")


async def test_a_moment_to_come_is_now(an_app: AnApp) -> None:
    """Nobody knows what will have been recorded: the answer names the moment it speaks of."""
    clock = Clock()
    async with two_tiers(an_app, clock) as (_, below), a_door(below) as door:
        await give(below, TOWNS[0], 7)
        request = pb.ListObservationsRequest(period=PERIOD)
        request.as_of_time.FromDatetime(clock.at + timedelta(days=9))
        answer = await door.ListObservations(request)

    assert answer.as_of_time.ToDatetime(START.tzinfo) == clock.at
    assert [brief(one) for one in answer.observations] == [(TOWNS[0], PEOPLE, 7.0, 1)]


async def test_all_versions_of_a_value_newest_first(an_app: AnApp) -> None:
    """What stands, what it replaced, and what never came into force."""
    async with two_tiers(an_app, Clock()) as (province, below):
        await give(below, TOWNS[0], 1)
        await give(below, TOWNS[0], values=[value(NOTE, text="模拟")])
        await give(below, TOWNS[0], 3, reason="更正")
        refused = await conflict(below, TOWNS[0], 4)
        taken = await conflict(below, TOWNS[0], 5)
        await give(below, TOWNS[0], 6, reason="再次更正")
        await conflict(below, TOWNS[0], 7)
        await decide(below, refused, take_rival=False)
        await decide(below, taken, take_rival=True)
        await carry_all(province, below)
        request = pb.ListVersionsRequest(
            element=PEOPLE, division=TOWNS[0], period=PERIOD
        )
        async with a_door(province) as door:
            shown = (await door.ListVersions(request)).versions
            request.division = TOWNS[1]
            never = (await door.ListVersions(request)).versions

    versions = [
        (one.revision, one.value.number, one.superseded, one.contested) for one in shown
    ]
    assert versions == [
        (7, 7.0, False, True),
        (6, 6.0, True, False),
        (5, 5.0, False, False),
        (4, 4.0, False, True),
        (3, 3.0, True, False),
        (1, 1.0, True, False),
    ]
    assert list(never) == []


async def test_conflicts_by_due_time_with_both_sides(an_app: AnApp) -> None:
    """The officer sees first what is decided by default first, and what each side said."""
    clock = Clock()
    async with two_tiers(an_app, clock) as (province, below):
        ids = []
        for people, town in enumerate(TOWNS[:4]):
            await give(below, town, people)
            await give(below, town, 100 + people, reason="更正")
            ids.append(await conflict(below, town, 200 + people))
            clock.pass_(hours=1)
        await decide(below, ids[0], take_rival=True)
        await decide(below, ids[1], take_rival=False)
        await carry_all(province, below)
        async with a_door(province) as door:
            pages = [await conflicts(door, size) for size in (0, 1, 3)]
            waiting = await conflicts(door, 1, state=registry_pb2.CONFLICT_STATE_OPEN)
            county = await conflicts(door, 1, within="530103")

    assert [one.conflict_id for one in pages[0]] == ids
    assert pages[1:] == pages[:1] * 2
    assert waiting == county == pages[0][2:]
    assert [
        (one.state, one.standing.value.number, one.rival.value.number, one.resolver)
        for one in pages[0]
    ] == [
        (registry_pb2.CONFLICT_STATE_RIVAL_TAKEN, 100.0, 200.0, "王（模拟）"),
        (registry_pb2.CONFLICT_STATE_STANDING_KEPT, 101.0, 201.0, "王（模拟）"),
        (registry_pb2.CONFLICT_STATE_OPEN, 102.0, 202.0, ""),
        (registry_pb2.CONFLICT_STATE_OPEN, 103.0, 203.0, ""),
    ]
    assert [
        (one.standing.superseded, one.rival.contested, one.rival.revision)
        for one in pages[0]
    ] == [(True, False, 3), (False, True, 3), (False, True, 3), (False, True, 3)]
    assert pages[0][0].due_time.ToDatetime(START.tzinfo) == START + timedelta(days=3)


async def conflicts(door: Any, size: int, **over: Any) -> list[registry_pb2.Conflict]:
    """Return the conflicts of all pages."""
    request = pb.ListConflictsRequest(page_size=size, **over)
    shown: list[registry_pb2.Conflict] = []
    while True:
        page = await door.ListConflicts(request)
        shown.extend(page.conflicts)
        if not page.next_page_token:
            return shown
        request.page_token = page.next_page_token
