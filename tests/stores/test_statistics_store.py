"""What is served of statistics is what counting every row by hand gives, asked in any way."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import grpc
import pytest

from ducha.division.v1 import division_pb2
from ducha.statistics.v1 import statistics_pb2
from ducha.statistics.v1 import statistics_service_pb2 as pb
from ducha.statistics.v1 import statistics_service_pb2_grpc as stubs
from tests.divisions import an_entry
from tests.servers import AnApp, refusal, served
from tests.stores.happening import CHINA, COUNTS, Event, World
from tests.stores.reporting import PROVINCE
from tier.app import App
from tier.division import store as division_store
from tier.jurisdiction import DIGITS, Level
from tier.runtime.area import seen_from
from tier.statistics.capability import CAPABILITY
from tier.statistics.rpc import StatisticsService

GROUPINGS = tuple(statistics_pb2.Grouping.values()[1:])

Rows = dict[tuple[object, ...], dict[str, int]]


def expected(events: list[Event], asked: pb.ListStatisticsRequest) -> Rows:
    """Count in Python what a request asks for; what is summed over is empty."""
    groups = set(asked.group_by) or {statistics_pb2.GROUPING_DIVISION}
    digits = DIGITS[Level(asked.level)] if asked.level else 0
    found: Rows = {}
    for event in events:
        month = f"{event.at.astimezone(CHINA):%Y-%m}"
        if not _is_asked(event, month, asked) or len(event.division) < digits:
            continue
        by_division = statistics_pb2.GROUPING_DIVISION in groups
        by_organiser = statistics_pb2.GROUPING_ORGANISER in groups
        key = (
            event.division[: digits or None] if by_division else "",
            *(event.organiser if by_organiser else ("", "")),
            event.source_type if statistics_pb2.GROUPING_SOURCE_TYPE in groups else 0,
            event.urgency if statistics_pb2.GROUPING_URGENCY in groups else 0,
            month if statistics_pb2.GROUPING_MONTH in groups else "",
        )
        row = found.setdefault(key, dict.fromkeys(COUNTS, 0))
        row[event.count] += event.amount
    return found


def _is_asked(event: Event, month: str, asked: pb.ListStatisticsRequest) -> bool:
    executing = DIGITS[Level(asked.executing_level)] if asked.executing_level else 0
    return (
        event.division.startswith(asked.within)
        and executing in (0, len(event.division))
        and asked.issuer_division in ("", event.organiser[0])
        and asked.source_type in (0, event.source_type)
        and asked.urgency in (0, event.urgency)
        and asked.from_month <= month <= (asked.to_month or "9999")
    )


def some_request(chance: random.Random) -> pb.ListStatisticsRequest:
    """Ask in any way."""
    return pb.ListStatisticsRequest(
        within=chance.choice(("", "", "53", "5301", "530102", "530102001")),
        level=chance.randint(0, 6),  # type: ignore[arg-type] # the proto's numbers
        executing_level=chance.choice((0, 0, 0, 2, 4)),  # type: ignore[arg-type]
        issuer_division=chance.choice(("", "", "53", "5301")),
        from_month=chance.choice(("", "", "2026-10", "2026-11")),
        to_month=chance.choice(("", "", "2026-11", "2026-12")),
        group_by=chance.sample(GROUPINGS, chance.randint(0, 5)),
        source_type=chance.choice((0, 0, 0, 1)),  # type: ignore[arg-type]
        urgency=chance.choice((0, 0, 0, 2)),  # type: ignore[arg-type]
        page_size=chance.choice((1, 7, 50, 2000)),
    )


async def listed(
    desk: stubs.StatisticsServiceAsyncStub, request: pb.ListStatisticsRequest
) -> tuple[list[statistics_pb2.Statistic], statistics_pb2.Statistic]:
    """Return all pages, and the sum that the first one tells."""
    page = await desk.ListStatistics(request)
    found, total = list(page.statistics), page.total
    while page.next_page_token:
        request.page_token = page.next_page_token
        page = await desk.ListStatistics(request)
        found += page.statistics
        assert not page.HasField("total")
    return found, total


def key_of(one: statistics_pb2.Statistic) -> tuple[object, ...]:
    return (
        one.division,
        one.issuer_division,
        one.lead_unit,
        one.source_type,
        one.urgency,
        one.month,
    )


def counts_of(one: statistics_pb2.Statistic) -> dict[str, int]:
    return {name: getattr(one.counts, name) for name in COUNTS}


@asynccontextmanager
async def a_desk(app: App) -> AsyncIterator[stubs.StatisticsServiceAsyncStub]:
    """Mount statistics on a node."""
    async with served(app, CAPABILITY.services) as channel:
        yield stubs.StatisticsServiceStub(channel)


async def a_world(app: App, seed: int, items: int = 12) -> World:
    """Fill a node's tables."""
    async with app.db.transaction() as tx:
        world = World(tx, seed)
        for _ in range(items):
            await world.item()
    return world


@pytest.mark.parametrize("seed", range(3))
async def test_statistics_are_what_counting_every_row_gives(
    an_app: AnApp, seed: int
) -> None:
    """Any level, any filter, any grouping, any page: each group once, in order, and the sum."""
    async with an_app(PROVINCE) as app, a_desk(app) as desk:
        world = await a_world(app, seed)
        chance = random.Random(seed)
        for _ in range(40):
            asked = some_request(chance)
            rows = expected(world.events, asked)
            found, total = await listed(desk, asked)
            sums = {name: sum(row[name] for row in rows.values()) for name in COUNTS}

            assert {key_of(one): counts_of(one) for one in found} == rows
            assert [key_of(one) for one in found] == sorted(rows)
            assert counts_of(total) == sums


