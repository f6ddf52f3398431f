"""Assignments as they may stand, and changes that may come to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from tier.assignment.model import (
    Assignment,
    Cause,
    Change,
    Clock,
    Key,
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
from tier.jurisdiction import Code

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
FRESH = Assignment(
    Key(UUID(int=1), Code("530102001")),
    Code("530102"),
    1,
    NOON + timedelta(days=2),
    NOON + timedelta(days=8),
    Clock(NOON, NOON + timedelta(days=8)),
)
WORKABLE = {State.ISSUED, State.RECEIVED, State.RETURNED}

moments = st.integers(0, 20).map(lambda days: NOON + timedelta(days=days))
epochs = st.integers(1, 4)
facts = st.integers(1, 1000).map(lambda number: UUID(int=number))
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(Received, moments),
    st.builds(Reported, moments, epochs, st.integers(0, 3), facts),
    st.builds(Returned, epochs, st.text(max_size=5), moments),
    st.builds(Verified, moments, epochs),
    st.builds(
        Moved, epochs, moments, moments, st.sampled_from(Cause), st.just(""), moments
    ),
    st.builds(Suspended, epochs, moments, st.just("")),
    st.builds(
        Resumed,
        epochs,
        moments,
        moments,
        st.integers(0, 9).map(lambda days: timedelta(days=days)),
        moments,
        st.just(""),
    ),
)
rows = st.builds(
    replace,
    st.just(FRESH),
    epoch=epochs,
    received_at=st.none() | moments,
    reported_at=st.none() | moments,
    verified_at=st.none() | moments,
    returned=st.booleans(),
    closed=st.booleans(),
    withdrawn=st.booleans(),
)
standings = st.builds(Loaded, rows, st.booleans(), st.integers(0, 2), st.just(""))
