"""What the catalogue takes. Pure; what a rule or formula may be is judged by `trials`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tier.catalogue.model import (
    Aggregation,
    Catalogue,
    Element,
    Fault,
    Indicator,
    OutlierMethod,
    Place,
    ValueType,
)
from tier.jurisdiction import parse

ELEMENTS, INDICATORS = "elements", "indicators"
MOST_ELEMENTS = 32_000
"""Numbers are small integers in tables."""

NUMERIC = frozenset({ValueType.NUMBER, ValueType.MONEY})
# A formula could not say these: words of CEL, as a part of a code or as all of it.
RESERVED = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
    ]
)
TYPES = frozenset(
    [
        "bool",
        "bytes",
        "double",
        "duration",
        "dyn",
        "int",
        "list",
        "map",
        "null_type",
        "string",
        "timestamp",
        "type",
        "uint",
    ]
)
# The scaled numbers of a type, its periods and who gives it are in every value kept.
FIXED = {
    "type": "type（类型）",
    "decimals": "decimals（小数位数）",
    "period_type": "period type（周期）",
    "collect_level": "collect level（采集层级）",
}
LINES = frozenset({"definition", "legal_basis", "difference", "rule", "formula"})
"""Texts that may have more than one line."""

Problem = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that are new or changed, each with its place in what was given."""

    elements: Sequence[tuple[int, Element]]
    indicators: Sequence[tuple[int, Indicator]]


def text_flaw(field: str, text: str) -> str | None:
    """Say what is wrong with a text of a row, whatever it means."""
    if text != text.strip():
        return "begins or ends with a space（首尾有空白）"
    allowed = "\n\t" if field in LINES else ""
    odd = (char for char in text if char not in allowed and _unwritable(char))
    char = next(odd, None)
    if char is None:
        return None
    return f"holds the character U+{ord(char):04X}（含有不可用字符）"


def _unwritable(char: str) -> bool:
    """Whether a character has no place in a table of texts, or none in XML."""
    if char in "\ufffe\uffff":
        return True
    return unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}


def faults(batch: Batch, catalogue: Catalogue) -> list[Fault]:
    """Return everything that keeps rows from being taken, but rules, formulas and twins."""
    found = list(_repeats(batch))
    for row, element in batch.elements:
        known = catalogue.elements.get(element.code)
        problems = [*_element(element), *_changes(element, known)]
        if element.code in catalogue.indicators:
            problems.append(("code", "is an indicator's code（已用作指标代码）"))
        found += _placed(ELEMENTS, row, problems)
    after = _after(batch, catalogue)
    for row, indicator in batch.indicators:
        found += _placed(INDICATORS, row, _indicator(indicator, after))
    found += _orphans(batch, catalogue, after)
    coming = {element.code for _, element in batch.elements}
    if len(coming | catalogue.elements.keys()) > MOST_ELEMENTS:
        why = f"is one too many: at most {MOST_ELEMENTS}（数据元数量超限）"
        found += _placed(ELEMENTS, batch.elements[-1][0], [("code", why)])
    return found


def _placed(table: str, row: int, problems: Iterable[Problem]) -> Iterator[Fault]:
    for field, problem in problems:
        yield Fault(Place(table, row, field), problem)


def _after(batch: Batch, catalogue: Catalogue) -> Mapping[str, Element]:
    """Return the elements as they would be."""
    coming = {element.code: element for _, element in batch.elements}
    return {**catalogue.elements, **coming}


def _repeats(batch: Batch) -> Iterator[Fault]:
    """Find codes that stand in two rows."""
    seen: set[str] = set()
    tables = ((ELEMENTS, batch.elements), (INDICATORS, batch.indicators))
    for table, rows in tables:
        for row, one in rows:
            if one.code in seen:
                why = f"{one.code} stands in another row too（代码与其他行重复）"
                yield Fault(Place(table, row, "code"), why)
            seen.add(one.code)


def _element(element: Element) -> Iterator[Problem]:
    """Say what does not fit together in an element."""
    yield from _code(element.code)
    numeric = element.type in NUMERIC
    if element.type is ValueType.CODE and not element.code_list:
        yield "codes", "is empty; a code needs its list（代码型须有代码表）"
    if element.type is not ValueType.CODE and element.code_list:
        yield "codes", "only a code has a list（仅代码型有代码表）"
    if element.decimals and not numeric:
        yield "decimals", "only numbers have decimals（仅数值和金额有小数位）"
    if element.unit and not numeric:
        yield "unit", "only numbers have a unit（仅数值和金额有计量单位）"
    if not numeric and element.outlier_method is OutlierMethod.RANGE:
        yield "outlier_check", "only numbers are compared（仅数值和金额可检查异常）"
    yield from _owner(element.owner.division)


def _code(code: str) -> Iterator[Problem]:
    """Find words that a formula could not say."""
    words = [part for part in code.split(".") if part in RESERVED]
    if code in TYPES:
        words.append(code)
    if words:
        yield "code", f"{words[0]} is a word of CEL; use another（{words[0]} 为保留字）"


def _owner(division: str) -> Iterator[Problem]:
    try:
        parse(division)
    except ValueError as wrong:
        yield "owner.division", f"{wrong}（不是行政区划代码）"


def _changes(element: Element, known: Element | None) -> Iterator[Problem]:
    """Find changes that would give another meaning to values kept."""
    if known is None:
        return
    for field, name in FIXED.items():
        if getattr(element, field) != getattr(known, field):
            was = getattr(known, field)
            shown = was.name if hasattr(was, "name") else was
            yield (
                field,
                (
                    f"the {name} of a published element stays {shown}; publish a new element"
                    "（已发布的数据元不得更改此项，请另立数据元）"
                ),
            )


def _indicator(
    indicator: Indicator, elements: Mapping[str, Element]
) -> Iterator[Problem]:
    """Say what does not fit between an indicator and the elements it names."""
    yield from _code(indicator.code)
    if indicator.code in elements:
        yield "code", "is an element's code（已用作数据元代码）"
    named = [elements[code] for code in indicator.elements if code in elements]
    if indicator.aggregation is Aggregation.RATIO and len(named) == 1:
        yield (
            "formula",
            "a ratio names two elements or more（比率须引用两个以上数据元）",
        )
    for element in named:
        if element.type not in NUMERIC:
            yield "formula", f"{element.code} is no number（不是数值或金额）"
        if element.retired and not indicator.retired:
            yield "formula", f"{element.code} is retired（已停用）"
    if len({element.period_type for element in named}) > 1:
        periods = ", ".join(f"{one.code} {one.period_type.name}" for one in named)
        yield "formula", f"names elements of different periods: {periods}（周期不一致）"


def _orphans(
    batch: Batch, catalogue: Catalogue, after: Mapping[str, Element]
) -> Iterator[Fault]:
    """Find elements to be retired that an indicator still needs."""
    coming = {indicator.code for _, indicator in batch.indicators}
    needed = {
        code: indicator.code
        for indicator in catalogue.indicators.values()
        if not indicator.retired and indicator.code not in coming
        for code in indicator.elements
    }
    for row, element in batch.elements:
        if after[element.code].retired and element.code in needed:
            why = f"indicator {needed[element.code]} needs it（仍被该指标引用）"
            yield Fault(Place(ELEMENTS, row, "retired"), why)
