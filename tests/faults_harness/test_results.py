"""What the table says of a run, and when a run counts as failed."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from faults import report
from faults.recovery import Recovery
from faults.report import Report
from faults.result import Result
from faults.rigs import Rig, Stage
from faults.run import Plan, Stages, one
from faults.scenario import Context, Outcome, Scenario
from faults.scenarios import every
from faults.verdict import Verdict

SOON = Recovery(
    up={"township": 0.1, "county": 0.2, "city": 0.4, "province": 0.5},
    down={"province": 0.1, "city": 0.2, "county": 0.3, "township": 2.6},
)


def a_result(**changes: object) -> Result:
    """Return a scenario that went well."""
    outcome = Outcome(injections=70, recoveries=[SOON], evidence={"it died": 70})
    made = Result("kill", "kill -9", operations=30_000, outcome=outcome)
    return replace(made, **changes)  # type: ignore[arg-type] # fields of a result


def test_a_run_in_which_nothing_was_broken_passes() -> None:
    """Enough injections, enough operations, nothing found."""
    made = Report([a_result()], seed=1, seconds=60)

    assert not made.failed
    assert not made.too_small
    assert "0 | 0 | 0" in report.as_markdown(made)


@pytest.mark.parametrize(
    "kind", ["lost", "doubled", "phantom", "order", "conservation"]
)
def test_one_finding_of_any_kind_fails_the_run(kind: str) -> None:
    """One in thirty thousand is one too many."""
    verdict = Verdict(**{kind: 1})  # type: ignore[arg-type] # they are numbers
    made = Report([a_result(), a_result(verdict=verdict)], seed=1, seconds=60)

    assert len(made.failed) == 1


def test_a_fault_that_never_bit_fails_the_run() -> None:
    """Surviving what did not happen proves nothing."""
    toothless = a_result(outcome=Outcome(missed=5))

    assert toothless.failed
    assert "no injection bit" in report.as_markdown(Report([toothless], 1, 60))


def test_what_the_scenario_itself_found_wrong_fails_the_run() -> None:
    """Such as a refusal without a hint when to come back."""
    assert a_result(outcome=Outcome(injections=1, problems=["no RetryInfo"])).failed


def test_a_scenario_that_cannot_run_is_told_and_does_not_fail() -> None:
    """Skipped visibly, never silently."""
    skipped = Result("power", "power loss", skipped="there is no /dev/loop0")
    text = report.as_markdown(Report([a_result(), skipped], 1, 60))

    assert not skipped.failed
    assert "power: there is no /dev/loop0" in text


def test_a_run_with_too_little_is_too_small() -> None:
    """Sixty injections and twenty thousand operations at least."""
    few = a_result(outcome=Outcome(injections=59))
    idle = a_result(operations=19_999)

    assert Report([few], 1, 60).too_small
    assert Report([idle], 1, 60).too_small


def test_recovery_is_counted_to_the_other_end_and_by_the_slowest_hop() -> None:
    """Up to the province, down to the township, and whichever hop was worst."""
    assert SOON.at_the_top == pytest.approx(0.5)
    assert SOON.at_the_bottom == pytest.approx(2.6)
    assert SOON.worst_hop == pytest.approx(2.3)


def test_the_results_can_be_read_by_a_program() -> None:
    """Everything the table says, and each recovery."""
    told = json.loads(report.as_json(Report([a_result()], 7, 60)))

    assert told["seed"] == 7
    assert told["scenarios"][0]["recoveries"][0]["up"]["province"] == pytest.approx(0.5)


def test_what_is_run_again_takes_its_place_and_is_named(tmp_path: Path) -> None:
    """The others stay as they were, to the last number."""
    bad = a_result(verdict=Verdict(lost=1, details=["lost county: a report"]))
    other = a_result(name="freeze", fault="SIGSTOP")
    report.write(Report([bad, other], 7, 60), tmp_path)
    made = report.renewed(Report([a_result()], 8, 5), tmp_path, "today")

    assert not made.failed
    assert [one.again for one in made.results] == ["today", ""]
    assert made.results[1] == other
    assert (made.seed, made.operations) == (7, 60_000)
    assert "* kill: today" in report.as_markdown(made)


def test_a_scenario_that_is_newer_than_the_last_whole_run_is_added_to_it(
    tmp_path: Path,
) -> None:
    """It comes last, and is named as run by itself."""
    report.write(Report([a_result()], 7, 60), tmp_path)
    newer = a_result(name="timers", fault="timers come due")
    made = report.renewed(Report([newer], 8, 5), tmp_path, "today")

    assert [(one.name, one.again) for one in made.results] == [
        ("kill", ""),
        ("timers", "today"),
    ]


async def _nothing(context: Context) -> Outcome:
    return context.outcome


@contextmanager
def _broken(_: Path) -> Iterator[Stage]:
    raise OSError("this line does not start")
    yield


def a_plan(deadline: float) -> tuple[Plan, list[str]]:
    """Return a plan, and what it tells."""
    told: list[str] = []
    return Plan([], False, 1, deadline, told.append), told  # noqa: FBT003 - no slice


def test_a_line_that_does_not_start_is_a_failure_of_its_scenario_alone(
    tmp_path: Path,
) -> None:
    """It is told, and the run goes on with the next."""
    plan, _ = a_plan(time.monotonic() + 60)
    scenario = Scenario("x", "x", _nothing, 1, rig=Rig("broken", _broken))
    result = one(plan, scenario, Stages(tmp_path))

    assert result.failed
    assert "this line does not start" in result.outcome.problems[0]


def test_what_is_needed_and_missing_is_the_reason_of_the_skip(tmp_path: Path) -> None:
    """Before anything is started; and so is the end of the time."""
    late, _ = a_plan(time.monotonic() - 1)
    plan, _ = a_plan(time.monotonic() + 60)
    needy = Scenario("x", "x", _nothing, 1, needs=lambda: "no such thing here")
    well = Scenario("x", "x", _nothing, 1)

    assert one(plan, needy, Stages(tmp_path)).skipped == "no such thing here"
    assert one(late, well, Stages(tmp_path)).skipped == "no time was left"


def test_scenarios_have_names_of_their_own_and_lines_are_shared_side_by_side() -> None:
    """The slice alone, if each bites as often as wanted, is large enough."""
    known = every()
    rigs = [one.rig.name for one in known]
    changes = sum(a != b for a, b in itertools.pairwise(rigs))

    assert len({one.name for one in known}) == len(known)
    assert changes == len(set(rigs)) - 1
    assert sum(one.in_slice for one in known) >= report.LEAST_INJECTIONS
