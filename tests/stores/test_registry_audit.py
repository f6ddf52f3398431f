"""The audit finds what is wrong, says where, and finds nothing where nothing is."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import pytest

from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as pb
from tests.catalogue import held
from tests.servers import AnApp
from tests.stores.holding import (
    NOTE,
    PEOPLE,
    PERIOD,
    PRICE,
    TOWNS,
    Clock,
    a_door,
    ask,
    carry_all,
    decide,
    give,
    reason,
    two_tiers,
    withdraw,
)
from tier.app import App
from tier.registry import audit
from tier.registry.model import Flag

OTHER_PERIOD = "2026-12"


async def audited(app: App, period: str = "") -> pb.AuditRegistryResponse:
    """Audit as an operator does."""
    request = pb.AuditRegistryRequest(period=period)
    async with a_door(app) as door:
        response: pb.AuditRegistryResponse = await door.AuditRegistry(request)
    return response


async def a_busy_day(province: App, below: App, chance: random.Random) -> None:
    """Ask, give, correct, contest, decide and take back, carried now and then."""
    open_conflicts: list[str] = []
    requests: list[UUID] = []
    for _ in range(40):
        town, number = chance.choice(TOWNS), chance.randrange(-999, 999)
        match chance.choice(["ask", "give", "give", "note", "contest", "end", "carry"]):
            case "ask":
                some = chance.sample([PEOPLE, PRICE, NOTE], k=chance.choice([1, 2]))
                period = chance.choice([PERIOD, OTHER_PERIOD])
                requests.append(await ask(province, *some, period=period))
            case "give":
                price = registry_pb2.Value(element=PRICE, number=number / 100)
                people = registry_pb2.Value(element=PEOPLE, number=number)
                given = chance.choice([[price], [people], [price, people]])
                await give(below, town, values=given, reason="更正")
            case "note":
                note = registry_pb2.Value(element=NOTE, text=f"模拟{number}")
                await give(below, town, values=[note], reason="更正")
            case "contest":
                done = await give(below, town, number, base_revision=0, reason="更正")
                open_conflicts.extend(
                    one for remark in done.remarks for one in remark.conflict_ids
                )
            case "end" if open_conflicts:
                one = open_conflicts.pop()
                await decide(below, one, take_rival=chance.random() < 0.5)
            case "end" if requests:
                await end(province, requests.pop())
            case _:
                await carry_all(province, below)
    await carry_all(province, below)


async def end(app: App, request_id: UUID) -> None:
    """Take a request back if it still waits."""
    async with app.db.reading() as tx:
        sql = "SELECT waiting FROM registry_request WHERE data_request_id = $1"
        waits = await tx.fetchval(sql, request_id)
    if waits:
        await withdraw(app, request_id)


@pytest.mark.parametrize("seed", range(4))
async def test_what_was_folded_step_by_step_is_what_summing_anew_gives(
    an_app: AnApp, seed: int
) -> None:
    """After a busy day no tier's counts, totals or asks differ from a recomputation."""
    async with two_tiers(an_app, Clock()) as (province, below):
        await a_busy_day(province, below, random.Random(seed))
        found = [await audited(app) for app in (province, below)]
        kept = [await rows_of(app) for app in (province, below)]

    assert [list(one.differences) for one in found] == [[], []]
    assert [one.compared_count for one in found] == kept
    assert min(kept) > 0


async def rows_of(app: App) -> int:
    """Count what an audit has to compare: totals by element, requests, sheets."""
    async with app.db.reading() as tx:
        count: int = await tx.fetchval("""
            SELECT (SELECT coalesce(sum(cardinality(elements)), 0) FROM registry_total)
                 + (SELECT count(*) FROM registry_request)
                 + (SELECT count(*) FROM registry_sheet)
        """)
    return int(count)


