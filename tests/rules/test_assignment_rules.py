"""What may happen to an assignment, and what it makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.assigned import (
    FRESH,
    NOON,
    changes,
    epochs,
    facts,
    moments,
    rows,
)
from tier.assignment import folding, rules
from tier.assignment.model import (
    Assignment,
    Cause,
    Change,
    Fenced,
    Loaded,
    Moved,
    Received,
    Reported,
    Resumed,
    Returned,
    State,
    Suspended,
    Verified,
)
from tier.assignment.moves import Move


def folded(row: Assignment, steps: Sequence[Change]) -> Assignment:
    """Fold changes one after another; those that are fenced change nothing."""
    for change in steps:
        after = folding.fold(row, change)
        row = row if isinstance(after, Fenced) else after
    return row


@given(rows, changes)
def test_folding_twice_is_folding_once(row: Assignment, change: Change) -> None:
    """A fact that the road repeats has no second effect (I2)."""
    once = folded(row, [change])

    assert folded(once, [change]) == once


@given(rows, changes)
def test_no_change_touches_what_is_not_its_own(row: Assignment, change: Change) -> None:
    """Who executes, by when, and how the item ended are nobody's to fold."""
    after = folded(row, [change])

    assert (
        replace(
            after,
            epoch=row.epoch,
            received_at=row.received_at,
            reported_at=row.reported_at,
            verified_at=row.verified_at,
            returned=row.returned,
            return_reason=row.return_reason,
            problems=row.problems,
            report_fact=row.report_fact,
            receive_by=row.receive_by,
            deadline=row.deadline,
            clock=row.clock,
        )
        == row
    )


@given(rows, st.lists(changes, max_size=6))
def test_epochs_only_rise_and_receipts_stay(
    row: Assignment, steps: list[Change]
) -> None:
    """Whatever comes, the first receipt stands and no epoch comes back."""
    after = folded(row, steps)

    assert after.epoch >= row.epoch
    assert row.received_at is None or after.received_at == row.received_at


@given(rows)
def test_the_state_is_read_off_the_fields(row: Assignment) -> None:
    """How an item ended outweighs a judgement, which outweighs the work."""
    said = [
        (row.withdrawn, State.WITHDRAWN),
        (row.closed, State.CLOSED),
        (row.verified_at is not None, State.VERIFIED),
        (row.reported_at is not None, State.REPORTED),
        (row.returned, State.RETURNED),
        (row.received_at is not None, State.RECEIVED),
        (True, State.ISSUED),
    ]

    assert row.state is next(state for holds, state in said if holds)


@given(rows, st.builds(Reported, moments, epochs, st.integers(0, 3), facts))
def test_work_under_a_passed_epoch_is_fenced(row: Assignment, work: Reported) -> None:
    """It was returned meanwhile: judged, kept aside, and not counted."""
    after = folding.fold(row, work)

    assert (after is Fenced.STALE) == (work.epoch < row.epoch)


@given(rows, moments)
def test_late_is_after_the_deadline(row: Assignment, at: datetime) -> None:
    """To the moment; what is not reported is not late."""
    assert replace(row, reported_at=at).late == (at > row.deadline)
    assert not replace(row, reported_at=None).late


# --- Facts that cross ----------------------------------------------------------------


@dataclass
class Side:
    """The executor or the assigner: its own row, and what it told so far."""

    row: Assignment
    told: list[Change]
    heard: list[int]
    """How much of the other side's facts was known at each fact told."""
    known: int = 0

    def act(self, change: Change) -> None:
        self.row = folded(self.row, [change])
        self.told.append(change)
        self.heard.append(self.known)

    def hear(self, other: Side) -> None:
        if self.known < len(other.told):
            self.row = folded(self.row, [other.told[self.known]])
            self.known += 1


def loaded(row: Assignment) -> Loaded:
    return Loaded(row, item_ended=False, open_children=0, traceparent="")


def work(executor: Side, at: datetime, *, is_report: bool) -> None:
    """Let the executor do what its own node lets it do."""
    if not is_report:
        if executor.row.received_at is None:
            executor.act(Received(at))
    elif rules.may_report(loaded(executor.row), 0) is None:
        number = UUID(int=100 + len(executor.told))
        executor.act(Reported(at, executor.row.epoch, len(executor.told) % 3, number))


