"""How many minutes are said to be saved."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tier.relief.model import Counts
from tier.relief.rules import saved_minutes

CELLS = st.integers(0, 10_000_000)
COUNTS = st.builds(Counts, *[CELLS] * 7)


def test_the_estimate_is_the_one_that_is_documented() -> None:
    """Two minutes a cell nobody filled in, 1.75 a confirmation, one a corrected field."""
    counts = Counts(10, 3, 2, 1, 4, confirmed=1, prefilled=3)

    assert saved_minutes(counts) == 5 * 2.0 + 1.75 + 2 * 1.0


@given(COUNTS)
def test_minutes_are_never_negative_and_never_less_for_more_served(
    counts: Counts,
) -> None:
    """Confirming what did not come filled in is no loss."""
    more = replace(counts, served=counts.served + 1, joined=counts.joined + 1)

    assert saved_minutes(counts) >= 0
    assert saved_minutes(more) == saved_minutes(counts) + 4


@given(COUNTS, CELLS)
def test_what_is_asked_in_full_saves_nothing(counts: Counts, collected: int) -> None:
    """However much is asked, only what was spared counts."""
    asked = replace(counts, collect=collected, needed=collected)

    assert saved_minutes(asked) == saved_minutes(counts)
