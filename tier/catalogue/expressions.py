"""CEL: rules that a value must keep, formulas of indicators. No I/O.

CEL has no loops but its comprehension macros, which nothing here needs and `trials` refuses;
what is left takes time by the length of a rule, which is limited, and by its regular
expressions, which are tried out. So a rule from the catalogue may run on every value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import TypeAlias

from cel_expr_python import cel  # type: ignore[import-untyped] # stubs are not marked

from tier.catalogue.model import Element, Indicator, ValueType

Decoded: TypeAlias = float | str | bool | date
"""A value as a rule sees it: its type is the element's."""

LENGTH = 500
PROGRAMS = 8192
MEMORY = 65_536
MEMORABLE = 64
"""Longer texts are seldom seen twice, and would fill the memory."""

TYPES = {
    ValueType.NUMBER: cel.Type.DOUBLE,
    ValueType.MONEY: cel.Type.DOUBLE,
    ValueType.DATE: cel.Type.TIMESTAMP,
    ValueType.CODE: cel.Type.STRING,
    ValueType.TEXT: cel.Type.STRING,
    ValueType.BOOLEAN: cel.Type.BOOL,
}

# What CEL reads: texts and comments first, so that nothing inside them counts as a name.
TOKEN = re.compile(
    r"""
    //[^\n]*
    | (?: [rR][bB]? | [bB][rR] ) (?: \"{3}[\s\S]*?\"{3} | '{3}[\s\S]*?'{3} )
    | (?: [rR][bB]? | [bB][rR] ) (?: "[^"\n]*" | '[^'\n]*' )
    | [bB]? (?: \"{3}(?:\\[\s\S]|[^\\])*?\"{3} | '{3}(?:\\[\s\S]|[^\\])*?'{3} )
    | [bB]? (?: "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
    | 0[xX][0-9a-fA-F]+[uU]? | [0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[uU]?
    | (?P<name> [A-Za-z_]\w* (?: \s*\.\s* [A-Za-z_]\w* )*+ )
    """,
    re.VERBOSE | re.ASCII,
)


def names(expression: str) -> set[str]:
    """Return the dotted names in an expression, outside of texts and comments."""
    found = (match["name"] for match in TOKEN.finditer(expression))
    return {"".join(name.split()) for name in found if name}


def named(formula: str, codes: Collection[str]) -> tuple[str, ...]:
    """Return which of `codes` a formula names, by code.

    `a.b.c` names the longest code it begins with, as CEL resolves it.
    """
    found = set()
    for name in names(formula):
        parts = name.split(".")
        prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
        code = next((prefix for prefix in prefixes if prefix in codes), None)
        if code is not None:
            found.add(code)
    return tuple(sorted(found))


def allows(element: Element, value: Decoded) -> bool:
    """Whether a value keeps the element's rule.

    A rule that cannot be worked out for a value, as by a division by zero, is not kept.
    """
    if not element.rule:
        return True
    if isinstance(value, str) and len(value) > MEMORABLE:
        return holds(element.rule, element.type, value)
    return _remembered(element.rule, element.type, value)


def holds(rule: str, kind: ValueType, value: Decoded) -> bool:
    """Whether a value of a type keeps a rule, worked out anew."""
    if isinstance(value, date):
        value = datetime.combine(value, time(), UTC)
    return rule_program(rule, kind).eval(data={"value": value}).plain_value() is True


@lru_cache(MEMORY)
def _remembered(rule: str, kind: ValueType, value: Decoded) -> bool:
    # The type is part of the key, so that 1.0 and True stay apart.
    return holds(rule, kind, value)


@lru_cache(PROGRAMS)
def rule_program(rule: str, kind: ValueType) -> cel.Expression:
    """Compile a rule for values of a type.

    Raises:
        RuntimeError: it does not compile; the text says where.
    """
    return _environment(kind).compile(rule)


@lru_cache
def _environment(kind: ValueType) -> cel.Env:
    return cel.NewEnv(variables={"value": TYPES[kind]})


@lru_cache(PROGRAMS)
def formula_program(formula: str, codes: tuple[str, ...]) -> cel.Expression:
    """Compile a formula over the elements that it names.

    Raises:
        RuntimeError: it does not compile; the text says where.
    """
    variables = dict.fromkeys(codes, cel.Type.DOUBLE)
    return cel.NewEnv(variables=variables).compile(formula)


def evaluate(indicator: Indicator, numbers: Mapping[str, float]) -> float | None:
    """Return what an indicator's formula makes of the aggregate of each of its elements.

    None where it makes no number: a division by zero, or an element that has no aggregate.
    """
    if any(code not in numbers for code in indicator.elements):
        return None
    given = {code: float(numbers[code]) for code in indicator.elements}
    result = formula_program(indicator.formula, indicator.elements).eval(data=given)
    number = result.plain_value()
    return number if isinstance(number, float) and math.isfinite(number) else None
