"""The catalogue as an Excel workbook: written for people to fill in, read without trust."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from typing import Any

import protovalidate
import xlsxwriter  # type: ignore[import-untyped] # it has none
from google.protobuf.message import Message

from ducha.catalogue.v1 import catalogue_pb2 as pb
from services.province.catalogue import columns
from services.province.catalogue.columns import Column
from services.province.catalogue.errors import CatalogueRowsInvalid
from services.province.catalogue.plan import Rows
from tier.catalogue.model import Fault, Place
from tier.catalogue.rules import ELEMENTS, INDICATORS
from tier.runtime.errors import Violation
from tier.runtime.workbook import CellWrong, SheetRow, Workbook, WorkbookInvalid

CODE_ROWS = 20_000
MADE = datetime(2026, 1, 1)  # noqa: DTZ001 - Excel knows no zones; the same for the same catalogue
HEAD = {
    "bold": True,
    "text_wrap": True,
    "valign": "top",
    "bg_color": "#DDEBF7",
    "border": 1,
}
LAST_ROW = 5000
PLAIN = {
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
    "in_memory": True,
}
HELP = (
    "指标目录工作簿 Catalogue workbook",
    "“数据元”一行一个数据元；“代码表”列出代码型数据元的可选值；“指标”一行一个指标。",
    "One row an element in 数据元; the choices of code elements in 代码表; one row an indicator.",
    "首行标题不得改动，列的顺序可以调整；空行忽略。整份导入，或全部不导入。",
    "Keep the headings; columns may move; empty rows do not count. All rows are taken, or none.",
    "不要使用公式；区划代码按文本填写。Paste values, not formulas; division codes are texts.",
    "鲜活度：填“周期结束”，或如 30天、12小时。Freshness: period, or such as 30d, 12h.",
    "校验规则为 CEL 表达式，如 value >= 0.0；小数写 0.0，不写 0。",
    "Rules are CEL over `value`, such as value >= 0.0; write 0.0, not 0.",
    "公式引用数据元代码，如 a.done / a.found * 100.0。Formulas name element codes.",
    "与已有数据元相近的，须填写“区别说明”（10 字以上）。Say how an element differs from its like.",
    "已发布数据元的类型、小数位数、周期、采集层级不得更改，请另立数据元并停用旧的。",
    "Type, decimals, period and level of a published element stay: publish another, retire this.",
)


def write(elements: Iterable[pb.Element], indicators: Iterable[pb.Indicator]) -> bytes:
    """Return the catalogue as a workbook; `read` makes the same rows of it."""
    rows = list(elements)
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, PLAIN)
    book.set_properties({"title": "指标目录 catalogue", "created": MADE})
    _sheet(book, columns.ELEMENT_SHEET, columns.ELEMENTS, [(one,) for one in rows])
    _sheet(
        book,
        columns.INDICATOR_SHEET,
        columns.INDICATORS,
        [(one,) for one in indicators],
    )
    codes = [(entry, one.code) for one in rows for entry in one.codes]
    _sheet(book, columns.CODE_SHEET, columns.CODES, codes)
    guide = book.add_worksheet("说明")
    guide.set_column(0, 0, 110)
    for line, text in enumerate(HELP):
        guide.write_string(line, 0, text)
    book.close()
    return file.getvalue()


def _sheet(
    book: Any, name: str, shown: Sequence[Column], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Write one sheet; what a row has beyond its message stands before it."""
    sheet = book.add_worksheet(name)
    head, body = (
        book.add_format(HEAD),
        book.add_format({"text_wrap": True, "valign": "top"}),
    )
    before = [columns.ELEMENT_OF] if shown is columns.CODES else []
    for column, heading in enumerate([*before, *(each.heading for each in shown)]):
        sheet.write_string(0, column, heading, head)
    for column, each in enumerate(shown, start=len(before)):
        sheet.set_column(column, column, each.width, body)
        if each.choices:
            offer = {"validate": "list", "source": list(each.choices)}
            sheet.data_validation(1, column, LAST_ROW, column, offer)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, len(rows), len(shown) + len(before) - 1)
    sheet.ignore_errors({"number_stored_as_text": f"A1:Z{len(rows) + 1}"})
    for number, (message, *first) in enumerate(rows, start=1):
        cells = [*first, *(each.show(message) for each in shown)]
        for column, value in enumerate(cells):
            if isinstance(value, float):
                sheet.write_number(number, column, value, body)
            elif value:
                sheet.write_string(number, column, value, body)


