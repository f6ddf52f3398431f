"""Tasks as an Excel workbook: to be filled in anywhere, and read without trust.

One row a task, one column an element. A hidden sheet keeps what was filled in when the file
was made, so that a cell nobody touched is told from one that was given anew.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

import xlsxwriter  # type: ignore[import-untyped] # it has none

from services.township.collection import cells
from services.township.collection.forms import Form
from tier.catalogue import Catalogue, Element
from tier.jurisdiction import Code, Level, level_of, parse
from tier.registry import Key, parse_period
from tier.runtime.errors import Violation
from tier.runtime.workbook import Cell, CellWrong, SheetRow, Workbook, WorkbookInvalid

TASKS, EXPORTED, COLUMNS, GUIDE = "采集任务", "原值", "字段", "说明"
DIVISION, NAME, PERIOD, DEADLINE, REVISION = HEADINGS = (
    "区划代码 division",
    "名称 name",
    "周期 period",
    "截止时间 deadline",
    "版次 revision",
)
CODE, HEADING = "代码 code", "标题 heading"
FIRST = len(HEADINGS)
MOST_ROWS = 2000
MOST_ELEMENTS = 190  # as many columns as the reader takes, less those that name the row
LARGEST_REVISION = 2**31 - 1
EXCELS_FIRST = date(1900, 3, 1)
"""Before it Excel counts a day that never was, or none at all."""
BEIJING = timezone(timedelta(hours=8))
MADE = datetime(2026, 1, 1)  # noqa: DTZ001 - Excel knows no zones; the same for the same tasks
PLAIN = {
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
    "in_memory": True,
}
HEAD = {"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#DDEBF7"}
GREY, SHUT = {"font_color": "#7F7F7F"}, {"bg_color": "#D9D9D9"}
HELP = (
    "采集任务工作簿 Collection tasks",
    "每行一个任务，每列一个数据元；灰色底纹的单元格不需要填写。",
    "One row a task, one column an element; shaded cells are not asked.",
    "灰色字为已有数据：无变化则不动，导入即确认；有变化请改写；尚不清楚请清空。",
    "Grey values are known: leave them to confirm, write over them to change, empty them to wait.",
    "不要改动前五列和标题；可以增删行。请粘贴数值，不要使用公式。",
    "Keep the first five columns and the headings; rows may go. Paste values, not formulas.",
    f"一次最多 {MOST_ROWS} 个任务、{MOST_ELEMENTS} 个数据元；其余任务保持待填，可再次导出。",
    f"At most {MOST_ROWS} tasks and {MOST_ELEMENTS} elements; the rest stays open: export again.",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One task as it was read: its cells that are not empty, and as they were made, by code."""

    number: int
    key: Key
    revision: int | None
    place: str
    cells: Mapping[str, Cell]
    exported: Mapping[str, Cell]


def chosen(forms: Sequence[Form], known: Catalogue) -> list[Element]:
    """Return the elements that have a column: those asked, as many as there is room for."""
    numbers = sorted({number for form in forms for number in form.sheet.asked})
    found = (known.numbered(number) for number in numbers)
    return [element for element in found if element is not None][:MOST_ELEMENTS]


def write(
    forms: Sequence[Form], elements: Sequence[Element], names: Mapping[Code, str]
) -> bytes:
    """Return tasks as a workbook; `read` reads it."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, PLAIN)
    book.set_properties({"title": "采集任务 collection tasks", "created": MADE})
    paper = _Paper(book, elements, names)
    paper.fill(TASKS, forms, shut=True)
    paper.fill(EXPORTED, forms, shut=False).very_hidden()
    columns = book.add_worksheet(COLUMNS)
    columns.very_hidden()
    rows = [(CODE, HEADING), *((one.code, heading(one)) for one in elements)]
    for line, (code, title) in enumerate(rows):
        columns.write_string(line, 0, code)
        columns.write_string(line, 1, title)
    guide = book.add_worksheet(GUIDE)
    guide.set_column(0, 0, 100)
    for line, text in enumerate(HELP):
        guide.write_string(line, 0, text)
    book.close()
    return file.getvalue()


def heading(element: Element) -> str:
    """Return the heading of an element's column; its code makes it like no other."""
    unit = f" ({element.unit})" if element.unit else ""
    return f"{element.name_zh} {element.name_en}{unit} [{element.code}]"


