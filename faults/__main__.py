"""`python -m faults [--only NAME] [--slice] [--seed N] [--minutes N] [--json]`: break things.

Puts faults into a running line and checks that nothing acknowledged is lost or doubled.
A whole run writes `RESULTS.md` and `results.json`; with `--again` scenarios that were run
by themselves take their places there, and are named. Exit 0 if every promise was kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from faults import report
from faults.run import Plan, run
from faults.scenario import Scenario
from faults.scenarios import every

HERE = Path(__file__).parent
SEED = 20200501
FULL_MINUTES = 40.0
SLICE_MINUTES = 12.0
RESERVE_SECONDS = 60.0
"""Kept for the checks and the stopping after the last injection."""


def arguments(names: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--only", choices=names, action="append", help="repeatable")
    parser.add_argument(
        "--again", action="store_true", help="put --only into the last whole run"
    )
    parser.add_argument("--slice", action="store_true", help="the part that CI runs")
    parser.add_argument("--seed", type=int, default=SEED, help="of all chance")
    parser.add_argument("--minutes", type=float, help="stop by itself after so many")
    parser.add_argument("--json", action="store_true", help="print results.json")
    parser.add_argument(
        "--data", type=Path, help="keep what it wrote, in this directory"
    )
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    told = parser.parse_args()
    if told.again and (told.slice or not told.only):
        parser.error("--again goes with --only, and a whole run before it")
    return told


def main() -> int:
    """Run what was asked for; tell progress on standard error."""
    known = every()
    told = arguments([one.name for one in known])
    if told.list:
        for one in known:
            print(f"{one.name:20} {one.fault}{_lack(one)}")
        return 0
    minutes = told.minutes or (SLICE_MINUTES if told.slice else FULL_MINUTES)
    began = time.monotonic()
    plan = Plan(
        scenarios=[one for one in known if _chosen(one, told)],
        is_slice=told.slice,
        seed=told.seed,
        deadline=began + minutes * 60 - RESERVE_SECONDS,
        tell=lambda what: print(
            f"[{time.monotonic() - began:6.1f}] {what}", file=sys.stderr, flush=True
        ),
    )
    with _directory(told.data) as scratch:
        results = run(plan, scratch)
    made = report.Report(results, told.seed, time.monotonic() - began)
    if told.again:
        made = report.renewed(made, HERE, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    if told.again or not (told.slice or told.only):
        report.write(made, HERE)
    print(report.as_json(made) if told.json else report.as_markdown(made), end="")
    return 1 if made.failed or (told.slice and not told.only and made.too_small) else 0


@contextmanager
def _directory(given: Path | None) -> Iterator[Path]:
    """Give a directory: the one named, which is kept, or one that is removed."""
    if given is not None:
        given.mkdir(parents=True)
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="ducha-faults-") as scratch:
        yield Path(scratch)


def _chosen(scenario: Scenario, told: argparse.Namespace) -> bool:
    if told.only:
        return scenario.name in told.only
    return bool(scenario.in_slice) or not told.slice


def _lack(scenario: Scenario) -> str:
    lacks = scenario.needs()
    return f" (cannot run here: {lacks})" if lacks else ""


if __name__ == "__main__":
    sys.exit(main())
