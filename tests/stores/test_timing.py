"""Timers on a real PostgreSQL: who is reminded, what is escalated, and that it is once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ducha.timing.v1 import timing_facts_pb2 as facts
from tests.servers import AnApp, recorded
from tests.stores.timing import (
    ALL,
    COUNTY,
    DEADLINE,
    HOUR,
    RECEIVE_BY,
    START,
    STREETS,
    TERMS,
    TOWNS,
    Assigned,
    At,
    clocks,
    issue,
    move,
    raised,
    steps,
    sweep,
)
from tier import division
from tier.timing import actions
from tier.timing.model import Step

REMINDERS = [(1, 0), (2, 0), (3, 0), (4, 0)]
LADDER = [(6, 1), (6, 2), (6, 3)]
NOTICES = "SELECT division, kind, light FROM inbox_notice ORDER BY serial"


async def test_every_step_is_raised_when_it_is_due_and_not_before(
    an_app: AnApp,
) -> None:
    """A month of an item that nobody answers, a minute before and at every moment."""
    clock = At()
    async with an_app(ALL, clock) as app:
        item_id = await issue(app, TOWNS[:1])
        seen = []
        for at, step in (
            (START + 8 * HOUR, (1, 0)),
            (RECEIVE_BY, (2, 0)),
            (START + 80 * HOUR, (3, 0)),
            (DEADLINE, (4, 0)),
            (DEADLINE + 4 * HOUR, (6, 1)),
            (DEADLINE + 8 * HOUR, (6, 2)),
            (DEADLINE + 12 * HOUR, (6, 3)),
        ):
            clock.now = at - timedelta(minutes=1)
            early = await sweep(app)
            clock.now = at
            seen.append((early, await sweep(app), await sweep(app)))
            assert (await steps(app, item_id))[TOWNS[0]][-1] == step
        (left,) = await clocks(app)

    assert seen == [(0, 1, 0)] * 7
    assert left["next_due_at"] is None


async def test_reminders_are_raised_where_the_executor_acts_and_escalation_above(
    an_app: AnApp,
) -> None:
    """The county assigned, its streets execute: each node does its own part alone."""
    clock = At()
    how = Assigned(assigner="530102")
    async with an_app(COUNTY, clock) as county, an_app(STREETS, clock) as streets:
        above, below = await issue(county, TOWNS, how), await issue(streets, TOWNS, how)
        clock.now = DEADLINE + 100 * HOUR
        for app in (county, streets):
            await sweep(app)
        escalated, reminded = await steps(county, above), await steps(streets, below)
        left = [await clocks(app) for app in (county, streets)]

    assert escalated == dict.fromkeys(TOWNS, LADDER)
    assert reminded == {town: [(2, 0), (4, 0)] for town in TOWNS}
    assert [one["next_due_at"] for rows in left for one in rows] == [None, None]


async def test_who_is_in_time_is_left_alone(an_app: AnApp) -> None:
    """Received, reported, suspended, withdrawn, closed: each ends what it ends."""
    clock = At()
    async with an_app(ALL, clock) as app:
        item_id = await issue(app)
        for name, town in zip(
            ("receive", "report", "suspend", "withdraw", "close"), TOWNS, strict=True
        ):
            await move(app, name, item_id, [town])
        clock.now = DEADLINE + 100 * HOUR
        await sweep(app)
        found = await steps(app, item_id)

    assert found == {TOWNS[0]: [(4, 0), *LADDER]}


async def test_what_is_announced_too_late_is_marked_and_told_to_nobody(
    an_app: AnApp,
) -> None:
    """The node was down over both moments: "soon" makes no sense any more."""
    clock = At()
    async with an_app(STREETS, clock) as app:
        item_id = await issue(app, TOWNS[:1])
        clock.now = DEADLINE + HOUR
        await sweep(app)
        rows = [(row[2], row[6]) for row in await raised(app, item_id)]
        async with app.db.reading() as tx:
            notices = [tuple(row) for row in await tx.fetch(NOTICES)]
        told = [
            facts.RemindersRaised.FromString(one.payload) for one in await recorded(app)
        ]

    assert rows == [(1, True), (2, False), (3, True), (4, False)]
    assert notices == [(TOWNS[0], 2, 2), (TOWNS[0], 4, 3)]
    assert [(one.step, one.superseded) for one in told] == rows


async def test_a_ladder_long_overdue_is_taken_in_order(an_app: AnApp) -> None:
    """All at one moment, each step a fact of its own, from the lowest up."""
    clock = At()
    async with an_app(COUNTY, clock) as app:
        await issue(app, TOWNS, Assigned(assigner="530102"))
        clock.now = DEADLINE + 1000 * HOUR
        await sweep(app)
        told = [
            facts.AssignmentsEscalated.FromString(one.payload)
            for one in await recorded(app)
        ]
        async with app.db.reading() as tx:
            notices = [tuple(row) for row in await tx.fetch(NOTICES)]

    assert [one.rung for one in told] == [1, 2, 3]
    assert {tuple(division.set_from(one.divisions)) for one in told} == {tuple(TOWNS)}
    assert notices == [("530102", 5, 3)]


async def test_a_deadline_put_off_begins_new_steps_of_the_work_only(
    an_app: AnApp,
) -> None:
    """The receipt's moment stands: nobody is reminded of it twice."""
    clock = At()
    async with an_app(ALL, clock) as app:
        item_id = await issue(app, TOWNS[:1])
        clock.now = DEADLINE
        await sweep(app)
        await move(app, "put off", item_id, TOWNS[:1])
        await sweep(app)
        before = len(await raised(app, item_id))
        clock.now = DEADLINE + 29 * HOUR
        await sweep(app)
        between = (await raised(app, item_id))[before:]
        clock.now = DEADLINE + 30 * HOUR
        await sweep(app)
        after = (await raised(app, item_id))[before + len(between) :]

    assert [row[1:4] for row in between] == [(2, 3, 0)]
    assert [row[1:4] for row in after] == [(2, 4, 0)]


