"""The second wall: what the database itself shows to who sees an area only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import asyncpg
import pytest

from tests.policy.world import World, rows_of, world
from tests.servers import AnApp
from tier.app import App
from tier.runtime.area import seen_from

AREAS = (
    "5301",
    "530102",
    "530102001",
    "530102001001",
    "530103",
    "5303",
    "54",
    "540102",
)
TABLES = """
    SELECT relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'p')
     ORDER BY relname
"""
REFERENCE = {
    "division",
    "calendar_terms",
    "calendar_year",
    "catalogue_head",
    "catalogue_code",
    "catalogue_element",
    "catalogue_indicator",
    "ledger_head",
    "reporting_ledger",
}
"""The same for everybody, and of no division."""

Row = Mapping[str, Any]
Rows = Mapping[str, list[Row]]
Law = Callable[[Rows, Row, str], bool]
"""Whether an area may see a row, given all rows there are."""


def of(column: str) -> Law:
    """What lies within the area."""
    return lambda _, row, area: row[column].startswith(area)


def or_above(column: str) -> Law:
    """What lies within the area, and what was said for all that it lies in."""
    return lambda _, row, area: (
        row[column].startswith(area) or area.startswith(row[column])
    )


def addressed(rows: Rows, item_id: str, area: str) -> bool:
    return any(
        str(one["item_id"]) == item_id and one["division"].startswith(area)
        for one in rows["assignment"]
    )


def asked(rows: Rows, request_id: str, area: str) -> bool:
    return any(
        str(one["data_request_id"]) == request_id and one["division"].startswith(area)
        for one in rows["registry_need"]
    )


def item(rows: Rows, row: Row, area: str) -> bool:
    ours: bool = row["issuer_division"].startswith(area)
    return ours or addressed(rows, str(row["item_id"]), area)


def request(rows: Rows, row: Row, area: str) -> bool:
    ours: bool = row["requester_division"].startswith(area)
    return ours or asked(rows, str(row["data_request_id"]), area)


def fact(rows: Rows, row: Row, area: str) -> bool:
    """Of the area; of the tree; from above about what was addressed to it, or given in it."""
    if row["division"].startswith(area) or row["subject"] == "divisions":
        return True
    if not area.startswith(row["division"]):
        return False
    given = any(
        row["fact_id"] in one["answers"] and one["division"].startswith(area)
        for one in rows["registry_sheet"]
    )
    about = row["subject"]
    return given or addressed(rows, about, area) or asked(rows, about, area)


def a_clock(rows: Rows, row: Row, area: str) -> bool:
    """Of who assigned, and of those who are to answer by it."""
    same = ("item_id", "assigner_division", "assigned_at", "deadline_at")
    answers = any(
        [one[name] for name in same] == [row[name] for name in same]
        and one["division"].startswith(area)
        and len(one["division"]) == row["digits"]
        for one in rows["assignment"]
    )
    return answers or row["assigner_division"].startswith(area)


LAWS: Mapping[str, Law] = {
    "assignment": of("division"),
    "assignment_fenced": of("division"),
    "assignment_return": of("division"),
    "assignment_deadline_move": of("division"),
    "assignment_item": item,
    "reporting_progress": of("division"),
    "reporting_executor": of("division"),
    "registry_sheet": of("division"),
    "registry_need": of("division"),
    "registry_conflict": of("division"),
    "registry_total": of("area"),
    "registry_request": request,
    "relief_saving": of("division"),
    "approval": or_above("division"),
    "approval_unlocking": or_above("within_division"),
    "collection_history": of("division"),
    "inbox_notice": of("division"),
    "rectification": of("division"),
    "urging_urge": of("division"),
    "urging_digest": of("division"),
    "petition": of("division"),
    "timing_raised": of("division"),
    "timing_clock": a_clock,
    "ledger_fact": fact,
}


async def tables(app: App) -> list[str]:
    async with app.db.reading() as tx:
        return [row["relname"] for row in await tx.fetch(TABLES)]


async def seen(app: App, table: str, area: str) -> list[Row] | None:
    """Return what an area is shown of a table; None if it may not even ask."""
    with seen_from(area):
        try:
            return await rows_of(app, table)
        except asyncpg.InsufficientPrivilegeError:
            return None


def key(row: Row) -> str:
    return repr(sorted((name, str(value)) for name, value in row.items()))


async def faults(app: App) -> tuple[list[str], Counter[str]]:
    """Return where an area is shown more or less than the laws say; rows shown by table."""
    found, shown = [], Counter[str]()
    everything = {name: await rows_of(app, name) for name in await tables(app)}
    for name, rows in everything.items():
        law = LAWS.get(name)
        for area in AREAS:
            visible = await seen(app, name, area)
            if name in REFERENCE:
                wanted: set[str] | None = set(map(key, rows))
            elif law is None:
                wanted = None
            else:
                wanted = {key(row) for row in rows if law(everything, row, area)}
            if visible is not None:
                shown[name] += len(visible)
            if wanted != (None if visible is None else set(map(key, visible))):
                found.append(f"{name} as {area}")
    return found, shown


@pytest.fixture
def planted() -> Callable[[World, str], Any]:
    """Give a wrong policy to the database."""

    async def plant(made: World, sql: str) -> None:
        async with made.app.db.transaction() as tx:
            await tx.execute(sql)

    return plant


async def test_every_table_shows_an_area_what_is_its_own_and_nothing_else(
    an_app: AnApp,
) -> None:
    """As the role itself, whatever a query forgets: each area, each table, each row."""
    async with world(an_app) as made:
        wrong, shown = await faults(made.app)

    assert wrong == []
    assert set(LAWS) <= set(shown)
    assert {name for name in LAWS if not shown[name]} == set()


@pytest.mark.parametrize(
    ("table", "sql"),
    [
        (
            "assignment",
            "CREATE POLICY planted ON assignment FOR SELECT TO ducha_viewer USING (true)",
        ),
        (
            "registry_sheet",
            """CREATE POLICY planted ON registry_sheet FOR SELECT TO ducha_viewer
               USING (division LIKE '530302%')""",
        ),
        ("registry_need", "ALTER TABLE registry_need DISABLE ROW LEVEL SECURITY"),
        ("request", "GRANT SELECT ON request TO ducha_viewer"),
        (
            "reporting_executor",
            "ALTER VIEW reporting_executor SET (security_invoker = false)",
        ),
        ("approval", "DROP POLICY approval_within ON approval"),
    ],
)
async def test_a_wrong_policy_is_found(
    an_app: AnApp,
    planted: Callable[[World, str], Any],
    table: str,
    sql: str,
) -> None:
    """Planted one by one: each is seen, at its table."""
    async with world(an_app) as made:
        await planted(made, sql)
        wrong, _ = await faults(made.app)

    assert any(one.startswith(f"{table} as ") for one in wrong)


async def test_without_an_area_nothing_is_shown(an_app: AnApp) -> None:
    """A forgotten setting is NULL, not the empty text that begins every code."""
    async with world(an_app) as made:
        with seen_from("530102"):
            async with made.app.db.reading() as tx:
                await tx.execute("SELECT set_config('ducha.area', '', true)")
                forgotten = {
                    name: await tx.fetch(f"SELECT * FROM {name}")  # noqa: S608
                    for name in LAWS
                }
    shown = {
        name
        for name, rows in forgotten.items()
        for row in rows
        if row.get("subject") != "divisions"  # facts of the tree are everybody's
    }

    assert shown == set()
