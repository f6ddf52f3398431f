"""What may be issued, to whom, and by when; and when those below must be done."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tier.assignment import rules
from tier.assignment.errors import FLAWS, flawed
from tier.assignment.model import (
    Assignment,
    Clock,
    ClosingKind,
    ClosingRule,
    Draft,
    Flaw,
    Key,
    Mode,
)
from tier.jurisdiction import Code, Level, contains, level_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DRAFT = Draft(
    Code("53"),
    Mode.DIRECT,
    urgent=False,
    justification="",
    skip_level_reason="面上摸底",
    receive_by=NOW + timedelta(days=1),
    deadline=NOW + timedelta(days=5),
    closing=ClosingRule(ClosingKind.ALL, 0, Code("53")),
)
TOWNS = [Code("530102001"), Code("530302001")]
CITIES = [Code("5301"), Code("5303")]
QUORUM = ClosingRule(ClosingKind.QUORUM, 0, Code("53"))
LEAD = ClosingRule(ClosingKind.LEAD, 0, Code("5304"))
PAST = replace(DRAFT, receive_by=NOW)
REVERSED = replace(DRAFT, deadline=NOW + timedelta(hours=1))
URGENT = replace(DRAFT, urgent=True, justification="  ")
CASCADE = replace(DRAFT, mode=Mode.CASCADE)
CASES = [
    (Flaw.LEVEL_MAY_NOT_ISSUE, replace(DRAFT, issuer=TOWNS[0]), TOWNS, "530102001"),
    (Flaw.LEVEL_MAY_NOT_ISSUE, replace(DRAFT, issuer=Code("530102001001")), [], "530102001001"),
    (Flaw.URGENCY_UNJUSTIFIED, URGENT, TOWNS, ""),
    (Flaw.RECEIVE_BY_PAST, PAST, TOWNS, NOW.isoformat()),
    (Flaw.RECEIVE_BY_AFTER_DEADLINE, REVERSED, TOWNS, REVERSED.deadline.isoformat()),
    (Flaw.NO_TARGETS, DRAFT, [], ""),
    (Flaw.TARGET_OUTSIDE, DRAFT, [TOWNS[0], Code("520102001")], "520102001"),
    (Flaw.TARGET_OUTSIDE, replace(DRAFT, issuer=Code("5301")), TOWNS, "530302001"),
    (Flaw.TARGET_LEVEL, DRAFT, [Code("53")], "53"),
    (Flaw.CASCADE_NEXT_TIER, CASCADE, [CITIES[0], TOWNS[1]], "530302001"),
    (Flaw.SKIP_LEVEL, replace(DRAFT, skip_level_reason=" "), [CITIES[0], TOWNS[1]], "530302001"),
    (Flaw.QUORUM, replace(DRAFT, closing=QUORUM), TOWNS, "0"),
    (Flaw.LEAD_NO_TARGET, replace(DRAFT, closing=LEAD), CITIES, "5304"),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "draft", "targets", "where"), CASES)
def test_each_flaw_is_found_and_named(
    expected: Flaw, draft: Draft, targets: list[Code], where: str
) -> None:
    """What is wrong, and which code or moment it is."""
    assert rules.flaw(draft, targets, NOW) == (expected, where)


@pytest.mark.parametrize("flaw", Flaw)
def test_each_flaw_has_a_case_and_a_refusal(flaw: Flaw) -> None:
    """Nobody adds a flaw without saying how the caller hears of it."""
    refusal = flawed(flaw, "5301")

    assert flaw in {expected for expected, *_ in CASES}
    assert isinstance(refusal, FLAWS[flaw][0])
    assert "{" not in str(refusal) + refusal.in_chinese()


SOUND = [
    (DRAFT, TOWNS),
    (replace(DRAFT, urgent=True, justification="汛期"), TOWNS),
    (replace(DRAFT, skip_level_reason=""), CITIES),
    (replace(CASCADE, skip_level_reason=""), CITIES),
    (replace(DRAFT, closing=replace(QUORUM, quorum_percent=100)), TOWNS),
    (replace(DRAFT, closing=replace(LEAD, lead_division=CITIES[1])), CITIES),
    (replace(DRAFT, receive_by=DRAFT.deadline), TOWNS),
]


@pytest.mark.parametrize(("draft", "targets"), SOUND)
def test_a_sound_item_has_no_flaw(draft: Draft, targets: list[Code]) -> None:
    """Justified, next tier or with a reason, a real share, a lead that executes."""
    assert rules.flaw(draft, targets, NOW) is None


paths = st.sampled_from(["530102001001001", "530302002003004", "530103001001001"])
codes = st.builds(
    lambda path, digits: Code(path[:digits]),
    paths,
    st.sampled_from([2, 4, 6, 9, 12, 15]),
)
areas = st.builds(
    lambda path, digits: Code(path[:digits]), paths, st.sampled_from([2, 2, 4, 6, 9])
)
hours = st.integers(-1, 72).map(lambda hour: NOW + timedelta(hours=hour))
drafts = st.builds(
    Draft,
    issuer=areas,
    mode=st.sampled_from(Mode),
    urgent=st.booleans(),
    justification=st.sampled_from(["汛期", "汛期", " "]),
    skip_level_reason=st.sampled_from(["摸底", "摸底", " "]),
    receive_by=hours,
    deadline=hours.map(lambda hour: hour + timedelta(hours=48)),
    closing=st.builds(
        ClosingRule,
        st.sampled_from([ClosingKind.ALL, *ClosingKind]),
        st.integers(0, 101),
        codes,
    ),
)


@given(drafts, st.lists(codes, max_size=3))
def test_what_may_be_issued_is_what_keeps_every_law(
    draft: Draft, targets: list[Code]
) -> None:
    """No township issues, nothing leaves the issuer, no tier is passed over unreasoned."""
    steps = {level_of(code) - level_of(draft.issuer) for code in targets}
    is_next = steps == {1}
    is_reasoned = draft.mode is Mode.DIRECT and bool(draft.skip_level_reason.strip())
    closing = draft.closing
    laws = [
        level_of(draft.issuer) < Level.TOWNSHIP,
        bool(draft.justification.strip()) or not draft.urgent,
        NOW < draft.receive_by <= draft.deadline,
        min(steps, default=0) >= 1,
        all(contains(draft.issuer, code) for code in targets),
        is_next or is_reasoned,
        closing.kind is not ClosingKind.QUORUM or 1 <= closing.quorum_percent <= 100,
        closing.kind is not ClosingKind.LEAD or closing.lead_division in targets,
    ]

    assert (rules.flaw(draft, targets, NOW) is None) == all(laws)


@given(st.sampled_from(SOUND), st.integers(0, 2))
def test_one_bad_target_spoils_all(sound: tuple[Draft, list[Code]], place: int) -> None:
    """A batch of targets is taken whole or refused whole, wherever the bad one stands."""
    draft, targets = sound
    spoiled = [*targets[:place], draft.issuer, *targets[place:]]

    assert rules.flaw(draft, spoiled, NOW) == (Flaw.TARGET_LEVEL, draft.issuer)


# --- Splitting -------------------------------------------------------------------------


def a_parent(receive_hours: float, deadline_hours: float) -> Assignment:
    return Assignment(
        Key(UUID(int=1), Code("5301")),
        Code("53"),
        1,
        NOW + timedelta(hours=receive_hours),
        NOW + timedelta(hours=deadline_hours),
        Clock(NOW, NOW + timedelta(hours=deadline_hours)),
    )


asks = st.none() | st.integers(-10, 300).map(lambda hour: NOW + timedelta(hours=hour))
buffers = st.integers(0, 72).map(lambda hour: timedelta(hours=hour))


@given(st.integers(-10, 100), st.integers(-10, 300), asks, asks, buffers)
def test_a_split_always_leaves_time_to_review(
    receive: int, deadline: int, by: datetime | None, until: datetime | None, buffer: timedelta
) -> None:  # fmt: skip
    """The buffer, or half of what is left where that is less than two buffers."""
    parent = a_parent(receive, deadline)
    found = rules.split_deadlines(parent, (by, until), buffer, NOW)
    assume(found is not None and parent.deadline > NOW)
    assert found is not None
    receive_by, ends = found
    left = parent.deadline - NOW

    assert parent.deadline - ends >= min(buffer, left / 2)
    assert NOW < receive_by <= ends
    assert until in {None, ends}
    assert by in {None, receive_by}


@given(st.floats(1, 100), st.floats(0.01, 300), buffers)
def test_a_split_without_wishes_fits_while_time_is_left(
    receive: float, deadline: float, buffer: timedelta
) -> None:
    """However late it comes, there is a deadline to give."""
    found = rules.split_deadlines(
        a_parent(receive, deadline), (None, None), buffer, NOW
    )

    assert found is not None


@given(st.integers(-300, 0), asks, asks, buffers)
def test_nothing_is_split_past_its_own_deadline(
    deadline: int, by: datetime | None, until: datetime | None, buffer: timedelta
) -> None:
    """There is no time that could be given away."""
    parent = a_parent(-1, deadline)

    assert rules.split_deadlines(parent, (by, until), buffer, NOW) is None


@given(st.integers(1, 200), st.integers(0, 47))
def test_a_deadline_inside_the_buffer_is_refused(deadline: int, hour: int) -> None:
    """Two days to review are two days, not 47 hours, when there is time enough."""
    parent = a_parent(1, 96 + deadline)
    asked = parent.deadline - timedelta(hours=hour)

    assert (
        rules.split_deadlines(parent, (None, asked), timedelta(hours=48), NOW) is None
    )