@pytest.mark.parametrize("seed", range(2))
async def test_the_audit_finds_what_an_oracle_finds(an_app: AnApp, seed: int) -> None:
    """Whatever numbers are wrong, of whatever tables: the same differences, no more, no less."""
    chance = random.Random(seed)
    async with two_tiers(an_app, Clock()) as (province, below):
        await a_busy_day(province, below, chance)
        for _ in range(6):
            await plant_anywhere(province, chance)
        found = await audited(province)
        wrong = await oracle(province)

    assert wrong
    assert sorted(one.subject for one in found.differences) == sorted(wrong)


NOISE = (
    "UPDATE registry_total SET expected[1] = expected[1] + $1 WHERE area > $2",
    "UPDATE registry_total SET sums[2] = sums[2] + $1 WHERE area > $2",
    "UPDATE registry_total SET on_time[1] = on_time[1] + $1 WHERE area < $2",
    "UPDATE registry_total SET smallest[1] = smallest[1] - $1 WHERE area < $2",
    "UPDATE registry_request SET waiting = waiting + $1 WHERE period <> $2",
    (
        "UPDATE registry_sheet SET numbers[1] = numbers[1] + $1"
        " WHERE division < $2 AND elements <> '{}'"
    ),
    "UPDATE registry_need SET waiting = waiting[1:$1] WHERE division > $2",
    (
        "UPDATE registry_need SET deadline_at = deadline_at + make_interval(days => $1)"
        " WHERE division > $2"
    ),
)


async def plant_anywhere(app: App, chance: random.Random) -> None:
    """Make some number wrong, or perhaps as it was."""
    noise = chance.randrange(4)
    sql = chance.choice(NOISE)
    async with app.db.transaction() as tx:
        await tx.execute(sql, noise, chance.choice(TOWNS))


async def oracle(app: App) -> list[str]:
    """Return what differs, row by row, by the plainest reading of each table's promise."""
    async with app.db.reading() as tx:
        sheets = await tx.fetch("SELECT * FROM registry_sheet")
        needs = await tx.fetch("SELECT * FROM registry_need")
        totals = await tx.fetch("SELECT * FROM registry_total")
        requests = await tx.fetch("SELECT * FROM registry_request")
    codes: dict[int, str] = {
        one.number: one.code for one in (await held(app)).elements.values()
    }
    return [
        *wrong_requests(requests, needs),
        *wrong_tasks(sheets, needs),
        *wrong_totals(totals, sheets, codes),
    ]


def wrong_requests(requests: Sequence[Any], needs: Sequence[Any]) -> Iterator[str]:
    for row in requests:
        own = [n for n in needs if n["data_request_id"] == row["data_request_id"]]
        if row["waiting"] != sum(len(need["waiting"]) for need in own):
            yield f"request {row['data_request_id']}"


def wrong_tasks(sheets: Sequence[Any], needs: Sequence[Any]) -> Iterator[str]:
    for sheet in sheets:
        key = (sheet["division"], sheet["period"])
        own = [n for n in needs if (n["division"], n["period"]) == key and n["waiting"]]
        asked = sorted({number for need in own for number in need["waiting"]})
        due = min((need["deadline_at"] for need in own), default=None)
        if (asked, due) != (sheet["asked"], sheet["deadline_at"]):
            yield f"task {key[0]} {key[1]}"


def wrong_totals(
    totals: Sequence[Any], sheets: Sequence[Any], codes: Mapping[int, str]
) -> Iterator[str]:
    kept = {
        (row["area"], row["period"], number): list(columns)
        for row in totals
        for number, *columns in zip(
            row["elements"], *(row[name] for name in COLUMNS), strict=True
        )
    }
    keys = set(kept)
    for sheet in sheets:
        area = (sheet["division"][:6], sheet["period"])
        keys.update((*area, number) for number in codes)
    for area, period, number in keys:
        own = [s for s in sheets if s["division"][:6] == area and s["period"] == period]
        computed = summed(own, number)
        row = kept.get((area, period, number), [0] * 5 + [None] * 2)
        if row[:5] != computed[:5] or any(
            one not in {None, other}
            for one, other in zip(row[5:], computed[5:], strict=True)
        ):
            yield f"total {area} {period} {codes[number]}"


