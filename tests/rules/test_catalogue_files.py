"""Excel files from outside: read by headings and cells; what is broken or hostile is refused."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped] # it has none
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tier.runtime.errors import Violation
from tier.runtime.workbook import CellWrong, WorkbookInvalid, place, read_rows

SHEET = "数据元"
HEADINGS = ("代码", "数量")


def a_workbook(
    rows: list[list[Any]], sheet: str = SHEET, headings: tuple[str, ...] = HEADINGS
) -> bytes:
    """Write one sheet; a text that begins with `=` is a formula, `#` an error."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    page = book.add_worksheet(sheet)
    for number, cells in enumerate([list(headings), *rows]):
        for column, value in enumerate(cells):
            if isinstance(value, str) and value.startswith("#"):
                page.write_formula(number, column, "=1/0", None, value)
            else:
                page.write(number, column, value)
    book.close()
    return file.getvalue()


def rewritten(body: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """Return a workbook with its parts changed."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(body)) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return file.getvalue()


def sheet_changed(old: bytes, new: bytes) -> bytes:
    """Return a workbook of two rows with its sheet changed."""
    return rewritten(
        a_workbook([["a", 1], ["b", 2]]),
        lambda name, part: part.replace(old, new, 1) if "sheet1" in name else part,
    )


def refused(body: bytes, most: int = 5000) -> list[Violation]:
    """Return what reading is refused for."""
    with pytest.raises(WorkbookInvalid) as caught:
        read_rows(body, SHEET, HEADINGS, most=most)
    return list(caught.value.violations)


def test_rows_are_read_by_their_headings() -> None:
    """Columns may be moved; empty rows do not count; each cell knows its place."""
    body = a_workbook([[1, "a"], ["", "  "], [2.5, "b"]], headings=HEADINGS[::-1])
    first, second = read_rows(body, SHEET, HEADINGS)

    assert [first["代码"].text(), second["代码"].text()] == ["a", "b"]
    assert [first["数量"].number(), second["数量"].number()] == [1.0, 2.5]
    assert (second.number, second["代码"].place) == (4, "数据元!B4")


@pytest.mark.parametrize(
    ("column", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")]
)
def test_cells_are_named_as_excel_names_them(column: int, name: str) -> None:
    """So that people find them."""
    assert place("表", column, 7) == f"表!{name}7"


def bomb() -> bytes:
    """Return a file that unpacks to 100 MiB."""
    return sheet_changed(b"<sheetData>", b" " * 100 * 1024 * 1024 + b"<sheetData>")


def lying_bomb() -> bytes:
    """Return a bomb that says it unpacks to little."""
    body = bytearray(bomb())
    name = b"xl/worksheets/sheet1.xml"
    at = body.rfind(b"PK\x01\x02", 0, body.rfind(name))
    struct.pack_into("<I", body, at + 24, 1000)
    first = body.rfind(b"PK\x03\x04", 0, body.find(name))
    struct.pack_into("<I", body, first + 22, 1000)
    return bytes(body)


BROKEN: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no zip": lambda: b"code,name\n1,2\n",
    "old Excel": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000,
    "truncated": lambda: a_workbook([["a", 1]])[:-400],
    "half": lambda: a_workbook([["a", 1]])[:2000],
    "another zip": lambda: (
        rewritten(a_workbook([]), lambda _, part: part)[:0] + _zip({"a.txt": b"a"})
    ),
    "many parts": lambda: _zip({f"{n}": b"" for n in range(2000)}),
    "bomb": bomb,
    "lying bomb": lying_bomb,
    "flipped bits": lambda: _flipped(a_workbook([["a" * 500, 1]])),
    "no XML": lambda: sheet_changed(b"<sheetData>", b"<sheetData"),
    "UTF-16": lambda: rewritten(
        a_workbook([["a", 1]]),
        lambda name, part: part.decode().encode("utf-16") if "sheet1" in name else part,
    ),
    "entities": lambda: sheet_changed(
        b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet'
    ),
    "a cell at the end": lambda: sheet_changed(b'r="B3"', b'r="XFD1048576"'),
    "a cell at the end, hidden": lambda: sheet_changed(
        b'r="B3"', b"s='>' x:r='B3' r='XFD1048576'"
    ),
    "a cell at the end, escaped": lambda: sheet_changed(
        b'r="B3"', b'r="&#88;FD1048576"'
    ),
    "a cell at the end, aside": lambda: sheet_changed(
        b"<sheetData>", b'<!-- --><sheetData><row><c r="XFD1048576"><v>1</v></c></row>'
    ),
    "a wide row": lambda: sheet_changed(b'<c r="A2"', b"<c/>" * 50_000 + b'<c r="A2"'),
    "two sheets of one name": lambda: rewritten(
        a_workbook([["a", 1]]),
        lambda name, part: (
            part.replace(
                b"<sheets>",
                '<sheets><sheet name="数据元" sheetId="7" r:id="rId7"/>'.encode(),
            )
            if name == "xl/workbook.xml"
            else part
        ),
    ),
}


def _zip(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return file.getvalue()


def _flipped(body: bytes) -> bytes:
    """Break every part's data, but not the directory."""
    broken = bytearray(body)
    for at in range(60, len(body) // 2, 97):
        broken[at] ^= 0xFF
    return bytes(broken)


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_or_hostile_file_is_refused(body: Callable[[], bytes]) -> None:
    """Never a crash, never the memory of the machine."""
    assert refused(body())


@given(st.data())
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150)
def test_any_damage_is_refused_or_read(data: st.DataObject) -> None:
    """Bytes of the parts changed at random, the checksums made right again."""

    def damaged(name: str, part: bytes) -> bytes:
        if not name.startswith("xl/") or data.draw(st.booleans()):
            return part
        broken = bytearray(part)
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(broken) - 1))
            broken[at : at + 1] = data.draw(st.binary(max_size=3))
        return bytes(broken)

    body = rewritten(a_workbook([["a", 1], ["b", 2]]), damaged)
    with contextlib.suppress(WorkbookInvalid):
        assert len(read_rows(body, SHEET, HEADINGS)) <= 5000


