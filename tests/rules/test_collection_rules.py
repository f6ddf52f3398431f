"""What becomes of a value: taken, the same, contested or refused; late; out of the ordinary."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from services.township.collection import forms, rules
from services.township.collection.model import (
    COUNT,
    LARGEST,
    SMALLEST,
    SQUARES,
    TOTAL,
    Given,
    Histories,
)
from services.township.collection.rules import Draft, No
from tier.catalogue import (
    Element,
    OutlierMethod,
    Owner,
    PeriodType,
    Sensitivity,
    ValueType,
)
from tier.catalogue.model import Number
from tier.jurisdiction import Code, Level
from tier.registry.model import Flag, Key, Sheet

KEY, EARLIER = Key(Code("530102001"), "2026-11"), Key(Code("530102001"), "2026-10")
NOW = datetime(2026, 11, 20, tzinfo=UTC)
ELEMENTS = st.integers(1, 6)
VALUES = st.integers(-3, 3) | st.sampled_from(["甲", "乙"])
CELLS = st.dictionaries(ELEMENTS, VALUES)
NUMBERS = st.integers(-(10**6), 10**6)


def a_sheet(
    key: Key, cells: Mapping[int, tuple[int | str, int]], asked: set[int]
) -> Sheet:
    """Return a sheet that holds (value, revision) of elements, of three answers."""
    numbers, texts = [], []
    for element in sorted(cells):
        kept, _ = cells[element]
        if isinstance(kept, str):
            texts.append(kept)
            numbers.append(len(texts))
        else:
            numbers.append(kept)
    return Sheet(
        key,
        date(2026, 11, 1),
        asked=sorted(asked),
        deadline=NOW if asked else None,
        elements=sorted(cells),
        numbers=numbers,
        given=[cells[element][1] for element in sorted(cells)],
        flags=[
            Flag.TEXT if isinstance(cells[element][0], str) else 0
            for element in sorted(cells)
        ],
        answers=[UUID(int=n) for n in range(3)],
        observed=[NOW + timedelta(minutes=n) for n in range(3)],
        texts=texts,
    )


@st.composite
def sheets(draw: st.DrawFn, key: Key = KEY) -> Sheet:
    """Sheets that hold some cells, and on which some are asked."""
    cells = draw(st.dictionaries(ELEMENTS, st.tuples(VALUES, st.integers(1, 3))))
    return a_sheet(key, cells, draw(st.sets(ELEMENTS)))


@st.composite
def givens(draw: st.DrawFn) -> Given:
    """Answers that give some elements and confirm others, from some revision or none."""
    kept = draw(CELLS)
    return Given(
        place=0,
        key=KEY,
        kept=kept,
        unchanged=frozenset(draw(st.sets(ELEMENTS)) - kept.keys()),
        all_unchanged=draw(st.booleans()),
        observed_at=NOW,
        device="",
        base_revision=draw(st.none() | st.integers(0, 3)),
        reason=draw(st.sampled_from(["", " ", "更正"])),
        author_division=KEY.division,
    )


def punctual(asked: bool) -> bool:  # noqa: FBT001 - as the rule calls it
    """Say that nothing is late."""
    return False


def drafted(
    given: Given, sheet: Sheet, before: Mapping[int, int | str] | None = None
) -> Draft:
    return rules.draft(given, sheet, before or {}, punctual)


@drawn(givens(), sheets(), CELLS)
def test_each_value_has_exactly_one_fate(
    given: Given, sheet: Sheet, before: dict[int, int | str]
) -> None:
    """Taken, the same as before, or refused; and nothing else is touched."""
    draft = drafted(given, sheet, before)
    named = {*given.kept, *given.unchanged}
    touched = {*draft.kept, *draft.refused}

    assert not draft.kept.keys() & draft.refused.keys()
    assert draft.kept.keys() == draft.flags.keys()
    assert touched <= named | set(sheet.asked)
    if not given.all_unchanged:
        assert len(touched) + draft.same == len(named)


@drawn(givens(), sheets())
def test_a_value_that_stands_changes_only_asked_or_for_a_reason(
    given: Given, sheet: Sheet
) -> None:
    """And never by one who did not know of it: he is contested."""
    draft = drafted(given, sheet)
    held = rules.values_in_force(sheet)
    for element, kept in given.kept.items():
        known = held.get(element)
        changes = known is not None and known.kept != kept
        unseen = known is not None and given.is_before(known.revision)
        flag = draft.flags.get(element, 0)

        assert bool(flag & Flag.CONTESTED) == (changes and unseen)
        if changes and element in draft.kept and not unseen:
            assert element in sheet.asked or given.reason.strip()
        if draft.refused.get(element) is No.UNREASONED:
            assert changes
            assert element not in sheet.asked
        if known is None:
            assert draft.kept[element] == kept


@drawn(givens(), sheets(), CELLS)
def test_confirming_never_changes_what_stands(
    given: Given, sheet: Sheet, before: dict[int, int | str]
) -> None:
    """It takes the value that stands, or the one of the period before; never one unseen."""
    draft = drafted(replace(given, kept={}, reason="更正"), sheet, before)
    held = rules.values_in_force(sheet)
    for element, kept in draft.kept.items():
        known = held.get(element)

        assert draft.flags[element] == Flag.UNCHANGED
        assert kept == (before[element] if known is None else known.kept)
        assert known is None or not given.is_before(known.revision)
    for element, no in draft.refused.items():
        assert no is No.NOTHING_TO_CONFIRM
        assert element in given.unchanged
        assert element not in {*held, *before}


@drawn(sheets(), sheets(EARLIER), st.sets(ELEMENTS))
def test_all_unchanged_takes_exactly_what_the_form_fills_in(
    sheet: Sheet, earlier: Sheet, forbidden: set[int]
) -> None:
    """Whoever says "all as shown" says no more, and no less, than was shown."""
    form = forms.fill(sheet, earlier, lambda element, kept: element not in forbidden)
    before = {
        element: held.kept for element, held in rules.values_in_force(earlier).items()
    }
    word = Given(
        0, KEY, {}, frozenset(), True, NOW, "", None, "", KEY.division  # noqa: FBT003 - the word
    )  # fmt: skip
    draft = drafted(word, sheet, before)

    taken = {e: kept for e, kept in draft.kept.items() if e not in forbidden}
    assert {element: one.kept for element, one in form.filled.items()} == taken
    assert not draft.refused
    for element, one in form.filled.items():
        assert one.period == (KEY if element in form.held else EARLIER).period


@drawn(givens(), sheets(), st.booleans(), st.booleans())
def test_late_is_what_came_after_its_time(
    given: Given,
    sheet: Sheet,
    asked_late: bool,  # noqa: FBT001 - drawn
    unasked_late: bool,  # noqa: FBT001 - drawn
) -> None:
    """An asked value by its deadline, another by its period; nothing is refused for it."""
    plain = drafted(given, sheet)
    draft = rules.draft(
        given, sheet, {}, lambda asked: asked_late if asked else unasked_late
    )

    assert draft.kept == plain.kept
    for element, flag in draft.flags.items():
        late = asked_late if element in sheet.asked else unasked_late
        assert flag == plain.flags[element] | (Flag.LATE if late else 0)


def test_a_deadline_is_kept_to_the_moment() -> None:
    """At the deadline it is on time, after it late; a period is over when it closes."""
    after = NOW + timedelta(microseconds=1)

    assert not rules.is_late(NOW, NOW, after)(True)  # noqa: FBT003 - asked
    assert rules.is_late(after, NOW, after)(True)  # noqa: FBT003 - asked
    assert rules.is_late(NOW, None, NOW)(False)  # noqa: FBT003 - not asked
    assert not rules.is_late(NOW, None, after)(False)  # noqa: FBT003 - not asked


@drawn(st.lists(st.tuples(st.integers(1, 3), NUMBERS), min_size=1))
def test_what_is_remembered_is_the_sum_of_what_stands(
    steps: list[tuple[int, int]],
) -> None:
    """Values of periods, corrected in any order: counts and sums as of the last of each."""
    histories: Histories = {}
    stands: dict[int, int] = {}
    for period, value in steps:
        rules.remember(histories, 1, stands.get(period), value)
        stands[period] = value
    history = histories[1]

    assert history[COUNT] == len(stands)
    assert history[TOTAL] == sum(stands.values())
    assert history[SQUARES] == sum(value * value for value in stands.values())
    assert history[SMALLEST] == min(value for _, value in steps)
    assert history[LARGEST] == max(value for _, value in steps)


def an_element(**over: Any) -> Element:
    """Return an element; what tells outliers is `over`."""
    fields: dict[str, Any] = {
        "number": Number(1), "code": "x", "version": 1, "name_zh": "", "name_en": "",
        "definition": "", "type": ValueType.NUMBER, "unit": "", "decimals": 0,
        "code_list": {}, "period_type": PeriodType.MONTH,
        "collect_level": Level.TOWNSHIP, "owner": Owner(Code("53"), ""),
        "sensitivity": Sensitivity.PUBLIC, "max_age": None, "rule": "",
        "forbidden_uses": frozenset(), "difference": "",
        "outlier_method": OutlierMethod.Z_SCORE, "outlier_threshold": 0.0,
        "retired": False, "body": b"",
    }  # fmt: skip
    return Element(**fields | over)


def remembered(values: list[int]) -> Histories:
    histories: Histories = {}
    for value in values:
        rules.remember(histories, 1, None, value)
    return histories


@drawn(st.lists(NUMBERS, min_size=4), NUMBERS, st.sampled_from([0.0, 1.0, 2.5]))
def test_an_outlier_lies_so_many_deviations_away(
    values: list[int], value: int, threshold: float
) -> None:
    """As textbooks have it: beyond three standard deviations, or as many as the element says."""
    history = remembered(values)[1]
    mean, deviation = statistics.fmean(values), statistics.pstdev(values)
    distance = abs(value - mean) / deviation if deviation else math.nan
    limit = threshold or rules.Z_SCORE
    found = rules.is_outlier(an_element(outlier_threshold=threshold), history, value)

    # At the limit, and where all values are almost alike, doubles do not decide the same.
    if deviation > abs(mean) * 1e-3 and abs(distance - limit) > 1e-3:
        assert found == (distance > limit)


@drawn(st.lists(NUMBERS, min_size=4), st.data())
def test_nothing_within_what_was_seen_is_out_of_range(
    values: list[int], data: st.DataObject
) -> None:
    """Between the smallest and the largest is ordinary; far beyond either is not."""
    history = remembered(values)[1]
    element = an_element(outlier_method=OutlierMethod.RANGE)
    inside = data.draw(st.integers(min(values), max(values)))
    room = max(values) - min(values) or abs(max(values)) or 1

    assert not rules.is_outlier(element, history, inside)
    assert rules.is_outlier(element, history, max(values) + room + 1)
    assert rules.is_outlier(element, history, min(values) - room - 1)


@pytest.mark.parametrize("method", list(OutlierMethod))
def test_a_short_past_says_nothing(method: OutlierMethod) -> None:
    """With fewer than four periods nothing is out of the ordinary."""
    element = an_element(outlier_method=method)

    assert not rules.is_outlier(element, None, 10**9)
    assert not rules.is_outlier(element, remembered([1, 1, 1])[1], 10**9)


def test_an_element_may_be_exempt() -> None:
    """Whatever its past."""
    element = an_element(outlier_method=OutlierMethod.NONE)

    assert not rules.is_outlier(element, remembered([1, 1, 1, 1, 1])[1], 10**9)
