"""Values between what people write and what is kept: exact integers and texts. Pure.

A number is kept in units of its last decimal, so that sums are exact whatever their order; a
date as days since 1970; yes as 1. Texts and codes are kept beside the numbers, by place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tier.catalogue.expressions import allows
from tier.catalogue.model import Element, ValueType
from tier.registry.model import Flag

LARGEST = 10**13
"""Of a scaled number: the sum over a province's grids still fits 64 bits, with room."""

EPOCH = date(1970, 1, 1).toordinal()
LAST_DAY = date.max.toordinal()

Given = float | str | bool | date


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a value cannot be taken, for the one who gave it."""

    problem: str


def keep(element: Element, given: Given) -> int | str | Wrong:
    """Return a value as it is kept (a text as itself), or what is wrong with it."""
    kept: int | str | Wrong
    match element.type:
        case ValueType.NUMBER | ValueType.MONEY:
            kept = _scaled(element, given)
        case ValueType.BOOLEAN if isinstance(given, bool):
            kept = int(given)
        case ValueType.DATE if isinstance(given, date):
            kept = given.toordinal() - EPOCH
        case ValueType.CODE if isinstance(given, str):
            kept = _coded(element, given)
        case ValueType.TEXT if isinstance(given, str):
            kept = _said(given)
        case _:
            kept = Wrong(
                f"a value of type {element.type.name.lower()} is wanted（类型不符）"
            )
    if not isinstance(kept, Wrong) and element.rule and not allows(element, given):
        return Wrong(f"breaks the rule {element.rule}（不符合校验规则）")
    return kept


def shown(element: Element, kept: int | str) -> Given:
    """Return a kept value as people write it."""
    if isinstance(kept, str):
        return kept
    match element.type:
        case ValueType.BOOLEAN:
            return bool(kept)
        case ValueType.DATE:
            return date.fromordinal(kept + EPOCH)
        case _:
            return scaled_back(element, kept)


def scaled_back(element: Element, number: float) -> float:
    """Return a number, or a sum or mean of numbers, in the element's unit."""
    return number / _SCALES[element.decimals]


def kept_at(number: int, flag: int, texts: list[str] | tuple[str, ...]) -> int | str:
    """Return a value of a sheet or answer by its columns: a text by its place."""
    return texts[number - 1] if flag & Flag.TEXT else number


def is_allowed(element: Element, kept: int | str) -> bool:
    """Whether a value that came over a link is one that its element allows."""
    if isinstance(kept, str):
        if element.type is ValueType.CODE:
            return kept in element.code_list
        return element.type is ValueType.TEXT and (
            not element.rule or allows(element, kept)
        )
    if element.type.is_text or abs(kept) > LARGEST:
        return False
    if element.type is ValueType.BOOLEAN and kept not in {0, 1}:
        return False
    if element.type is ValueType.DATE and not 1 <= kept + EPOCH <= LAST_DAY:
        return False
    return not element.rule or allows(element, shown(element, kept))


_SCALES = tuple(float(10**decimals) for decimals in range(7))


def _scaled(element: Element, given: Given) -> int | Wrong:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return Wrong("a number is wanted（应为数值）")
    if not -LARGEST <= given <= LARGEST:  # nor what is no number
        return Wrong(f"{given!r} is too large（数值过大）")
    scale = _SCALES[element.decimals]
    scaled = round(given * scale)
    if scaled / scale != given:
        return Wrong(
            f"{given!r} has more than {element.decimals} decimals"
            f"（最多 {element.decimals} 位小数）"
        )
    if abs(scaled) > LARGEST:
        return Wrong(f"{given!r} is too large（数值过大）")
    return scaled


def _said(given: str) -> str | Wrong:
    if not given.strip():
        return Wrong("an empty text says nothing（内容为空）")
    return Wrong("a text holds a NUL（含空字符）") if "\0" in given else given


def _coded(element: Element, given: str) -> str | Wrong:
    if given in element.code_list:
        return given
    offered = ", ".join(list(element.code_list)[:10])
    return Wrong(f"{given!r} is not in the code list: {offered}（不在代码表中）")