@dataclass(slots=True)
class _Read:
    """One row as it was read, and where its fields stand."""

    message: Any
    row: SheetRow
    shown: Sequence[Column]
    codes: list[SheetRow] = field(default_factory=list)

    def cell(self, path: str) -> str:
        """Return the cell of a field, such as `数据元!C7` for `name_zh`."""
        if path.startswith("codes[") and self.codes:
            at, _, name = path.removeprefix("codes[").partition("]")
            row = self.codes[min(int(at), len(self.codes) - 1)]
            return _cell(row, columns.CODES, name.removeprefix("."))
        return _cell(self.row, self.shown, path)


def _cell(row: SheetRow, shown: Sequence[Column], path: str) -> str:
    """Return the cell of the column whose field is nearest to a path."""

    def nearness(column: Column) -> int:
        parts = zip_longest(path.partition("[")[0].split("."), column.field.split("."))
        return next((n for n, (a, b) in enumerate(parts) if a != b), 9)

    return row[max(shown, key=nearness).heading].place


def read(body: bytes) -> Rows:
    """Return the rows of a workbook, checked against their protos.

    Raises:
        WorkbookInvalid: it is no workbook of this form; cells are named.
        CatalogueRowsInvalid: rows that break the rules of their protos, by cells.
    """
    book = Workbook.open(body)
    wrong: list[Violation] = []
    elements = _messages(
        book, (columns.ELEMENT_SHEET, columns.ELEMENTS), pb.Element, wrong
    )
    indicators = _messages(
        book, (columns.INDICATOR_SHEET, columns.INDICATORS), pb.Indicator, wrong
    )
    _add_codes(book, elements, wrong)
    if wrong:
        raise WorkbookInvalid.of(wrong)
    tables = {ELEMENTS: elements, INDICATORS: indicators}

    def where(place: Place) -> str:
        return tables[place.table][place.row].cell(place.field)

    faults = [fault for name, rows in tables.items() for fault in _broken(name, rows)]
    if faults:
        raise CatalogueRowsInvalid.of(faults, where)
    return Rows(
        [one.message for one in elements], [one.message for one in indicators], where
    )


def _messages(
    book: Workbook,
    sheet: tuple[str, Sequence[Column]],
    kind: type[Message],
    wrong: list[Violation],
) -> list[_Read]:
    """Read a sheet of messages; cells that cannot be read go to `wrong`."""
    name, shown = sheet
    found = []
    for row in book.rows(name, [column.heading for column in shown]):
        message = kind()
        for column in shown:
            _fill(message, column, row, wrong)
        found.append(_Read(message, row, shown))
    return found


def _fill(
    message: Message, column: Column, row: SheetRow, wrong: list[Violation]
) -> None:
    try:
        column.read(message, row[column.heading])
    except CellWrong as problem:
        wrong.append(problem.violation)


def _add_codes(
    book: Workbook, elements: Sequence[_Read], wrong: list[Violation]
) -> None:
    """Give each element the code list that is its."""
    by_code = {one.message.code: one for one in elements}
    headings = [columns.ELEMENT_OF, *(column.heading for column in columns.CODES)]
    for row in book.rows(columns.CODE_SHEET, headings, most=CODE_ROWS):
        cell = row[columns.ELEMENT_OF]
        owner = by_code.get(str(cell.value).strip())
        if owner is None:
            problem = "no such element in this workbook（本工作簿无此数据元）"
            wrong.append(Violation(cell.place, problem))
            continue
        entry = pb.CodeListEntry()
        for column in columns.CODES:
            _fill(entry, column, row, wrong)
        owner.message.codes.append(entry)
        owner.codes.append(row)


def _broken(table: str, rows: Sequence[_Read]) -> Iterable[Fault]:
    """Find what the protos do not allow."""
    for number, one in enumerate(rows):
        for violation in protovalidate.collect_violations(one.message):
            path = _path(violation.proto)
            yield Fault(Place(table, number, path), violation.proto.message)


def _path(violation: Any) -> str:
    """Write the field of a violation as `codes[2].name_zh`."""
    parts = []
    for element in violation.field.elements if violation.field else ():
        index = getattr(element.subscript, "value", None)
        parts.append(element.field_name + ("" if index is None else f"[{index}]"))
    return ".".join(parts)
