"""Answers go into their sheet, serve who waits, and close what nobody waits for any more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tier.jurisdiction import Code
from tier.registry import rules
from tier.registry.model import STAGE, Answer, Flag, Key, Need, Sheet
from tier.registry.values import kept_at

KEY = Key(Code("530102001"), "2026-11")
T0 = datetime(2026, 11, 1, tzinfo=UTC)
EMPTY = Sheet(KEY, date(2026, 11, 1))
WORDS = 5
"""The element whose values are texts."""

AGES: rules.Ages = {2: timedelta(hours=10), 4: timedelta(hours=40)}
elements = st.sampled_from(range(1, 7))
sets = st.frozensets(elements, min_size=1).map(sorted)
moments = st.integers(0, 100).map(lambda hours: T0 + timedelta(hours=hours))


@dataclass(frozen=True)
class Told:
    """An answer as its author means it: values by element, and who contests."""

    kept: dict[int, int | str]
    observed_at: datetime
    rivals: frozenset[int]
    confirmed: frozenset[int]
    prefilled: int


@st.composite
def tellings(draw: st.DrawFn) -> Told:
    """Return an answer of numbers, and a text for one element."""
    kept: dict[int, int | str] = {
        one: draw(st.text(max_size=3)) if one == WORDS else draw(st.integers(-9, 9))
        for one in draw(sets)
    }
    some = st.frozensets(st.sampled_from(sorted(kept)))
    return Told(
        kept, draw(moments), draw(some), draw(some), draw(st.integers(0, len(kept)))
    )


def an_answer(told: Told, place: int, sheet: Sheet) -> Answer:
    """Write an answer as a township does: only what is held can be contested."""
    contested = told.rivals & set(sheet.elements)
    numbers, texts, flags = [], [], []
    for element, kept in told.kept.items():
        flag = Flag.UNCHANGED if element in told.confirmed else 0
        if isinstance(kept, str):
            texts.append(kept)
            numbers.append(len(texts))
            flag |= Flag.TEXT
        else:
            numbers.append(kept)
        flags.append(flag | Flag.CONTESTED if element in contested else flag)
    return Answer(
        UUID(int=place), KEY, list(told.kept), numbers, flags, texts, told.observed_at,
        told.prefilled, [UUID(int=1000 + one) for one in contested],
    )  # fmt: skip


@st.composite
def needs(draw: st.DrawFn) -> list[Need]:
    """Return who waits, whoever asked first coming first."""
    created = sorted(draw(st.lists(moments, max_size=4)))
    return [
        Need(
            UUID(int=place), KEY, at, at + timedelta(days=place + 1), tuple(draw(sets))
        )
        for place, at in enumerate(created)
    ]


def values(sheet: Sheet) -> dict[int, tuple[int | str, UUID, int]]:
    """Return what a sheet holds: value, answer and flags of each element."""
    return {
        element: (
            kept_at(number, flag, tuple(sheet.texts)),
            sheet.answers[given_by - 1],
            flag,
        )
        for element, number, given_by, flag in zip(
            sheet.elements, sheet.numbers, sheet.given, sheet.flags, strict=True
        )
    }


@given(st.lists(tellings(), max_size=6), needs())
def test_answers_in_order_leave_what_a_reader_would_say(
    told: list[Told], waiting: list[Need]
) -> None:
    """The newest uncontested value of each element stands; all answers are named."""
    sheet, expected = EMPTY, dict[int, tuple[int | str, UUID, int]]()
    for place, one in enumerate(told):
        answer = an_answer(one, place, sheet)
        waiting = rules.serve(waiting, answer, AGES)
        before = values(sheet)
        sheet = rules.take(sheet, answer, waiting)
        for element, flag in zip(answer.elements, answer.flags, strict=True):
            if flag & Flag.CONTESTED:
                assert values(sheet)[element] == before[element]
            else:
                expected[element] = (one.kept[element], answer.fact_id, flag)

    assert values(sheet) == expected
    assert list(sheet.elements) == sorted(expected)
    assert [fact.int for fact in sheet.answers] == list(range(len(told)))
    assert list(sheet.observed) == [one.observed_at for one in told]
    assert sheet.revision == len(told)


@given(st.lists(tellings(), min_size=1, max_size=5), needs())
def test_a_task_asks_exactly_what_somebody_waits_for(
    told: list[Told], waiting: list[Need]
) -> None:
    """After every answer: the union of all needs, due when the first of these is due."""
    sheet = EMPTY
    for place, one in enumerate(told):
        answer = an_answer(one, place, sheet)
        waiting = rules.serve(waiting, answer, AGES)
        sheet = rules.take(sheet, answer, waiting)
        still = [need for need in waiting if need.waiting]

        assert list(sheet.asked) == sorted({e for need in still for e in need.waiting})
        assert sheet.deadline == min((need.deadline for need in still), default=None)


@given(tellings(), needs())
def test_an_answer_serves_whom_it_is_fresh_enough_for(
    told: Told, waiting: list[Need]
) -> None:
    """Judged by when each asked, element by element; an old one leaves them waiting."""
    held = rules.take(EMPTY, an_answer(told, 0, EMPTY), [])
    answer = an_answer(told, 1, held)
    served = rules.serve(waiting, answer, AGES)

    assert [one.request_id for one in served] == [one.request_id for one in waiting]
    for before, after in zip(waiting, served, strict=True):
        came = {
            element
            for element in told.kept
            if element not in told.rivals
            and rules.is_fresh(told.observed_at, AGES.get(element), before.created_at)
        }
        assert after.waiting == tuple(e for e in before.waiting if e not in came)
        if after.waiting == before.waiting:
            assert after is before


@given(tellings(), needs())
def test_what_was_confirmed_or_filled_in_is_counted_once(
    told: Told, waiting: list[Need]
) -> None:
    """However many wait for a field, and whichever of them came first."""
    answer = an_answer(told, 0, EMPTY)
    served = rules.serve(waiting, answer, AGES)
    came = {
        element
        for before, after in zip(waiting, served, strict=True)
        for element in set(before.waiting) - set(after.waiting)
    }

    confirmed = came & told.confirmed
    corrected = max(0, told.prefilled - len(told.confirmed))

    assert sum(one.confirmed for one in served) == len(confirmed)
    assert sum(one.prefilled for one in served) == len(confirmed) + min(
        corrected, len(came - confirmed)
    )


@given(tellings(), st.integers(1, 3))
def test_the_short_way_of_a_plain_answer_comes_to_the_same(
    told: Told, count: int
) -> None:
    """All wait for just what is given (rows hold lists): as if each field were looked at."""
    plain = replace(told, confirmed=frozenset())
    answer = an_answer(plain, 0, EMPTY)
    slow = [
        Need(UUID(int=n), KEY, T0, T0 + timedelta(days=1), tuple(plain.kept))
        for n in range(count)
    ]
    fast = [replace(need, waiting=list(plain.kept)) for need in slow]
    served = rules.serve(fast, answer, AGES)

    assert [replace(one, waiting=tuple(one.waiting)) for one in served] == rules.serve(
        slow, answer, AGES
    )


@given(tellings(), needs())
def test_an_answer_that_comes_twice_serves_once(
    told: Told, waiting: list[Need]
) -> None:
    """Nothing is left to serve; nobody is counted again."""
    answer = an_answer(told, 0, EMPTY)
    once = rules.serve(waiting, answer, AGES)

    assert rules.serve(once, answer, AGES) == once


@given(tellings(), tellings(), needs())
def test_a_rival_in_force_is_the_value_it_was(
    first: Told, second: Told, waiting: list[Need]
) -> None:
    """With its own answer and without the mark of a conflict; the others stay."""
    second = replace(second, rivals=frozenset(second.kept))
    sheet = rules.take(EMPTY, an_answer(first, 0, EMPTY), [])
    rival = an_answer(second, 1, sheet)
    contested = rules.take(sheet, rival, waiting)
    for element, flag in zip(rival.elements, rival.flags, strict=True):
        if not flag & Flag.CONTESTED:
            continue
        decided = rules.put_in_force(contested, rival, element, waiting)
        others = {e: kept for e, kept in values(contested).items() if e != element}

        assert values(decided)[element] == (
            second.kept[element], rival.fact_id, flag & ~Flag.CONTESTED,
        )  # fmt: skip
        assert {e: v for e, v in values(decided).items() if e != element} == others
        assert list(decided.answers) == list(contested.answers)


@given(tellings(), tellings(), st.integers(1, 4))
def test_a_new_value_is_approved_by_nobody(
    first: Told, second: Told, stage: int
) -> None:
    """What was approved stays so until it is given anew."""
    sheet = rules.take(EMPTY, an_answer(first, 0, EMPTY), [])
    approved = replace(sheet, flags=[flag | stage * STAGE for flag in sheet.flags])
    after = rules.take(approved, an_answer(second, 1, approved), [])
    for element, (_, fact_id, flag) in values(after).items():
        expected = stage if fact_id == UUID(int=0) else 0
        assert rules.stage_of(flag) == expected, element


def test_a_conflict_nobody_decides_falls_to_the_owner() -> None:
    """Only where the owner gave the rival and not what stands."""
    assert rules.default_is_rival("53", "530102001", "53")
    assert not rules.default_is_rival("53", "53", "53")
    assert not rules.default_is_rival("53", "530102001", "5301")
