"""Excel workbooks (.xlsx) from outside, read safely: a hostile file is refused, never a crash.

A file is taken apart and measured by `zipfile` before the parser sees it, and the parser
sees only what was measured: a size that lies, a bomb, or a cell at the end of the sheet
(for which the parser would make room) do not reach it. Formulas and errors are refused by
their cells, because what a formula gave is known to the program that worked it out alone.

Parsing takes a while: call from `asyncio.to_thread`.
"""

from __future__ import annotations

import io
import lzma
import math
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self, TypeAlias

import grpc
import python_calamine

from tier.runtime import xlsx
from tier.runtime.errors import TierError, Violation

LARGEST = 64 * 1024 * 1024
"""Bytes of all parts of a workbook, unpacked."""
PARTS = 1000
ROWS = 5000
COLUMNS = 200
SHOWN = 100

UNREADABLE = "cannot be read（无法读取）"
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,  # encrypted
    NotImplementedError,
    ValueError,
    KeyError,
)

Value: TypeAlias = int | float | str | bool | time | date | datetime | timedelta


class WorkbookInvalid(TierError):
    """Correct the cells that BadRequest names, as many as there is room for, and send it again."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "WORKBOOK_INVALID"
    en = "the file is no workbook of this form: {first} ({count} in all); export one as a pattern"
    zh = "文件不符合要求：{first}（共 {count} 处）；可先导出一份作为模板"

    @classmethod
    def of(cls, wrong: Sequence[Violation]) -> Self:
        """Show the first problems, and how many there are."""
        first = f"{wrong[0].field}: {wrong[0].description}"
        return cls(violations=wrong[:SHOWN], count=len(wrong), first=first)

    @classmethod
    def at(cls, place: str, problem: str) -> Self:
        """Show one problem."""
        return cls.of([Violation(place, problem)])


class CellWrong(ValueError):
    """One cell does not hold what it should."""

    def __init__(self, place: str, problem: str) -> None:
        """Name the cell, such as `数据元!C7`, and say what is wrong in both languages."""
        super().__init__(f"{place}: {problem}")
        self.violation = Violation(place, problem)


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell holds, and where it is."""

    place: str
    value: Value

    @property
    def empty(self) -> bool:
        """Whether nothing, or only spaces, stands there."""
        return isinstance(self.value, str) and not self.value.strip()

    def text(self) -> str:
        """Return the text, without spaces around it; empty if there is none.

        Raises:
            CellWrong: it is a number or a date; as a text it would read differently.
        """
        if not isinstance(self.value, str):
            raise CellWrong(self.place, "is no text; format it so（应为文本格式）")
        return self.value.strip()

    def number(self) -> float:
        """Return the number, or the one that the text says; 0 if there is none.

        Raises:
            CellWrong: it is none.
        """
        if self.empty:
            return 0.0
        number = _number(self.value)
        if not math.isfinite(number):
            raise CellWrong(self.place, "is no number（应为数字）")
        return number


def _number(value: Value) -> float:
    """Return a number, or what a text says is one; NaN if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row that is not empty, its cells by heading."""

    number: int
    cells: dict[str, Cell]

    def __getitem__(self, heading: str) -> Cell:
        """Return the cell below a heading."""
        return self.cells[heading]


class Workbook:
    """A workbook whose parts were measured."""

    def __init__(self, parts: dict[str, bytes]) -> None:
        """Read what sheets there are.

        Raises:
            WorkbookInvalid: there are none that can be read.
        """
        self._parts = parts
        try:
            self._sheets = xlsx.sheets(parts)
        except ValueError as wrong:
            raise WorkbookInvalid.at("file", UNREADABLE) from wrong
        self._book = _parsed(parts)

    @classmethod
    def open(cls, body: bytes) -> Self:
        """Take a file apart.

        Raises:
            WorkbookInvalid: it is no workbook, broken, encrypted, or too large.
        """
        return cls(_measured(body))

    def has(self, sheet: str) -> bool:
        """Whether there is a sheet of that name."""
        return sheet in self._sheets

    def rows(
        self, sheet: str, headings: Sequence[str], *, most: int = ROWS
    ) -> list[SheetRow]:
        """Return the rows of a sheet below its first, which has the headings in any order.

        Raises:
            WorkbookInvalid: there is no such sheet, its headings are others, it has more
                than `most` rows, or a cell holds a formula or an error.
        """
        if sheet not in self._sheets:
            found = ", ".join(self._sheets) or "none"
            problem = f"there is no such sheet, only {found[:200]}（缺少工作表）"
            raise WorkbookInvalid.at(sheet, problem)
        xml = self._parts[self._sheets[sheet]]
        scan = xlsx.scanned(xml)
        _bounded(sheet, scan, most)
        grid = _grid(self._book, sheet)
        columns = _columns(sheet, [str(each) for each in grid[0]] if grid else [])
        _expected(sheet, columns, headings)
        if scan.computed:
            wrong = [
                Violation(f"{sheet}!{at}", why) for at, why in scan.computed.items()
            ]
            raise WorkbookInvalid.of(wrong)
        rows = [
            _row(sheet, number, values, columns)
            for number, values in enumerate(grid[1:], start=2)
        ]
        return [row for row in rows if not all(c.empty for c in row.cells.values())]


