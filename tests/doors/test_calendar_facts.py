"""The calendar on its way down: every tier reckons by the same, old or new."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message

from ducha.calendar.v1 import calendar_facts_pb2 as facts
from ducha.calendar.v1 import calendar_pb2 as pb
from ducha.link.v1 import link_pb2
from tests.calendar import (
    KEEPER,
    LONGER,
    STRIKE,
    a_row,
    held,
    publish,
    publish_rows,
    terms_held,
    year,
)
from tests.divisions import KUNMING, PROVINCE, WUHUA
from tests.servers import AnApp, carry, quarantined, recorded
from tier import ledger
from tier.app import App, Arrived
from tier.calendar import actions
from tier.calendar.capability import CAPABILITY
from tier.calendar.wire import terms_to
from tier.ledger import Author

DOORS = CAPABILITY.kinds
LATER = "2050-11-24"


def published(version: int, *days: tuple[str, bool]) -> facts.CalendarPublished:
    """Return a fact of the year 2050."""
    one = year(2050, *days)
    one.version = version
    return facts.CalendarPublished(version=version, years=[one])


def tabled(version: int, near: int) -> facts.TermsPublished:
    """Return a fact of a row that reminds at so many percent."""
    row = terms_to(a_row(near_percent=near, version=version))
    return facts.TermsPublished(version=version, rows=[row])


async def tell(app: App, payload: Message, *names: str) -> None:
    """Record a fact at a node, to be told to neighbours."""
    author = Author.at(app.now(), app.node.name, KEEPER)
    entry = ledger.record(
        author, payload, division=app.node.hosts[0], subject="calendar", onward=names
    )
    async with app.db.transaction() as tx:
        await ledger.append(tx, app.feed, [entry], app.now())


async def greeted(parent: App, child: App) -> int:
    """Tell a child what it needs first, and nothing else; return how many facts that were."""
    async with parent.db.reading() as tx:
        greeting = await actions.greet(parent, tx, child.node.name)
    async with child.db.transaction() as tx:
        for entry in greeting:
            fact = link_pb2.Fact.FromString(entry.body)
            one = Arrived(
                fact, entry.fact_id, entry.body, downward=True, area=child.node.hosts
            )
            verdict = await DOORS[entry.kind](child, tx, [one])
            assert not verdict.unfit
            await ledger.append(tx, child.feed, verdict.entries, child.now())
    return len(greeting)


async def test_every_tier_holds_the_same_calendar_and_terms(an_app: AnApp) -> None:
    """Province to city to county: the same facts, so the same versions."""
    async with (
        an_app(PROVINCE) as province,
        an_app(KUNMING) as kunming,
        an_app(WUHUA) as wuhua,
    ):
        await publish(province, (STRIKE, False), (LATER, False), official=True)
        await publish(province, ("2051-01-03", False))
        await publish_rows(province, a_row(ladder=tuple(LONGER)))
        counts = [
            await carry(province, kunming, DOORS),
            await carry(kunming, wuhua, DOORS),
        ]
        below = await held(wuhua)

        assert counts == [3, 3]
        assert below == await held(province)
        assert (below.version, 2050 in below.official, below.whole) == (
            2,
            True,
            frozenset({2050}),
        )
        assert await terms_held(wuhua) == await terms_held(province)
        assert await recorded(wuhua) == await recorded(province)


async def test_a_new_child_is_greeted_with_all_that_was_published(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In facts of bounded size; and it tells its own children. A parent is not greeted."""
    monkeypatch.setattr(actions, "FACT_YEARS", 1)
    monkeypatch.setattr(actions, "FACT_ROWS", 2)
    async with (
        an_app(PROVINCE) as province,
        an_app(KUNMING) as kunming,
        an_app(WUHUA) as wuhua,
    ):
        nothing = await greeted(province, kunming)
        await publish(province, (STRIKE, False))
        await publish(province, ("2051-01-03", False))
        await publish(province, (LATER, False))
        for urgency in (1, 2, 3):
            await publish_rows(province, a_row(2, urgency, urge_overdue=False))
        async with province.db.transaction() as tx:
            await tx.execute("DELETE FROM ledger_outbox")
        count = await greeted(province, kunming)
        async with kunming.db.transaction() as tx:
            upward = await actions.greet(kunming, tx, "province")
        await carry(kunming, wuhua, DOORS)
        below = await held(wuhua)

        assert (nothing, count, upward) == (0, 4, [])
        assert below == await held(province)
        assert {day.isoformat() for day in below.overrides} == {LATER, "2051-01-03"}
        assert (await terms_held(wuhua, (2, 3))).version == 3


