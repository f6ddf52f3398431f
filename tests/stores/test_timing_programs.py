"""Exactly once, whatever happens: programs of moves, jumps of the clock, crashes, restarts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ducha.timing.v1 import timing_facts_pb2 as facts
from tests.servers import AnApp, recorded
from tests.stores.timing import (
    ALL,
    DEADLINE,
    RECEIVE_BY,
    START,
    TERMS,
    TOWNS,
    Assigned,
    At,
    assign,
    issue,
    move,
    raised,
    sweep,
)
from tier import division
from tier.app import App
from tier.calendar import SHIPPED
from tier.timing import actions, rules
from tier.timing.model import OF_RECEIPT, Step, Timer, Window

EXAMPLES = 100
PUT_OFF = timedelta(hours=30)
ANY_TIME = {"receive", "close", "withdraw"}
Key = tuple[str, int, int, int]
"""Division, term, step, rung."""


class Killed(Exception):
    """The node died here."""


@dataclass(frozen=True)
class Row:
    """An assignment as the oracle knows it."""

    receive_by: datetime = RECEIVE_BY
    deadline: datetime = DEADLINE
    term: int = 1
    received: bool = False
    reported: bool = False
    suspended: datetime | None = None
    closed: bool = False
    withdrawn: bool = False

    @property
    def is_open(self) -> bool:
        return not (self.reported or self.suspended or self.closed or self.withdrawn)

    def timers(self) -> list[Timer]:
        window = Window(START, self.receive_by, self.deadline)
        return rules.schedule(window, TERMS, SHIPPED)


def moved(row: Row, name: str, now: datetime) -> Row:
    """Return the row after a move; the same where nobody would make it."""
    stopped = now - row.suspended if row.suspended else timedelta()
    later = row.term + 1
    after = {
        "receive": replace(row, received=True),
        "report": replace(row, reported=True, received=True),
        "return": replace(row, reported=False),
        "suspend": replace(row, suspended=now, term=later),
        "resume": replace(
            row,
            suspended=None,
            term=later,
            receive_by=row.receive_by + stopped,
            deadline=row.deadline + stopped,
        ),
        "put off": replace(row, deadline=row.deadline + PUT_OFF, term=later),
        "close": replace(row, closed=True),
        "reopen": replace(row, closed=False),
        "withdraw": replace(row, withdrawn=True),
    }
    allowed = {
        "return": row.reported,
        "resume": row.suspended is not None and stopped >= timedelta(),
        "reopen": row.closed,
    }
    makes_sense = allowed.get(name, row.is_open or name in ANY_TIME)
    return after[name] if makes_sense and not row.withdrawn else row


@dataclass
class Played:
    """One item, what its node did, and what it should have done."""

    app: App
    clock: At
    item_id: UUID
    rows: dict[str, Row]
    seen: dict[Key, tuple[datetime, bool]] = field(default_factory=dict)
    """What was raised: when it was due, and whether it was superseded."""

    def wanted(self) -> dict[Key, tuple[datetime, bool]]:
        """Return what is due now and was not raised."""
        now = self.clock.now
        dues = {(key[0], key[2], key[3], due) for key, (due, _) in self.seen.items()}
        found = {}
        for town, row in self.rows.items():
            window = Window(START, row.receive_by, row.deadline)
            for timer in row.timers() if row.is_open else ():
                key = (town, row.term, int(timer.step), timer.rung)
                if timer.at > now or key in self.seen:
                    continue
                if timer.step in OF_RECEIPT and row.received:
                    continue
                if (town, int(timer.step), timer.rung, timer.at) not in dues:
                    found[key] = (timer.at, rules.is_superseded(timer, window, now))
        return found

    async def look_what_came(self) -> dict[Key, tuple[datetime, bool]]:
        """Return what was raised since the last time."""
        rows = await raised(self.app, self.item_id)
        new = {
            (row[0], row[1], row[2], row[3]): (row[4], row[6])
            for row in rows
            if (row[0], row[1], row[2], row[3]) not in self.seen
        }
        self.seen |= new
        return new

    async def sweep(self) -> None:
        """A node works all that is due."""
        wanted = self.wanted()
        await sweep(self.app)
        assert await self.look_what_came() == wanted

    async def bit(self) -> None:
        """A node dies after one transaction."""
        wanted = self.wanted()
        found = await actions.look(self.app, self.clock.now, {})
        if found is not None:
            await actions.work(self.app, found)
        new = await self.look_what_came()
        assert new.items() <= wanted.items()

    async def crash(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A node dies in a transaction, when all but the commit is done."""

        async def die(*_: Any, **__: Any) -> None:
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr("tier.ledger.append", die)
            found = await actions.look(self.app, self.clock.now, {})
            if found is not None:
                with pytest.raises(Killed):
                    await actions.work(self.app, found)
        assert await self.look_what_came() == {}

    async def move(self, name: str, town: str) -> None:
        if town not in self.rows:
            async with self.app.db.transaction() as tx:
                await assign(tx, self.item_id, [town], Assigned())
            self.rows[town] = Row()
            return
        after = moved(self.rows[town], name, self.clock.now)
        if after != self.rows[town]:
            await move(self.app, name, self.item_id, [town])
            self.rows[town] = after

    async def end(self) -> None:
        """Sweep a last time; each fact told something of its own, and all of it."""
        await self.sweep()
        told: Counter[Key] = Counter()
        for one in await recorded(self.app):
            if one.subject == str(self.item_id):
                told.update(keys(one.kind, one.payload))
        assert told == Counter(dict.fromkeys(self.seen, 1))


