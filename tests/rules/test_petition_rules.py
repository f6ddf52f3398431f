"""What may be asked, when nothing is left to decide, what may be granted and how far."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tier.assignment.model import ENDED, Assignment, Clock, ItemState, Key
from tier.assignment.model import State as Standing
from tier.calendar.model import CHINA, CLOSE_OF_WORK, Calendar, Term, Terms
from tier.calendar.rules import SHIPPED, after, working_days
from tier.jurisdiction import Code
from tier.petition import rules
from tier.petition.model import (
    Decision,
    Draft,
    Evidence,
    Kind,
    No,
    Outcome,
    Petition,
    Scene,
    State,
    Wanted,
)

KEY = Key(UUID(int=1), Code("530102001"))
MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)
DEADLINE = MONDAY + timedelta(days=14)
TERMS = Terms(
    1, 1, Term(2), Term(20), 80, 80, (), 2, 10, Term(2), Term(5), urge_overdue=True, version=0
)  # fmt: skip
SCENE = Scene(ItemState.ISSUED, Standing.RECEIVED, 1, DEADLINE, TERMS, SHIPPED, MONDAY)
CONCLUDED = replace(SCENE, item_state=ItemState.CONCLUDED, state=Standing.VERIFIED)
EVIDENCE = (Evidence("气象预警"),)
GRANT = Wanted(UUID(int=2), Outcome.GRANTED, "同意")

kinds = st.sampled_from(Kind)
item_states = st.sampled_from(ItemState)
states = st.sampled_from(Standing)
moments = st.integers(0, 60 * 24 * 60).map(lambda n: MONDAY + timedelta(minutes=n))
days = st.integers(0, 20)
scenes = st.builds(
    Scene,
    item_states,
    states,
    st.integers(1, 3),
    moments,
    st.just(TERMS),
    st.just(SHIPPED),
    moments,
    st.integers(0, 3),
    st.frozensets(kinds),
)
drafts = st.builds(
    Draft,
    st.just(KEY),
    kinds,
    st.just("理由"),
    days,
    st.sampled_from([(), EVIDENCE]),
    st.just(""),
    st.integers(0, 3),
)


def a_draft(kind: Kind) -> Draft:
    """Return what may be asked of SCENE; of a review, of CONCLUDED."""
    return Draft(KEY, kind, "理由", 3 if kind is Kind.EXTENSION else 0, EVIDENCE)


def filed(draft: Draft, scene: Scene, now: datetime) -> Petition:
    """Return the petition that a draft becomes."""
    return Petition(
        petition_id=UUID(int=2),
        key=draft.key,
        kind=draft.kind,
        decider=Code("530102"),
        reason=draft.reason,
        evidence=draft.evidence,
        days=draft.days,
        transfer_to=draft.transfer_to,
        epoch=scene.epoch,
        deadline=scene.deadline,
        began_at=scene.began_at,
        filed_at=now,
        recorded_at=now,
        actor="甲",
        principal="",
        author="",
    )


@given(drafts, scenes, moments)
def test_what_was_filed_is_not_moot_where_nothing_moved(
    draft: Draft, scene: Scene, now: datetime
) -> None:
    """However late it comes: a link that was away takes nobody's right."""
    if rules.may_file(draft, scene, now) is None:
        assert rules.moot(filed(draft, scene, now), scene) is None


@given(drafts, scenes, moments, moments)
def test_what_is_not_moot_and_stands_open_may_be_granted(
    draft: Draft, scene: Scene, now: datetime, later: datetime
) -> None:
    """And nothing may be granted that is moot."""
    if rules.may_file(draft, scene, now) is not None:
        return
    one = filed(draft, scene, now)
    moved = replace(scene, deadline=max(later, scene.deadline))

    assert rules.may_grant(one, GRANT, scene) is None
    assert rules.may_grant(one, GRANT, moved) is None


@given(drafts, scenes, scenes, moments)
def test_what_is_moot_may_not_be_granted(
    draft: Draft, before: Scene, scene: Scene, now: datetime
) -> None:
    """Whatever moved since: a late extension alone is judged by when it was asked."""
    one = filed(draft, before, now)
    found = rules.moot(one, scene)
    if found is not None and found is not No.TOO_LATE:
        assert rules.may_grant(one, GRANT, scene) is not None


