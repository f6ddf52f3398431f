"""Who hears of what was raised: the ledger, neighbours, and units by their inboxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from tier import ledger, routes
from tier.app import App
from tier.assignment import Light
from tier.inbox import Kind, Notice
from tier.jurisdiction import Code
from tier.ledger import Author, Entry
from tier.timing import rules, wire
from tier.timing.model import Step, Told

REMINDERS: Mapping[Step, tuple[Kind, Light, str]] = {
    Step.RECEIPT_NEAR: (Kind.REMINDER_RECEIPT_NEAR, Light.GREEN, "due"),
    Step.RECEIPT_OVERDUE: (Kind.REMINDER_RECEIPT_OVERDUE, Light.YELLOW, "due"),
    Step.DEADLINE_NEAR: (Kind.REMINDER_DEADLINE_NEAR, Light.YELLOW, "deadline"),
    Step.OVERDUE: (Kind.REMINDER_OVERDUE, Light.RED, "deadline"),
}
"""What a reminded unit is told, in which light, and what the moment is called."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the ledger and the inboxes hear of what was raised."""

    entries: Sequence[Entry]
    notices: Sequence[Notice] = ()


NAMED = 20
"""Divisions named in a notice; the count says how many there are."""


def reminders(app: App, told: Told) -> Heard:
    """Record reminders, and remind the executors, who act here."""
    mark, divisions = told.mark, told.divisions
    entry = ledger.record(
        _author(app, told),
        wire.fact_to(mark, divisions, told.now),
        division=divisions[0],
        subject=str(mark.item_id),
        onward=app.node.upward,
    )
    if mark.superseded:
        return Heard([entry], [])
    kind, light, key = REMINDERS[mark.timer.step]
    details = {key: mark.timer.at.isoformat(), "title": told.known.title}
    notices = [
        Notice(code, kind, mark.item_id, told.now, light, entry.fact_id, details)
        for code in divisions
    ]
    return Heard([entry], notices)


def escalation(app: App, told: Told) -> Heard:
    """Record a step of the ladder, for the branches of the executors and for the parent.

    One notice a division above, however many branches hear of it.
    """
    mark, author = told.mark, _author(app, told)
    entries = [
        ledger.record(
            author,
            wire.fact_to(mark, codes, told.now),
            division=mark.assigner,
            subject=str(mark.item_id),
            onward=onward,
        )
        for onward, codes in routes.both_ways(app.node, told.divisions)
    ]
    return Heard(entries, notices(told, entries[0].fact_id))


def _author(app: App, told: Told) -> Author:
    """Return the node itself, in the work that brought the item."""
    name = app.node.name
    return Author.at(told.now, name, name, told.known.traceparent)


def notices(told: Told, source: UUID) -> list[Notice]:
    """Return what those hear to whom executors were escalated, each of its own."""
    mark = told.mark
    below: dict[Code, list[Code]] = {}
    for code in told.divisions:
        below.setdefault(rules.notified(code, mark.timer.rung), []).append(code)
    return [
        Notice(
            division,
            Kind.ESCALATION,
            mark.item_id,
            told.now,
            Light.RED,
            source,
            {
                "step": str(mark.timer.rung),
                "target_count": str(len(codes)),
                "divisions": " ".join(codes[:NAMED]),
                "due": mark.timer.at.isoformat(),
                "by_division": mark.assigner,
                "title": told.known.title,
            },
        )
        for division, codes in below.items()
    ]
