"""The columns of the catalogue's workbook: what each shows of a row, and reads into one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from google.protobuf.duration_pb2 import Duration

from ducha.catalogue.v1 import catalogue_pb2 as pb
from tier.runtime.workbook import Cell, CellWrong

Shown: TypeAlias = str | float
"""What a cell holds; an empty text is an empty cell."""

UNTIL_CLOSED = "周期结束 period"
YES, NO = "是 yes", "否 no"
DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*(\S+)")
SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
UNITS = {
    **SECONDS,
    "天": 86400,
    "日": 86400,
    "小时": 3600,
    "时": 3600,
    "分": 60,
    "秒": 1,
}
SPLIT = re.compile(r"[\s,，;；、]+")
INT32 = 2**31

TYPES = {
    1: "数值 number",
    2: "金额 money",
    3: "日期 date",
    4: "代码 code",
    5: "文本 text",
    6: "是否 boolean",
}
PERIODS = {
    1: "日 day",
    2: "周 week",
    3: "月 month",
    4: "季 quarter",
    5: "年 year",
    6: "事件 event",
}
LEVELS = {4: "乡镇 township", 5: "村 village", 6: "网格 grid"}
SENSITIVITIES = {1: "公开 public", 2: "内部 internal", 3: "敏感 restricted"}
METHODS = {1: "标准分 z_score", 2: "极差 range", 3: "不检查 none"}
AGGREGATIONS = {
    1: "求和 sum",
    2: "平均 mean",
    3: "最小 min",
    4: "最大 max",
    5: "计数 count",
    6: "比率 ratio",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `field` is the path of what it shows."""

    heading: str
    field: str
    width: int
    show: Callable[[Any], Shown]
    read: Callable[[Any, Cell], None]
    choices: Sequence[str] = ()


def _end(message: Any, path: str) -> tuple[Any, str]:
    """Return the message that holds the last field of a path, and its name."""
    *parts, last = path.split(".")
    for part in parts:
        message = getattr(message, part)
    return message, last


def _value(message: Any, path: str) -> Any:
    holder, name = _end(message, path)
    return getattr(holder, name)


def _put(message: Any, path: str, value: Any) -> None:
    """Set a field, unless to what it is anyway: no empty messages around it."""
    if value:
        holder, name = _end(message, path)
        setattr(holder, name, value)


def _text(heading: str, field: str, width: int) -> Column:
    """Return a column of texts."""
    return Column(
        heading,
        field,
        width,
        lambda message: str(_value(message, field)),
        lambda message, cell: _put(message, field, cell.text()),
    )


def _choice(heading: str, field: str, words: Mapping[int, str]) -> Column:
    """Return a column of enum values, by their words in either language or both."""
    numbers = {}
    for number, word in words.items():
        for name in (word, *word.split(" ")):
            numbers[name.casefold()] = number

    def read(message: Any, cell: Cell) -> None:
        said = cell.text().casefold()
        if said and said not in numbers:
            offered = ", ".join(words.values())
            raise CellWrong(cell.place, f"is none of（应为其中之一）: {offered}")
        _put(message, field, numbers.get(said, 0))

    def show(message: Any) -> Shown:
        return words.get(_value(message, field), "")

    return Column(heading, field, 14, show, read, tuple(words.values()))


def _flag(heading: str, field: str) -> Column:
    """Return a column of yes and no; empty is no."""
    words = {name: word == YES for word in (YES, NO) for name in (word, *word.split())}

    def read(message: Any, cell: Cell) -> None:
        if isinstance(cell.value, bool):
            _put(message, field, cell.value)
            return
        said = cell.text().casefold()
        if said and said not in words:
            raise CellWrong(cell.place, f"is neither {YES} nor {NO}（应为是或否）")
        _put(message, field, words.get(said, False))

    def show(message: Any) -> Shown:
        return YES if _value(message, field) else NO

    return Column(heading, field, 10, show, read, (YES, NO))


def _number(heading: str, field: str) -> Column:
    """Return a column of numbers; empty is 0."""

    def show(message: Any) -> Shown:
        number = float(_value(message, field))
        # Workbooks keep 16 digits of a number; a text keeps all.
        return number if number == float(f"{number:.16G}") else repr(number)

    return Column(
        heading,
        field,
        10,
        lambda message: show(message) or "",
        lambda message, cell: _put(message, field, cell.number()),
    )