def test_formulas_and_errors_are_refused_by_their_cells() -> None:
    """What a formula gave is known to the program that worked it out alone."""
    wrong = refused(a_workbook([["=1+1", 1], ["b", "#DIV/0!"]]))

    assert [each.field for each in wrong] == ["数据元!A2", "数据元!B3"]
    assert "formula" in wrong[0].description
    assert "error" in wrong[1].description


def test_other_sheets_and_headings_are_named() -> None:
    """The form is the exported one."""
    other = refused(a_workbook([], sheet="Sheet1"))
    wrong = refused(a_workbook([], headings=("代码", "数目")))
    twice = refused(a_workbook([], headings=("代码", "数量", "代码")))

    assert "Sheet1" in other[0].description
    assert [each.field for each in wrong] == ["数据元!B1", "数据元!1"]
    assert twice[0].field == "数据元!C1"


def test_too_many_rows_are_refused() -> None:
    """A bound that the form states."""
    rows: list[list[Any]] = [["a", n] for n in range(11)]

    assert len(read_rows(a_workbook(rows[:10]), SHEET, HEADINGS, most=10)) == 10
    assert "at most 10 rows" in refused(a_workbook(rows), most=10)[0].description


def test_100_000_rows_are_refused() -> None:
    """Before they are parsed."""
    rows: list[list[Any]] = [["a", n] for n in range(100_000)]

    assert "at most 5000 rows" in refused(a_workbook(rows))[0].description


@pytest.mark.parametrize("value", [12, 1.5, True])
def test_a_number_is_no_text(value: float) -> None:
    """530102 as a number may have been 0530102."""
    (row,) = read_rows(a_workbook([[value, 1]]), SHEET, HEADINGS)

    with pytest.raises(CellWrong, match=r"数据元!A2"):
        row["代码"].text()


@pytest.mark.parametrize(("value", "number"), [(" 1.5 ", 1.5), ("", 0.0), (7, 7.0)])
def test_a_text_may_be_a_number(value: Any, number: float) -> None:
    """Office programs keep many numbers as texts."""
    (row,) = read_rows(a_workbook([["a", value]]), SHEET, HEADINGS)

    assert row["数量"].number() == number


@pytest.mark.parametrize("value", ["x", "nan", "inf", True])
def test_what_is_no_number_is_refused(value: Any) -> None:
    """Not a number, not finite, not a yes."""
    (row,) = read_rows(a_workbook([["a", value]]), SHEET, HEADINGS)

    with pytest.raises(CellWrong, match=r"数据元!B2"):
        row["数量"].number()