class _Paper:
    """Sheets being written."""

    def __init__(
        self, book: Any, elements: Sequence[Element], names: Mapping[Code, str]
    ) -> None:
        """Make the formats of each column."""
        self._book = book
        self._elements = elements
        self._names = names
        self._head = book.add_format(HEAD)
        self._shut = book.add_format(SHUT)
        shown = [cells.number_format(element) for element in elements]
        self._plain = [book.add_format({"num_format": one}) for one in shown]
        self._grey = [book.add_format({"num_format": one, **GREY}) for one in shown]

    def fill(self, name: str, forms: Sequence[Form], *, shut: bool) -> Any:
        """Write a sheet of tasks; `shut` shades what is not asked, and guides who fills in."""
        sheet = self._book.add_worksheet(name)
        for column, title in enumerate(HEADINGS):
            sheet.write_string(0, column, title, self._head)
        for column, element in enumerate(self._elements, start=FIRST):
            sheet.write_string(0, column, heading(element), self._head)
        if shut:
            self._guide(sheet, len(forms))
        for line, form in enumerate(forms, start=1):
            self._task(sheet, line, form)
            for place, element in enumerate(self._elements):
                found = form.filled.get(element.number)
                if found is not None:
                    shown = cells.show(element, found.kept)
                    _put(sheet, (line, FIRST + place), shown, self._grey[place])
                elif shut and element.number not in form.sheet.asked:
                    sheet.write_blank(line, FIRST + place, None, self._shut)
        return sheet

    def _task(self, sheet: Any, line: int, form: Form) -> None:
        key, due = form.sheet.key, form.sheet.deadline
        sheet.write_string(line, 0, key.division)
        sheet.write_string(line, 1, self._names.get(key.division, ""))
        sheet.write_string(line, 2, key.period)
        if due is not None:
            sheet.write_string(line, 3, f"{due.astimezone(BEIJING):%Y-%m-%d %H:%M}")
        sheet.write_number(line, 4, form.sheet.revision)

    def _guide(self, sheet: Any, count: int) -> None:
        """Help whoever fills in: widths, what is allowed, what each column means."""
        sheet.freeze_panes(1, 2)
        sheet.set_column(0, 3, 18)
        sheet.set_column(4, 4, None, None, {"hidden": True})
        sheet.ignore_errors({"number_stored_as_text": f"A1:ZZ{count + 1}"})
        for place, element in enumerate(self._elements):
            column = FIRST + place
            sheet.set_column(column, column, 16, self._plain[place])
            sheet.write_comment(0, column, cells.note(element), {"x_scale": 2})
            allowed = cells.offer(element)
            if allowed is not None:
                sheet.data_validation(1, column, max(count, 1), column, allowed)


def _put(sheet: Any, at: tuple[int, int], shown: cells.Shown, style: Any) -> None:
    if isinstance(shown, date) and shown < EXCELS_FIRST:
        sheet.write_string(*at, shown.isoformat(), style)
    elif isinstance(shown, date):
        sheet.write_datetime(*at, datetime(shown.year, shown.month, shown.day), style)  # noqa: DTZ001 - a day
    elif isinstance(shown, str):
        sheet.write_string(*at, shown, style)
    else:
        sheet.write_number(*at, shown, style)


def read(body: bytes) -> list[Row]:
    """Return the rows of a workbook of this form, in their order.

    Raises:
        WorkbookInvalid: it is none; cells are named.
    """
    book = Workbook.open(body)
    codes = _codes(book)
    headings = [*HEADINGS, *codes]
    exported = _exported(book, headings)
    wrong: list[Violation] = []
    rows = []
    for row in book.rows(TASKS, headings, most=MOST_ROWS):
        try:
            rows.append(_row(row, codes, exported))
        except CellWrong as problem:
            wrong.append(problem.violation)
    if wrong:
        raise WorkbookInvalid.of(wrong)
    return rows


def _codes(book: Workbook) -> dict[str, str]:
    """Return the element of each column, by heading."""
    codes: dict[str, str] = {}
    wrong = []
    for row in book.rows(COLUMNS, (CODE, HEADING), most=MOST_ELEMENTS):
        title, code = (str(row[each].value).strip() for each in (HEADING, CODE))
        if not code or len(code) > 64 or code in codes.values() or title in codes:  # noqa: PLR2004 - the proto's
            problem = "is no element's column（字段有误）"
            wrong.append(Violation(row[CODE].place, problem))
        codes[title] = code
    if wrong or not codes:
        raise WorkbookInvalid.of(
            wrong or [Violation(COLUMNS, "names no element（没有字段）")]
        )
    return codes


def _exported(book: Workbook, headings: Sequence[str]) -> dict[Key, SheetRow]:
    """Return the rows as the workbook was made; none if somebody took that sheet out."""
    if not book.has(EXPORTED):
        return {}
    rows = book.rows(EXPORTED, headings, most=MOST_ROWS)
    return {_task_of(row): row for row in rows}


def _row(
    row: SheetRow, codes: Mapping[str, str], exported: Mapping[Key, SheetRow]
) -> Row:
    key = _task_of(row)
    _check(row, key)
    made = exported.get(key)
    return Row(
        row.number,
        key,
        _revision(row[REVISION]),
        row[DIVISION].place,
        _given(row, codes),
        {} if made is None else _given(made, codes),
    )


def _given(row: SheetRow, codes: Mapping[str, str]) -> dict[str, Cell]:
    """Return the cells of elements that are not empty, by code."""
    return {code: row[title] for title, code in codes.items() if not row[title].empty}


def _task_of(row: SheetRow) -> Key:
    return Key(Code(row[DIVISION].text()), row[PERIOD].text())


def _check(row: SheetRow, key: Key) -> None:
    """Refuse a row that names no task.

    Raises:
        CellWrong: the division or the period cannot be read.
    """
    cell = row[DIVISION]
    try:
        level = level_of(parse(key.division))
        cell = row[PERIOD]
        parse_period(key.period)
    except ValueError as wrong:
        raise CellWrong(cell.place, str(wrong)) from wrong
    if level < Level.TOWNSHIP:
        problem = "is above the township（区划级别有误）"
        raise CellWrong(row[DIVISION].place, problem)


def _revision(cell: Cell) -> int | None:
    """Read the revision that the author saw; None if it was taken out."""
    if cell.empty:
        return None
    number = cell.number()
    if not (number.is_integer() and 0 <= number <= LARGEST_REVISION):
        raise CellWrong(cell.place, "is no revision（版次有误）")
    return int(number)