async def test_groups_stand_by_code_whatever_their_counts(an_app: AnApp) -> None:
    """Law 7: a division that did much stands where its code puts it, not first and not last."""
    async with an_app(PROVINCE) as app, a_desk(app) as desk:
        await a_world(app, 7)
        found, _ = await listed(desk, pb.ListStatisticsRequest())
        codes = [one.division for one in found]

        assert codes == sorted(codes)
        for name in ("assigned", "finished_on_time", "urged", "returned"):
            counts = [getattr(one.counts, name) for one in found]
            assert any(a < b for a, b in pairwise(counts)), name
            assert any(a > b for a, b in pairwise(counts)), name


async def test_a_narrower_caller_counts_only_its_area(an_app: AnApp) -> None:
    """Whatever is asked: rows and total are of the own area, in every source of counts."""
    async with an_app(PROVINCE) as app:
        world = await a_world(app, 3)
        ask: Any = StatisticsService(app).ListStatistics
        whole = pb.ListStatisticsRequest(group_by=GROUPINGS, page_size=2000)
        within = pb.ListStatisticsRequest(
            group_by=GROUPINGS, page_size=2000, within="530102"
        )
        rows = expected(world.events, within)
        with seen_from("530102"):
            seen = await ask(whole, None)
            elsewhere = await ask(pb.ListStatisticsRequest(within="5303"), None)
        assigned = sum(row["assigned"] for row in rows.values())

        assert {key_of(one): counts_of(one) for one in seen.statistics} == rows
        assert seen.total.counts.assigned == assigned
        assert all(any(row[name] for row in rows.values()) for name in COUNTS)
        assert not elsewhere.statistics
        assert elsewhere.total.counts == statistics_pb2.Counts()


async def test_shares_and_names_come_along(an_app: AnApp) -> None:
    """Completeness and timeliness follow from the counts; areas have their names."""
    async with an_app(PROVINCE) as app, a_desk(app) as desk:
        await a_world(app, 5)
        async with app.db.transaction() as tx:
            await division_store.upsert(tx, [an_entry("5301")])
        level = division_pb2.LEVEL_CITY
        page = await desk.ListStatistics(pb.ListStatisticsRequest(level=level))
        names = {one.division: one.division_name for one in page.statistics}

        assert names == {"5301": "名5301", "5303": ""}
        for one in [*page.statistics, page.total]:
            counts = one.counts
            standing = counts.assigned - counts.assigned_withdrawn
            share = counts.assigned_finished / standing
            timely = counts.assigned_finished_on_time / standing
            assert (one.completeness, one.timeliness) == (share, timely)
            assert 0 < timely < share < 1


async def test_it_says_as_of_when_and_who_is_out_of_contact(an_app: AnApp) -> None:
    """Law 13: a silent node whose divisions the counts may cover is named, another is not."""
    heard = datetime(2026, 11, 20, 8, tzinfo=UTC)
    async with an_app(PROVINCE) as app:
        silent = replace(app, silent=lambda: [("kunming", heard), ("qujing", None)])
        ask: Any = StatisticsService(silent).ListStatistics
        whole = await ask(pb.ListStatisticsRequest(), None)
        part = await ask(pb.ListStatisticsRequest(within="530102"), None)
        (kunming,) = part.out_of_contact

        assert whole.as_of_time.seconds > 0
        assert {one.node for one in whole.out_of_contact} == {"kunming", "qujing"}
        assert (kunming.node, list(kunming.divisions)) == ("kunming", ["5301"])
        assert kunming.last_contact_time.ToDatetime(tzinfo=UTC) == heard


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"within": "530"}, "within"),
        ({"issuer_division": "53010"}, "issuer_division"),
        ({"from_month": "2026-13"}, "from_month"),
        ({"to_month": "0999-01"}, "to_month"),
        ({"group_by": [1, 1]}, "group_by"),
    ],
)
async def test_a_wrong_field_is_named(
    an_app: AnApp, wrong: Mapping[str, Any], field: str
) -> None:
    """INVALID_INPUT names it."""
    async with an_app(PROVINCE) as app, a_desk(app) as desk:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await desk.ListStatistics(pb.ListStatisticsRequest(**wrong))
        told = refusal(caught.value)

        assert told.reason == "INVALID_INPUT"
        assert list(told.fields) == [field]


TOKENS = (
    ["53"],
    ["53", "", "", "x", "0", ""],
    ["53", "", "", "40000", "0", ""],
    ["53", "", "", "0", "-1", ""],
)


@pytest.mark.parametrize("key", TOKENS, ids=map(str, range(len(TOKENS))))
async def test_a_token_that_names_no_group_is_refused(
    an_app: AnApp, key: list[str]
) -> None:
    """PAGE_TOKEN_INVALID: start again without one."""
    token = base64.urlsafe_b64encode(json.dumps(key).encode()).decode()
    async with an_app(PROVINCE) as app, a_desk(app) as desk:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await desk.ListStatistics(pb.ListStatisticsRequest(page_token=token))

        assert refusal(caught.value).reason == "PAGE_TOKEN_INVALID"
