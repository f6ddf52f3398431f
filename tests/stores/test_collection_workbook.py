"""Tasks as a workbook: taken out filled in, taken in as answers, refused by cell."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import python_calamine
import xlsxwriter  # type: ignore[import-untyped] # it has none

from ducha.collection.v1 import collection_service_pb2 as pb
from ducha.registry.v1 import registry_facts_pb2 as facts
from services.township.collection import workbook
from tests.servers import AnApp, recorded
from tests.stores.collecting import (
    ACTOR,
    BEFORE,
    NOWHERE,
    OTHER,
    PERIOD,
    THIRD,
    TOWN,
    Office,
    an_office,
    answer,
    kept,
    refused,
)
from tier.registry.model import Flag

RECORDED = facts.ObservationsRecorded.DESCRIPTOR.full_name
Grid = list[list[Any]]


def grids_of(body: bytes) -> dict[str, Grid]:
    """Return all cells of a workbook, by sheet."""
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body))
    return {
        name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        for name in book.sheet_names
    }


def written(grids: Mapping[str, Grid]) -> bytes:
    """Return a workbook of cells; a text that begins with `=` is a formula."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for name, grid in grids.items():
        sheet = book.add_worksheet(name)
        for row, cells in enumerate(grid):
            for column, cell in enumerate(cells):
                if isinstance(cell, date):
                    at = datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - a day
                    sheet.write_datetime(row, column, at, day)
                elif isinstance(cell, str) and not cell.startswith("="):
                    sheet.write_string(row, column, cell)
                else:
                    sheet.write(row, column, cell)
    book.close()
    return file.getvalue()


def column_of(grid: Grid, code: str) -> int:
    """Return the column of an element."""
    return next(n for n, head in enumerate(grid[0]) if head.endswith(f"[{code}]"))


def row_of(grid: Grid, division: str) -> int:
    """Return the row of a task, from 0 with the heading."""
    return next(n for n, cells in enumerate(grid) if cells[0] == division)