@given(drafts, scenes, moments)
def test_what_may_be_filed_keeps_every_rule(
    draft: Draft, scene: Scene, now: datetime
) -> None:
    """Said once more, in other words."""
    if rules.may_file(draft, scene, now) is not None:
        return
    assert draft.kind not in scene.pending
    if draft.kind is Kind.REVIEW:
        assert scene.item_state in {ItemState.CONCLUDED, ItemState.CLOSED}
        assert scene.state is not Standing.WITHDRAWN
        assert working_days(SHIPPED, scene.began_at, now) <= TERMS.review.working_days
        return
    assert scene.item_state not in ENDED
    assert draft.epoch in {0, scene.epoch}
    is_stopped = scene.state is Standing.SUSPENDED
    assert is_stopped == (draft.kind is Kind.RESUMPTION)
    assert scene.state not in {Standing.REPORTED, Standing.VERIFIED, Standing.WITHDRAWN}
    if draft.kind is Kind.EXTENSION:
        assert now <= scene.deadline
        assert 1 <= draft.days <= TERMS.max_extension_days
        assert scene.granted < TERMS.max_extensions
    if draft.kind is Kind.SUSPENSION:
        assert draft.evidence
    if draft.kind is Kind.DISPUTE:
        assert working_days(SHIPPED, scene.began_at, now) <= TERMS.dispute.working_days


