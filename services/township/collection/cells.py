"""Values in the cells of a workbook: how each type is shown, offered and read."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, TypeAlias

from ducha.registry.v1 import registry_pb2
from tier.catalogue import Element, ValueType
from tier.registry import values
from tier.runtime.workbook import Cell, CellWrong

Shown: TypeAlias = str | float | date

YES, NO = "是", "否"
TRUTHS = {YES: True, "true": True, "yes": True, NO: False, "false": False, "no": False}
LONGEST = 2000
OFFER_CHARS = 255  # of a list that Excel offers
CODES_SHOWN = 60
FORMATS = {ValueType.DATE: "yyyy-mm-dd", ValueType.CODE: "@", ValueType.TEXT: "@"}


def show(element: Element, kept: int | str) -> Shown:
    """Return a kept value as its cell shows it."""
    given = values.shown(element, kept)
    if isinstance(given, bool):
        return YES if given else NO
    return given


def number_format(element: Element) -> str:
    """Return how Excel shows cells of an element; texts stay texts, `01` too."""
    if element.type in {ValueType.NUMBER, ValueType.MONEY}:
        return f"0.{'0' * element.decimals}" if element.decimals else "0"
    return FORMATS.get(element.type, "General")


def offer(element: Element) -> dict[str, Any] | None:
    """Return what Excel lets one enter; None where a list would be too long."""
    match element.type:
        case ValueType.NUMBER | ValueType.MONEY:
            most = values.scaled_back(element, values.LARGEST)
            kind = "decimal" if element.decimals else "integer"
            rule = {"criteria": "between", "minimum": -most, "maximum": most}
            return {"validate": kind, **rule}
        case ValueType.DATE:
            rule = {"criteria": ">=", "value": date(1900, 1, 1)}
            return {"validate": "date", **rule}
        case ValueType.BOOLEAN:
            return {"validate": "list", "source": [YES, NO]}
        case ValueType.CODE:
            codes = list(element.code_list)
            plain = "," not in "".join(codes)
            fits = len(",".join(codes)) <= OFFER_CHARS and plain
            return {"validate": "list", "source": codes} if fits else None
        case _:
            rule = {"criteria": "<=", "value": LONGEST}
            return {"validate": "length", **rule}


def note(element: Element) -> str:
    """Return what is said of an element above its column."""
    lines = [element.definition, f"{element.code}"]
    if element.unit:
        lines.append(f"单位 unit: {element.unit}")
    if element.rule:
        lines.append(f"校验规则 rule: {element.rule}")
    codes = [f"{code} = {name}" for code, name in element.code_list.items()]
    lines += codes[:CODES_SHOWN]
    return "\n".join(line for line in lines if line)


def read(code: str, element: Element | None, cell: Cell) -> registry_pb2.Value:
    """Read what stands in a cell that is not empty; of no element, as it is written.

    Raises:
        CellWrong: it is not of the element's type.
    """
    kind = ValueType.TEXT if element is None else element.type
    match kind:
        case ValueType.NUMBER | ValueType.MONEY:
            return registry_pb2.Value(element=code, number=cell.number())
        case ValueType.DATE:
            return registry_pb2.Value(element=code, date=_day(cell).isoformat())
        case ValueType.BOOLEAN:
            return registry_pb2.Value(element=code, boolean=_truth(cell))
        case _:
            return registry_pb2.Value(element=code, text=_text(cell, element))


def _day(cell: Cell) -> date:
    value = cell.value
    if isinstance(value, datetime):
        if value.time() == time():
            return value.date()
    elif isinstance(value, date):
        return value
    elif isinstance(value, str):
        try:
            return datetime.strptime(value.strip(), "%Y-%m-%d").date()  # noqa: DTZ007 - a day
        except ValueError:
            pass
    raise CellWrong(cell.place, "is no day such as 2026-11-23（应为日期）")


def _truth(cell: Cell) -> bool:
    if isinstance(cell.value, bool):
        return cell.value
    found = TRUTHS.get(str(cell.value).strip().lower())
    if found is None:
        raise CellWrong(cell.place, f"is neither {YES} nor {NO}（应为{YES}或{NO}）")
    return found


def _text(cell: Cell, element: Element | None) -> str:
    text = str(cell.value).strip() if element is None else cell.text()
    if len(text) > LONGEST:
        raise CellWrong(cell.place, f"is longer than {LONGEST} characters（文字过长）")
    if "\0" in text:
        raise CellWrong(cell.place, "holds a NUL character（含空字符）")
    return text
