"""The catalogue on its way down: every tier holds the same, whole."""

from __future__ import annotations

from uuid import UUID

import pytest

from ducha.catalogue.v1 import catalogue_facts_pb2 as facts
from ducha.catalogue.v1 import catalogue_pb2 as pb
from ducha.link.v1 import link_pb2
from tests.catalogue import KEEPER, element, held, indicator, publish
from tests.divisions import KUNMING, PROVINCE, WUHUA
from tests.servers import AnApp, carry, owed, quarantined, recorded
from tier import ledger
from tier.app import App, Arrived
from tier.catalogue import actions
from tier.catalogue.capability import CAPABILITY
from tier.ledger import Author

TOTAL = element("people.total", unit="人")
OLD = element("people.old", unit="人")
SHARE = indicator("people.share", "people.old / people.total * 100.0")
DOORS = CAPABILITY.kinds


async def tell(app: App, payload: facts.CataloguePublished, *names: str) -> None:
    """Record a fact at a node, to be told to neighbours."""
    author = Author.at(app.now(), app.node.name, KEEPER)
    entry = ledger.record(
        author, payload, division=app.node.hosts[0], subject="catalogue", onward=names
    )
    async with app.db.transaction() as tx:
        await ledger.append(tx, app.feed, [entry], app.now())


def a_fact(version: int, *elements: pb.Element) -> facts.CataloguePublished:
    return facts.CataloguePublished(version=version, elements=elements)


async def applied(app: App, fact: link_pb2.Fact) -> None:
    """Apply one fact from above, in a transaction of its own."""
    one = Arrived(
        fact, UUID(fact.fact_id), fact.SerializeToString(), downward=True, area=()
    )
    async with app.db.transaction() as tx:
        await DOORS[fact.kind](app, tx, [one])


async def greeted(parent: App, child: App) -> int:
    """Tell a child with a new link what it needs first; return how many facts that were."""
    async with parent.db.transaction() as tx:
        greeting = await actions.greet(parent, tx, child.node.name)
        await ledger.append(tx, parent.feed, greeting, parent.now())
    await carry(parent, child, DOORS)
    return len(greeting)


async def test_every_tier_holds_the_same_catalogue(an_app: AnApp) -> None:
    """Province to city to county: the same fact, so the same numbers and versions."""
    async with (
        an_app(PROVINCE) as province,
        an_app(KUNMING) as kunming,
        an_app(WUHUA) as wuhua,
    ):
        await publish(province, TOTAL, OLD)
        await publish(
            province, element("roads.length", unit="公里"), indicators=[SHARE]
        )
        counts = [
            await carry(province, kunming, DOORS),
            await carry(kunming, wuhua, DOORS),
        ]
        above, below = await held(province), await held(wuhua)

        assert counts == [2, 2]
        assert below.version == above.version == 2
        assert below.elements == above.elements
        assert below.indicators == above.indicators
        assert below.indicators[SHARE.code].elements == ("people.old", "people.total")
        assert await recorded(wuhua) == await recorded(province)
        assert {fact.actor for fact in await recorded(wuhua)} == {KEEPER}


async def test_a_publication_of_many_rows_is_seen_when_it_is_whole(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several facts, one version: none of it shows before all of it came."""
    monkeypatch.setattr(actions, "FACT_ROWS", 2)
    async with an_app(PROVINCE) as province, an_app(KUNMING) as kunming:
        await publish(province, TOTAL, OLD, element("a"), indicators=[SHARE])
        first, second = await owed(province, "kunming")
        versions = [
            facts.CataloguePublished.FromString(fact.payload).version
            for fact in (first, second)
        ]
        await applied(kunming, first)
        partly = await held(kunming)
        await carry(province, kunming, DOORS)
        whole = await held(kunming)

        assert versions == [0, 1]
        assert not partly.elements
        assert whole.elements == (await held(province)).elements
        assert whole.indicators.keys() == {SHARE.code}


async def test_what_comes_twice_has_one_effect(an_app: AnApp) -> None:
    """A greeting repeats what was published, as other facts."""
    async with an_app(PROVINCE) as province, an_app(KUNMING) as kunming:
        await publish(province, TOTAL, OLD, indicators=[SHARE])
        await carry(province, kunming, DOORS)
        before = await held(kunming)
        await greeted(province, kunming)
        await publish(province, element("a"))
        await carry(province, kunming, DOORS)
        after = await held(kunming)

        assert await quarantined(kunming) == []
        assert before.version == 1
        assert after.elements == (await held(province)).elements


async def test_a_new_child_is_greeted_with_every_version(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In facts of bounded size; and it tells its own children."""
    monkeypatch.setattr(actions, "FACT_ROWS", 2)
    async with (
        an_app(PROVINCE) as province,
        an_app(KUNMING) as kunming,
        an_app(WUHUA) as wuhua,
    ):
        for name in ("第一名", "第二名", "第三名"):
            changed = element("people.old", name_zh=name, unit="人")
            await publish(province, TOTAL, changed)
        async with kunming.db.transaction() as tx:
            nothing = await actions.greet(kunming, tx, "wuhua")
        count = await greeted(province, kunming)
        await carry(kunming, wuhua, DOORS)
        above, below = await held(province), await held(wuhua)

        assert nothing == []
        assert count == 2
        assert below.version == above.version == 3
        for version in (1, 2, 3):
            old = below.elements["people.old"].number
            assert below.numbered(old, version) == above.numbered(old, version)


async def test_nobody_below_publishes(an_app: AnApp) -> None:
    """The catalogue is the province's."""
    async with an_app(PROVINCE) as province, an_app(KUNMING) as kunming:
        await tell(kunming, a_fact(1, TOTAL), "province")
        await carry(kunming, province, DOORS)

        assert await quarantined(province) == ["WRONG_DIRECTION"]
        assert not (await held(province)).elements


@pytest.mark.parametrize(
    "wrong", [{"type": 99}, {"collect_level": 99}, {"sensitivity": 0}]
)
async def test_rows_that_cannot_be_read_are_set_aside(
    an_app: AnApp, wrong: dict[str, int]
) -> None:
    """From a newer version of the software, perhaps; the link goes on."""
    async with an_app(PROVINCE) as province, an_app(KUNMING) as kunming:
        odd = element("odd", number=1, version=1, **wrong)
        await tell(province, a_fact(1, odd), "kunming")
        sound = element("sound", number=1, version=1)
        await tell(province, a_fact(1, sound), "kunming")
        await carry(province, kunming, DOORS)

        assert await quarantined(kunming) == ["UNREADABLE"]
        assert (await held(kunming)).elements.keys() == {"sound"}


async def test_a_number_that_means_something_else_here_is_set_aside(
    an_app: AnApp,
) -> None:
    """As after a restore of the province that lost a publication: values keep their meaning."""
    async with an_app(PROVINCE) as province, an_app(KUNMING) as kunming:
        await tell(province, a_fact(1, element("a", number=1, version=1)), "kunming")
        await carry(province, kunming, DOORS)
        await tell(province, a_fact(2, element("b", number=1, version=2)), "kunming")
        await tell(province, a_fact(2, element("a", number=2, version=2)), "kunming")
        await carry(province, kunming, DOORS)

        assert await quarantined(kunming) == ["CATALOGUE_DIFFERS"] * 2
        assert (await held(kunming)).elements["a"].number == 1