def judge(assigner: Side, at: datetime, *, is_good: bool) -> None:
    """Let the assigner do what its own node lets it do."""
    standing = loaded(assigner.row)
    if is_good and rules.refusal(Move.VERIFY, standing, FRESH.assigner) is None:
        assigner.act(Verified(at, assigner.row.epoch))
    if not is_good and rules.may_return(standing, FRESH.assigner) is None:
        again = f"第{len(assigner.told)}次退回"
        assigner.act(Returned(assigner.row.epoch + 1, again, at))


def clock(assigner: Side, at: datetime, *, stop: bool) -> None:
    """Let the assigner put off, stop or restart the clock, as its own node lets it."""
    standing, term = loaded(assigner.row), assigner.row.clock.term + 1
    if rules.refusal(Move.RESUME, standing, FRESH.assigner) is None:
        assigner.act(Resumed(term, *rules.resumed(assigner.row, at), at, ""))
    elif rules.refusal(Move.SUSPEND, standing, FRESH.assigner) is None:
        later = assigner.row.deadline + timedelta(days=1)
        put_off = Moved(
            term, assigner.row.receive_by, later, Cause.EXTENSION, "道路中断", at
        )
        assigner.act(Suspended(term, at, "等待批复") if stop else put_off)


@st.composite
def lives(draw: st.DrawFn) -> tuple[Side, Side]:
    """Draw two nodes at work, their facts crossing as links bring them."""
    executor, assigner = Side(FRESH, [], []), Side(FRESH, [], [])
    for step in draw(st.lists(st.integers(0, 7), min_size=16, max_size=40)):
        at = NOON + timedelta(hours=len(executor.told) + len(assigner.told))
        match step:
            case 0 | 1:
                work(executor, at, is_report=step == 1)
            case 2 | 3:
                judge(assigner, at, is_good=step == 3)
            case 4:
                clock(assigner, at, stop=len(assigner.told) % 2 == 0)
            case 5 | 6:
                assigner.hear(executor)
            case _:
                executor.hear(assigner)
    return executor, assigner


@st.composite
def hearings(draw: st.DrawFn, executor: Side, assigner: Side) -> list[Change]:
    """Draw an order in which a third node may hear both: each in order, causes first."""
    sides, at = (executor, assigner), [0, 0]
    order: list[Change] = []
    while at != [len(executor.told), len(assigner.told)]:
        ready = [
            one
            for one in (0, 1)
            if at[one] < len(sides[one].told)
            and sides[one].heard[at[one]] <= at[1 - one]
        ]
        chosen = draw(st.sampled_from(ready))
        order.append(sides[chosen].told[at[chosen]])
        at[chosen] += 1
    return order


@given(lives(), st.data())
def test_facts_that_cross_end_in_the_same_row(
    life: tuple[Side, Side], data: st.DataObject
) -> None:
    """Executor, assigner and every tier between hold the same in the end."""
    executor, assigner = life
    while executor.known < len(assigner.told):
        executor.hear(assigner)
    while assigner.known < len(executor.told):
        assigner.hear(executor)
    order = data.draw(hearings(executor, assigner))

    assert executor.row == assigner.row
    assert folded(FRESH, order) == executor.row


@given(lives(), st.data())
def test_repeats_on_the_way_change_nothing(
    life: tuple[Side, Side], data: st.DataObject
) -> None:
    """A node that hears facts again, at once or much later, ends where the others do."""
    order = data.draw(hearings(*life))
    repeated: list[Change] = []
    for change in order:
        repeated.append(change)
        repeated += data.draw(st.lists(st.sampled_from(repeated), max_size=3))

    assert folded(FRESH, repeated) == folded(FRESH, order)


@pytest.mark.parametrize("number", range(1, 4))
def test_work_of_a_restored_executor_is_fenced(number: int) -> None:
    """A township restored from a backup reports again under the epoch it remembers."""
    row = folded(FRESH, [Reported(NOON, 1, 0, UUID(int=7)), Returned(2, "", NOON)])
    again = Reported(NOON, number, 1, UUID(int=8))

    assert (folding.fold(row, again) is Fenced.STALE) == (number < 2)


def test_a_return_that_comes_again_takes_nothing_back() -> None:
    """Replayed after the work was done anew under its epoch."""
    back = Returned(2, "数据不实", NOON)
    again = Reported(NOON, 2, 1, UUID(int=8))
    row = folded(FRESH, [Reported(NOON, 1, 0, UUID(int=7)), back, again])

    assert row.state is State.REPORTED
    assert folded(row, [back]) == row
