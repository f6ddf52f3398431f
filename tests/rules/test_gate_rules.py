"""The ask gate decides: fresh is never asked, asked is never asked again, stale is confirmed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tier.jurisdiction import Code
from tier.registry import rules
from tier.registry.model import Key, Outcome, Sheet, Split

KEY = Key(Code("530102001"), "2026-11")
START = date(2026, 11, 1)
T0 = datetime(2026, 11, 1, tzinfo=UTC)
ELEMENTS = range(1, 9)
DEADLINE = T0 + timedelta(days=30)

hours = st.integers(0, 100).map(lambda count: timedelta(hours=count))
moments = hours.map(lambda later: T0 + later)
sets = st.frozensets(st.sampled_from(ELEMENTS)).map(sorted)
all_ages = st.dictionaries(st.sampled_from(ELEMENTS), hours)


@st.composite
def sheets(draw: st.DrawFn) -> Sheet:
    """Return a sheet with some values, each of one of some answers, and some asks."""
    elements, asked = draw(sets), draw(sets)
    observed = draw(st.lists(moments, min_size=1, max_size=4))
    places = st.integers(1, len(observed))
    given_by = [draw(places) for _ in elements]
    return Sheet(
        KEY, START, asked, DEADLINE if asked else None, elements, [0] * len(elements),
        given_by, [0] * len(elements), [UUID(int=n) for n in range(len(observed))],
        observed,
    )  # fmt: skip


def observed_at(sheet: Sheet, element: int) -> datetime | None:
    """Return when a value that is held was seen."""
    if element not in sheet.elements:
        return None
    return sheet.observed[sheet.given[list(sheet.elements).index(element)] - 1]


def cells(split: Split) -> list[int]:
    """Return every element that was decided, with repetitions."""
    return [one for elements in split.by_outcome.values() for one in elements]


@given(st.none() | sheets(), sets, all_ages, moments)
def test_each_cell_has_exactly_one_outcome(
    sheet: Sheet | None, wanted: list[int], ages: rules.Ages, at: datetime
) -> None:
    """Nothing is lost, nothing doubled, nothing invented; each group is ascending."""
    split = rules.judge(sheet, wanted, ages, at)

    assert sorted(cells(split)) == wanted
    assert all(list(group) == sorted(group) for group in split.by_outcome.values())
    assert sorted((*split.served, *split.waiting)) == wanted
    assert list(split.waiting) == sorted(split.waiting)


@given(sheets(), sets, all_ages, moments)
def test_what_was_decided_follows_from_what_is_held_and_asked(
    sheet: Sheet, wanted: list[int], ages: rules.Ages, at: datetime
) -> None:
    """Fresh: served, even where it is asked. Else asked: joined. Else held: confirm."""
    for outcome, elements in rules.judge(sheet, wanted, ages, at).by_outcome.items():
        for element in elements:
            seen = observed_at(sheet, element)
            fresh = seen is not None and rules.is_fresh(seen, ages.get(element), at)
            expected = (
                Outcome.SERVED if fresh
                else Outcome.JOINED if element in sheet.asked
                else Outcome.CONFIRM if seen is not None
                else Outcome.COLLECT
            )  # fmt: skip
            assert outcome is expected


@given(sets, sets, all_ages, moments)
def test_where_nothing_is_known_all_is_collected(
    asked: list[int], wanted: list[int], ages: rules.Ages, at: datetime
) -> None:
    """A sheet that holds nothing serves and confirms nothing."""
    sheet = Sheet(KEY, START, asked, DEADLINE if asked else None)
    split = rules.judge(sheet, wanted, ages, at)

    assert rules.judge(None, wanted, ages, at).collect == tuple(wanted)
    assert split.served == split.confirm == ()
    assert set(split.joined) == set(wanted) & set(asked)


@given(sheets(), sets, all_ages, moments, moments)
def test_who_asks_second_asks_nothing_new(
    sheet: Sheet, wanted: list[int], ages: rules.Ages, at: datetime, later: datetime
) -> None:
    """Once asked, a cell is joined until it is answered, whenever the next one comes."""
    first = rules.judge(sheet, wanted, ages, at)
    after = rules.ask(sheet, first.waiting, DEADLINE)
    second = rules.judge(after, first.waiting, ages, max(at, later))

    assert second.collect == second.confirm == second.served == ()
    assert second.joined == first.waiting
    assert rules.ask(after, second.waiting, DEADLINE) == after


@given(moments, hours, moments)
def test_freshness_only_ever_ends(seen: datetime, age: timedelta, at: datetime) -> None:
    """Good until its last moment, that one included; without an age, for good."""
    assert rules.is_fresh(seen, None, at)
    assert rules.is_fresh(seen, age, seen + age)
    assert not rules.is_fresh(seen, age, seen + age + timedelta(microseconds=1))
    if not rules.is_fresh(seen, age, at):
        assert not rules.is_fresh(seen, age, at + timedelta(hours=1))


@given(sheets(), sets, moments)
def test_a_task_is_due_when_the_first_of_its_askers_wants_it(
    sheet: Sheet, elements: list[int], deadline: datetime
) -> None:
    """Asks are a set in order; a task that asks nothing has no day."""
    after = rules.ask(sheet, elements, deadline)

    assert list(after.asked) == sorted({*sheet.asked, *elements})
    assert (after.deadline is None) == (not after.asked)
    if after.asked and elements:
        assert after.deadline == min(sheet.deadline or deadline, deadline)


@st.composite
def two_opinions(draw: st.DrawFn) -> tuple[Split, Split]:
    """Return two ways to decide the same cells."""
    wanted = draw(sets)
    opinions = []
    for _ in range(2):
        groups: dict[Outcome, list[int]] = {outcome: [] for outcome in Outcome}
        for element in wanted:
            groups[draw(st.sampled_from(Outcome))].append(element)
        opinions.append(Split(*(tuple(groups[outcome]) for outcome in Outcome)))
    return opinions[0], opinions[1]


@given(two_opinions())
def test_differences_turn_what_was_told_into_what_is(
    opinions: tuple[Split, Split],
) -> None:
    """Moved one by one, the counts above become those here; what agrees is not told."""
    told, here = opinions
    counts = {outcome: len(group) for outcome, group in told.by_outcome.items()}
    moved = rules.differences(told, here)
    for (before, after), elements in moved.items():
        assert before is not after
        counts[before] -= len(elements)
        counts[after] += len(elements)

    assert counts == {outcome: len(group) for outcome, group in here.by_outcome.items()}
    assert (moved == {}) == (told == here)