def keys(kind: str, payload: bytes) -> list[Key]:
    """Read what a fact says was raised."""
    if kind == facts.RemindersRaised.DESCRIPTOR.full_name:
        reminded = facts.RemindersRaised.FromString(payload)
        codes, step, rung = reminded.divisions, int(reminded.step), 0
        return [(code, reminded.term, step, rung) for code in division.set_from(codes)]
    told = facts.AssignmentsEscalated.FromString(payload)
    codes, step = told.divisions, int(Step.ESCALATION)
    return [(code, told.term, step, told.rung) for code in division.set_from(codes)]


towns = st.sampled_from(TOWNS[:3])
pairs = st.sampled_from(
    [("report", "return"), ("suspend", "resume"), ("close", "reopen"), ("receive", "")]
)
names = st.sampled_from(
    [
        "receive", "report", "return", "suspend", "resume", "put off", "close", "reopen",
        "withdraw",
    ]
)  # fmt: skip
hours = st.sampled_from([0, 1, 7, 30, 80, 120])
quiet = st.one_of(
    st.tuples(st.just("pass"), hours),
    st.tuples(st.just("back"), hours),
    st.tuples(st.sampled_from(["sweep", "bit", "crash"])),
)
loose = st.one_of(quiet, st.tuples(st.just("move"), names, towns)).map(
    lambda act: [act]
)


@st.composite
def there_and_back(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    """Draw a move and what undoes it, with work and other things between."""
    (there, back), town = draw(pairs), draw(towns)
    passing = ("pass", draw(hours))
    between = [*draw(st.lists(quiet, max_size=2)), passing, ("sweep",)]
    return [("move", there, town), *between, ("move", back or there, town)]


programs = st.lists(st.one_of(loose, there_and_back()), min_size=2, max_size=8)


async def played(
    program: Callable[[list[tuple[Any, ...]]], Coroutine[Any, Any, None]],
) -> int:
    """Play programs on this loop, while hypothesis runs in a thread; return how many."""
    loop = asyncio.get_running_loop()
    done = count()

    @settings(
        max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None
    )
    @given(programs)
    def run(parts: list[list[tuple[Any, ...]]]) -> None:
        acts = [act for part in parts for act in part]
        asyncio.run_coroutine_threadsafe(program(acts), loop).result()
        next(done)

    await asyncio.to_thread(run)
    return next(done)


async def test_each_step_is_raised_once_whatever_happens(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moves of all kinds, clocks that jump both ways, nodes that die before and after commits.

    Whenever a node comes to the end of its work, all that is due and concerns somebody is
    raised, and nothing else; whatever was raised before stands.
    """
    monkeypatch.setattr(actions, "ROWS", 2)
    clock = At()
    async with an_app(ALL, clock) as app:

        async def play(program: list[tuple[Any, ...]]) -> None:
            clock.now = START
            item_id = await issue(app, TOWNS[:2])
            node = Played(app, clock, item_id, {town: Row() for town in TOWNS[:2]})
            for act, *rest in program:
                match act:
                    case "move":
                        await node.move(*rest)
                    case "pass":
                        clock.now += timedelta(hours=rest[0])
                    case "back":
                        clock.now -= timedelta(hours=rest[0])
                    case "sweep":
                        await node.sweep()
                    case "bit":
                        await node.bit()
                    case "crash":
                        await node.crash(monkeypatch)
            await node.end()
            await retire(app, item_id)

        assert await played(play) >= EXAMPLES


async def retire(app: App, item_id: UUID) -> None:
    """Take an item out of the way of the next program."""
    async with app.db.transaction() as tx:
        await tx.execute(
            "UPDATE timing_clock SET next_due_at = NULL WHERE item_id = $1", item_id
        )
