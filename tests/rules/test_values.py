"""Values between what people write and what is kept: exact, and the same on every tier."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ducha.catalogue.v1 import catalogue_pb2 as pb
from tests import catalogue
from tier.catalogue import Element, ValueType
from tier.catalogue import wire as catalogue_wire
from tier.registry import values
from tier.registry.model import Flag
from tier.registry.values import EPOCH, LARGEST, Given, Wrong

CHOICES = [
    pb.CodeListEntry(code=code, name_zh=f"模拟{code}", name_en=code)
    for code in ("y", "n")
]


def an_element(kind: ValueType, **over: Any) -> Element:
    """Return an element of a type, its codes y and n."""
    fields: dict[str, Any] = {"type": int(kind)}
    if kind is ValueType.CODE:
        fields["codes"] = CHOICES
    return catalogue_wire.element_from(catalogue.element("x", **fields | over))


ELEMENTS = {kind: an_element(kind) for kind in ValueType}
SCALED = [an_element(ValueType.NUMBER, decimals=count) for count in range(7)]
RULED = an_element(ValueType.NUMBER, rule="value >= 0.0 && value < 100.0", decimals=2)

things: st.SearchStrategy[Given] = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**14), 10**14).map(float),
    st.booleans(),
    st.dates(),
    st.text(max_size=8),
    st.sampled_from(["y", "n"]),
)
elements = st.sampled_from([*ELEMENTS.values(), *SCALED, RULED])


@given(elements, things)
def test_what_a_township_takes_every_tier_takes(element: Element, given: Given) -> None:
    """A value that was entered is never put aside above; and it is shown as it was given."""
    kept = values.keep(element, given)
    if isinstance(kept, Wrong):
        assert kept.problem
        return

    assert values.is_allowed(element, kept)
    assert values.shown(element, kept) == given


@given(elements, st.integers(-(2**63), 2**63 - 1) | st.text(max_size=4))
def test_what_is_allowed_can_be_shown(element: Element, kept: int | str) -> None:
    """Whatever comes over a link: it is refused, or any reader can read it."""
    if values.is_allowed(element, kept):
        shown = values.shown(element, kept)

        assert isinstance(shown, str) == element.type.is_text


@given(st.integers(0, 6), st.integers(-LARGEST, LARGEST))
def test_decimals_are_exact(decimals: int, scaled: int) -> None:
    """A number with as many decimals as its element has is kept to the last digit."""
    written = float(Decimal(scaled).scaleb(-decimals))
    element = SCALED[decimals]

    assert values.keep(element, written) == scaled
    assert values.scaled_back(element, scaled) == written


@given(st.integers(0, 5), st.integers(-(10**9), 10**9))
def test_a_decimal_too_many_is_refused(decimals: int, scaled: int) -> None:
    """Nothing is rounded in silence."""
    digit = scaled * 10 + 5
    written = float(Decimal(digit).scaleb(-decimals - 1))

    assert isinstance(values.keep(SCALED[decimals], written), Wrong)


@pytest.mark.parametrize("given", [1e14, -1e14, 1e308, -1e308, math.inf, -math.inf])
@pytest.mark.parametrize("decimals", [0, 6])
def test_a_number_too_large_is_refused_and_breaks_nothing(
    decimals: int, given: float
) -> None:
    """Also where scaling it would leave what a float holds."""
    assert isinstance(values.keep(SCALED[decimals], given), Wrong)


def test_a_number_that_is_none_is_refused() -> None:
    """No sum would survive it."""
    assert isinstance(values.keep(SCALED[2], math.nan), Wrong)


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        (ValueType.BOOLEAN, True, 1),
        (ValueType.BOOLEAN, False, 0),
        (ValueType.DATE, date(1970, 1, 1), 0),
        (ValueType.DATE, date(1969, 12, 31), -1),
        (ValueType.CODE, "y", "y"),
        (ValueType.TEXT, "无", "无"),
        (ValueType.NUMBER, 3.0, 3),
        (ValueType.MONEY, -2.0, -2),
    ],
)
def test_each_type_is_kept_in_its_way(
    kind: ValueType, given: Given, kept: int | str
) -> None:
    """Numbers for all that can be summed or compared, texts as they are."""
    assert values.keep(ELEMENTS[kind], given) == kept


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (ValueType.BOOLEAN, 1.0), (ValueType.NUMBER, True), (ValueType.NUMBER, "3"),
        (ValueType.DATE, "2026-11-01"), (ValueType.CODE, "x"), (ValueType.CODE, ""),
        (ValueType.TEXT, " "), (ValueType.TEXT, 3.0), (ValueType.MONEY, 0.5),
    ],
)  # fmt: skip
def test_another_type_is_refused(kind: ValueType, given: Given) -> None:
    """Yes is not one, a text of digits is no number, and blanks say nothing."""
    assert isinstance(values.keep(ELEMENTS[kind], given), Wrong)


@pytest.mark.parametrize(
    ("element", "kept"),
    [
        (ELEMENTS[ValueType.BOOLEAN], 2),
        (ELEMENTS[ValueType.DATE], -EPOCH),
        (ELEMENTS[ValueType.DATE], date.max.toordinal() - EPOCH + 1),
        (ELEMENTS[ValueType.TEXT], 1),
        (ELEMENTS[ValueType.CODE], "x"),
        (ELEMENTS[ValueType.NUMBER], "3"),
        (ELEMENTS[ValueType.NUMBER], LARGEST + 1),
        (RULED, 10_000),
        (RULED, -1),
    ],
)
def test_what_could_not_be_entered_is_not_allowed(
    element: Element, kept: int | str
) -> None:
    """Every tier looks again, whoever sent it."""
    assert not values.is_allowed(element, kept)


def test_a_text_is_read_by_its_place() -> None:
    """The number of a text is its place, from one; of all else the value itself."""
    assert values.kept_at(2, Flag.TEXT, ("a", "b")) == "b"
    assert values.kept_at(2, Flag.LATE, ("a", "b")) == 2
