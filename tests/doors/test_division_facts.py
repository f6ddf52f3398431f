"""The division tree on its way down: each tier learns its branch and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ducha.division.v1 import division_facts_pb2, division_pb2
from ducha.link.v1 import link_pb2
from tests.divisions import (
    KEEPER,
    KUNMING,
    PROVINCE,
    ROOT,
    SMALL,
    SPLIT,
    WUHUA,
    a_request,
    a_row,
    an_entry,
    held,
    load,
    told,
    yunnan,
)
from tests.servers import AnApp, carry, owed, quarantined, recorded
from tier import ledger
from tier.division import actions, store, wire
from tier.division.capability import CAPABILITY
from tier.jurisdiction import Code, Level
from tier.node import Neighbour, Node


async def test_each_tier_learns_its_branch_and_the_path_above(an_app: AnApp) -> None:
    """Province to city to county: nobody hears of a sibling's divisions."""
    async with (
        an_app(PROVINCE) as province,
        an_app(KUNMING) as kunming,
        an_app(WUHUA) as wuhua,
    ):
        await load(province, [a_row(code) for code in SMALL])
        first = await carry(province, kunming, CAPABILITY.kinds)
        second = await carry(kunming, wuhua, CAPABILITY.kinds)

        assert (first, second) == (1, 1)
        assert await held(kunming) == [*SMALL[:6]]
        assert await held(wuhua) == ["53", "5301", "530102", "530102001"]
        assert told(await owed(kunming, "panlong")) == [
            ["53", "5301", "530103", "530103001"]
        ]
        (arrived, *made) = await recorded(kunming)
        assert [arrived] == await owed(province, "kunming")
        assert {fact.origin for fact in made} == {"kunming"}
        assert {fact.actor for fact in made} == {KEEPER}


async def test_a_tree_of_a_province_reaches_one_node_a_tier(an_app: AnApp) -> None:
    """The small deployment: the city node hosts all cities; corrections follow."""
    city = Node("city", Level.CITY, (ROOT,), "province")
    top = replace(PROVINCE, children=(Neighbour("city", (ROOT,)),))
    async with an_app(top) as province, an_app(city) as below:
        await load(province, yunnan())
        await carry(province, below, CAPABILITY.kinds)
        await load(province, [a_row("5301", "昆明")])
        await actions.retire(
            province, a_request(), KEEPER, Code("530102"), (SPLIT, ["530103"])
        )
        await carry(province, below, CAPABILITY.kinds)
        async with province.db.reading() as above, below.db.reading() as under:
            assert await store.concerning(above, ROOT) == await store.concerning(
                under, ROOT
            )
        assert len(await held(below)) == 16_494


async def test_a_new_child_is_greeted_with_its_tree(an_app: AnApp) -> None:
    """History included; another's branch not; nothing while nothing is known."""
    async with an_app(PROVINCE) as app:
        async with app.db.transaction() as tx:
            assert await actions.greet(app, tx, "kunming") == []
        await load(app, [a_row(code) for code in SMALL])
        await load(app, [a_row("5303", "新曲靖", SPLIT)])
        async with app.db.transaction() as tx:
            entries = await actions.greet(app, tx, "qujing")
        facts = [link_pb2.Fact.FromString(entry.body) for entry in entries]

        assert told(facts) == [["53", "5303", "5303", "530302"]]
        assert [entry.onward for entry in entries] == [("qujing",)]


def a_fact(division: str, *codes: str, payload: bytes | None = None) -> ledger.Entry:
    """Make a fact as a province's node would send it, right or wrong."""
    author = ledger.Author.at(datetime(2025, 1, 1, tzinfo=UTC), "province", KEEPER, "")
    message = division_facts_pb2.DivisionsImported(
        divisions=[
            division_pb2.Division(code=code, name="名", valid_from="2023-06-30")
            if code == "broken"
            else wire.division_to(an_entry(code))
            for code in codes
        ]
    )
    entry = ledger.record(
        author, message, division=division, subject="divisions", onward=("kunming",)
    )
    if payload is None:
        return entry
    fact = link_pb2.Fact.FromString(entry.body)
    fact.payload = payload
    return replace(entry, body=fact.SerializeToString())


async def test_facts_that_do_not_fit_are_set_aside(an_app: AnApp) -> None:
    """A sibling's divisions, broken rows, broken bytes: the good ones still hold."""
    async with an_app(PROVINCE) as province, an_app(KUNMING) as kunming:
        sent = [
            a_fact("5301", "53", "5301"),
            a_fact("5301", "530102", "5303"),
            a_fact("5301", "broken"),
            a_fact("5301", payload=b"\xff"),
            a_fact("5301", "530103"),
        ]
        async with province.db.transaction() as tx:
            await ledger.append(tx, province.feed, sent, province.now())
        await carry(province, kunming, CAPABILITY.kinds)

        assert await held(kunming) == ["53", "5301", "530103"]
        assert await quarantined(kunming) == [
            "WRONG_JURISDICTION",
            "DIVISION_ROWS_INVALID",
            "UNREADABLE",
        ]


async def test_a_child_does_not_write_its_parents_tree(an_app: AnApp) -> None:
    """The tree comes from above; what climbs up is set aside."""
    async with an_app(PROVINCE) as province, an_app(KUNMING) as kunming:
        async with kunming.db.transaction() as tx:
            entry = replace(a_fact("5301", "530109"), onward=("province",))
            await ledger.append(tx, kunming.feed, [entry], kunming.now())
        await carry(kunming, province, CAPABILITY.kinds)

        assert await held(province) == []
        assert await quarantined(province) == ["WRONG_DIRECTION"]
