"""What the catalogue takes: rows that fit together, and fit what was published before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ducha.catalogue.v1 import catalogue_pb2 as pb
from tests.catalogue import element, indicator
from tier.catalogue import Catalogue, Element, Indicator, Number, wire
from tier.catalogue.rules import MOST_ELEMENTS, RESERVED, Batch, faults, text_flaw

TOTAL, OLD = element("people.total", unit="人"), element("people.old", unit="人")
SHARE = indicator("people.share", "people.old / people.total * 100.0")


def catalogue(
    *elements: pb.Element, indicators: Sequence[pb.Indicator] = ()
) -> Catalogue:
    """Return a catalogue of one version."""
    read = [wire.element_from(one) for one in elements]
    numbered = [replace(one, number=Number(n)) for n, one in enumerate(read, start=1)]
    codes = {one.code for one in read}
    shown = [wire.indicator_from(one, codes) for one in indicators]
    return Catalogue(0, {}, {}).grown(1, numbered, shown)


def found(
    *rows: pb.Element | pb.Indicator, held: Catalogue | None = None
) -> list[tuple[str, str]]:
    """Return place and problem of everything that is wrong with rows."""
    held = held or catalogue()
    elements = [wire.element_from(row) for row in rows if isinstance(row, pb.Element)]
    codes = held.elements.keys() | {one.code for one in elements}
    indicators = [
        wire.indicator_from(row, codes) for row in rows if isinstance(row, pb.Indicator)
    ]
    batch = Batch(list(enumerate(elements)), list(enumerate(indicators)))
    return [(str(fault.place), fault.problem) for fault in faults(batch, held)]


def places(
    *rows: pb.Element | pb.Indicator, held: Catalogue | None = None
) -> list[str]:
    """Return the places of everything that is wrong with rows."""
    return [place for place, _ in found(*rows, held=held)]


def test_sound_rows_are_taken() -> None:
    """New, and once more as changes."""
    assert places(TOTAL, OLD, SHARE) == []
    assert (
        places(TOTAL, OLD, SHARE, held=catalogue(TOTAL, OLD, indicators=[SHARE])) == []
    )


LIST = [pb.CodeListEntry(code="a", name_zh="甲")]


@pytest.mark.parametrize(
    ("over", "place"),
    [
        ({"type": pb.VALUE_TYPE_CODE}, "codes"),
        ({"type": pb.VALUE_TYPE_TEXT, "codes": LIST}, "codes"),
        ({"type": pb.VALUE_TYPE_TEXT, "decimals": 2}, "decimals"),
        ({"type": pb.VALUE_TYPE_DATE, "unit": "人"}, "unit"),
        ({"owner": pb.Owner(division="530", name="某局")}, "owner.division"),
        (
            {
                "type": pb.VALUE_TYPE_TEXT,
                "outlier_check": pb.OutlierCheck(method=pb.OutlierCheck.METHOD_RANGE),
            },
            "outlier_check",
        ),
        *(({"code": f"a.{word}"}, "code") for word in sorted(RESERVED)),
        ({"code": "string"}, "code"),
    ],
)
def test_what_does_not_fit_together_is_named(over: dict[str, Any], place: str) -> None:
    """By the field to correct."""
    wrong = element(**{"code": "b"} | over)

    assert places(element("a"), wrong) == [f"elements[1].{place}"]


@pytest.mark.parametrize(
    ("over", "place"),
    [
        ({"type": pb.VALUE_TYPE_MONEY}, "type"),
        ({"decimals": 1}, "decimals"),
        ({"period_type": pb.PERIOD_TYPE_YEAR}, "period_type"),
        ({"collect_level": 6}, "collect_level"),
    ],
)
def test_what_values_were_kept_by_stays(over: dict[str, Any], place: str) -> None:
    """Scaled numbers of another scale would be other numbers."""
    ((where, problem),) = found(element("a", **over), held=catalogue(element("a")))

    assert where == f"elements[0].{place}"
    assert "publish a new element" in problem


def test_a_code_stands_in_one_row() -> None:
    """Within a table, over both, and against what is there."""
    taken = "elements[0].code"

    assert places(element("a"), element("a")) == ["elements[1].code"]
    assert places(TOTAL, OLD, SHARE, SHARE) == ["indicators[1].code"]
    assert set(places(OLD, TOTAL, indicator("people.old", SHARE.formula))) == {
        "indicators[0].code"
    }
    held = catalogue(TOTAL, OLD, indicators=[SHARE])
    assert places(element("people.share"), held=held) == [taken]
    assert places(indicator("people.old", SHARE.formula), held=held) == [
        "indicators[0].code"
    ]


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"type": pb.VALUE_TYPE_BOOLEAN, "unit": ""}, "is no number"),
        ({"period_type": pb.PERIOD_TYPE_YEAR}, "different periods"),
        ({"retired": True}, "is retired"),
    ],
)
def test_a_formula_names_live_numbers_of_one_period(
    over: dict[str, Any], said: str
) -> None:
    """Anything else has no aggregate to compute with."""
    other = pb.Element()
    other.CopyFrom(OLD)
    other.MergeFrom(pb.Element(**{k: v for k, v in over.items() if k != "unit"}))
    if not over.get("unit", "人"):
        other.unit = ""
    (problem,) = found(TOTAL, other, SHARE)

    assert problem[0] == "indicators[0].formula"
    assert said in problem[1]


def test_a_ratio_names_two() -> None:
    """A sum, a mean, a count may name one."""
    one = indicator("a", "people.old * 2.0")
    total = indicator("b", "people.old", aggregation=pb.AGGREGATION_SUM)

    assert places(OLD, one) == ["indicators[0].formula"]
    assert places(OLD, total) == []


def test_what_an_indicator_needs_is_not_retired() -> None:
    """Unless the indicator is retired with it."""
    held = catalogue(TOTAL, OLD, indicators=[SHARE])
    gone = element("people.old", unit="人", retired=True)
    ended = indicator(SHARE.code, SHARE.formula, retired=True)

    assert places(gone, held=held) == ["elements[0].retired"]
    assert places(gone, ended, held=held) == []


def test_numbers_end() -> None:
    """They are small integers in tables."""
    full: dict[Number, tuple[Element, ...]] = {
        Number(n): (replace(wire.element_from(TOTAL), code=f"e{n}", number=Number(n)),)
        for n in range(1, MOST_ELEMENTS + 1)
    }
    indicators: dict[str, Indicator] = {}

    assert places(TOTAL, held=Catalogue(1, full, indicators)) == ["elements[0].code"]


@pytest.mark.parametrize(
    "text",
    [" a", "a ", "\n", "a\tb", "a\nb", "a\x00b", "a\x07b", "a\ufffeb", "a\u2028b"],
)
def test_texts_a_table_cannot_hold_are_refused(text: str) -> None:
    """A name is one line, with nothing around it and nothing hidden in it."""
    assert text_flaw("name_zh", text)


def test_long_texts_may_have_lines() -> None:
    """Definitions are written by people."""
    assert text_flaw("definition", "第一行\n\t第二行") is None
    assert text_flaw("definition", "第一行\r\n第二行")


@given(st.text())
def test_a_text_that_passes_has_nothing_hidden(text: str) -> None:
    """Whatever comes."""
    if text_flaw("name_zh", text) is None:
        assert text == text.strip()
        assert not any(ord(char) < 32 for char in text)


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(range(1, 7)),
        "decimals": st.integers(0, 6),
        "unit": st.sampled_from(["", "人"]),
        "period_type": st.sampled_from(range(1, 7)),
        "retired": st.booleans(),
        "codes": st.sampled_from([[], LIST]),
    },
)


@given(st.lists(st.tuples(st.sampled_from("abc"), CHANGES), max_size=6))
def test_what_is_taken_twice_is_taken(rows: list[tuple[str, dict[str, Any]]]) -> None:
    """Rows that were taken are no fault when they come again."""
    given = [element(code, **over) for code, over in rows]

    if not found(*given):
        assert not found(*given, held=catalogue(*given))
