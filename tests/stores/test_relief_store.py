"""Savings follow the needs that they count, and an audit finds where they do not."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import grpc
import pytest

from ducha.relief.v1 import relief_pb2
from ducha.relief.v1 import relief_service_pb2 as pb
from ducha.relief.v1 import relief_service_pb2_grpc as stubs
from tests.registry import Line
from tests.servers import AnApp, refusal, served
from tests.stores.indicating import TOWNS, Office, an_office
from tier.app import App
from tier.relief.capability import CAPABILITY
from tier.runtime.errors import TierError

COUNTS = ("needed", "served", "joined", "confirm", "collect", "confirmed", "prefilled")
Table = dict[tuple[str, str, str], tuple[int, ...]]


@asynccontextmanager
async def a_desk(app: App) -> AsyncIterator[stubs.ReliefServiceAsyncStub]:
    """Mount relief on a node."""
    async with served(app, CAPABILITY.services) as channel:
        yield stubs.ReliefServiceStub(channel)


async def work(office: Office, seed: int) -> None:
    """Ask, answer, confirm and take back over months, as chance has it."""
    chance, line = random.Random(seed), office.line
    made: list[str] = []
    for _ in range(30):
        office.clock.wait(hours=chance.randint(1, 72))
        period = f"2026-{chance.choice((10, 11, 12))}"
        towns = chance.sample(TOWNS, 4)
        match chance.choice(("ask", "ask", "answer", "answer", "withdraw")):
            case "ask":
                requester = chance.choice(("53", "5301", "530102"))
                inside = [town for town in towns if town.startswith(requester)]
                if inside:
                    asked = await line.ask(
                        requester, ["offices"], *inside, period=period
                    )
                    made.append(asked.data_request.data_request_id)
            case "answer":
                for town in towns:
                    number = float(chance.randint(1, 3))
                    await line.answer(town, {"offices": number}, period=period)
            case _ if made:
                await line.withdraw(chance.choice(made))


async def expected(line: Line) -> Table:
    """Count needs in Python: by township, requester and month in China."""
    found: dict[tuple[str, str, str], Counter[str]] = {}
    async with line.apps["province"].db.reading() as tx:
        needs = await tx.fetch("SELECT * FROM registry_need")
    for need in needs:
        made = need["created_at"] + timedelta(hours=8)
        key = (need["division"][:9], need["requester_division"], f"{made:%Y-%m}")
        counts = found.setdefault(key, Counter())
        for name in COUNTS[1:]:
            counts[name] += need[name]
        counts["needed"] += sum(need[name] for name in COUNTS[1:5])
    return {
        key: tuple(counts[name] for name in COUNTS) for key, counts in found.items()
    }


def table(savings: Any) -> Table:
    """Read savings as a table."""
    return {
        (one.division, one.requester_division, one.month): counts_of(one)
        for one in savings
    }


def counts_of(one: relief_pb2.Saving) -> tuple[int, ...]:
    """Read the counts of a saving."""
    return tuple(getattr(one, f"{name}_count") for name in COUNTS)


def summed(rows: Table, digits: int, *, requesters: bool, months: bool) -> Table:
    """Sum a table as a caller may ask for it."""
    found: Table = {}
    for (division, requester, month), counts in rows.items():
        key = (
            division[:digits],
            "" if requesters else requester,
            "" if months else month,
        )
        before = found.get(key, (0,) * len(COUNTS))
        found[key] = tuple(map(sum, zip(before, counts, strict=True)))
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_savings_are_what_counting_all_needs_gives(
    an_app: AnApp, seed: int
) -> None:
    """Whatever was asked, joined, served, confirmed or taken back; summed any way."""
    async with an_office(an_app) as office, a_desk(office.app) as desk:
        await work(office, seed)
        rows = await expected(office.line)
        plain = await desk.ListSavings(pb.ListSavingsRequest(page_size=2000))
        audit = await desk.AuditSavings(pb.AuditSavingsRequest())

        assert table(plain.savings) == rows
        assert list(table(plain.savings)) == sorted(rows)
        assert counts_of(plain.total) == tuple(
            map(sum, zip(*rows.values(), strict=True))
        )
        assert (audit.compared_count, len(audit.differences)) == (len(rows), 0)
        for level, digits in ((1, 2), (2, 4), (3, 6), (4, 9)):
            for requesters in (True, False):
                for months in (True, False):
                    found = await desk.ListSavings(
                        pb.ListSavingsRequest(
                            level=level,  # type: ignore[arg-type] # the proto's numbers
                            sum_requesters=requesters,
                            sum_months=months,
                        )
                    )
                    assert table(found.savings) == summed(
                        rows, digits, requesters=requesters, months=months
                    )
                    assert counts_of(found.total) == counts_of(plain.total)


async def test_savings_are_narrowed_and_paged(an_app: AnApp) -> None:
    """By area, requester and months; the total is over all pages."""
    async with an_office(an_app) as office, a_desk(office.app) as desk:
        await work(office, 7)
        rows = {
            key: counts
            for key, counts in (await expected(office.line)).items()
            if key[0].startswith("5301") and key[1] == "53" and key[2] <= "2026-11"
        }
        paged: Table = {}
        token = ""
        while True:
            page = await desk.ListSavings(
                pb.ListSavingsRequest(
                    within="5301",
                    requester_division="53",
                    from_month="2026-11",
                    to_month="2026-11",
                    page_size=2,
                    page_token=token,
                )
            )
            paged |= table(page.savings)
            token = page.next_page_token
            if not token:
                break

    assert len(rows) > 2
    assert paged == rows
    assert counts_of(page.total) == tuple(map(sum, zip(*rows.values(), strict=True)))


async def test_the_month_of_a_request_is_that_of_china(an_app: AnApp) -> None:
    """Asked in the evening of the last of November in London, it is December."""
    async with an_office(an_app) as office, a_desk(office.app) as desk:
        office.clock.wait(days=29, hours=15)
        await office.line.ask("53", ["offices"], TOWNS[0], period="2026-12")
        office.clock.wait(hours=2)
        await office.line.ask("53", ["offices"], TOWNS[1], period="2026-12")
        found = await desk.ListSavings(pb.ListSavingsRequest())

    assert [one.month for one in found.savings] == ["2026-11", "2026-12"]


async def test_what_was_taken_back_was_asked_all_the_same(an_app: AnApp) -> None:
    """A request that is withdrawn stays counted."""
    async with an_office(an_app) as office, a_desk(office.app) as desk:
        asked = await office.line.ask("53", ["offices"], *TOWNS[:2])
        before = await desk.ListSavings(pb.ListSavingsRequest())
        refused = await office.line.withdraw(asked.data_request.data_request_id)
        after = await desk.ListSavings(pb.ListSavingsRequest())

    assert not isinstance(refused, TierError)
    assert after == before
    assert after.total.collect_count == 2


async def test_nothing_saved_is_nothing(an_app: AnApp) -> None:
    """An empty node has no rows, and nought in all."""
    async with an_office(an_app) as office, a_desk(office.app) as desk:
        found = await desk.ListSavings(pb.ListSavingsRequest())

    assert not found.savings
    assert counts_of(found.total) == (0,) * len(COUNTS)


@pytest.mark.parametrize(
    ("plant", "kept", "computed"),
    [
        ("UPDATE relief_saving SET served = served + 5 WHERE division = $1", 5, 0),
        ("DELETE FROM relief_saving WHERE division = $1", None, 0),
        ("UPDATE relief_saving SET month = '2020-01' WHERE division = $1", 0, None),
    ],
)
async def test_the_audit_of_savings_finds_what_is_planted(
    an_app: AnApp, plant: str, kept: int | None, computed: int | None
) -> None:
    """A wrong count, a lost row and a row of nothing are each shown with both sides."""
    async with an_office(an_app) as office, a_desk(office.app) as desk:
        await office.line.ask("53", ["offices"], *TOWNS)
        async with office.app.db.transaction() as tx:
            await tx.execute(plant, TOWNS[0])
        audit = await desk.AuditSavings(pb.AuditSavingsRequest())

    sides = [
        (
            one.kept.served_count if one.HasField("kept") else None,
            one.computed.served_count if one.HasField("computed") else None,
        )
        for one in audit.differences
    ]
    assert (kept, computed) in sides
    rows = [
        one.kept if one.HasField("kept") else one.computed for one in audit.differences
    ]
    assert {one.division for one in rows} == {TOWNS[0]}


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM registry_need WHERE false",
        "TRUNCATE registry_need",
        "UPDATE registry_need SET division = '530102009'",
        "UPDATE registry_need SET created_at = now()",
    ],
)
async def test_what_was_needed_is_neither_deleted_nor_renamed(
    an_app: AnApp, sql: str
) -> None:
    """Savings would lose track; a request is withdrawn instead."""
    async with an_office(an_app) as office:
        await office.line.ask("53", ["offices"], *TOWNS)
        with pytest.raises(asyncpg.RestrictViolationError, match="withdraw"):
            async with office.app.db.transaction() as tx:
                await tx.execute(sql)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"within": "530"}, "INVALID_INPUT"),
        ({"requester_division": "53010"}, "INVALID_INPUT"),
        ({"from_month": "November"}, "INVALID_INPUT"),
        ({"page_token": "??"}, "PAGE_TOKEN_INVALID"),
    ],
)
async def test_savings_that_cannot_be_listed_are_refused(
    an_app: AnApp, given: dict[str, str], reason: str
) -> None:
    """Each refusal by its name."""
    async with an_office(an_app) as office, a_desk(office.app) as desk:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await desk.ListSavings(pb.ListSavingsRequest(**given))  # type: ignore[arg-type] # texts all

    assert refusal(refused.value).reason == reason
