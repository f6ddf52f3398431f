"""How notices are named, whose inbox they lie in, and how a place is written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tier.inbox import rules
from tier.inbox.model import Kind, Notice, Place, Scope
from tier.jurisdiction import Code

CODES = st.sampled_from(
    ["53", "5301", "530102", "530102001", "530102001001", "530102001001001"]
).map(Code)
NOTICES = st.builds(
    Notice,
    division=CODES,
    kind=st.sampled_from(Kind),
    item_id=st.uuids(),
    at=st.just(datetime(2026, 5, 1, tzinfo=UTC)),
    light=st.integers(0, 3),
    source=st.uuids(),
    details=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)


@given(NOTICES, NOTICES)
def test_a_notice_is_named_by_fact_division_and_kind_alone(
    one: Notice, other: Notice
) -> None:
    """Whoever tells it, and with whatever details, it is one; two of them are two."""
    retold = replace(other, division=one.division, kind=one.kind, source=one.source)
    same = (one.source, one.division, one.kind) == (
        other.source,
        other.division,
        other.kind,
    )

    assert rules.notice_id(retold) == rules.notice_id(one)
    assert (rules.notice_id(one) == rules.notice_id(other)) == same


@given(st.builds(Place, st.integers(0, 2**63 - 1), st.uuids()))
def test_a_place_survives_being_written_down(place: Place) -> None:
    """What we gave out, we can read."""
    assert rules.read_token(rules.write_token(place)) == place


@given(st.text(max_size=80))
def test_a_token_of_others_is_no_place(text: str) -> None:
    """Whatever a caller sends: a place that we write the same way, or none."""
    place = rules.read_token(text)

    assert place is None or rules.write_token(place) == text


@given(division=CODES, addressed=CODES, wanted=st.booleans())
def test_only_townships_and_what_lies_below_look_into_inboxes_below(
    *, division: Code, addressed: Code, wanted: bool
) -> None:
    """A county does not read its townships' notices, wherever they act."""
    scope = rules.scope_of(division, include_below=wanted)
    reaches = wanted and len(division) >= len("530102001")
    expected = addressed.startswith(division) if reaches else addressed == division

    assert scope == Scope(division, reaches)
    assert rules.covers(scope, addressed) == expected


def test_the_name_of_a_notice_never_changes() -> None:
    """Nodes of two versions must agree: what one told, the other does not tell again."""
    notice = Notice(
        Code("530102001"),
        Kind.REMINDER_OVERDUE,
        UUID(int=1),
        datetime(2026, 5, 1, tzinfo=UTC),
        3,
        UUID(int=2),
    )

    assert str(rules.notice_id(notice)) == "f5453717-e0c6-5b05-b26a-7f70e7d63a1c"