async def test_what_comes_twice_has_one_effect(an_app: AnApp) -> None:
    """A greeting repeats what was published, as other facts."""
    async with an_app(PROVINCE) as province, an_app(KUNMING) as kunming:
        await publish(province, (STRIKE, False))
        await publish_rows(province, a_row(ladder=tuple(LONGER)))
        await carry(province, kunming, DOORS)
        before = await held(kunming), await terms_held(kunming)
        count = await greeted(province, kunming)

        assert count == 2
        assert (await held(kunming), await terms_held(kunming)) == before
        assert await quarantined(kunming) == []


async def test_an_older_publication_is_not_applied_over_a_newer(an_app: AnApp) -> None:
    """It is kept and told onward: the ledger is what was said, the calendar what holds."""
    async with an_app(PROVINCE) as province, an_app(KUNMING) as kunming:
        for payload in (published(5, (LATER, False)), tabled(4, 70)):
            await tell(province, payload, "kunming")
        for payload in (published(3, (STRIKE, False)), tabled(2, 60)):
            await tell(province, payload, "kunming")
        await carry(province, kunming, DOORS)
        kept = await held(kunming)

        assert [day.isoformat() for day in kept.overrides] == [LATER]
        assert kept.version == 5
        assert (await terms_held(kunming)).near_percent == 70
        assert len(await recorded(kunming)) == 4
        assert await quarantined(kunming) == []


async def test_another_calendar_under_the_same_version_is_set_aside(
    an_app: AnApp,
) -> None:
    """As after a restore of the province that lost a publication: an operator looks at it."""
    async with an_app(PROVINCE) as province, an_app(KUNMING) as kunming:
        for payload in (published(1, (LATER, False)), tabled(1, 70)):
            await tell(province, payload, "kunming")
        for payload in (published(1, (STRIKE, False)), tabled(1, 60)):
            await tell(province, payload, "kunming")
        await tell(province, published(2, (STRIKE, False)), "kunming")
        await carry(province, kunming, DOORS)

        assert await quarantined(kunming) == ["CALENDAR_DIFFERS", "TERMS_DIFFER"]
        assert (await terms_held(kunming)).near_percent == 70
        kept = await held(kunming)
        assert [day.isoformat() for day in kept.overrides] == [STRIKE]


async def test_nobody_below_publishes(an_app: AnApp) -> None:
    """Calendar and terms are the province's."""
    async with an_app(PROVINCE) as province, an_app(KUNMING) as kunming:
        await tell(kunming, published(1, (STRIKE, False)), "province")
        await tell(kunming, tabled(1, 70), "province")
        await carry(kunming, province, DOORS)

        assert await quarantined(province) == ["WRONG_DIRECTION"] * 2
        assert (await held(province)).version == 0


ODD_ROW = terms_to(a_row(version=1))
ODD_ROW.ClearField("work")


@pytest.mark.parametrize(
    "payload",
    [
        published(0, (STRIKE, False)),
        published(1, ("2051-11-23", False)),
        published(1, ("2050-02-30", False)),
        facts.CalendarPublished(version=1, years=[pb.Year(year=1, version=1)]),
        tabled(0, 70),
        facts.TermsPublished(version=1, rows=[ODD_ROW]),
        facts.TermsPublished(version=1, rows=[pb.Terms(source_type=9, version=1)]),
    ],
    ids=[
        "no version",
        "another year",
        "no date",
        "no year of ours",
        "row without a version",
        "no time to work",
        "no source type of ours",
    ],
)
async def test_what_cannot_be_reckoned_with_is_set_aside(
    an_app: AnApp, payload: Message
) -> None:
    """From another version of the software, perhaps; the link goes on."""
    async with an_app(PROVINCE) as province, an_app(KUNMING) as kunming:
        await tell(province, payload, "kunming")
        await tell(province, published(1, (LATER, False)), "kunming")
        await carry(province, kunming, DOORS)

        assert await quarantined(kunming) == ["UNREADABLE"]
        assert (await held(kunming)).version == 1
