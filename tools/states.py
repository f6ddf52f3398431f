"""Write the tables of docs/state-machine.md from the laws in the code.

Between `<!-- begin NAME -->` and `<!-- end NAME -->` the page belongs to this tool, the rest to
people. With `--check` nothing is written: exit 1 says that the page is old.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tier.assignment.model import ItemState, State
from tier.assignment.moves import ITEM_LAWS, LAWS, Law
from tier.petition.model import Kind
from tier.petition.rules import OPEN, REVIEWABLE

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "state-machine.md"
BLOCK = re.compile(
    r"(<!-- begin (?P<name>\w+) -->\n).*?(<!-- end (?P=name) -->)", re.DOTALL
)
YES, NO = "●", "·"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Write a table."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *map(list, rows)]
    return ["| " + " | ".join(line) + " |" for line in lines]


def items() -> list[str]:
    """Write who may move an item from where to where."""
    head = [
        "move",
        "who",
        *(state.name for state in ItemState),
        "leads to",
        "needs",
        "else",
    ]
    rows = []
    for move, law in ITEM_LAWS.items():
        marks = (YES if state in law.states else NO for state in ItemState)
        named = (f"`{law.otherwise}`" if law.otherwise else "", "`ITEM_ENDED`")
        otherwise = ", ".join(filter(None, named))
        rows.append(
            [move.value, "issuer", *marks, law.leads_to.name, law.besides, otherwise]
        )
    return table(head, rows)


def assignments() -> list[str]:
    """Write who may move an assignment from where."""
    head = ["move", "who", *(state.name for state in State), "sets", "needs besides"]
    return table(
        head,
        (
            [move.value, law.party.value, *_marks(law), law.sets, law.besides]
            for move, law in LAWS.items()
        ),
    )


def _marks(law: Law) -> Iterable[str]:
    return (YES if state in law.states else NO for state in State)


def petitions() -> list[str]:
    """Write from where an executor may ask for what, and who decides."""
    head = ["petition", "asked by", "decided by", *(state.name for state in State)]
    rows = []
    for kind in Kind:
        decider = "assigner"
        if kind is Kind.REVIEW:
            standing = " or ".join(state.name for state in sorted(REVIEWABLE))
            decider = f"issuer, another person; the item is {standing}"
        marks = (YES if state in OPEN[kind] else NO for state in State)
        rows.append([kind.name.lower(), "executor", decider, *marks])
    return table(head, rows)


BLOCKS: Mapping[str, Callable[[], list[str]]] = {
    "items": items,
    "assignments": assignments,
    "petitions": petitions,
}


def written(page: str) -> str:
    """Return the page with every block as the code says it."""

    def block(match: re.Match[str]) -> str:
        lines = BLOCKS[match["name"]]()
        return f"{match[1]}\n" + "\n".join(lines) + f"\n\n{match[3]}"

    return BLOCK.sub(block, page)


def main() -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    before = PAGE.read_text()
    missing = set(BLOCKS) - {match["name"] for match in BLOCK.finditer(before)}
    after = written(before)
    if missing or (arguments.check and before != after):
        sys.stderr.write(
            f"docs/state-machine.md: old, or without {missing or 'nothing'}; "
            "run `make gen`\n"
        )
        return 1
    if not arguments.check:
        PAGE.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
