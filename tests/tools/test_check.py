"""The runner of checks says what failed, and why."""

from __future__ import annotations

import sys

import pytest

from tools.check import Check, checks, chosen, run


def python(code: str) -> Check:
    """Return a check that runs a line of Python."""
    return Check("sample", "a promise", (sys.executable, "-c", code))


def test_passing_check_is_one_line() -> None:
    """What it printed is of no interest."""
    shown = str(run(python("print('noise')")))

    assert shown.startswith("PASS  sample")
    assert shown.endswith("a promise")


def test_failing_check_shows_what_the_tool_printed() -> None:
    """Both of its outputs, below its line."""
    outcome = run(python("import sys; print('out'); sys.exit('err')"))

    assert not outcome.passed
    assert str(outcome).startswith("FAIL  sample")
    assert "      out" in str(outcome)
    assert "      err" in str(outcome)


def test_long_output_is_cut_with_the_command_that_shows_it() -> None:
    """One tool with much to say must not hide what the others said."""
    shown = str(run(python("import sys; print('x\\n' * 1000); sys.exit(1)")))

    assert len(shown.splitlines()) < 70
    assert f"lines more: {sys.executable} -c" in shown


def test_checks_are_chosen_by_name() -> None:
    """No name means all of them."""
    assert [check.name for check in chosen(["ruff"])] == ["ruff"]
    assert chosen([]) == list(checks())


def test_unknown_check_is_refused_with_those_there_are() -> None:
    """A typing error must not pass as success."""
    with pytest.raises(SystemExit, match=r"no check rufff; there are: .*ruff"):
        chosen(["rufff"])
