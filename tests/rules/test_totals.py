"""Totals move by what sheets were and are; they equal summing all sheets anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tier.jurisdiction import Code
from tier.registry import rules, totals
from tier.registry.model import Answer, Change, Flag, Key, Sheet, Sum
from tier.registry.totals import AreaKey, Changes

START = date(2026, 11, 1)
T0 = datetime(2026, 11, 1, tzinfo=UTC)
WORDS = 4
"""The element whose values are texts: received, never summed."""

PLACES = [
    Code(code) for code in ("530102001", "530102002", "530102001001", "530302001")
]
Board = dict[Key, Sheet]
Step = tuple[str, Key, tuple[tuple[int, int], ...], int]

keys = st.builds(Key, st.sampled_from(PLACES), st.sampled_from(["2026-11", "2026-12"]))
cells = st.dictionaries(st.integers(1, WORDS), st.integers(-9, 9), min_size=1).map(
    lambda kept: tuple(sorted(kept.items()))
)
kinds = st.sampled_from(["ask", "drop", "answer", "late", "contest", "answer"])
steps: st.SearchStrategy[Step] = st.tuples(kinds, keys, cells, st.integers(0, 99))


def an_answer(step: Step, place: int, held: Sequence[int]) -> Answer:
    """Return an answer: late, or contested where something is held."""
    kind, key, kept, hours = step
    flags = []
    for element, _ in kept:
        flag = Flag.LATE if kind == "late" else 0
        flag |= Flag.CONTESTED if kind == "contest" and element in held else 0
        flags.append(flag | Flag.TEXT if element == WORDS else flag)
    rivals = [
        UUID(int=9000 + n) for n, flag in enumerate(flags) if flag & Flag.CONTESTED
    ]
    return Answer(
        UUID(int=place), key, [element for element, _ in kept],
        [1 if element == WORDS else number for element, number in kept], flags,
        ["x" for element, _ in kept if element == WORDS],
        T0 + timedelta(hours=hours), 0, rivals,
    )  # fmt: skip


def after(board: Board, step: Step, place: int) -> Sheet:
    """Return the sheet of a step after it."""
    kind, key, kept, _ = step
    sheet = board.get(key, Sheet(key, START))
    elements = [element for element, _ in kept]
    match kind:
        case "ask":
            return rules.ask(sheet, elements, T0)
        case "drop":
            left = [one for one in sheet.asked if one not in elements]
            return rules.reask(sheet, left, sheet.deadline if left else None)
        case _:
            taken = rules.take(sheet, an_answer(step, place, sheet.elements), [])
            return rules.reask(taken, sheet.asked, sheet.deadline)


def add(kept: dict[AreaKey, dict[int, Sum]], changes: Changes) -> None:
    """Merge changes as a node does."""
    for area, gains in changes.items():
        row = kept.setdefault(area, {})
        for element, gain in gains.items():
            row[element] = totals.merge(row.get(element), gain)


def summed(board: Board) -> dict[AreaKey, dict[int, Sum]]:
    """Sum every sheet anew, the slow way: one value after the other."""
    found: dict[AreaKey, dict[int, Sum]] = {}
    for sheet in board.values():
        row = found.setdefault(AreaKey(sheet.key.period, sheet.key.division[:6]), {})
        for element in {*sheet.asked, *sheet.elements}:
            row.setdefault(element, Sum()).expected += 1
        columns = zip(
            sheet.elements, sheet.numbers, sheet.given, sheet.flags, strict=True
        )
        for element, number, given_by, flag in columns:
            one = row[element]
            one.received += 1
            one.on_time += not flag & Flag.LATE
            one.observed += int(sheet.observed[given_by - 1].timestamp())
            if not flag & Flag.TEXT:
                one.total += number
                one.smallest = min(
                    number, one.smallest if one.smallest is not None else number
                )
                one.largest = max(
                    number, one.largest if one.largest is not None else number
                )
    return found


def without_extremes(one: Sum) -> Sum:
    return replace(one, smallest=None, largest=None)


def check(
    kept: dict[AreaKey, dict[int, Sum]],
    board: Board,
    corrected: set[tuple[AreaKey, int]],
) -> None:
    """Compare; an extreme may be unknown only where something was corrected."""
    expected = summed(board)
    for area in kept.keys() | expected.keys():
        held, fresh = kept.get(area, {}), expected.get(area, {})
        for element in held.keys() | fresh.keys():
            one, other = held.get(element, Sum()), fresh.get(element, Sum())
            assert without_extremes(one) == without_extremes(other)
            for here, there in (
                (one.smallest, other.smallest), (one.largest, other.largest),
            ):  # fmt: skip
                assert here == there or (here is None and (area, element) in corrected)


@given(st.lists(steps, max_size=20), st.integers(1, 5))
def test_totals_equal_summing_all_sheets_anew(program: list[Step], batch: int) -> None:
    """Asks, withdrawals, answers, corrections, conflicts; one by one or many at once."""
    board: Board = {}
    kept: dict[AreaKey, dict[int, Sum]] = {}
    corrected: set[tuple[AreaKey, int]] = set()
    for at in range(0, len(program), batch):
        before: dict[Key, Sheet | None] = {}
        for place, step in enumerate(program[at : at + batch], at):
            sheet = after(board, step, place)
            held = board.get(step[1])
            before.setdefault(step[1], held)
            known = () if held is None else held.elements
            corrected |= {(totals.area_of(sheet), element) for element in known}
            board[step[1]] = sheet
        add(kept, totals.fold((old, board[key]) for key, old in before.items()))
        check(kept, board, corrected)


@given(st.lists(steps, max_size=12))
def test_the_order_of_sheets_does_not_matter(program: list[Step]) -> None:
    """Sums are exact: however sheets are gathered, their totals are the same."""
    board: Board = {}
    for place, step in enumerate(program):
        board[step[1]] = after(board, step, place)
    there: dict[AreaKey, dict[int, Sum]] = {}
    back: dict[AreaKey, dict[int, Sum]] = {}
    for sheet in board.values():
        add(there, totals.fold([(None, sheet)]))
    for sheet in reversed(board.values()):
        add(back, totals.fold([(None, sheet)]))
    at_once: dict[AreaKey, dict[int, Sum]] = {}
    add(at_once, totals.fold((None, sheet) for sheet in board.values()))

    assert there == back == at_once


@given(cells, st.lists(st.sampled_from(PLACES), unique=True))
def test_cells_expected_in_one_go_are_those_expected_one_by_one(
    wanted: tuple[tuple[int, int], ...], places: list[Code]
) -> None:
    """What the gate notes for thousands of divisions is what their sheets would say."""
    elements = [element for element, _ in wanted]
    noted: Changes = {}
    totals.expect(noted, "2026-11", places, elements)
    sheets = [
        rules.ask(Sheet(Key(place, "2026-11"), START), elements, T0) for place in places
    ]
    kept: dict[AreaKey, dict[int, Sum]] = {}
    counted: dict[AreaKey, dict[int, Sum]] = {}
    add(kept, noted)
    add(counted, totals.fold((None, sheet) for sheet in sheets))

    assert kept == counted


def test_an_extreme_that_was_corrected_is_unknown_until_it_is_read_anew() -> None:
    """The smallest was taken away; what is smallest now, only the sheets know."""
    kept = Sum(expected=2, received=2, on_time=2, total=30, smallest=10, largest=20)
    gone = Change(total=5, smallest=15, largest=15, gone_smallest=10)
    lower = Change(total=-5, smallest=5, largest=5, gone_smallest=10)

    assert totals.merge(kept, gone).smallest is None
    assert totals.merge(kept, gone).largest == 20
    assert totals.merge(kept, lower).smallest == 5
