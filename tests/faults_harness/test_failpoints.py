"""Failpoints: named places where a process does what a fault test told it to, and else nothing."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tier.runtime import failpoints
from tier.runtime.failpoints import PLACES, VARIABLE, FailpointReached, parse

ROOT = Path(__file__).parents[2]
TOLD = "from tier.runtime.failpoints import reach\n"
CODE = (
    TOLD
    + "for _ in range(5):\n    reach('commit.after')\n    print('went on', flush=True)"
)


def ran(spec: str, code: str = CODE) -> subprocess.CompletedProcess[str]:
    """Run some code in a process that was told `spec`."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, VARIABLE: spec, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_process_that_was_told_nothing_goes_on() -> None:
    """It costs one look, and nothing is said."""
    done = ran("")

    assert (done.returncode, done.stdout.count("went on"), done.stderr) == (0, 5, "")


def test_it_dies_at_the_time_it_was_told() -> None:
    """By SIGKILL: nothing is flushed, closed or said goodbye to; but it said where."""
    done = ran("commit.after=kill:3")

    assert done.returncode == -signal.SIGKILL
    assert done.stdout.count("went on") == 2
    assert done.stderr == "failpoint commit.after reached 3: kill\n"


def test_it_dies_nowhere_else() -> None:
    """Another place is not this one."""
    assert ran("commit.before=kill:1").returncode == 0


def test_it_fails_as_if_the_connection_was_lost() -> None:
    """A caller of the place handles it as it handles that."""
    done = ran("commit.after=error:1")

    assert FailpointReached.__name__ in done.stderr
    assert issubclass(FailpointReached, OSError)


def test_a_probability_is_about_that_often_and_seeded() -> None:
    """One in four of a thousand, and the same again with the same seed."""
    (point,) = parse("commit.after=kill:0.25").values()
    first, again = (
        [point.is_due(chance) for _ in range(1000)]
        for chance in (random.Random(7), random.Random(7))
    )

    assert first == again
    assert 200 < sum(first) < 300


@pytest.mark.parametrize(
    "wrong", ["nowhere=kill:1", "commit.after=explode", "commit.after=kill:often"]
)
def test_a_wrong_word_is_refused_at_once(wrong: str) -> None:
    """A fault that is never reached must not look like one that was survived."""
    with pytest.raises(ValueError, match=r"place|cannot be done|invalid literal"):
        parse(wrong)


def test_the_process_of_these_tests_was_told_nothing() -> None:
    """Nobody's tests die of a variable that was left behind."""
    assert failpoints.past("commit.after", 7) == 7


def test_every_place_is_in_the_code_and_no_other() -> None:
    """A name that no code reaches would be a fault that never bites."""
    call = re.compile(r"failpoints\.(?:reach|past)\(\s*\"([a-z.]+)\"")
    used = {
        name
        for file in (ROOT / "tier").rglob("*.py")
        for name in call.findall(file.read_text())
    }

    assert used == set(PLACES)