def filled(body: bytes, values: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return a workbook with cells written over, by division and element."""
    grids = grids_of(body)
    grid = grids[workbook.TASKS]
    for division, cells in values.items():
        for code, value in cells.items():
            grid[row_of(grid, division)][column_of(grid, code)] = value
    return written(grids)


async def export(office: Office, **over: Any) -> bytes:
    """Take the tasks of the period out."""
    request = pb.ExportTasksRequest(**{"period": PERIOD} | over)
    body: bytes = (await office.door.ExportTasks(request)).workbook
    return body


def an_import(body: bytes, **over: Any) -> pb.ImportAnswersRequest:
    """Return the request that takes a workbook in."""
    fields = {"request_id": str(uuid4()), "actor": ACTOR, "workbook": body} | over
    return pb.ImportAnswersRequest(**fields)


async def take_in(office: Office, body: bytes, **over: Any) -> pb.SubmitAnswersResponse:
    """Take a workbook in."""
    told: pb.ImportAnswersResponse = await office.door.ImportAnswers(
        an_import(body, **over)
    )
    return told.result


async def test_a_workbook_shows_the_tasks_filled_in(an_app: AnApp) -> None:
    """One row a task with its name, period and deadline; last month's values in their cells."""
    async with an_office(an_app) as office:
        await office.submit(
            answer({"households": 800, "flooded": False}, period=BEFORE)
        )
        await office.ask("households", "flooded", of=[TOWN, OTHER])
        made = await office.door.ExportTasks(pb.ExportTasksRequest(period=PERIOD))
        one = await office.door.ExportTasks(
            pb.ExportTasksRequest(period=PERIOD, within=OTHER)
        )
        none = await office.door.ExportTasks(pb.ExportTasksRequest(period="2030-01"))
    head, town, other = grids_of(made.workbook)[workbook.TASKS]

    assert (made.task_count, one.task_count, none.task_count) == (2, 1, 0)
    assert head[:5] == list(workbook.HEADINGS)
    assert "户" in head[5]
    assert town == [TOWN, f"名{TOWN}", PERIOD, "2026-11-25 16:00", 0, 800, "否"]
    assert other[:3] == [OTHER, f"名{OTHER}", PERIOD]
    assert other[5:] == ["", ""]


async def test_a_workbook_taken_in_as_it_is_confirms_what_it_shows(
    an_app: AnApp,
) -> None:
    """Nobody touched it: what was filled in is unchanged, what was empty stays open."""
    async with an_office(an_app) as office:
        await office.submit(answer({"households": 800}, period=BEFORE))
        await office.ask("households", "income", of=[TOWN, OTHER])
        told = await take_in(office, await export(office))
        *_, fact = [one for one in await recorded(office.town) if one.kind == RECORDED]
        (payload,) = facts.ObservationsRecorded.FromString(fact.payload).answers

        assert told.recorded_count == 1
        assert list(payload.flags) == [Flag.UNCHANGED]
        assert payload.device == "workbook"
        assert await office.values() == {"households": 800}
        left = [(one.division, len(one.fields)) for one in await office.tasks()]
        assert left == [(TOWN, 1), (OTHER, 2)]


async def test_what_excel_would_bend_is_confirmed_as_it_was(an_app: AnApp) -> None:
    """A day before Excel's first, a code with a zero, spaces around a text, six decimals."""
    given = {
        "inspected": "date:1850-01-31",
        "road": "01",
        "remarks": " 村口 ",
        "income": 99999999.99,
    }
    async with an_office(an_app) as office:
        await office.submit(answer(given, period=BEFORE))
        await office.ask(*given, of=[TOWN])
        await take_in(office, await export(office))
        *_, fact = [one for one in await recorded(office.town) if one.kind == RECORDED]
        (payload,) = facts.ObservationsRecorded.FromString(fact.payload).answers

        assert all(flag & Flag.UNCHANGED for flag in payload.flags)
        assert await kept(office.town) == await kept(office.town, TOWN, BEFORE)


async def test_cells_become_answers_of_every_type(an_app: AnApp) -> None:
    """Written over: new values. Emptied: left open. Rows nobody filled in: left open."""
    given = {
        "households": 900,
        "income": 12.5,
        "inspected": date(2026, 11, 3),
        "road": "02",
        "remarks": "修好了（模拟）",
        "flooded": "是",
    }
    async with an_office(an_app) as office:
        await office.submit(answer({"households": 800, "wells": 4}, period=BEFORE))
        await office.ask(*given, "wells")
        body = filled(await export(office), {TOWN: given | {"wells": ""}})
        told = await take_in(office, body)
        values = await office.values()
        tasks = await office.tasks()

    assert told.recorded_count == len(given)
    assert values == {
        "households": 900,
        "income": 1250,
        "inspected": date(2026, 11, 3).toordinal() - date(1970, 1, 1).toordinal(),
        "road": "02",
        "remarks": "修好了（模拟）",
        "flooded": 1,
    }
    left = {one.division: [each.element for each in one.fields] for one in tasks}
    assert left == {TOWN: ["wells"], OTHER: [*given, "wells"], THIRD: [*given, "wells"]}


async def test_what_somebody_else_gave_meanwhile_is_not_overwritten(
    an_app: AnApp,
) -> None:
    """Two took the same file: cells that the second left alone do no harm.

    For the cell that both wrote over there is a conflict, named by its row.
    """
    async with an_office(an_app) as office:
        await office.submit(answer({"households": 5, "wells": 5}, period=BEFORE))
        await office.ask("households", "wells", "income", of=[OTHER, TOWN])
        body = await export(office)
        await take_in(office, filled(body, {TOWN: {"households": 6, "wells": 7}}))
        told = await take_in(office, filled(body, {TOWN: {"wells": 8, "income": 1}}))

        assert [remark.index for remark in told.remarks] == [0]
        assert [len(remark.conflict_ids) for remark in told.remarks] == [1]
        assert told.unchanged_count == 1
        assert await office.values() == {"households": 6, "wells": 7, "income": 100}


async def test_a_remark_names_the_row_below_the_heading(an_app: AnApp) -> None:
    """Rows that were left open count too."""
    async with an_office(an_app) as office:
        await office.ask("income")
        office.clock.now += timedelta(days=6)
        body = filled(await export(office), {THIRD: {"income": 1}})
        told = await take_in(office, body)

    assert [(one.index, list(one.late)) for one in told.remarks] == [(2, ["income"])]


async def test_what_was_taken_back_meanwhile_is_not_confirmed(an_app: AnApp) -> None:
    """Asked when the file was made, asked no more: a cell nobody touched says nothing."""
    async with an_office(an_app) as office:
        await office.submit(answer({"households": 5}, period=BEFORE))
        await office.ask("households", of=[TOWN])
        body = await export(office)
        async with office.town.db.transaction() as tx:
            await tx.execute(
                "UPDATE registry_sheet SET asked = '{}', deadline_at = NULL"
            )
        told = await take_in(office, body)

        assert (told.recorded_count, told.unchanged_count) == (0, 0)
        assert await kept(office.town) == {}


async def test_a_workbook_is_taken_in_once(an_app: AnApp) -> None:
    """At once and again, even after all has changed: one effect, the same answer."""
    async with an_office(an_app) as office:
        await office.submit(answer({"households": 5}, period=BEFORE))
        await office.ask("households", "income")
        body = filled(await export(office), {TOWN: {"income": 1}})
        request = an_import(body)
        told = await asyncio.gather(
            *(office.door.ImportAnswers(request) for _ in range(4))
        )
        await office.submit(answer({"income": 2}, reason="更正"))
        before = await office.footprint()
        again = await office.door.ImportAnswers(request)
        request.reason = "另一份"
        other = await refused(office.door.ImportAnswers(request))

        assert told == [again] * 4
        assert other.reason == "REQUEST_ID_REUSED"
        assert await office.footprint() == before


WRONG: dict[str, tuple[Mapping[str, Mapping[str, Any]], str, list[str]]] = {
    "a rule": ({TOWN: {"households": -1}}, "VALUES_INVALID", ["F2"]),
    "a code": ({OTHER: {"road": "09"}}, "VALUES_INVALID", ["H3"]),
    "several": (
        {TOWN: {"households": -1, "road": "9"}, OTHER: {"households": -1}},
        "VALUES_INVALID",
        ["F2", "H2", "F3"],
    ),
    "a word for a number": ({TOWN: {"households": "many"}}, "WORKBOOK_INVALID", ["F2"]),
    "a number for a text": ({TOWN: {"road": 1}}, "WORKBOOK_INVALID", ["H2"]),
    "no day": ({TOWN: {"inspected": "2026-02-30"}}, "WORKBOOK_INVALID", ["G2"]),
    "no truth": ({TOWN: {"flooded": "maybe"}}, "WORKBOOK_INVALID", ["I2"]),
    "a formula": ({TOWN: {"households": "=1+1"}}, "WORKBOOK_INVALID", ["F2"]),
}
PLACES: dict[str, tuple[str, int, Any, str, list[str]]] = {
    "no code": (TOWN, 0, "5301020", "WORKBOOK_INVALID", ["A2"]),
    "above": (TOWN, 0, "530102", "WORKBOOK_INVALID", ["A2"]),
    "no period": (TOWN, 2, "soon", "WORKBOOK_INVALID", ["C2"]),
    "no revision": (TOWN, 4, -1, "WORKBOOK_INVALID", ["E2"]),
    "twice": (OTHER, 0, TOWN, "VALUES_INVALID", ["A3"]),
    "elsewhere": (TOWN, 0, "530103001", "DIVISION_NOT_HOSTED", []),
    "unknown": (TOWN, 0, NOWHERE, "DIVISION_UNKNOWN", []),
}


async def test_what_is_wrong_is_named_by_its_cell_and_nothing_is_taken(
    an_app: AnApp,
) -> None:
    """All rows, or none: the sound ones beside a wrong cell change nothing either."""
    codes = ("households", "inspected", "road", "flooded")
    async with an_office(an_app) as office:
        await office.ask(*codes, of=[TOWN, OTHER])
        empty = await export(office)
        body = filled(empty, {each: {"households": 1} for each in (TOWN, OTHER)})
        cases = {
            case: (filled(body, values), reason, places)
            for case, (values, reason, places) in WRONG.items()
        }
        for case, (division, column, value, reason, places) in PLACES.items():
            grids = grids_of(body)
            grid = grids[workbook.TASKS]
            grid[row_of(grid, division)][column] = value
            cases[case] = (written(grids), reason, places)
        before = await office.footprint()
        for case, (wrong, reason, places) in cases.items():
            told = await refused(office.door.ImportAnswers(an_import(wrong)))
            cells = [f"{workbook.TASKS}!{place}" for place in places]

            assert (told.reason, told.fields) == (reason, cells), case
        assert await office.footprint() == before


async def test_what_will_be_seen_tomorrow_is_named_as_such(an_app: AnApp) -> None:
    """The moment belongs to the whole file, not to one of its cells."""
    async with an_office(an_app) as office:
        await office.ask("households", of=[TOWN])
        body = filled(await export(office), {TOWN: {"households": 1}})
        request = an_import(body)
        request.observe_time.FromDatetime(office.clock.now + timedelta(hours=1))
        told = await refused(office.door.ImportAnswers(request))

    assert (told.reason, told.fields) == ("VALUES_INVALID", ["observe_time"])


async def test_another_file_is_no_workbook_of_this_form(an_app: AnApp) -> None:
    """Not a file, half of one, sheets or headings missing, columns of nothing or too many.

    Each is refused as such; without the hidden copy a file is read all the same.
    """
    async with an_office(an_app) as office:
        await office.ask("households", "income", of=[TOWN])
        body = filled(await export(office), {TOWN: {"households": 1}})

        def without(sheet: str) -> bytes:
            return written({k: v for k, v in grids_of(body).items() if k != sheet})

        def columns(*rows: list[str]) -> bytes:
            head = [[workbook.CODE, workbook.HEADING]]
            return written(grids_of(body) | {workbook.COLUMNS: [*head, *rows]})

        wrong = {
            "junk": b"PK\3\4 no archive",
            "half": body[: len(body) // 2],
            "another": written({"Sheet1": [["a"]]}),
            "no tasks": without(workbook.TASKS),
            "no columns": without(workbook.COLUMNS),
            "columns of nothing": columns(),
            "one column": columns(["households", "x"]),
            "twice": columns(["households", "x"], ["households", "y"]),
            "too many": columns(*([f"c{n}", f"h{n}"] for n in range(300))),
        }
        before = await office.footprint()
        for case, file in wrong.items():
            told = await refused(office.door.ImportAnswers(an_import(file)))

            assert told.code is grpc.StatusCode.INVALID_ARGUMENT, case
            assert told.reason == "WORKBOOK_INVALID", case
        assert await office.footprint() == before
        assert (await take_in(office, without(workbook.EXPORTED))).recorded_count == 1


async def test_a_file_that_was_left_empty_is_no_mistake(an_app: AnApp) -> None:
    """Nothing is recorded, and nothing refused; not even without a single task."""
    async with an_office(an_app) as office:
        await office.ask("households", of=[TOWN])
        told = await take_in(office, await export(office))

    assert told == pb.SubmitAnswersResponse()


async def test_a_correction_in_a_workbook_needs_a_reason_too(an_app: AnApp) -> None:
    """The field was answered by the author himself since; writing over it says why."""
    async with an_office(an_app) as office:
        await office.ask("households", "income", of=[TOWN])
        await office.submit(answer({"households": 1}))
        body = filled(await export(office), {TOWN: {"income": 3}})
        await take_in(office, body)
        grids = grids_of(body)
        grid = grids[workbook.TASKS]
        grid[1][4] = 2
        grid[1][column_of(grid, "income")] = 4
        told = await refused(office.door.ImportAnswers(an_import(written(grids))))
        done = await take_in(office, written(grids), reason="抄错")

    assert told.reason == "CORRECTION_UNREASONED"
    assert done.recorded_count == 1
