"""Named places where a fault test makes this process die, stop, stall or fail.

Off unless `DUCHA_FAILPOINTS` is set when the process starts; then a place that is reached
does what it says there::

    DUCHA_FAILPOINTS="commit.after=kill:3,link.applied=sleep:0.01"

kills the process at its third commit, and stalls one in a hundred batches. A whole number
is the one time it happens, a number with a point how probable it is each time; none means
each time. Never set it where anybody's data matters: `kill` is SIGKILL.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, TypeVar, get_args

VARIABLE: Final = "DUCHA_FAILPOINTS"
SLEEP_SECONDS: Final = 0.5
STANDARD_ERROR: Final = 2

T = TypeVar("T")
Action: TypeAlias = Literal["kill", "stop", "sleep", "error"]

PLACES: Final = (
    "commit.before",  # all is written, nothing is committed
    "commit.after",  # committed; nobody was woken, nothing offered to a neighbour
    "answer.before",  # committed and offered; the caller has no answer
    "link.published",  # the road has a bundle; the sender has not gone on
    "link.applied",  # a bundle is committed; it is not acknowledged to the road
    "link.replaying",  # the parent sent a page of a replay, more may follow
    "link.delivered",  # the child delivered a page, more may follow
    "link.confirmed",  # a receipt is kept; the other side does not know yet
    "ledger.sealed",  # a checkpoint is kept; the parent has not seen it
)
"""Every place there is, by name."""


class FailpointReached(ConnectionError):
    """The process acts as if a connection was lost here."""


@dataclass(slots=True)
class Failpoint:
    """What happens at one place: at the `nth` time, or each time with a probability."""

    action: Action
    nth: int = 0
    probability: float = 1.0
    reached: int = 0

    def is_due(self, chance: random.Random) -> bool:
        """Count this time, and say whether it is the one."""
        self.reached += 1
        if self.nth:
            return self.reached == self.nth
        return chance.random() < self.probability


def parse(text: str) -> dict[str, Failpoint]:
    """Read `name=action[:number]`, separated by commas.

    Raises:
        ValueError: there is no such place or action, or a number that is none.
    """
    points: dict[str, Failpoint] = {}
    for part in filter(None, text.split(",")):
        name, _, what = part.partition("=")
        action, _, number = what.partition(":")
        if name not in PLACES:
            raise ValueError(f"{VARIABLE}: there is no place {name!r}")
        if action not in get_args(Action):
            raise ValueError(f"{VARIABLE}: {action!r} cannot be done at {name}")
        point = Failpoint(action)  # type: ignore[arg-type] # it is one of them
        if "." in number:
            point.probability = float(number)
        elif number:
            point.nth = int(number)
        points[name] = point
    return points


_POINTS: Mapping[str, Failpoint] | None = parse(os.environ.get(VARIABLE, "")) or None
_CHANCE = random.Random(os.environ.get(VARIABLE, ""))  # noqa: S311 - seeded, no secret


def reach(name: str) -> None:
    """Do here what this process was told to do at `name`; almost always nothing.

    Raises:
        FailpointReached: it was told to fail here.
    """
    if _POINTS is None:
        return
    point = _POINTS.get(name)
    if point is not None and point.is_due(_CHANCE):
        _act(name, point)


def past(name: str, value: T) -> T:
    """Return `value`, having reached `name` with it."""
    reach(name)
    return value


def _act(name: str, point: Failpoint) -> None:
    """Say it, so that a test knows the fault bit; then do it."""
    line = f"failpoint {name} reached {point.reached}: {point.action}\n"
    os.write(STANDARD_ERROR, line.encode())
    match point.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "sleep":
            time.sleep(SLEEP_SECONDS)  # the whole process stands still
        case "error":
            raise FailpointReached(name)
