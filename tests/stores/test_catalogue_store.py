"""The catalogue as a node holds it: read once, grown by versions, never rewritten."""

from __future__ import annotations

import asyncpg
import pytest

from tests.catalogue import element, held, indicator, publish
from tests.divisions import PROVINCE
from tests.servers import AnApp
from tier import catalogue
from tier.app import App
from tier.catalogue import store, wire
from tier.runtime.db import Tx
from tier.runtime.errors import Contended

TOTAL = element("people.total", unit="人")
OLD = element("people.old", unit="人")


class _Stop(Exception):
    """Undoes a transaction."""


async def give(tx: Tx, code: str, number: int, version: int) -> None:
    """Write an element and let it be seen."""
    row = wire.element_from(element(code, number=number, version=version))
    await store.insert(tx, [row], [])
    await store.raise_head(tx, version)


async def test_an_empty_catalogue_is_version_0(an_app: AnApp) -> None:
    """A node that nobody has told anything."""
    async with an_app(PROVINCE) as app:
        empty = await held(app)

        assert (empty.version, dict(empty.elements), dict(empty.indicators)) == (
            0,
            {},
            {},
        )
        assert empty.numbered(1) is None


async def test_the_catalogue_is_read_once_a_version(an_app: AnApp) -> None:
    """Callers share one; it is replaced, never changed."""
    async with an_app(PROVINCE) as app:
        await publish(app, TOTAL)
        first, again = await held(app), await held(app)
        await publish(
            app, OLD, indicators=[indicator("share", "people.old / people.total")]
        )
        second = await held(app)

        assert first is again
        assert first.elements.keys() == {"people.total"}
        assert second.elements.keys() == {"people.total", "people.old"}
        assert second.elements["people.total"] is first.elements["people.total"]
        assert second.indicators["share"].elements == ("people.old", "people.total")


async def test_what_grew_is_what_a_fresh_read_finds(an_app: AnApp) -> None:
    """Two ways to one catalogue: version by version, or all at once after a start."""
    async with an_app(PROVINCE) as app:
        for name in ("一", "二", "三"):
            await publish(app, TOTAL, element("people.old", name_zh=name, unit="人"))
            await held(app)
        grown = await held(app)
        catalogue.actions._HELD.pop(app.db)  # noqa: SLF001 - as after a start
        fresh = await held(app)
        number = grown.elements["people.old"].number

        assert fresh is not grown
        assert fresh.elements == grown.elements
        for version in range(5):
            assert fresh.numbered(number, version) == grown.numbered(number, version)
        assert [
            one.name_zh for v in (1, 2, 3) if (one := fresh.numbered(number, v))
        ] == ["一", "二", "三"]


async def test_what_was_never_committed_is_forgotten(an_app: AnApp) -> None:
    """A transaction read its own version 1 and failed; another version 1 came to be."""
    async with an_app(PROVINCE) as app:
        with pytest.raises(_Stop):
            await _fail_after_reading(app)
        await publish(app, OLD)
        after = await held(app)

        assert after.elements.keys() == {"people.old"}


async def _fail_after_reading(app: App) -> None:
    async with app.db.transaction() as tx:
        await give(tx, "never", 1, 1)
        seen = await catalogue.held(tx, app.db)
        assert seen.elements.keys() == {"never"}
        raise _Stop


@pytest.mark.parametrize(("code", "number"), [("a", 2), ("b", 1)])
async def test_a_code_and_a_number_stand_for_one_thing_for_ever(
    an_app: AnApp, code: str, number: int
) -> None:
    """The table itself refuses, whatever a keeper would do."""
    async with an_app(PROVINCE) as app:
        async with app.db.transaction() as tx:
            await give(tx, "a", 1, 1)
        with pytest.raises((asyncpg.ForeignKeyViolationError, Contended)):
            async with app.db.transaction() as tx:
                await give(tx, code, number, 2)

        assert (await held(app)).elements["a"].number == 1
        assert (await held(app)).version == 1


async def test_a_row_once_written_stays(an_app: AnApp) -> None:
    """The same version again, with other words, changes nothing."""
    async with an_app(PROVINCE) as app:
        async with app.db.transaction() as tx:
            await give(tx, "a", 1, 1)
            other = element("a", number=1, version=1, name_zh="另一名称")
            await store.insert(tx, [wire.element_from(other)], [])

        assert (await held(app)).elements["a"].name_zh == "模拟a"