def _whole(heading: str, field: str) -> Column:
    """Return a column of whole numbers; empty is 0."""

    def read(message: Any, cell: Cell) -> None:
        number = cell.number()
        if number != int(number) or abs(number) >= INT32:
            raise CellWrong(cell.place, "is no whole number（应为整数）")
        _put(message, field, int(number))

    return Column(
        heading, field, 10, lambda message: float(_value(message, field)) or "", read
    )


def _show_freshness(message: pb.Element) -> Shown:
    freshness = message.freshness
    if not freshness.HasField("max_age"):
        return UNTIL_CLOSED
    age = freshness.max_age
    for unit, seconds in SECONDS.items():
        if not age.nanos and age.seconds % seconds == 0:
            return f"{age.seconds // seconds}{unit}"
    return f"{age.seconds}.{age.nanos:09}s"


def _read_freshness(message: pb.Element, cell: Cell) -> None:
    said = cell.text()
    if not said:
        return
    if said.casefold() in {UNTIL_CLOSED, *UNTIL_CLOSED.split()}:
        message.freshness.until_period_closes = True
        return
    match = DURATION.fullmatch(said)
    unit = UNITS.get(match[2].casefold()) if match else None
    if match is None or unit is None:
        problem = f"is neither {UNTIL_CLOSED} nor such as 30d, 12h（如 30天、12小时）"
        raise CellWrong(cell.place, problem)
    age = Decimal(match[1]) * unit
    seconds = int(age)
    nanos = int((age - seconds) * 10**9)
    message.freshness.max_age.CopyFrom(Duration(seconds=seconds, nanos=nanos))


def _read_uses(message: pb.Element, cell: Cell) -> None:
    message.forbidden_uses.extend(filter(None, SPLIT.split(cell.text())))


CODE = _text("代码 code", "code", 28)
NAMES = (
    CODE,
    _text("中文名称 name_zh", "name_zh", 24),
    _text("英文名称 name_en", "name_en", 28),
    _text("定义 definition", "definition", 40),
)
OWNER = (
    _text("归口区划 owner_division", "owner.division", 12),
    _text("归口部门 owner_name", "owner.name", 18),
)
ELEMENTS = (
    *NAMES,
    _choice("类型 type", "type", TYPES),
    _text("计量单位 unit", "unit", 10),
    _whole("小数位数 decimals", "decimals"),
    _choice("周期 period_type", "period_type", PERIODS),
    _choice("采集层级 collect_level", "collect_level", LEVELS),
    *OWNER,
    _text("法定依据 legal_basis", "legal_basis", 30),
    _choice("敏感级别 sensitivity", "sensitivity", SENSITIVITIES),
    Column("鲜活度 freshness", "freshness", 16, _show_freshness, _read_freshness),
    _text("校验规则 rule", "rule", 30),
    Column(
        "禁止用途 forbidden_uses",
        "forbidden_uses",
        18,
        lambda message: ", ".join(message.forbidden_uses),
        _read_uses,
    ),
    _text("区别说明 difference", "difference", 30),
    _choice("异常检查 outlier_method", "outlier_check.method", METHODS),
    _number("异常阈值 outlier_threshold", "outlier_check.threshold"),
    _flag("停用 retired", "retired"),
)
INDICATORS = (
    *NAMES,
    _text("计量单位 unit", "unit", 10),
    _choice("聚合方式 aggregation", "aggregation", AGGREGATIONS),
    _text("公式 formula", "formula", 40),
    _flag("完整率加权 completeness_weighted", "completeness_weighted"),
    *OWNER,
    _flag("停用 retired", "retired"),
)
# Rows of this one belong to an element, by its code.
ELEMENT_OF = "数据元代码 element"
CODES = (
    _text("代码 code", "code", 20),
    _text("中文名称 name_zh", "name_zh", 30),
    _text("英文名称 name_en", "name_en", 30),
)
ELEMENT_SHEET, INDICATOR_SHEET, CODE_SHEET = "数据元", "指标", "代码表"