COLUMNS = (
    "expected", "received", "on_time", "sums", "observed", "smallest", "largest",
)  # fmt: skip


def summed(sheets: Sequence[Any], number: int) -> list[int | None]:
    """Sum one element over sheets."""
    expected = sum(1 for s in sheets if number in {*s["asked"], *s["elements"]})
    cells = [
        (kept, flag, s["observed"][given - 1])
        for s in sheets
        for element, kept, given, flag in zip(
            s["elements"], s["numbers"], s["given"], s["flags"], strict=True
        )
        if element == number
    ]
    numbers = [kept for kept, flag, _ in cells if not flag & Flag.TEXT]
    return [
        expected,
        len(cells),
        sum(1 for _, flag, _ in cells if not flag & Flag.LATE),
        sum(numbers),
        sum(int(seen.timestamp()) for _, _, seen in cells),
        min(numbers, default=None),
        max(numbers, default=None),
    ]


async def a_quiet_day(province: App, below: App) -> UUID:
    """Ask people and prices of all townships; two give both, and one of these a text too."""
    request_id = await ask(province, PEOPLE, PRICE)
    await carry_all(province, below)
    for town, people in zip(TOWNS[:2], (30, 12), strict=True):
        values = [
            registry_pb2.Value(element=PEOPLE, number=people),
            registry_pb2.Value(element=PRICE, number=2.5),
        ]
        await give(below, town, values=values)
    note = registry_pb2.Value(element=NOTE, text="模拟")
    await give(below, TOWNS[0], values=[note])
    await carry_all(province, below)
    return request_id


