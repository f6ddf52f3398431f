"""Who hears of an approval: each branch of the lock and of its own sheets, nobody of another's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from ducha.approval.v1 import approval_facts_pb2 as facts
from ducha.link.v1 import link_pb2
from tests.catalogue import element, publish
from tests.divisions import KUNMING, PROVINCE, SMALL, WUHUA, a_row, load
from tests.servers import AnApp, carry, owed, quarantined
from tests.stores.approval import (
    CODES,
    DOORS,
    Clock,
    answer,
    approvals,
    approve,
    stages,
    unlock,
    unlockings,
)
from tier.app import App
from tier.approval import wire
from tier.jurisdiction import Code, Level
from tier.node import Node

ROOT, CITY, TOWNSHIP, SIBLING = map(Code, ("53", "5301", "530102001", "530103001"))
PANLONG = replace(WUHUA, name="panlong", hosts=(Code("530103"),))
QUJING = Node("qujing", Level.CITY, (Code("5303"),), "province")


@dataclass(frozen=True, slots=True)
class Tree:
    """A province with two cities, and the two counties of one of them."""

    province: App
    kunming: App
    qujing: App
    wuhua: App
    panlong: App

    async def climb(self) -> None:
        """Let everything arrive above."""
        await carry(self.wuhua, self.kunming, DOORS)
        await carry(self.panlong, self.kunming, DOORS)
        await carry(self.kunming, self.province, DOORS)

    async def descend(self) -> None:
        """Let everything arrive below."""
        await carry(self.province, self.kunming, DOORS)
        await carry(self.province, self.qujing, DOORS)
        await carry(self.kunming, self.wuhua, DOORS)
        await carry(self.kunming, self.panlong, DOORS)

    @property
    def all(self) -> tuple[App, ...]:
        """Return every app."""
        return (self.province, self.kunming, self.qujing, self.wuhua, self.panlong)


@asynccontextmanager
async def a_tree(an_app: AnApp) -> AsyncIterator[Tree]:
    """Give the tree, its counties with values that they approved."""
    clock = Clock()
    async with (
        an_app(PROVINCE, clock) as province,
        an_app(KUNMING, clock) as kunming,
        an_app(QUJING, clock) as qujing,
        an_app(WUHUA, clock) as wuhua,
        an_app(PANLONG, clock) as panlong,
    ):
        tree = Tree(province, kunming, qujing, wuhua, panlong)
        await publish(province, *map(element, CODES))
        await load(province, [a_row(code) for code in SMALL])
        await tree.descend()
        for app, township in ((wuhua, TOWNSHIP), (panlong, SIBLING)):
            await answer(app, township)
            await approve(app, township)
            await approve(app, Code(township[:6]))
        await tree.climb()
        yield tree


def told(sent: list[link_pb2.Fact]) -> list[tuple[str, set[Code]]]:
    """Return who approved, and the sheets that each fact names."""
    found = []
    for fact in sent:
        if fact.kind == facts.PeriodApproved.DESCRIPTOR.full_name:
            payload = facts.PeriodApproved.FromString(fact.payload)
            division = payload.approval.division
            found.append((division, set(wire.revisions_from(payload))))
    return found


async def test_each_branch_hears_of_its_own_sheets(an_app: AnApp) -> None:
    """The city's word goes down in parts; above it is known whole."""
    async with a_tree(an_app) as tree:
        await approve(tree.kunming, CITY)
        to_wuhua = told(await owed(tree.kunming, "wuhua"))
        to_panlong = told(await owed(tree.kunming, "panlong"))
        await tree.climb()
        await tree.descend()

        assert to_wuhua == [(CITY, {TOWNSHIP})]
        assert to_panlong == [(CITY, {SIBLING})]
        assert await stages(tree.wuhua) == {TOWNSHIP: [3] * 3}
        assert await stages(tree.panlong) == {SIBLING: [3] * 3}
        both = {TOWNSHIP: [3] * 3, SIBLING: [3] * 3}
        assert await stages(tree.kunming) == await stages(tree.province) == both


async def test_the_provinces_word_reaches_every_branch_in_its_parts(
    an_app: AnApp,
) -> None:
    """A city passes on what concerns each county; one without values knows of the lock."""
    async with a_tree(an_app) as tree:
        await approve(tree.kunming, CITY)
        await tree.climb()
        await approve(tree.province, ROOT)
        to_qujing = told(await owed(tree.province, "qujing"))
        await tree.descend()
        known = [[one.division for one in await approvals(app)] for app in tree.all]

        assert to_qujing == [(ROOT, set())]
        assert await stages(tree.wuhua) == {TOWNSHIP: [4] * 3}
        assert await stages(tree.panlong) == {SIBLING: [4] * 3}
        assert known[2:] == [
            [ROOT],
            [ROOT, CITY, "530102", TOWNSHIP],
            [ROOT, CITY, "530103", SIBLING],
        ]
        (shown, *others) = [(await approvals(app))[0] for app in tree.all]
        assert all(other == shown for other in others)
        assert [await quarantined(app) for app in tree.all] == [[]] * 5


async def test_an_unlocking_goes_where_it_concerns_somebody(an_app: AnApp) -> None:
    """Down the branch it is for, and up; a sibling hears nothing of it."""
    async with a_tree(an_app) as tree:
        await approve(tree.kunming, CITY)
        await unlock(tree.kunming, CITY, TOWNSHIP)
        await tree.climb()
        await tree.descend()
        counts = [len(await unlockings(app)) for app in tree.all]

        assert counts == [1, 1, 0, 1, 0]