async def test_what_comes_back_after_its_deadline_is_overdue_at_once(
    an_app: AnApp,
) -> None:
    """Reported in time, returned too late: it is open, and everybody hears of it."""
    clock = At()
    async with an_app(ALL, clock) as app:
        item_id = await issue(app, TOWNS[:2])
        clock.now = START + HOUR
        await move(app, "report", item_id, TOWNS[:2])
        clock.now = DEADLINE + 5 * HOUR
        await sweep(app)
        quiet = await steps(app, item_id)
        await move(app, "return", item_id, TOWNS[:1])
        await sweep(app)
        await sweep(app)
        found = await steps(app, item_id)

    assert quiet == {}
    assert found == {TOWNS[0]: [(4, 0), (6, 1)]}


async def test_a_resumed_or_reopened_assignment_goes_on(an_app: AnApp) -> None:
    """Stopped for forty hours over its deadline: all of it comes forty hours later."""
    clock = At()
    async with an_app(ALL, clock) as app:
        item_id = await issue(app, TOWNS[:2])
        await move(app, "receive", item_id, TOWNS[:2])
        clock.now = START + 70 * HOUR
        await move(app, "suspend", item_id, TOWNS[:1])
        await move(app, "close", item_id, TOWNS[1:2])
        clock.now = START + 110 * HOUR
        await sweep(app)
        stopped = await steps(app, item_id)
        await move(app, "resume", item_id, TOWNS[:1])
        await move(app, "reopen", item_id, TOWNS[1:2])
        await sweep(app)
        reopened = await steps(app, item_id)
        clock.now = DEADLINE + 40 * HOUR
        await sweep(app)
        resumed = await raised(app, item_id)

    assert stopped == {}
    assert reopened == {TOWNS[1]: [(4, 0), *LADDER[:2]]}
    assert [row[1:4] for row in resumed if row[0] == TOWNS[0]][-1] == (3, 4, 0)


