"""The page of states is what the code says, and the code is what its own table says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tier.assignment import rules
from tier.assignment.model import (
    ENDED,
    Assignment,
    Clock,
    ItemState,
    Key,
    Loaded,
    No,
    State,
)
from tier.assignment.moves import ITEM_LAWS, LAWS, ItemMove, Move, Party
from tier.jurisdiction import Code
from tools import states

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
ASSIGNER, EXECUTOR, OTHER = map(Code, ("530102", "530102001", "5301"))
ARROW = re.compile(r"^ +(\w+) --> (\w+) : (\w+)", re.MULTILINE)

flags = st.booleans()
marks = st.none() | st.just(NOW)


def standing(
    *,
    received: datetime | None = None,
    reported: datetime | None = None,
    verified: datetime | None = None,
    suspended: datetime | None = None,
    returned: bool = False,
    closed: bool = False,
    withdrawn: bool = False,
) -> Assignment:
    """Return an assignment with these fields."""
    deadline = NOW + timedelta(days=9)
    return Assignment(
        Key(UUID(int=1), EXECUTOR),
        ASSIGNER,
        1,
        deadline,
        deadline,
        Clock(NOW, deadline, suspended_at=suspended),
        received_at=received,
        reported_at=reported,
        verified_at=verified,
        returned=returned,
        closed=closed,
        withdrawn=withdrawn,
    )


ASSIGNMENTS = st.builds(
    standing,
    received=marks,
    reported=marks,
    verified=marks,
    suspended=marks,
    returned=flags,
    closed=flags,
    withdrawn=flags,
)


def test_the_page_of_states_is_written_from_the_laws() -> None:
    """Nobody edits the tables by hand: `make gen` writes them, and this finds what is old."""
    page = states.PAGE.read_text()

    assert states.written(page) == page
    assert {match["name"] for match in states.BLOCK.finditer(page)} == set(
        states.BLOCKS
    )


def test_the_picture_of_an_item_shows_the_moves_of_the_table_and_no_others() -> None:
    """Each arrow is a law, each law an arrow; the picture is drawn by hand."""
    page = states.PAGE.read_text()
    drawn = {
        (first, last, move.removesuffix("Item").lower())
        for first, last, move in ARROW.findall(
            page.split("```mermaid")[1].split("```")[0]
        )
    }
    laws = {
        (state.name, law.leads_to.name, move.value)
        for move, law in ITEM_LAWS.items()
        for state in law.states
    }

    assert drawn == laws


def test_every_move_has_a_law() -> None:
    """And every state is left or ends."""
    assert set(LAWS) == set(Move)
    assert set(ITEM_LAWS) == set(ItemMove)
    assert {law.party for law in LAWS.values()} == {Party.ASSIGNER, Party.EXECUTOR}
    left = set().union(*(law.states for law in LAWS.values()))
    assert set(State) - left == {State.CLOSED, State.WITHDRAWN}


@given(
    assignment=ASSIGNMENTS,
    move=st.sampled_from(Move),
    acting=st.sampled_from((ASSIGNER, EXECUTOR, OTHER)),
    ended=flags,
)
def test_a_move_is_refused_in_the_order_that_the_page_says(
    assignment: Assignment, move: Move, acting: Code, *, ended: bool
) -> None:
    """Ended, not its move, not now: the first that holds is the refusal, and nothing else."""
    loaded = Loaded(assignment, item_ended=ended, open_children=0, traceparent="")
    law = LAWS[move]
    expected = None
    if ended:
        expected = No.ENDED
    elif law.party is Party.ASSIGNER and acting != ASSIGNER:
        expected = No.NOT_ASSIGNER
    elif assignment.state not in law.states:
        expected = No.STATE

    assert rules.refusal(move, loaded, acting) is expected


@given(ASSIGNMENTS)
def test_an_executor_and_its_assigner_never_wait_for_each_other(
    assignment: Assignment,
) -> None:
    """From every state that has not ended, one of the two can go on."""
    if assignment.state in {State.CLOSED, State.WITHDRAWN, State.VERIFIED}:
        return
    loaded = Loaded(assignment, item_ended=False, open_children=0, traceparent="")
    onward = {Move.REPORT, Move.VERIFY, Move.RESUME}

    assert any(rules.refusal(move, loaded, ASSIGNER) is None for move in onward)


@pytest.mark.parametrize(
    ("move", "state"), list(product(ItemMove, ItemState)), ids=lambda one: one.name
)
def test_an_item_may_be_moved_from_where_the_table_says(
    move: ItemMove, state: ItemState
) -> None:
    """And what ended is followed by a reopening and an archiving of what is closed alone."""
    may = rules.may_end(move, state)

    assert may == (state in ITEM_LAWS[move].states)
    if may and state in ENDED:
        assert state is ItemState.CLOSED
        assert move in {ItemMove.REOPEN, ItemMove.ARCHIVE}
