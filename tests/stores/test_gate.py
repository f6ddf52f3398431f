"""The ask gate over four tiers on real databases: nobody is asked twice, whatever crosses.

Programs of asks, answers, withdrawals and deliveries in any order are played on seven nodes;
after each step the node that it touched must not contradict itself (simulated data).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any, assert_never

import asyncpg
import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ducha.catalogue.v1 import catalogue_pb2
from ducha.registry.v1 import registry_pb2 as pb
from tests import registry
from tests.catalogue import element, held
from tests.registry import (
    NEXT_TOWN,
    PERIOD,
    TOWN,
    VILLAGE,
    WEST,
    Line,
    a_line,
    outcomes,
    sheet,
    sheets,
    state,
    waiting,
)
from tests.registry_audit import unsound
from tests.servers import AnApp, quarantined
from tier.app import App
from tier.division import TargetsInvalid
from tier.jurisdiction import Code
from tier.registry.model import Sheet
from tier.runtime.errors import Contended

DAY = catalogue_pb2.Freshness(max_age=Duration(seconds=86_400))
CATALOGUE = (
    element("steady"),
    element("aging", freshness=DAY),
    element("village", collect_level=5),
)
CODES = ("steady", "aging", "village")
ASKERS = (
    ("53", ()), ("53", ("5301",)), ("53", ("530102",)), ("53", ("530302001",)),
    ("5301", ()), ("5301", (NEXT_TOWN,)), ("5303", ()), ("530102", ()),
    ("530102", (TOWN,)), ("530302", ()),
)  # fmt: skip
HOMES = (TOWN, NEXT_TOWN, registry.FAR_TOWN, VILLAGE)
LANES = 12
EXAMPLES = 25


@dataclass(frozen=True)
class Ask:
    """A unit asks."""

    asker: int
    codes: frozenset[str]


@dataclass(frozen=True)
class Answer:
    """An author answers: what he saw some hours ago, knowing what stands or nothing of it."""

    home: int
    codes: frozenset[str]
    number: int
    hours_ago: int
    unaware: bool


@dataclass(frozen=True)
class Withdraw:
    """A requester takes back one of the requests so far."""

    which: int


@dataclass(frozen=True)
class Carry:
    """A lane brings what it owes."""

    lane: int


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    hours: int


Step = Ask | Answer | Withdraw | Carry | Wait
codes = st.frozensets(st.sampled_from(CODES), min_size=1)
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(Ask, st.integers(0, len(ASKERS) - 1), codes),
    st.builds(
        Answer,
        st.integers(0, len(HOMES) - 1),
        codes,
        st.integers(0, 3),
        st.sampled_from([0, 0, 40]),
        st.booleans(),
    ),
    st.builds(Withdraw, st.integers(0, 20)),
    st.builds(Carry, st.integers(0, LANES - 1)),
    st.builds(Carry, st.integers(0, LANES - 1)),
    st.builds(Wait, st.sampled_from([1, 30])),
)
PERIODS: Iterator[str] = (f"{1000 + n // 12}-{n % 12 + 1:02}" for n in count())
"""One for each example, so that none sees what another left."""


@dataclass
class Game:
    """One program under way, in a period of its own."""

    line: Line
    period: str
    made: list[str]
    before: dict[str, int]
    """How much each node had set aside already, by what failed before."""

    async def play(self, step: Step) -> None:
        """Do one step; the node it touched must be sound after it."""
        match step:
            case Ask():
                touched = await self._ask(step)
            case Answer():
                touched = await self._answer(step)
            case Withdraw():
                touched = await self._withdraw(step)
            case Carry():
                sender, touched = self.line.links()[step.lane]
                await self.line.carry(sender.node.name, touched.node.name)
            case Wait():
                self.line.clock.wait(hours=step.hours)
                return
            case _:
                assert_never(step)

        await self._is_sound(touched)

    async def _is_sound(self, app: App) -> None:
        assert await unsound(app, self.period) == []
        assert (await quarantined(app))[self.before[app.node.name] :] == []

    async def _ask(self, step: Ask) -> App:
        requester, targets = ASKERS[step.asker]
        try:
            made = await self.line.ask(
                requester, sorted(step.codes), *targets, period=self.period
            )
        except TargetsInvalid:
            return self.line.at(requester)  # nobody there collects it
        self.made.append(made.data_request.data_request_id)
        return self.line.at(requester)

    async def _answer(self, step: Answer) -> App:
        home = HOMES[step.home]
        app = self.line.at(home)
        wanted = {"village"} if home == VILLAGE else {"steady", "aging"}
        numbers = {code: float(step.number) for code in sorted(step.codes & wanted)}
        if numbers:
            await self.line.answer(
                home,
                numbers,
                period=self.period,
                hours_ago=await self._not_before(app, home, step.hours_ago),
                base=0 if step.unaware else None,
            )
        return app

    async def _not_before(self, app: App, home: str, hours: float) -> float:
        """Return how long ago a value was seen: not before one that stands.

        A correction that goes back behind a fresher value may be asked again although its
        requester was served by that one.
        """
        known = await sheet(app, home, self.period)
        if known is None or not known.observed:
            return hours
        newest = self.line.clock.at - max(known.observed)
        return min(hours, newest / timedelta(hours=1))

    async def _withdraw(self, step: Withdraw) -> App:
        if not self.made:
            return self.line.at("53")
        request_id = self.made[step.which % len(self.made)]
        await self.line.withdraw(request_id)
        return self.line.at(self.line.requests[request_id])

    async def end(self) -> None:
        """Deliver everything, answer everything, deliver again: all must be at rest."""
        await self.line.settle()
        await self._all_agree()
        for home in HOMES:
            app = self.line.at(home)
            task = await sheet(app, home, self.period)
            if task is not None and task.asked:
                known = await held(app)
                asked = [known.numbered(number) for number in task.asked]
                numbers = {one.code: 7.0 for one in asked if one is not None}
                await self.line.answer(home, numbers, period=self.period)
        await self.line.settle()
        await self._all_agree()
        await self._all_ended()

    async def _all_agree(self) -> None:
        """Whoever holds a cell, an ask or a need must hold the same as its home."""
        for home in HOMES:
            below = self.line.at(home)
            there = await _about(below, home, self.period)
            for app in self.line.apps.values():
                if app.node.covers(home) or app is below:
                    assert await _about(app, home, self.period) == there, app.node.name
        for app in self.line.apps.values():
            await self._is_sound(app)
        for request_id in self.made:
            for home in HOMES:
                await self._counts_tell_what_was_done(request_id, home)

    async def _counts_tell_what_was_done(self, request_id: str, home: str) -> None:
        done = await outcomes(self.line.at(home), request_id, home)
        path = [app for app in self.line.apps.values() if app.node.covers(Code(home))]
        for app in path:
            counted = await outcomes(app, request_id, home)
            if sum(counted[:4]):
                assert counted[1:4] == done[1:4], (app.node.name, home)

    async def _all_ended(self) -> None:
        for app in self.line.apps.values():
            assert await waiting(app, self.period) == {}
            assert [
                one.key for one in await sheets(app, self.period) if one.asked
            ] == []
        for request_id in self.made:
            requester = self.line.at(self.line.requests[request_id])
            assert await state(requester, request_id) in {
                pb.DATA_REQUEST_STATE_COMPLETE,
                pb.DATA_REQUEST_STATE_WITHDRAWN,
            }


async def _about(app: App, home: str, period: str) -> tuple[object, ...]:
    """Return what a node holds of a division: tasks, versions, values, and who waits."""
    here = await sheet(app, home, period)
    needs = {
        key: list(elements)
        for key, elements in (await waiting(app, period)).items()
        if key[1] == home
    }
    return (needs, None if here is None or _is_empty(here) else _spread(here))


def _is_empty(one: Sheet) -> bool:
    return not (one.asked or one.elements)


def _spread(one: Sheet) -> tuple[object, ...]:
    return (
        list(one.asked), one.deadline, list(one.elements), list(one.numbers),
        list(one.given), list(one.flags), list(one.answers), list(one.observed),
        list(one.texts),
    )  # fmt: skip


async def test_no_cell_is_asked_twice_whatever_crosses(an_app: AnApp) -> None:
    """Three tiers ask, answers climb, requests are taken back; facts come when they may.

    After each step the tasks of a node are what its requests wait for, and nothing that is
    fresh; once all is delivered every tier holds the same, and counts what was done.
    """
    async with a_line(an_app, CATALOGUE) as line:
        played = await _for_all(st.lists(steps, max_size=24), partial(_play, line))

        assert played >= EXAMPLES


async def _play(line: Line, program: Sequence[Step]) -> None:
    before = {name: len(await quarantined(app)) for name, app in line.apps.items()}
    game = Game(line, next(PERIODS), [], before)
    for step in program:
        await game.play(step)
    await game.end()


async def _for_all(
    programs: st.SearchStrategy[list[Step]],
    play: Callable[[list[Step]], Coroutine[Any, Any, None]],
) -> int:
    """Play programs on this loop, while hypothesis runs in a thread; return how many."""
    loop = asyncio.get_running_loop()
    played = count()

    @settings(
        max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None
    )
    @given(programs)
    def run(program: list[Step]) -> None:
        asyncio.run_coroutine_threadsafe(play(program), loop).result()
        next(played)

    await asyncio.to_thread(run)
    return next(played)


async def test_a_second_ask_of_a_cell_is_refused_by_the_database(
    an_app: AnApp,
) -> None:
    """Whatever a program does wrong: a sheet has one row, and asks an element once."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        await line.ask("530102", ["steady", "aging"], TOWN)
        for app in (line.apps["wuhua"], line.at("53")):
            for wrong in (SECOND_ROW, SECOND_ASK, UNSORTED, NO_DAY):
                with pytest.raises((asyncpg.CheckViolationError, Contended)):
                    await _write(app, wrong)
        (task,) = [one for one in await sheets(line.apps["wuhua"]) if one.asked]

        assert task.asked == [1, 2]