def read_rows(
    body: bytes, sheet: str, headings: Sequence[str], *, most: int = ROWS
) -> list[SheetRow]:
    """Return the rows of one sheet of a file.

    Raises:
        WorkbookInvalid: as `Workbook.open` and `Workbook.rows` find.
    """
    return Workbook.open(body).rows(sheet, headings, most=most)


def place(sheet: str, column: int, row: int) -> str:
    """Write a cell as Excel does, `数据元!C7`; columns from 0, rows from 1."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{sheet}!{letters}{row}"


def _measured(body: bytes) -> dict[str, bytes]:
    """Unpack the parts of a file, as long as they are no larger than they may be."""
    parts: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            infos = archive.infolist()
            size = sum(info.file_size for info in infos)
            if size > LARGEST or len(infos) > PARTS:
                raise WorkbookInvalid.at("file", "unpacks to too much（解压后过大）")
            for info in infos:
                # No more than the size that was counted; the checksum finds a lie.
                parts[info.filename] = archive.read(info)
    except BROKEN as wrong:
        problem = "is no .xlsx file, or broken, or locked（不是有效的 .xlsx 文件）"
        raise WorkbookInvalid.at("file", problem) from wrong
    if xlsx.BOOK not in parts or xlsx.LINKS not in parts:
        raise WorkbookInvalid.at("file", "is no .xlsx workbook（不是 .xlsx 工作簿）")
    return parts


def _parsed(parts: dict[str, bytes]) -> python_calamine.CalamineWorkbook:
    """Give the parser the parts that were measured, and nothing else."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    packed.seek(0)
    try:
        return python_calamine.CalamineWorkbook.from_filelike(packed)
    except BaseException as wrong:
        raise _unreadable("file", wrong) from wrong


def _grid(book: python_calamine.CalamineWorkbook, sheet: str) -> list[list[Value]]:
    """Return all cells from the first row and column on."""
    try:
        return list(book.get_sheet_by_name(sheet).to_python(skip_empty_area=False))
    except BaseException as wrong:
        raise _unreadable(sheet, wrong) from wrong


def _unreadable(where: str, wrong: BaseException) -> BaseException:
    """Return the refusal of what the parser could not read.

    Where it fails by itself it raises what is no `Exception`; that too is the file's fault.
    """
    if isinstance(wrong, Exception) or type(wrong).__name__ == "PanicException":
        return WorkbookInvalid.at(where, UNREADABLE)
    return wrong


def _bounded(sheet: str, scan: xlsx.Scan, most: int) -> None:
    """Refuse a sheet that would be large as a table, however small it is as a file."""
    if scan.odd:
        raise WorkbookInvalid.at(sheet, UNREADABLE)
    if scan.height > most + 1:
        problem = (
            f"reaches to row {scan.height}; at most {most} rows（行数超过 {most}）"
        )
        raise WorkbookInvalid.at(sheet, problem)
    if scan.width > COLUMNS:
        problem = f"is wider than {COLUMNS} columns（列数超过 {COLUMNS}）"
        raise WorkbookInvalid.at(sheet, problem)


def _columns(sheet: str, first: Sequence[str]) -> dict[str, int]:
    """Return the column of each heading."""
    columns: dict[str, int] = {}
    for column, heading in enumerate(each.strip() for each in first):
        if heading in columns:
            where = place(sheet, column, 1)
            raise WorkbookInvalid.at(where, f"repeats {heading}（标题重复）")
        if heading:
            columns[heading] = column
    return columns


def _expected(sheet: str, columns: dict[str, int], headings: Sequence[str]) -> None:
    """Refuse headings that are missing, or that nobody knows."""
    wrong = [
        Violation(
            place(sheet, column, 1), f"unknown heading {heading[:60]}（标题有误）"
        )
        for heading, column in columns.items()
        if heading not in headings
    ]
    wrong += [
        Violation(f"{sheet}!1", f"has no heading {heading}（缺少标题）")
        for heading in headings
        if heading not in columns
    ]
    if wrong:
        raise WorkbookInvalid.of(wrong)


def _row(
    sheet: str, number: int, values: Sequence[Value], columns: dict[str, int]
) -> SheetRow:
    cells = {
        heading: Cell(place(sheet, column, number), values[column])
        for heading, column in columns.items()
    }
    return SheetRow(number, cells)
