"""A small tree, all of Yunnan, three nodes in a line, and how to load and read them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import uuid4

from ducha.division.v1 import division_facts_pb2
from ducha.link.v1 import link_pb2
from tier.app import App
from tier.division import actions, store, wire
from tier.division.model import Division, Imported, Query, Row
from tier.jurisdiction import Code, Level, level_of, parent_of, parse
from tier.node import Neighbour, Node
from tier.runtime.requests import Request

YUNNAN = Path(__file__).parents[1] / "data" / "yunnan-divisions.csv"
ROOT = Code("53")
FIRST = date(2023, 6, 30)
SPLIT = date(2024, 7, 1)
MERGER = date(2025, 7, 1)
DAY_BEFORE = date(2023, 6, 29)
KEEPER = "区划管理员"

PROVINCE = Node(
    "province",
    Level.PROVINCE,
    (ROOT,),
    None,
    (Neighbour("kunming", (Code("5301"),)), Neighbour("qujing", (Code("5303"),))),
)
KUNMING = Node(
    "kunming",
    Level.CITY,
    (Code("5301"),),
    "province",
    (Neighbour("wuhua", (Code("530102"),)), Neighbour("panlong", (Code("530103"),))),
)
WUHUA = Node("wuhua", Level.COUNTY, (Code("530102"),), "kunming")

SMALL = ("53", "5301", "530102", "530102001", "530103", "530103001", "5303", "530302")


def an_entry(code: str, begin: date = FIRST, end: date | None = None) -> Division:
    """Return an entry under the division that its code says, named after the code."""
    parsed = parse(code)
    return Division(
        parsed, f"名{code}", level_of(parsed), parent_of(parsed), begin, end
    )


def a_row(code: str, name: str = "", begin: date = FIRST) -> Row:
    """Return an entry as an import gives it."""
    entry = an_entry(code, begin)
    row = wire.row_from(wire.division_to(entry))
    return replace(row, name=name) if name else row


def a_request(text: str = "") -> Request:
    """Return a new request id for some content."""
    return Request(uuid4(), "test", text.encode())


def yunnan() -> list[Row]:
    """Return all 16,495 divisions of Yunnan, since `FIRST`."""
    with YUNNAN.open(encoding="utf-8", newline="") as file:
        return [a_row(line["code"], line["name"]) for line in csv.DictReader(file)]


async def load(app: App, rows: Sequence[Row]) -> Imported:
    """Import rows at a node, 5,000 a call, and return what was done."""
    done = [
        await actions.import_divisions(app, a_request(), KEEPER, rows[at : at + 5000])
        for at in range(0, len(rows), 5000)
    ]
    return Imported(sum(d.imported for d in done), sum(d.unchanged for d in done))


async def held(app: App, on: date = MERGER) -> list[str]:
    """Return the codes that stand at a node."""
    async with app.db.reading() as tx:
        return [entry.code for entry in await store.page(tx, Query(on), "", 100_000)]


def told(facts: Sequence[link_pb2.Fact]) -> list[list[str]]:
    """Return the codes that each fact tells of."""
    read = division_facts_pb2.DivisionsImported.FromString
    return [[entry.code for entry in read(fact.payload).divisions] for fact in facts]
