"""Timers and what comes from outside: walls that jump, forged terms, a new calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ducha.assignment.v1 import assignment_pb2
from tests.servers import AnApp
from tests.stores.timing import (
    ALL,
    COUNTY,
    DEADLINE,
    HOUR,
    START,
    STREETS,
    TERMS,
    TOWNS,
    Assigned,
    At,
    a_body,
    an_item,
    assign,
    clocks,
    issue,
    raised,
    steps,
    sweep,
)
from tier.calendar import Term, held
from tier.calendar.model import Day, Year
from tier.runtime.clock import Clock
from tier.timing.sweeping import Sweeping

LADDER = [(6, 1), (6, 2), (6, 3)]


async def test_a_jump_of_the_wall_makes_no_timer_early_and_none_twice(
    an_app: AnApp,
) -> None:
    """A blink is not believed; what stays so is followed, there and back."""
    ticks, off = [0.0], [timedelta()]
    steady = Clock(
        wall=lambda: START + timedelta(seconds=ticks[0]) + off[0],
        ticks=lambda: ticks[0],
    )

    def passing(seconds: int) -> None:
        for _ in range(seconds):
            ticks[0] += 1
            steady.look()

    async with an_app(STREETS, steady.now) as app:
        item_id = await issue(app, TOWNS[:1])
        seen = []
        for jump, seconds in ((200, 20), (0, 60), (200, 60), (0, 60), (200, 60)):
            off[0] = jump * HOUR
            passing(seconds)
            await sweep(app)
            seen.append(len(await raised(app, item_id)))

    assert seen == [0, 0, 4, 4, 4]


def forged() -> list[assignment_pb2.Item]:
    """Return items as only a broken or hostile node would tell them."""
    made = [a_body() for _ in range(6)]
    made[0].terms.ladder.add()
    made[1].terms.ladder[0].working_days = 2**31 - 1
    made[2].terms.ladder[0].hours = 2**31 - 1
    made[3].terms.near_percent = 2**31 - 1
    made[4].terms.receipt_near_percent = -5
    made[5].ClearField("terms")
    made[5].ClearField("source_type")
    return made


async def test_terms_that_nobody_published_hold_up_nobody(an_app: AnApp) -> None:
    """Such an item goes by the terms that stand; the others are worked as ever."""
    clock = At()
    late = datetime.max.replace(tzinfo=UTC) - 2 * HOUR
    async with an_app(ALL, clock) as app:
        async with app.db.transaction() as tx:
            wrong = [await an_item(tx, item=one) for one in forged()]
            wrong.append(await an_item(tx))
            for item_id in wrong[:-1]:
                await assign(tx, item_id, TOWNS[:1])
            # A ladder that ends after the last day there is.
            await assign(tx, wrong[-1], TOWNS[:1], Assigned(deadline=late))
        right = await issue(app, TOWNS[:1])
        clock.now = DEADLINE + 4 * HOUR
        await sweep(app)
        found = [(await steps(app, item_id))[TOWNS[0]] for item_id in (*wrong, right)]

    assert found[-1] == [(2, 0), (4, 0), (6, 1)]
    assert [one[:2] for one in found[:6]] == [[(2, 0), (4, 0)]] * 6
    assert found[6] == [(2, 0)]


async def test_a_published_calendar_moves_the_steps_that_are_still_to_come(
    an_app: AnApp,
) -> None:
    """The Saturday after the deadline becomes a working day: the step is due that evening.

    A node that was down when the calendar came looks when it starts.
    """
    clock = At()
    terms = replace(TERMS, ladder=(Term(working_days=1), Term(working_days=2)))
    saturday, monday = (datetime(2026, 3, day, 10, tzinfo=UTC) for day in (7, 9))
    worked = Day(saturday.date(), working=True, name="调休上班")
    async with an_app(COUNTY, clock) as app:
        how = Assigned(assigner="530102")
        item_id = await issue(app, TOWNS[:1], how, terms)
        clock.now = DEADLINE
        await Sweeping(app).wake()
        (before,) = await clocks(app)
        async with app.db.transaction() as tx:
            years = [Year(2026, official=True, whole=False, days=(worked,), version=1)]
            await held.write_years(tx, years)
        clock.now = saturday - HOUR
        await Sweeping(app).wake()
        (after,) = await clocks(app)
        clock.now = saturday
        await Sweeping(app).wake()
        taken = await steps(app, item_id)
        clock.now = monday
        await Sweeping(app).wake()
        (last,) = await clocks(app)

        assert (before["next_due_at"], after["next_due_at"]) == (monday, saturday)
        assert taken == {TOWNS[0]: LADDER[:1]}
        assert await steps(app, item_id) == {TOWNS[0]: LADDER[:2]}
        assert last["next_due_at"] is None
