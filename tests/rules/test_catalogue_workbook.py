"""The catalogue as a workbook: there and back unchanged; what is wrong is named by cells."""

from __future__ import annotations

import io
from collections.abc import Sequence
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
from tier.runtime.workbook import WorkbookInvalid

CHOICES = [
    pb.CodeListEntry(code="1", name_zh="甲", name_en="first"),
    pb.CodeListEntry(code="02", name_zh="乙"),
]


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
