"""A node's time: steady while it runs, believing the wall slowly, as fast as it is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tier.runtime.clock import HOLD, LOOK_SECONDS, SMALL, Clock, Pace

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
BIG = st.integers(3, 10**6) | st.integers(-(10**6), -3)
RATES = st.floats(1, 1e5)


@dataclass
class World:
    """A wall that somebody sets, and seconds that nobody can."""

    ticks: float = 1000.0
    off: timedelta = timedelta()

    def wall(self) -> datetime:
        return self.true() + self.off

    def true(self) -> datetime:
        return BEGIN + timedelta(seconds=self.ticks)

    def clock(self, pace: Pace | None = None) -> Clock:
        return Clock(pace or Pace(), wall=self.wall, ticks=lambda: self.ticks)

    def live(self, clock: Clock, seconds: float) -> list[datetime]:
        """Let time go by, comparing as a node does; return what the node said."""
        said = []
        for _ in range(round(seconds / LOOK_SECONDS)):
            self.ticks += LOOK_SECONDS
            clock.look()
            said.append(clock.real())
        return said


@given(seconds=st.lists(st.integers(1, 100), max_size=20))
def test_undisturbed_a_node_tells_the_time_of_the_wall(seconds: list[int]) -> None:
    """To the microsecond."""
    world = World()
    clock = world.clock()
    for each in seconds:
        world.live(clock, each)

        assert abs(clock.now() - world.wall()) < timedelta(microseconds=10)


@given(jump=BIG, stays=st.integers(1, int(HOLD) - 1))
def test_a_jump_that_is_taken_back_was_never_seen(jump: int, stays: int) -> None:
    """No timer fires because somebody mistyped a date."""
    world = World()
    clock = world.clock()
    world.off = timedelta(seconds=jump)
    during = world.live(clock, stays)
    world.off = timedelta()
    after = world.live(clock, HOLD * 2)

    told = [*during, *after]
    true = [
        world.true() - timedelta(seconds=len(told) - 1 - n) for n in range(len(told))
    ]
    assert all(abs(a - b) < SMALL for a, b in zip(told, true, strict=True))


@given(jump=BIG)
def test_a_jump_that_stays_is_followed(jump: int) -> None:
    """After half a minute, both ways; and time goes on from there."""
    world = World()
    clock = world.clock()
    world.off = timedelta(seconds=jump)
    before = world.live(clock, HOLD)
    world.live(clock, 2 * LOOK_SECONDS)

    assert abs(before[0] - world.true()) < timedelta(seconds=HOLD) + SMALL
    assert abs(clock.real() - world.wall()) < SMALL
    assert world.live(clock, 3)[-1] == clock.real()
    assert abs(clock.real() - world.wall()) < SMALL


@given(jumps=st.lists(st.integers(3, 10**6), min_size=5, max_size=80))
def test_a_wall_that_does_not_agree_with_itself_is_not_believed(
    jumps: list[int],
) -> None:
    """One that jumps to and fro every second is broken; the node goes by its own."""
    world = World()
    clock = world.clock()
    for number, jump in enumerate(jumps):
        world.off = timedelta(seconds=jump if number % 2 else -jump)
        world.live(clock, LOOK_SECONDS)

        assert abs(clock.real() - world.true()) < SMALL


@given(steps=st.lists(st.integers(-1900, 1900), max_size=60))
def test_small_corrections_are_followed_and_no_moment_comes_twice(
    steps: list[int],
) -> None:
    """As NTP corrects: the node is never further off than one of them, and never goes back."""
    world = World()
    clock = world.clock()
    said = [clock.real()]
    for step in steps:
        world.off += timedelta(milliseconds=step)
        said += world.live(clock, 3 * LOOK_SECONDS)

    assert all(later >= earlier for earlier, later in pairwise(said))
    assert abs(said[-1] - world.wall()) <= SMALL


def test_backwards_time_stands_still_until_the_wall_has_caught_up() -> None:
    """What happened later is not dated earlier."""
    world = World()
    clock = world.clock()
    (before,) = world.live(clock, 1)
    world.off = timedelta(seconds=-1.5)
    stood, still, on = world.live(clock, 3)

    assert (stood, still > stood) == (before, True)
    assert still == world.wall() - timedelta(seconds=1)
    assert on == world.wall()


@given(rate=RATES, seconds=st.floats(0, 1e4), more=st.floats(0.001, 1e4))
def test_simulated_time_runs_as_fast_as_it_is_told(
    rate: float, seconds: float, more: float
) -> None:
    """From the epoch on; the same for all who have the same pace; forward only."""
    pace = Pace(rate, BEGIN)
    then = BEGIN + timedelta(seconds=seconds)
    later = then + timedelta(seconds=more)
    span = pace.shown(later) - pace.shown(then)

    assert pace.shown(BEGIN - timedelta(days=1)) == BEGIN - timedelta(days=1)
    assert pace.shown(BEGIN) == BEGIN
    assert span / timedelta(seconds=1) == pytest.approx(more * rate, rel=1e-3, abs=1e-3)
    assert pace.real_seconds(span) == pytest.approx(more, rel=1e-3, abs=1e-3)


def test_a_simulated_node_knows_the_real_time_too() -> None:
    """Certificates and contact go by it."""
    world = World()
    clock = world.clock(Pace(3600.0, world.true()))
    begin = world.true()
    world.live(clock, 10)

    assert clock.now() - begin == timedelta(hours=10)
    assert clock.real() - begin == timedelta(seconds=10)


@pytest.mark.parametrize(
    ("rate", "epoch", "simulated"),
    [(1.0, None, False), (1.0, BEGIN, False), (2.0, None, False), (2.0, BEGIN, True)],
)
def test_what_is_simulated(
    *, rate: float, epoch: datetime | None, simulated: bool
) -> None:
    """Only time that runs fast from some moment on."""
    assert Pace(rate, epoch).is_simulated == simulated