ON_TOTAL = f"total 530102 {PERIOD} {PEOPLE}"
ON_TASK = f"task {TOWNS[2]} {PERIOD}"
TOTAL = "UPDATE registry_total SET {} WHERE area = '530102'"
SHEET = "UPDATE registry_sheet SET {} WHERE division = '530103001'"  # TOWNS[2]
REQUEST = "UPDATE registry_request SET {}"
PLANTED = {
    "expected": (TOTAL.format("expected[1] = 3"), [ON_TOTAL]),
    "received": (TOTAL.format("received[1] = 1"), [ON_TOTAL]),
    "on time": (TOTAL.format("on_time[1] = 0"), [ON_TOTAL]),
    "sum": (TOTAL.format("sums[1] = sums[1] + 1"), [ON_TOTAL]),
    "observed": (TOTAL.format("observed[1] = observed[1] - 1"), [ON_TOTAL]),
    "smallest": (TOTAL.format("smallest[1] = 11"), [ON_TOTAL]),
    "largest": (TOTAL.format("largest[1] = 31"), [ON_TOTAL]),
    "of a text": (TOTAL.format("sums[3] = 1"), [f"total 530102 {PERIOD} {NOTE}"]),
    "no totals": (
        "DELETE FROM registry_total WHERE area = '530103'",
        [f"total 530103 {PERIOD} {code}" for code in (PEOPLE, PRICE)],
    ),
    "served": (REQUEST.format("served = served + 1"), ["request"]),
    "waiting": (REQUEST.format("waiting = waiting - 1"), ["request"]),
    "asked too little": (
        SHEET.format("asked = asked[1:1]"),
        [f"total 530103 {PERIOD} {PRICE}", ON_TASK],
    ),
    "asked too much": (
        SHEET.format("asked = asked || 3::smallint"),
        [f"total 530103 {PERIOD} {NOTE}", ON_TASK],
    ),
    "deadline": (
        SHEET.format("deadline_at = deadline_at + interval '1 second'"),
        [ON_TASK],
    ),
    "no sheet": (
        "DELETE FROM registry_sheet WHERE division = '530103001'",
        [*(f"total 530103 {PERIOD} {code}" for code in (PEOPLE, PRICE)), ON_TASK],
    ),
    "a value": (
        "UPDATE registry_sheet SET numbers[1] = 31 WHERE division = '530102001'",
        [ON_TOTAL],
    ),
    "a lateness": (
        "UPDATE registry_sheet SET flags[1] = 1 WHERE division = '530102001'",
        [ON_TOTAL],
    ),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_one_wrong_number_is_found_and_named(an_app: AnApp, what: str) -> None:
    """Whichever it is: the audit points at it, and at nothing else."""
    sql, subjects = PLANTED[what]
    async with two_tiers(an_app, Clock()) as (province, below):
        request_id = await a_quiet_day(province, below)
        await plant(province, sql)
        found = await audited(province)
        others = await audited(province, OTHER_PERIOD)

    named = [f"request {request_id}" if one == "request" else one for one in subjects]
    assert [one.subject for one in found.differences] == named
    assert all(one.kept != one.computed for one in found.differences)
    assert (others.compared_count, list(others.differences)) == (0, [])


async def plant(app: App, sql: str, *arguments: Any) -> None:
    async with app.db.transaction() as tx:
        assert await tx.execute(sql, *arguments)


async def test_a_difference_says_what_is_kept_and_what_is_computed(
    an_app: AnApp,
) -> None:
    """The operator need not read tables to see what went wrong."""
    async with two_tiers(an_app, Clock()) as (province, below):
        request_id = await a_quiet_day(province, below)
        await plant(province, PLANTED["sum"][0])
        await plant(province, REQUEST.format("joined = 9"))
        await plant(province, PLANTED["asked too little"][0])
        found = {one.subject: one for one in (await audited(province)).differences}

    sums, counts = found[ON_TOTAL], found[f"request {request_id}"]
    assert sums.kept.startswith("expected=2 received=2 on_time=2 sum=43 observed=")
    assert sums.computed.endswith(" smallest=12 largest=30")
    assert counts.kept == "served=0 joined=9 confirm=0 collect=12 waiting=8"
    assert counts.computed == "served=0 joined=0 confirm=0 collect=12 waiting=8"
    assert found[ON_TASK].kept == f"{PEOPLE} by 2026-11-25T08:00:00+00:00"
    assert found[ON_TASK].computed.startswith(f"{PEOPLE} {PRICE} by 2026-11-25")


async def test_an_extreme_that_is_unknown_is_not_wrong(an_app: AnApp) -> None:
    """A smallest or largest that was corrected is read off the sheets when it is asked."""
    async with two_tiers(an_app, Clock()) as (province, below):
        await a_quiet_day(province, below)
        await plant(province, TOTAL.format("smallest[1] = NULL, largest[1] = NULL"))
        found = await audited(province, PERIOD)

    assert list(found.differences) == []
    assert found.compared_count == 7 + 1 + 6


async def test_an_audit_names_a_bounded_number_of_differences(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much is wrong, the answer fits a message."""
    monkeypatch.setattr(audit, "DIFFERENCES", 3)
    async with two_tiers(an_app, Clock()) as (province, below):
        await a_quiet_day(province, below)
        whole: Sequence[Any] = (await audited(province)).differences
        await plant(province, "DELETE FROM registry_total")
        found = (await audited(province)).differences

    assert list(whole) == []
    assert len(found) == 3


async def test_a_period_that_is_none_is_refused(an_app: AnApp) -> None:
    """An audit of a misspelt period would find nothing wrong."""
    async with two_tiers(an_app, Clock()) as (province, _), a_door(province) as door:
        refused = await reason(
            door.AuditRegistry(pb.AuditRegistryRequest(period="2026-13"))
        )

    assert refused == "INVALID_INPUT"
