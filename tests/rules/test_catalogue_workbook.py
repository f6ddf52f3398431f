"""The catalogue as a workbook: there and back unchanged; what is broken is refused by cells."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped] # it has none
from google.protobuf.duration_pb2 import Duration
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ducha.catalogue.v1 import catalogue_pb2 as pb
from services.province.catalogue import columns, workbook
from services.province.catalogue.columns import Column
from services.province.catalogue.errors import CatalogueRowsInvalid
from tests.catalogue import element, indicator
from tier.catalogue.model import Place
from tier.catalogue.rules import text_flaw
from tier.runtime.errors import Violation
from tier.runtime.workbook import CellWrong, WorkbookInvalid, place, read_rows

SHEET = "数据元"
HEADINGS = ("代码", "数量")
CHOICES = [
    pb.CodeListEntry(code="1", name_zh="甲", name_en="first"),
    pb.CodeListEntry(code="02", name_zh="乙"),
]


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


CODE = st.from_regex(
    r"[a-z][a-z0-9_]{0,9}([.][a-z][a-z0-9_]{0,9}){0,2}", fullmatch=True
)


def a_text(field: str, least: int, most: int) -> st.SearchStrategy[str]:
    """Return texts that the catalogue takes."""
    alphabet = st.one_of(
        st.characters(exclude_categories=["Cs", "Cc"]),
        st.sampled_from("=+-@'\"<>&_x0041_\n\t _x000D_"),
    )
    texts = st.text(alphabet, min_size=least, max_size=most)
    return texts.filter(lambda text: text_flaw(field, text) is None)


CHECKS = st.builds(
    pb.OutlierCheck,
    method=st.sampled_from([0, 1, 2, 3]),
    threshold=st.floats(0, 100, allow_subnormal=False),
).filter(lambda check: check != pb.OutlierCheck())
FRESH = st.one_of(
    st.just(pb.Freshness(until_period_closes=True)),
    st.builds(
        lambda seconds, nanos: pb.Freshness(
            max_age=Duration(seconds=seconds, nanos=nanos)
        ),
        st.integers(1, 315_576_000_000),
        st.sampled_from([0, 0, 1, 500_000_000, 999_999_999]),
    ),
)
ENTRIES = st.builds(
    pb.CodeListEntry,
    code=a_text("code", 1, 40),
    name_zh=a_text("name_zh", 1, 100),
    name_en=a_text("name_en", 0, 200),
)
OWNERS = st.builds(
    pb.Owner,
    division=st.from_regex(r"[0-9]{2,9}", fullmatch=True),
    name=a_text("name", 1, 100),
)
NAMES = {
    "name_zh": a_text("name_zh", 1, 100),
    "name_en": a_text("name_en", 1, 200),
    "definition": a_text("definition", 1, 2000),
    "unit": a_text("unit", 0, 20),
    "owner": OWNERS,
    "retired": st.booleans(),
}
ELEMENT = st.builds(
    pb.Element,
    code=CODE,
    type=st.integers(1, 6),
    decimals=st.integers(0, 6),
    codes=st.lists(ENTRIES, max_size=3),
    period_type=st.integers(1, 6),
    collect_level=st.integers(4, 6),
    legal_basis=a_text("legal_basis", 1, 1000),
    sensitivity=st.integers(1, 3),
    freshness=FRESH,
    rule=a_text("rule", 0, 500),
    forbidden_uses=st.lists(
        st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True), max_size=3
    ),
    difference=a_text("difference", 0, 1000),
    outlier_check=st.none() | CHECKS,
    **NAMES,
)
INDICATOR = st.builds(
    pb.Indicator,
    code=CODE,
    aggregation=st.integers(1, 6),
    formula=a_text("formula", 1, 500),
    completeness_weighted=st.booleans(),
    **NAMES,
)


@given(
    st.lists(ELEMENT, max_size=4, unique_by=lambda one: one.code),
    st.lists(INDICATOR, max_size=3, unique_by=lambda one: one.code),
)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_what_was_exported_is_imported_unchanged(
    elements: list[pb.Element], indicators: list[pb.Indicator]
) -> None:
    """Every field, whatever its text looks like to a spreadsheet."""
    rows = workbook.read(workbook.write(elements, indicators))

    assert list(rows.elements) == elements
    assert list(rows.indicators) == indicators


def test_an_empty_catalogue_is_the_form() -> None:
    """Whoever begins exports it and fills it in."""
    rows = workbook.read(workbook.write([], []))

    assert (list(rows.elements), list(rows.indicators)) == ([], [])


def test_the_same_catalogue_is_the_same_file() -> None:
    """So that two exports can be compared."""
    assert workbook.write([element("a")], []) == workbook.write([element("a")], [])


def filled(sheet: str, heading: str, value: Any, **over: Any) -> bytes:
    """Return an exported workbook in which one cell of the first row was changed."""
    rows: dict[str, tuple[Sequence[Column], Any]] = {
        columns.ELEMENT_SHEET: (columns.ELEMENTS, element("a", **over)),
        columns.INDICATOR_SHEET: (columns.INDICATORS, indicator("b", "a / a")),
    }
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    for name, (shown, message) in rows.items():
        page = book.add_worksheet(name)
        for at, column in enumerate(shown):
            page.write(0, at, column.heading)
            cell = column.show(message)
            mine = name == sheet and column.heading.startswith(heading)
            page.write(1, at, value if mine else cell)
    page = book.add_worksheet(columns.CODE_SHEET)
    heads = [columns.ELEMENT_OF, *(column.heading for column in columns.CODES)]
    page.write_row(0, 0, heads)
    for line, entry in enumerate(element("a", **over).codes, start=1):
        page.write_row(line, 0, ["a", entry.code, entry.name_zh, entry.name_en])
    book.close()
    return file.getvalue()


@pytest.mark.parametrize(
    ("sheet", "heading", "value", "cell"),
    [
        ("数据元", "类型", "整数", "数据元!E2"),
        ("数据元", "小数位数", 1.5, "数据元!G2"),
        ("数据元", "小数位数", "多", "数据元!G2"),
        ("数据元", "归口区划", 530102, "数据元!J2"),
        ("数据元", "鲜活度", "很久", "数据元!N2"),
        ("数据元", "停用", "也许", "数据元!T2"),
        ("指标", "聚合方式", "众数", "指标!F2"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(
    sheet: str, heading: str, value: Any, cell: str
) -> None:
    """Whoever filled it in finds it."""
    with pytest.raises(WorkbookInvalid) as caught:
        workbook.read(filled(sheet, heading, value))

    assert [each.field for each in caught.value.violations] == [cell]


@pytest.mark.parametrize(
    ("sheet", "heading", "value", "cell"),
    [
        ("数据元", "代码", "Not A Code", "数据元!A2"),
        ("数据元", "中文名称", "", "数据元!B2"),
        ("数据元", "类型", "", "数据元!E2"),
        ("数据元", "鲜活度", "", "数据元!N2"),
        ("数据元", "鲜活度", "0d", "数据元!N2"),
        ("数据元", "归口部门", "", "数据元!K2"),
        ("数据元", "异常阈值", 101, "数据元!S2"),
        ("数据元", "禁止用途", "Ranking", "数据元!P2"),
        ("指标", "公式", "", "指标!G2"),
    ],
)
def test_a_row_that_breaks_the_proto_is_named_by_its_cell(
    sheet: str, heading: str, value: Any, cell: str
) -> None:
    """The same rules as through the API, in the words of the workbook."""
    with pytest.raises(CatalogueRowsInvalid) as caught:
        workbook.read(filled(sheet, heading, value))

    assert [each.field for each in caught.value.violations] == [cell]


@pytest.mark.parametrize(
    ("said", "seconds"), [("30d", 2_592_000), ("30天", 2_592_000), ("12 小时", 43_200)]
)
def test_freshness_is_written_as_people_say_it(said: str, seconds: int) -> None:
    """In either language."""
    (row,) = workbook.read(filled("数据元", "鲜活度", said)).elements

    assert row.freshness.max_age.seconds == seconds


def test_faults_found_later_are_named_by_cells_too() -> None:
    """Choices of a code list by the sheet they stand in."""
    body = filled("", "", "", type=pb.VALUE_TYPE_CODE, codes=CHOICES)
    rows = workbook.read(body)

    assert list(rows.elements[0].codes) == CHOICES
    assert rows.where(Place("elements", 0, "codes[1].name_zh")) == "代码表!C3"
    assert rows.where(Place("elements", 0, "rule")) == "数据元!O2"
    assert rows.where(Place("elements", 0, "owner.division")) == "数据元!J2"
    assert rows.where(Place("indicators", 0, "formula")) == "指标!G2"


def test_a_choice_of_no_element_is_refused() -> None:
    """By its cell."""
    body = filled("数据元", "代码", "b", type=pb.VALUE_TYPE_CODE, codes=CHOICES)
    with pytest.raises(WorkbookInvalid) as caught:
        workbook.read(body)

    cells = [each.field for each in caught.value.violations]
    assert cells == ["代码表!A2", "代码表!A3"]
