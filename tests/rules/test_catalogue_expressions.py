"""Rules and formulas in CEL: what they may say, and that none can hurt a node."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalogue import element, indicator
from tier.catalogue import Element, ValueType, allows, evaluate, wire
from tier.catalogue.expressions import Decoded, named, names
from tier.catalogue.trials import LOOPS, NEVER, TOO_DEEP, TOO_LONG, TOO_SLOW
from tier.catalogue.trials import formula_flaw as flaw_of_formula
from tier.catalogue.trials import rule_flaw as flaw_of_rule

SAMPLES: dict[ValueType, Decoded] = {
    ValueType.NUMBER: 1.0,
    ValueType.MONEY: 1.0,
    ValueType.DATE: date(2026, 11, 22),
    ValueType.CODE: "a",
    ValueType.TEXT: "a",
    ValueType.BOOLEAN: True,
}
CODES = ("a", "a.b", "a.b.c", "population.total", "population.old")
HOSTILE = [
    "!" * 499 + "v",
    "!" * 5000,
    "(" * 250 + "value" + ")" * 249,
    "(" * 100_000,
    "[" * 499,
    "{" * 499,
    "-" * 498 + "value",
    "value" + "+value" * 82,
    "value ? " * 62,
    "😀" * 500,
    "中" * 500,
    "\0",
    "'\0",
    "value\0 > 0.0",
    "\ud800",
    "'",
    '"""',
    "r'''",
    "value." * 80,
    "." * 500,
    "value.matches('" + "(a*)*" * 90 + "')",
    "value.matches(value)",
    r"value.matches('(\\pL{1,30}){33}')",
    "value.matches('" + "(.{31}){31}" * 4 + "')",
    "[1].map(x, [1].map(y, [1].map(z, x + y + z))).size() > 0",
]


def an_element(rule: str, kind: ValueType = ValueType.NUMBER) -> Element:
    """Return an element with a rule, as the catalogue holds it."""
    return replace(wire.element_from(element("a")), rule=rule, type=kind)


def rule_flaw(rule: str, kind: ValueType = ValueType.NUMBER) -> str:
    return flaw_of_rule(rule, kind) or ""


def formula_flaw(formula: str) -> str:
    return flaw_of_formula(formula, CODES) or ""


@pytest.mark.parametrize(
    ("kind", "rule", "value", "kept"),
    [
        (ValueType.NUMBER, "value >= 0.0 && value <= 100.0", 100.0, True),
        (ValueType.NUMBER, "value >= 0.0 && value <= 100.0", 100.5, False),
        (ValueType.MONEY, "value > 0.0", 0.01, True),
        (
            ValueType.DATE,
            "value >= timestamp('2000-01-01T00:00:00Z')",
            date(2000, 1, 1),
            True,
        ),
        (ValueType.DATE, "value.getFullYear() > 2000", date(2000, 12, 31), False),
        (ValueType.CODE, "value in ['a', 'b']", "b", True),
        (ValueType.TEXT, "value.matches('^[0-9]{17}[0-9X]$')", "5" * 18, True),
        (ValueType.TEXT, "value.matches('^[0-9]{17}[0-9X]$')", "5" * 17, False),
        (ValueType.TEXT, "size(value) <= 100", "中" * 101, False),
        (ValueType.BOOLEAN, "value", False, False),
    ],
)
def test_a_rule_is_kept_or_not(
    kind: ValueType, rule: str, value: Decoded, *, kept: bool
) -> None:
    """Each type in CEL's own: a double, a timestamp, a string, a bool."""
    assert not rule_flaw(rule, kind)
    assert allows(an_element(rule, kind), value) is kept


@pytest.mark.parametrize("kind", list(ValueType))
def test_no_rule_allows_all(kind: ValueType) -> None:
    """Most elements have none."""
    assert not rule_flaw("", kind)
    assert allows(an_element("", kind), SAMPLES[kind])


def test_a_rule_that_cannot_be_worked_out_is_not_kept() -> None:
    """A division by zero says no, not "internal error"."""
    element = an_element("10 / int(value) > 1")

    assert allows(element, 2.0)
    assert not allows(element, 0.0)