async def test_an_item_from_before_there_were_terms_takes_those_that_stand(
    an_app: AnApp,
) -> None:
    """The terms of its type and urgency, as they came with the software."""
    clock = At()
    async with an_app(STREETS, clock) as app:
        item_id = await issue(app, TOWNS[:1], terms=None)
        clock.now = START + 8 * HOUR
        await sweep(app)

        assert await steps(app, item_id) == {TOWNS[0]: [(1, 0)]}


async def test_many_are_worked_in_small_transactions_and_none_is_left_out(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups larger than a transaction, and groups that share one."""
    monkeypatch.setattr(actions, "ROWS", 7)
    clock = At()
    towns = [f"530102{number:03}" for number in range(100, 130)]
    async with an_app(STREETS, clock) as app:
        large = await issue(app, towns)
        small = [await issue(app, towns[at : at + 3]) for at in range(0, 12, 3)]
        clock.now = RECEIVE_BY
        count = await sweep(app)
        found = [await steps(app, one) for one in (large, *small)]
        sizes = [
            len(
                division.set_from(
                    facts.RemindersRaised.FromString(one.payload).divisions
                )
            )
            for one in await recorded(app)
        ]

    assert count == 2 * (30 + 12)
    assert found[0] == {town: [(2, 0)] for town in towns}
    assert {tuple(steps) for one in found[1:] for steps in one.values()} == {((2, 0),)}
    assert sum(map(len, found[1:])) == 12
    assert max(sizes) <= 7


async def test_a_clock_armed_during_a_look_is_looked_at_again(an_app: AnApp) -> None:
    """A deadline that moves between what is read and what is written is not lost."""
    clock = At()
    async with an_app(ALL, clock) as app:
        item_id = await issue(app, TOWNS[:1])
        clock.now = DEADLINE
        await move(app, "receive", item_id, TOWNS[:1])
        await move(app, "report", item_id, TOWNS[:1])
        found = await actions.look(app, clock.now, {})
        assert found is not None
        await move(app, "return", item_id, TOWNS[:1])
        await actions.work(app, found)
        (armed,) = await clocks(app)
        await sweep(app)

        assert armed["next_due_at"] < clock.now
        assert await steps(app, item_id) == {TOWNS[0]: [(4, 0)]}


async def test_a_report_during_a_look_is_heeded(an_app: AnApp) -> None:
    """It is judged again where nothing can change any more."""
    clock = At()
    async with an_app(ALL, clock) as app:
        item_id = await issue(app, TOWNS[:2])
        clock.now = RECEIVE_BY
        found = await actions.look(app, clock.now, {})
        assert found is not None
        await move(app, "report", item_id, TOWNS[:1])
        await actions.work(app, found)
        await sweep(app)

        assert set(await steps(app, item_id)) == {TOWNS[1]}


async def test_reports_and_receipts_arm_no_clock(an_app: AnApp) -> None:
    """The hot roads: what they write is none of the timers' business."""
    clock = At()
    async with an_app(ALL, clock) as app:
        item_id = await issue(app)
        clock.now = START + 9 * HOUR
        await sweep(app)
        before = await clocks(app)
        for name in ("receive", "report", "verify", "close"):
            await move(app, name, item_id, TOWNS)

        assert await clocks(app) == before
        assert before[0]["next_due_at"] > clock.now


async def test_urgent_terms_urge_by_rule_at_the_assigner_only(an_app: AnApp) -> None:
    """The step is kept like any other; where nobody assigned, it is passed over."""
    clock = At()
    terms = replace(TERMS, urge_overdue=True, ladder=())
    how = Assigned(assigner="530102")
    async with an_app(COUNTY, clock) as county, an_app(STREETS, clock) as streets:
        above = await issue(county, TOWNS, how, terms)
        below = await issue(streets, TOWNS, how, terms)
        clock.now = DEADLINE
        for app in (county, streets):
            await sweep(app)

        assert await steps(county, above) == {town: [(Step.URGE, 0)] for town in TOWNS}
        assert (Step.URGE, 0) not in (await steps(streets, below))[TOWNS[0]]
