"""What counts mean, and what a resume token is good for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tier.jurisdiction import Code, Level
from tier.reporting import rules
from tier.reporting.model import COUNTS, Progress, Token

DEADLINE = datetime(2026, 12, 1, tzinfo=UTC)
POSITIONS = st.integers(0, 2**62)


@st.composite
def counted(draw: st.DrawFn) -> Progress:
    """Counts as assignments can make them."""
    expected = draw(st.integers(0, 15_000))
    reported = draw(st.integers(0, expected))
    on_time = draw(st.integers(0, reported))
    return Progress(
        item_id=UUID(int=1),
        division=Code("53"),
        level=Level.TOWNSHIP,
        expected=expected,
        received=expected,
        reported=reported,
        verified=0,
        returned=0,
        closed=0,
        withdrawn=0,
        on_time=on_time,
        late=reported - on_time,
        problems=0,
        deadline_at=DEADLINE,
        updated_at=DEADLINE,
    )


@given(counted())
def test_rates_lie_between_none_and_all(progress: Progress) -> None:
    """Nobody is shown 101 percent, and what is on time is never more than what came."""
    complete = rules.completeness(progress)
    timely = rules.timeliness(progress)

    assert 0.0 <= timely <= complete <= 1.0
    assert (complete == 1.0) == (progress.reported == progress.expected > 0)


@given(counted(), st.timedeltas(timedelta(days=-30), timedelta(days=30)))
def test_overdue_is_what_is_missing_after_the_deadline(
    progress: Progress, later: timedelta
) -> None:
    """Before the deadline nobody is overdue; after it everybody who has not reported."""
    found = rules.overdue(progress, DEADLINE + later)

    missing = progress.expected - progress.reported
    assert found == (missing if later > timedelta() else 0)


@given(st.uuids(), POSITIONS)
def test_a_token_says_what_was_written(origin: UUID, position: int) -> None:
    """A watcher goes on exactly where its last message said."""
    token = Token(origin, position)

    assert rules.read_token(rules.write_token(token)) == token


@given(st.text(max_size=200))
def test_what_is_no_token_is_not_taken_for_one(text: str) -> None:
    """Whatever a caller sends, it is read as a place we wrote or as none."""
    token = rules.read_token(text)

    assert token is None or rules.write_token(token) == text


@pytest.mark.parametrize("text", ["", "x", "AAAA", "OjE=", "五三", "\udc00"])
def test_garbage_is_no_token(text: str) -> None:
    """Not one of these raises."""
    assert rules.read_token(text) is None


@given(st.uuids(), st.uuids(), POSITIONS, POSITIONS)
def test_a_token_holds_in_its_own_ledger_up_to_its_head(
    ours: UUID, theirs: UUID, position: int, head: int
) -> None:
    """A position of another ledger, or past the end of a restored one, would lose facts."""
    assume(ours != theirs)

    assert rules.is_within_reach(Token(ours, position), ours, head) == (
        position <= head
    )
    assert not rules.is_within_reach(Token(theirs, position), ours, head)


@given(st.text(max_size=20), st.text(max_size=20))
def test_nodes_on_copies_of_a_database_have_ledgers_of_their_own(
    one: str, other: str
) -> None:
    """Two nodes made from one database template do not take each other's tokens."""
    ledger_id = uuid4()

    same = rules.origin(ledger_id, one) == rules.origin(ledger_id, other)
    assert same == (one == other)


@given(st.floats(0, 60))
def test_a_watcher_rests_as_long_as_it_looks_and_not_for_ever(
    seconds: float,
) -> None:
    """Watching takes half of the readers at most, and costs idle watchers little."""
    pause = rules.rest(seconds)

    assert pause == min(seconds, 0.1)


def test_an_audit_spells_every_count() -> None:
    """The reader of a difference sees which count is wrong, and what was not there."""
    spelled = rules.spell(4, range(len(COUNTS)))

    assert spelled.startswith("level=4 expected=0 received=1 reported=2 ")
    assert spelled.endswith(" late=8 problems=9")
    assert rules.spell(4, None) == ""