REFUSED: dict[str, tuple[Kind, Scene, No]] = {
    "ended": (Kind.EXTENSION, replace(SCENE, item_state=ItemState.CLOSED), No.ENDED),
    "archived": (Kind.DISPUTE, replace(SCENE, item_state=ItemState.ARCHIVED), No.ENDED),
    "reported": (Kind.DISPUTE, replace(SCENE, state=Standing.REPORTED), No.NOT_OPEN),
    "suspended": (Kind.SUSPENSION, replace(SCENE, state=Standing.SUSPENDED), No.NOT_OPEN),
    "running": (Kind.RESUMPTION, SCENE, No.NOT_OPEN),
    "waiting": (Kind.DISPUTE, replace(SCENE, pending={Kind.DISPUTE}), No.PENDING),
    "used up": (Kind.EXTENSION, replace(SCENE, granted=2), No.USED_UP),
    "passed": (Kind.EXTENSION, replace(SCENE, deadline=MONDAY - timedelta(1)), No.TOO_LATE),
    "long ago": (
        Kind.DISPUTE, replace(SCENE, began_at=MONDAY - timedelta(9)), No.DISPUTE_OVER
    ),
    "not concluded": (Kind.REVIEW, SCENE, No.NOT_CONCLUDED),
    "for good": (
        Kind.REVIEW, replace(CONCLUDED, item_state=ItemState.ARCHIVED), No.NOT_CONCLUDED
    ),
    "not supervised": (
        Kind.REVIEW, replace(CONCLUDED, state=Standing.WITHDRAWN), No.NOT_OPEN
    ),
    "accepted": (
        Kind.REVIEW, replace(CONCLUDED, began_at=MONDAY - timedelta(30)), No.REVIEW_OVER
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_each_rule_has_a_name(name: str) -> None:
    """Just right, it may be filed; with one thing wrong, the refusal says which."""
    kind, scene, expected = REFUSED[name]
    right = {
        Kind.RESUMPTION: replace(SCENE, state=Standing.SUSPENDED),
        Kind.REVIEW: CONCLUDED,
    }.get(kind, SCENE)

    assert rules.may_file(a_draft(kind), right, MONDAY) is None
    assert rules.may_file(a_draft(kind), scene, MONDAY) is expected


def test_what_is_asked_says_what_is_needed() -> None:
    """Evidence, days, the epoch that stands."""
    bare = replace(a_draft(Kind.SUSPENSION), evidence=())
    long = replace(a_draft(Kind.EXTENSION), days=11)
    none = replace(a_draft(Kind.EXTENSION), days=0)
    old = replace(a_draft(Kind.DISPUTE), epoch=2)
    found = [rules.may_file(one, SCENE, MONDAY) for one in (bare, long, none, old)]

    assert found == [No.UNEVIDENCED, No.DAYS, No.DAYS, No.STALE_EPOCH]


def test_without_a_term_there_is_no_end() -> None:
    """Terms that say nothing of disputes set no limit to them."""
    terms = replace(TERMS, dispute=Term())
    scene = replace(SCENE, terms=terms, began_at=MONDAY - timedelta(days=99))

    assert rules.may_file(a_draft(Kind.DISPUTE), scene, MONDAY) is None


def test_to_the_minute() -> None:
    """At the deadline it is in time, a moment later it is not."""
    draft = a_draft(Kind.EXTENSION)
    moment = timedelta(microseconds=1)

    assert rules.may_file(draft, SCENE, DEADLINE) is None
    assert rules.may_file(draft, SCENE, DEADLINE + moment) is No.TOO_LATE


@given(moments, moments, moments)
def test_an_extension_is_judged_by_the_kinder_deadline(
    filed_at: datetime, known: datetime, stands: datetime
) -> None:
    """By what its author could know, or by what stands."""
    scene = replace(SCENE, deadline=stands)
    one = replace(filed(a_draft(Kind.EXTENSION), SCENE, filed_at), deadline=known)
    late = rules.moot(one, scene)

    assert (late is No.TOO_LATE) == (filed_at > known and filed_at > stands)


@given(moments)
def test_a_label_says_that_it_came_when_its_time_was_over(now: datetime) -> None:
    """Of extensions, disputes and reviews; the others have no time of their own."""
    labels = {
        kind: rules.is_late_arrival(filed(a_draft(kind), SCENE, MONDAY), SCENE, now)
        for kind in Kind
    }

    assert labels == {
        Kind.EXTENSION: now > DEADLINE,
        Kind.SUSPENSION: False,
        Kind.RESUMPTION: False,
        Kind.DISPUTE: now > after(SHIPPED, MONDAY, TERMS.dispute).at,
        Kind.REVIEW: now > after(SHIPPED, MONDAY, TERMS.review).at,
    }


def an_assignment(deadline: datetime, work_days: int = 0) -> Assignment:
    """Return an assignment of that Monday."""
    clock = Clock(MONDAY, deadline, work_days=work_days)
    return Assignment(KEY, Code("530102"), 1, deadline, deadline, clock)


@given(moments, st.integers(1, 10))
def test_an_extension_is_as_many_working_days_as_granted(
    deadline: datetime, granted: int
) -> None:
    """Counted from the deadline that stands, to the close of work."""
    moved = rules.extended(SHIPPED, an_assignment(deadline), granted)
    midnight = deadline.astimezone(CHINA).replace(hour=23, minute=59, second=59)
    left_of_that_day = working_days(SHIPPED, deadline, midnight)

    gained = working_days(SHIPPED, deadline, moved.deadline)
    assert gained == granted + left_of_that_day
    assert moved.deadline.astimezone(CHINA).time() == CLOSE_OF_WORK
    assert (moved.counted_from, moved.work_days) == (deadline, granted)


@given(moments, st.integers(1, 20), st.integers(1, 10))
def test_days_that_were_counted_are_counted_together(
    assigned_at: datetime, given_days: int, granted: int
) -> None:
    """As if they had been given at once: an official calendar moves them together."""
    deadline = after(SHIPPED, assigned_at, Term(given_days)).at
    one = an_assignment(deadline, given_days)
    one = replace(one, clock=replace(one.clock, assigned_at=assigned_at))
    moved = rules.extended(SHIPPED, one, granted)

    at_once = after(SHIPPED, assigned_at, Term(given_days + granted))
    assert (moved.deadline, moved.provisional) == (at_once.at, at_once.provisional)
    assert (moved.counted_from, moved.work_days) == (assigned_at, given_days + granted)


def test_an_extension_into_a_provisional_year_is_provisional() -> None:
    """Nobody knows its holidays yet."""
    known = Calendar(7, {}, frozenset({2026}))
    late = datetime(2026, 12, 30, 10, tzinfo=UTC)
    moved = rules.extended(known, an_assignment(late), 5)
    early = rules.extended(known, an_assignment(DEADLINE), 5)

    assert (moved.provisional, moved.calendar_version) == (True, 7)
    assert not early.provisional


@given(moments, moments, st.integers(0, 72), moments)
def test_a_child_leaves_its_parent_time_to_review(
    deadline: datetime, parent: datetime, hours: int, now: datetime
) -> None:
    """Never beyond the parent's own deadline; where nobody is above, as late as granted."""
    buffer = timedelta(hours=hours)
    latest = rules.exceeds(deadline, parent, buffer, now)

    assert rules.exceeds(deadline, None, buffer, now) is None
    if latest is None:
        assert deadline <= parent
    else:
        assert latest < deadline
        assert parent - buffer <= latest <= parent
        assert rules.exceeds(latest, parent, buffer, now) is None


@given(st.sampled_from(["甲", "乙", "丙"]))
def test_a_reviewer_is_never_an_author(reviewer: str) -> None:
    """Neither of the conclusion that was contested, nor of the one that stands."""
    assert rules.is_author("甲", "乙", reviewer) == (reviewer in "甲乙")


@given(st.booleans(), st.sampled_from([None, *Outcome]))
def test_a_decision_stands_whatever_crossed_it(
    is_withdrawn: bool,  # noqa: FBT001 - hypothesis gives it by place
    outcome: Outcome | None,
) -> None:
    """The state is read off the fields, in whatever order their facts came."""
    one = replace(
        filed(a_draft(Kind.DISPUTE), SCENE, MONDAY),
        withdrawn_at=MONDAY if is_withdrawn else None,
        decision=None if outcome is None else Decision(outcome, "", MONDAY, "乙"),
    )
    expected = {
        None: State.WITHDRAWN if is_withdrawn else State.PENDING,
        Outcome.GRANTED: State.GRANTED,
        Outcome.REFUSED: State.REFUSED,
    }

    assert one.state is expected[outcome]
