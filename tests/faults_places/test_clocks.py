"""Clocks that jump: the wall clock does, the monotonic does not, and contact goes by it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from faults.clocks import Clocks, library, needs
from tier.link.contact import Contacts

LACKS = needs()
TELL = """
import sys, time
for line in sys.stdin:
    print(time.time(), time.monotonic(), flush=True)
"""
NOW = datetime(2026, 5, 1, tzinfo=UTC)
LIMIT = timedelta(seconds=10)
AHEAD = timedelta(hours=6)


@pytest.mark.skipif(  # house: proofs - not every machine lends this; it says why
    bool(LACKS), reason=LACKS or "it can"
)
def test_a_clock_jumps_both_ways_while_its_process_runs(tmp_path: Path) -> None:
    """By hours, and back; the monotonic clock goes on."""
    found = library()
    assert found is not None
    clocks = Clocks(tmp_path, found)
    told = []
    clocks.bend("node")
    with subprocess.Popen(
        [*clocks.prefix("node"), sys.executable, "-I", "-c", TELL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for hours in (0, 48, -48, 0):
            clocks.bend("node", timedelta(hours=hours))
            process.stdin.write("?\n")
            process.stdin.flush()
            wall, ticks = map(float, process.stdout.readline().split())
            off = wall - datetime.now(UTC).timestamp()
            told.append((round(off / 3600), ticks))
        process.stdin.close()

    assert [hours for hours, _ in told] == [0, 48, -48, 0]
    assert [ticks for _, ticks in told] == sorted(ticks for _, ticks in told)
    assert told[-1][1] - told[0][1] < timedelta(hours=1).total_seconds()


STEADY = """
import sys
import structlog
from tier.runtime import clock
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
steady = clock.Clock()
for line in sys.stdin:
    steady.look()
    print(steady.now().timestamp(), clock.now().timestamp(), flush=True)
"""


@pytest.mark.skipif(  # house: proofs - not every machine lends this; it says why
    bool(LACKS), reason=LACKS or "it can"
)
def test_a_node_does_not_believe_a_wall_that_jumps(tmp_path: Path) -> None:
    """By hours, and back, while it looks: its own time goes on as if nothing had been."""
    found = library()
    assert found is not None
    clocks = Clocks(tmp_path, found)
    clocks.bend("node")
    off = []
    with subprocess.Popen(
        [*clocks.prefix("node"), sys.executable, "-c", STEADY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for hours in (0, 48, -48, 0):
            clocks.bend("node", timedelta(hours=hours))
            process.stdin.write("?\n")
            process.stdin.flush()
            told = map(float, process.stdout.readline().split())
            true = datetime.now(UTC).timestamp()
            off.append(tuple(round((each - true) / 60) for each in told))
        process.stdin.close()

    assert off == [(0, 0), (0, 48 * 60), (0, -48 * 60), (0, 0)]


def test_contact_is_no_matter_of_the_wall_clock() -> None:
    """Put back by hours, a dead child must not seem alive; put ahead, a live one dead."""
    ticks = [100.0]
    contacts = Contacts(["child"], ["child"], LIMIT, lambda: ticks[0])
    never = contacts.in_contact("child")
    contacts.heard("child", NOW + AHEAD)  # and then the clock was put right
    heard = contacts.in_contact("child")
    ticks[0] += LIMIT.total_seconds() + 1
    late = contacts.in_contact("child")
    silent = contacts.silent()

    assert (never, heard, late) == (False, True, False)
    assert silent == [("child", NOW + AHEAD)]
