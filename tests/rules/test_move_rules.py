"""Who may move an assignment from where, and when an item may close."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.rules.assigned import FRESH, WORKABLE, standings
from tier.assignment import rules
from tier.assignment.model import (
    ClosingKind,
    ClosingRule,
    Loaded,
    Mode,
    No,
    State,
)
from tier.assignment.moves import LAWS, Move, Party
from tier.jurisdiction import Code

# --- Moves -----------------------------------------------------------------------------


@given(standings)
def test_receipt_is_confirmed_until_the_item_ends(standing: Loaded) -> None:
    """Again and again, without an error."""
    refused = rules.may_receive(standing)

    against = {
        No.ENDED: standing.item_ended,
        No.STATE: standing.assignment.state in {State.WITHDRAWN, State.CLOSED},
    }
    assert refused == next((no for no, holds in against.items() if holds), None)


@given(standings, st.integers(0, 4))
def test_a_report_needs_an_open_assignment_and_its_epoch(
    standing: Loaded, epoch: int
) -> None:
    """Allowed exactly when nothing speaks against it; 0 means whatever epoch stands."""
    assignment = standing.assignment
    against = {
        No.ENDED: standing.item_ended,
        No.STALE_EPOCH: epoch not in {0, assignment.epoch},
        No.STATE: assignment.state not in WORKABLE,
        No.CHILDREN_OPEN: standing.open_children > 0,
    }
    refused = rules.may_report(standing, epoch)

    assert refused == next((no for no, holds in against.items() if holds), None)


@given(
    standings,
    st.sampled_from(Move),
    st.sampled_from([FRESH.assigner, Code("53"), FRESH.key.division]),
)
def test_the_table_says_who_moves_from_where(
    standing: Loaded, move: Move, acting: Code
) -> None:
    """Ended comes first, then whose move it is, then whether it fits the state."""
    law = LAWS[move]
    against = {
        No.ENDED: standing.item_ended,
        No.NOT_ASSIGNER: law.party is Party.ASSIGNER and acting != FRESH.assigner,
        No.STATE: standing.assignment.state not in law.states,
    }
    refused = rules.refusal(move, standing, acting)

    assert refused == next((no for no, holds in against.items() if holds), None)


@given(standing=standings, above_open=st.booleans())
def test_a_verification_is_taken_back_only_while_nothing_stands_on_it(
    *, standing: Loaded, above_open: bool
) -> None:
    """Neither a conclusion, nor the report of the one who split."""
    standing = replace(standing, above_open=above_open)
    refused = rules.may_return(standing, FRESH.assigner)

    if standing.assignment.state is State.VERIFIED and not standing.item_ended:
        assert (refused is None) == above_open
    else:
        assert refused == rules.refusal(Move.RETURN, standing, FRESH.assigner)


@given(standings, st.sampled_from(Mode))
def test_only_an_open_cascade_is_split(standing: Loaded, mode: Mode) -> None:
    """What is reported, judged or ended is no longer passed on."""
    against = {
        No.ENDED: standing.item_ended,
        No.NOT_CASCADE: mode is not Mode.CASCADE,
        No.STATE: standing.assignment.state not in WORKABLE,
    }
    refused = rules.may_split(standing, mode)

    assert refused == next((no for no, holds in against.items() if holds), None)


# --- Closing ---------------------------------------------------------------------------


closings = st.builds(
    ClosingRule,
    st.sampled_from(ClosingKind),
    st.integers(1, 100),
    st.just(Code("5301")),
)


def counts(closing: ClosingRule, targets: int) -> Iterator[int]:
    """Yield what lacks while one after the other is verified, the lead last."""
    for verified in range(targets + 1):
        yield rules.lacking(
            closing, targets, verified, lead_verified=verified == targets > 0
        )


@given(closings, st.integers(1, 60))
def test_a_closing_rule_comes_nearer_and_is_met_by_all(
    closing: ClosingRule, targets: int
) -> None:
    """Each verified report makes it lack no more than before; all of them are enough."""
    lacks = list(counts(closing, targets))

    assert all(later <= earlier for earlier, later in pairwise(lacks))
    assert lacks[0] > 0
    assert lacks[-1] == 0


@given(st.integers(1, 100), st.integers(1, 2000), st.integers(0, 2000))
def test_a_quorum_is_met_exactly_by_its_share(
    percent: int, targets: int, verified: int
) -> None:
    """Not by rounding: 50 percent of 3 are 2."""
    closing = ClosingRule(ClosingKind.QUORUM, percent, Code("53"))
    lack = rules.lacking(closing, targets, verified, lead_verified=False)

    assert (lack == 0) == (verified * 100 >= targets * percent)
    assert (verified + lack) * 100 >= targets * percent
    assert lack == 0 or (verified + lack - 1) * 100 < targets * percent


@given(targets=st.integers(0, 50), verified=st.integers(0, 50), lead=st.booleans())
def test_the_lead_alone_decides_where_the_rule_says_so(
    targets: int, verified: int, *, lead: bool
) -> None:
    """However many others are verified."""
    closing = ClosingRule(ClosingKind.LEAD, 0, Code("5301"))

    assert rules.lacking(closing, targets, verified, lead_verified=lead) == (not lead)
