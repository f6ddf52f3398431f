"""Check the house laws over the project's Python: `python -m tools.house`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.house.excepts import excepts
from tools.house.model import Finding, Law, Source
from tools.house.proofs import proofs
from tools.house.sizes import sizes
from tools.house.sql import sql
from tools.house.tasks import tasks

ROOT = Path(__file__).parent.parent.parent
FOLDERS = (
    "tier",
    "services",
    "clients",
    "deploy",
    "bench",
    "faults",
    "examples",
    "tests",
    "tools",
)
LAWS: tuple[Law, ...] = (sizes, sql, tasks, excepts, proofs)
# Sizes never give way: whoever needs more has two ideas.
FIRM = {"sizes"}


def findings(source: Source) -> Iterator[Finding]:
    """Yield where `source` breaks a law and its line does not say why it may."""
    for law in LAWS:
        for finding in law(source):
            if not waived(source, finding):
                yield finding


def waived(source: Source, finding: Finding) -> bool:
    """Whether the line says `# house: LAW - reason`, and the law gives way."""
    waiver = re.compile(rf"house: {finding.law} - \w.+")
    comment = source.comment(finding.line)
    return finding.law not in FIRM and waiver.search(comment) is not None


def sources(root: Path) -> Iterator[Source]:
    """Yield every Python file of the project, in order."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            yield Source.of(name, path.read_text(encoding="utf-8"))


def main() -> int:
    """Print every finding; 1 when there is one."""
    found = sorted(each for source in sources(ROOT) for each in findings(source))
    for finding in found:
        print(finding)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
