"""The catalogue on its way down: every tier holds the same, whole."""

from __future__ import annotations

import pytest

from ducha.catalogue.v1 import catalogue_facts_pb2, catalogue_pb2
from tests.catalogue import KEEPER, element, held, indicator, publish
from tests.divisions import KUNMING, PROVINCE, WUHUA
from tests.servers import AnApp, carry, owed, quarantined, recorded
from tier import ledger
from tier.app import App
from tier.catalogue import actions
from tier.catalogue.capability import CAPABILITY
from tier.ledger import Author

POPULATION = element("population.total", unit="人")


async def test_every_tier_holds_the_same_catalogue(an_app: AnApp) -> None:
    """Province to city to county: the same fact, so the same numbers and versions."""
    async with (
        an_app(PROVINCE) as province,
        an_app(KUNMING) as kunming,
        an_app(WUHUA) as wuhua,
    ):
        await publish(province, POPULATION, element("population.old", unit="人"))
        share = indicator(
            "population.old_share", "population.old / population.total * 100.0"
        )
        await publish(
            province, element("roads.length", unit="公里"), indicators=[share]
        )
        counts = [
            await carry(province, kunming, CAPABILITY.kinds),
            await carry(kunming, wuhua, CAPABILITY.kinds),
        ]
        above, below = await held(province), await held(wuhua)

        assert counts == [2, 2]
        assert below.version == above.version == 2
        assert below.elements == above.elements
        assert below.indicators == above.indicators
        assert below.indicators["population.old_share"].elements == (
            "population.old",
            "population.total",
        )
        assert await recorded(wuhua) == await recorded(province)
        assert {fact.actor for fact in await recorded(wuhua)} == {KEEPER}