async def _write(app: App, wrong: str) -> None:
    async with app.db.transaction() as tx:
        await tx.execute(ROW, TOWN, PERIOD)
        await tx.execute(wrong, TOWN, PERIOD)


ROW = """
    INSERT INTO registry_sheet (period, division, period_start, asked, deadline_at)
    VALUES ($2, $1, '2026-11-01', '{1,2}', now()) ON CONFLICT DO NOTHING
"""
SECOND_ROW = """
    INSERT INTO registry_sheet (period, division, period_start, asked, deadline_at)
    VALUES ($2, $1, '2026-11-01', '{1}', now())
"""
SECOND_ASK = """
    UPDATE registry_sheet SET asked = '{1,1,2}' WHERE (division, period) = ($1, $2)
"""
UNSORTED = """
    UPDATE registry_sheet SET asked = '{2,1}' WHERE (division, period) = ($1, $2)
"""
NO_DAY = """
    UPDATE registry_sheet SET deadline_at = NULL WHERE (division, period) = ($1, $2)
"""


async def test_a_confirmed_field_is_counted_once_whoever_waited_for_it(
    an_app: AnApp,
) -> None:
    """Two requests wait for different elements of one sheet, and both for a third."""
    async with a_line(
        an_app,
        [element(code, freshness=DAY) for code in ("a", "b", "c")],
        WEST,
    ) as line:
        await line.answer(TOWN, {"a": 1, "b": 2, "c": 3})
        line.clock.wait(days=2)
        first = (await line.ask("530102", ["a", "c"], TOWN)).data_request
        second = (await line.ask("530102", ["b", "c"], TOWN)).data_request
        await line.carry("wuhua", "streets")
        await line.answer(TOWN, {"a": 1, "b": 2, "c": 3})
        async with line.apps["streets"].db.reading() as tx:
            rows = await tx.fetch(
                "SELECT data_request_id::text, confirmed, prefilled FROM registry_need"
            )

        assert {row[0]: (row[1], row[2]) for row in rows} == {
            first.data_request_id: (2, 2),
            second.data_request_id: (1, 1),
        }
