"""Run every check that is not a test, one line a tool: `python -m tools.check [NAME]...`.

All of them run, whatever the first says; what a failed one printed follows its line.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
# mypy wants most of one core; the rest share the other.
TOGETHER = 2
LIMIT = 600
CONCISE = ("--output-format", "concise")
# Lines shown of a tool that failed; run it alone for the rest.
SHOWN = 60


@dataclass(frozen=True, slots=True)
class Check:
    """A tool and what it looks for."""

    name: str
    promise: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool said."""

    check: Check
    passed: bool
    seconds: float
    output: str

    def __str__(self) -> str:
        """One line; below it, indented, what a failed tool printed."""
        word = "PASS" if self.passed else "FAIL"
        line = (
            f"{word}  {self.check.name:<12} {self.seconds:5.1f} s  {self.check.promise}"
        )
        if self.passed:
            return line
        said = self.output.rstrip().splitlines()
        if len(said) > SHOWN:
            rest = f"... and {len(said) - SHOWN} lines more: {shlex.join(self.check.command)}"
            said = [*said[:SHOWN], rest]
        return "\n".join([line, *(f"      {each}" for each in said)])


def checks() -> tuple[Check, ...]:
    """Return all checks, the slowest first."""
    python, migrations = str(BIN / "python"), sorted(ROOT.glob("tier/*/schema/*.sql"))

    def ours(name: str, promise: str, module: str, *arguments: str) -> Check:
        return Check(name, promise, (python, "-m", module, *arguments))

    def theirs(name: str, promise: str, tool: str, *arguments: str) -> Check:
        return Check(name, promise, (str(BIN / tool), *arguments))

    image = ("gen/ducha.binpb", "--config", "buf.yaml")
    return (
        theirs("mypy", "types, strict", "mypy"),
        theirs("ruff", "lint", "ruff", "check", "--quiet", *CONCISE),
        theirs("format", "Python is formatted", "ruff", "format", "--check", *CONCISE),
        theirs("layers", "import contracts", "lint-imports", "--no-logo"),
        ours("house", "sizes, SQL's home, tasks, excepts, proofs", "tools.house"),
        ours("gen", "gen/ is what the protos say", "tools.generate", "--check"),
        theirs("buf lint", "protos: STANDARD, COMMENTS", "buf", "lint", *image),
        theirs(
            "buf format",
            "protos are formatted",
            "buf",
            "format",
            "-d",
            "--exit-code",
            "proto",
        ),
        ours("buf breaking", "protos break no caller", "tools.breaking"),
        ours("refusals", "every rpc lists its refusals", "tools.refusals"),
        ours("reasons", "docs/errors.md and protos agree", "tools.reasons", "--check"),
        ours(
            "policy",
            "every rpc has its row of who may call it",
            "tools.policy",
            "--check",
        ),
        ours(
            "states",
            "docs/state-machine.md says what the code does",
            "tools.states",
            "--check",
        ),
        theirs("squawk", "migrations", "squawk", *(str(path) for path in migrations)),
    )


def run(check: Check) -> Outcome:
    """Run one tool to its end; one that hangs has failed."""
    start = time.monotonic()
    try:
        done = subprocess.run(
            check.command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        passed, output = done.returncode == 0, done.stdout
    except subprocess.TimeoutExpired:
        passed, output = False, f"no answer within {LIMIT} s"
    return Outcome(check, passed, time.monotonic() - start, output)


def chosen(names: Iterable[str]) -> list[Check]:
    """Return the checks of these names; all of them for none.

    Raises:
        SystemExit: there is no check of such a name.
    """
    wanted, known = set(names), checks()
    unknown = wanted - {check.name for check in known}
    if unknown:
        there = ", ".join(check.name for check in known)
        raise SystemExit(f"no check {', '.join(sorted(unknown))}; there are: {there}")
    return [check for check in known if not wanted or check.name in wanted]


def main(names: Iterable[str]) -> int:
    """Run the checks and print their lines, in order; 1 if one failed."""
    failed = 0
    with ThreadPoolExecutor(TOGETHER) as pool:
        for outcome in pool.map(run, chosen(names)):
            print(outcome, flush=True)
            failed += not outcome.passed
    if failed:
        print(f"{failed} of the checks failed.")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
