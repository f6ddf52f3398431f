"""What the fact doors of capabilities have in common: read one by one, keep, pass on.

What cannot be read, or is not its sender's to tell, is set aside; the others go on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from google.protobuf.message import DecodeError, Message

from tier import ledger, routes
from tier.app import App, Arrived, FactDoor, Unfit, Verdict
from tier.jurisdiction import Code
from tier.ledger import Author, Entry
from tier.runtime.db import Tx
from tier.runtime.errors import InvalidInput

UNKNOWN_ASSIGNMENT = "UNKNOWN_ASSIGNMENT"
UNKNOWN_ITEM = "UNKNOWN_ITEM"
UNREADABLE = "UNREADABLE"
WRONG_JURISDICTION = "WRONG_JURISDICTION"
BROKEN = (DecodeError, ValueError, InvalidInput)
"""What reading a payload raises that says what it should not."""

Outcome = Unfit | list[Entry]
"""What became of one fact: why it is set aside, or what the ledger keeps and passes on."""

Door = Callable[[App, Tx, Arrived], Awaitable[Outcome]]
"""Applies one fact."""


def one_by_one(doors: Mapping[str, Door]) -> FactDoor:
    """Return the door of a capability whose facts are applied each for itself, in order."""

    async def apply(app: App, tx: Tx, arrived: Sequence[Arrived]) -> Verdict:
        verdict = Verdict()
        for one in arrived:
            try:
                outcome = await doors[one.fact.kind](app, tx, one)
            except BROKEN as wrong:
                outcome = Unfit(one, UNREADABLE, str(wrong) or type(wrong).__name__)
            if isinstance(outcome, Unfit):
                verdict.unfit.append(outcome)
            else:
                verdict.entries.extend(outcome)
        return verdict

    return apply


def kinds(doors: Mapping[str, Door]) -> Mapping[str, FactDoor]:
    """Return the one door of a capability under each of its kinds: runs stay together."""
    return dict.fromkeys(doors, one_by_one(doors))


def keep(one: Arrived, onward: tuple[str, ...]) -> Entry:
    """Keep a fact as it is, and pass it on as it is."""
    return ledger.keep(one.fact, one.fact_id, one.body, onward)


def pass_on(
    app: App,
    one: Arrived,
    divisions: Sequence[Code],
    part: Callable[[Sequence[Code]], Message],
) -> list[Entry]:
    """Pass a fact on: from below to the parent as it is, from above to its branches.

    Where one branch has all of the `divisions` it goes there unchanged; else each branch is
    told its own `part`.
    """
    if not one.downward:
        return [keep(one, app.node.upward)]
    onward = routes.downward(app.node, divisions)
    if len(onward) == 1 and len(onward[0][1]) == len(divisions):
        return [keep(one, onward[0][0])]
    author = Author.at(app.now(), app.node.name, one.fact.actor)
    return [
        keep(one, ()),
        *(
            ledger.record(
                author,
                part(codes),
                division=one.fact.division,
                subject=one.fact.subject,
                onward=neighbours,
            )
            for neighbours, codes in onward
        ),
    ]
