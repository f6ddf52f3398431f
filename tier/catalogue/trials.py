"""What is wrong with a rule or a formula: asked before it enters the catalogue. No I/O.

Every node will run it on every value, so it must compile, give what is asked for, and
take no longer than `LONGEST` on the worst values we could think of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time
from time import thread_time
from typing import Any

from cel_expr_python import cel  # type: ignore[import-untyped] # stubs are not marked

from tier.catalogue.expressions import (
    LENGTH,
    Decoded,
    formula_program,
    named,
    rule_program,
)
from tier.catalogue.model import ValueType

LONGEST = 0.005
"""Seconds of this thread; the shortest of `RUNS`, so that a busy machine refuses nothing."""
RUNS = 3

NUMBERS: Sequence[Decoded] = (0.0, 1.0, -1.0, 0.5, 100.0, 1e9, -1e9, 1e15)
DATES: Sequence[Decoded] = (
    date(1900, 1, 1),
    date(1970, 1, 1),
    date(2026, 11, 22),
    date(2400, 2, 29),
)
# The longest texts, and some that would be costly as patterns.
TEXTS: Sequence[Decoded] = (
    "",
    "a",
    "0",
    "530102199001011234",
    "a" * 2000,
    "中" * 2000,
    "a0 中-" * 400,
    r"(\pL{1,30}){33}",
    "(.{31}){31}" * 4,
)
EDGES: Mapping[ValueType, Sequence[Decoded]] = {
    ValueType.NUMBER: NUMBERS,
    ValueType.MONEY: NUMBERS,
    ValueType.DATE: DATES,
    ValueType.CODE: TEXTS,
    ValueType.TEXT: TEXTS,
    ValueType.BOOLEAN: (True, False),
}

# What the macros all, exists, exists_one, filter and map compile to.
LOOP = b"@result"

OVERLOAD = "no matching overload"
UNDECLARED = "undeclared reference"
DEEP = ("recursion limit", "recursion depth")

TOO_LONG = f"is longer than {LENGTH} characters（超过 {LENGTH} 个字符）"
TOO_DEEP = "is nested too deeply（嵌套过深）"
LOOPS = "uses a macro (all, exists, exists_one, filter, map); they are not allowed（不允许使用宏）"
TOO_SLOW = (
    f"takes longer than {LONGEST * 1000:.0f} ms for some value（对某些值计算过慢）"
)
NEVER = "cannot be worked out for any value: {why}（对任何值都无法计算）"
NO_ELEMENT = "names no element of the catalogue（未引用任何数据元）"
NO_NUMBER = "gives no finite number for any values（对任何值都得不到有限数值）"


def rule_flaw(rule: str, kind: ValueType, more: Sequence[str] = ()) -> str | None:
    """Say what is wrong with a rule for values of a type; `more` are values to try as well."""
    if not rule:
        return None
    compiled = _compiled(rule, lambda: rule_program(rule, kind))
    if isinstance(compiled, str):
        return compiled
    if compiled.return_type() != cel.Type.BOOL:
        given = compiled.return_type().name()
        return f"gives {given}, not true or false（结果应为真或假，实为 {given}）"
    values = [{"value": _seen(value)} for value in (*EDGES[kind], *more)]
    return _tried(compiled, values)


def formula_flaw(formula: str, codes: Collection[str]) -> str | None:
    """Say what is wrong with a formula over elements that have these codes."""
    elements = named(formula, codes)
    compiled = _compiled(formula, lambda: formula_program(formula, elements))
    if isinstance(compiled, str):
        return compiled
    if compiled.return_type() != cel.Type.DOUBLE:
        given = compiled.return_type().name()
        return f"gives {given}, not a decimal number（结果应为小数，实为 {given}）"
    if not elements:
        return NO_ELEMENT
    rows = [
        dict.fromkeys(elements, 0.0),
        dict.fromkeys(elements, 1e15),
        {code: float(place + 1) for place, code in enumerate(elements)},
        {code: 1.0 / (place + 2) for place, code in enumerate(elements)},
    ]
    flaw = _tried(compiled, rows)
    if flaw is None and not any(_finite(compiled, row) for row in rows):
        return NO_NUMBER
    return flaw


def _compiled(text: str, compiler: Callable[[], Any]) -> Any:
    """Return the compiled expression, or what is wrong with it."""
    if len(text) > LENGTH:
        return TOO_LONG
    try:
        compiled = compiler()
        looping = LOOP in compiled.serialize()
    except (RuntimeError, TypeError, UnicodeError) as wrong:
        return _explained(str(wrong))
    return LOOPS if looping else compiled


def _explained(error: str) -> str:
    """Write what the compiler says in one line, with a hint."""
    if any(sign in error for sign in DEEP):
        return TOO_DEEP
    first = error.partition("\n")[0].removesuffix(" [INVALID_ARGUMENT]")
    first = first.removeprefix("INVALID_ARGUMENT: ").removeprefix("ERROR: ")
    text = f"does not compile（无法编译）: {first.replace('<input>:', 'at ')[:160]}"
    if OVERLOAD in error and "int" in error.partition("\n")[0]:
        return f"{text}; write 0.0, not 0（小数请写 0.0，不写 0）"
    if UNDECLARED in error:
        return f"{text}; no such name, check the code（无此名称，请核对代码）"
    return text


def _seen(value: Decoded) -> Any:
    """Return a value as CEL takes it."""
    return datetime.combine(value, time(), UTC) if isinstance(value, date) else value


def _tried(compiled: Any, rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Work an expression out for each row: it must be quick, and work for one at least."""
    failures = []
    for row in rows:
        if min(_seconds(compiled, row) for _ in range(RUNS)) > LONGEST:
            return TOO_SLOW
        result = compiled.eval(data=row)
        if result.type() == cel.Type.ERROR:
            failures.append(str(result.plain_value()))
    if len(failures) == len(rows):
        return NEVER.format(why=failures[0].removeprefix("INVALID_ARGUMENT: ")[:120])
    return None


def _seconds(compiled: Any, row: Mapping[str, Any]) -> float:
    began = thread_time()
    compiled.eval(data=row)
    return thread_time() - began


def _finite(compiled: Any, row: Mapping[str, float]) -> bool:
    number = compiled.eval(data=row).plain_value()
    return isinstance(number, float) and abs(number) < float("inf")