def test_memory_keeps_types_apart() -> None:
    """1.0 and True are equal to Python; to a rule they are not."""
    number = an_element("value == 1.0")
    boolean = an_element("value", ValueType.BOOLEAN)

    assert [allows(number, 1.0), allows(boolean, value=True)] == [True, True]
    assert [allows(number, 0.0), allows(boolean, value=False)] == [False, False]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("value >= 0", "write 0.0, not 0"),
        ("value + 1.0", "gives DOUBLE, not true or false"),
        ("dyn(value)", "gives DYN"),
        ("total >= 0.0", "no such name"),
        ("value >=", "does not compile"),
        ("value >= 0.0 " + " " * 500, TOO_LONG),
        ("(" * 40 + "value" + ")" * 40 + " > 0.0", TOO_DEEP),
        ("[value].all(x, x > 0.0)", LOOPS),
        ("[value] . \n exists(x, x > 0.0)", LOOPS),
        ("[value].exists_one(x, x > 0.0)", LOOPS),
        ("[value].map(x, x) == [value]", LOOPS),
        ("[value].filter(x, x > 0.0).size() > 0", LOOPS),
        ("timestamp('never') == timestamp('ever')", NEVER.partition("{")[0]),
    ],
)
def test_a_refused_rule_says_why(rule: str, said: str) -> None:
    """The words help who wrote it."""
    assert said in rule_flaw(rule)


def test_a_text_that_looks_like_a_macro_is_a_text() -> None:
    """Only what is worked out counts."""
    assert not rule_flaw("value != '[1].all(x, x > 0)'", ValueType.TEXT)


@pytest.mark.parametrize(
    "pattern", [r"(\\pL{1,30}){33}", "(.{31}){31}" * 4, ".{500}.{500}.{500}.{500}"]
)
def test_a_pattern_that_costs_too_much_is_refused(pattern: str) -> None:
    """Regular expressions have no backtracking here, but size is cost."""
    assert rule_flaw(f"value.matches('{pattern}')", ValueType.TEXT)


def test_a_pattern_may_not_come_from_a_value() -> None:
    """Else whoever reports chooses what the node works on."""
    assert rule_flaw("value.matches(value)", ValueType.TEXT) == TOO_SLOW


@pytest.mark.parametrize("kind", list(ValueType))
@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_takes_the_process_down(hostile: str, kind: ValueType) -> None:
    """Deep, long, broken: each is judged at once, whatever the verdict."""
    began = time.thread_time()
    rule_flaw(hostile, kind)
    formula_flaw(hostile)

    assert time.thread_time() - began < 5


@given(st.text(max_size=600))
def test_any_text_is_judged(text: str) -> None:
    """No exception but a verdict; what passes can be worked out."""
    if not rule_flaw(text):
        assert allows(an_element(text), 1.0) in {True, False}
    formula_flaw(text)


@given(
    st.lists(
        st.sampled_from(
            ["value", "1.0", "'a'", "(", ")", "+", "/", "&&", "!", ">", "? true :", "["]
        ),
        max_size=40,
    )
)
def test_any_expression_is_judged(parts: list[str]) -> None:
    """Nearer to CEL than any text is."""
    rule = " ".join(parts)

    if not rule_flaw(rule):
        assert allows(an_element(rule), 1.0) in {True, False}


def test_names_stand_outside_of_texts_and_comments() -> None:
    """What CEL does not read as a name is none."""
    text = """a.b + "c.d" + 'e' + r'f\\' // g.h
        + i . j * 1.5e3 + '''k'l''' + b"m" + \"\"\"n \\\"\"\" o\"\"\" + p"""

    assert names(text) == {"a.b", "i.j", "p"}


def test_the_longest_code_is_meant() -> None:
    """As CEL resolves names."""
    assert named("a.b.c + a.b + a.x", CODES) == ("a", "a.b", "a.b.c")
    assert named("a . b\n.c", CODES) == ("a.b.c",)
    assert named("'a.b' == 'x' // a.b", CODES) == ()


def test_a_formula_is_worked_out() -> None:
    """Codes stand for numbers."""
    formula = "population.old / population.total * 100.0"
    ratio = wire.indicator_from(indicator("share", formula), CODES)

    assert not formula_flaw(formula)
    assert evaluate(ratio, {"population.old": 1, "population.total": 8, "a": 3}) == 12.5


@pytest.mark.parametrize(
    "numbers",
    [
        {"population.old": 1.0, "population.total": 0.0},
        {"population.old": 0.0, "population.total": 0.0},
        {"population.old": 1.0},
    ],
)
def test_no_number_is_no_result(numbers: dict[str, float]) -> None:
    """A division by zero, nothing over nothing, an element without values."""
    formula = "population.old / population.total"
    ratio = wire.indicator_from(indicator("share", formula), CODES)

    assert evaluate(ratio, numbers) is None


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("population.olds / population.total", "no such name"),
        ("population.total * 100", "write 0.0, not 0"),
        ("population.total > 1.0", "gives BOOL"),
        ("1.0 / 2.0", "names no element"),
        ("population.total / 0.0", "no finite number"),
        ("[a].map(x, x)[0]", LOOPS),
        ("double(string(a) + 'x')", NEVER.partition("{")[0]),
        ("a" + " + a" * 130, TOO_LONG),
    ],
)
def test_a_refused_formula_says_why(formula: str, said: str) -> None:
    """The words help who wrote it."""
    assert said in formula_flaw(formula)
