"""Rows that statistics count, made as chance has it, and what counts of each."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from ducha.statistics.v1 import statistics_pb2
from tests.stores.reporting import MIXED

CHINA = ZoneInfo("Asia/Shanghai")
FIRST = datetime(2026, 9, 3, tzinfo=UTC)
ISSUERS = (("53", "民政厅"), ("53", "审计厅"), ("5301", "民政局"), ("5303", "民政局"))
COUNTS = tuple(field.name for field in statistics_pb2.Counts.DESCRIPTOR.fields)

ITEM = """
    INSERT INTO assignment_item
           (item_id, issuer_division, state, mode, closing_kind, quorum_percent,
            lead_division, receive_by_at, deadline_at, issued_at, traceparent, item,
            source_type, urgency, organiser)
    VALUES ($1, $2, 1, 1, 1, 0, '53', $3, $3, $3, '', '', $4, $5, $6)
"""
ASSIGNMENT = """
    INSERT INTO assignment
           (item_id, division, assigner_division, assigned_at, receive_by_at, deadline_at,
            original_deadline_at, received_at, reported_at, withdrawn)
    VALUES ($1, $2, '53', $3, $4, $5, $6, $7, $8, $9)
"""
RETURN = "INSERT INTO assignment_return VALUES ($1, $2, $3, $4, '')"
MOVE = """
    INSERT INTO assignment_deadline_move
    VALUES ($1, $2, $3, $4, $5, $6, '', $7, false, 0)
"""
PETITION = """
    INSERT INTO petition
           (petition_id, item_id, division, kind, decider, reason, evidence, digests, days,
            transfer_to, epoch, deadline_at, began_at, filed_at, recorded_at, actor,
            principal, author, outcome, decided_at)
    VALUES ($1, $2, $3, $4, '53', '', '{}', '{}', 0, '', 1, $5, $5, $5, $5, '', '', '',
            $6, $7)
"""
URGE = "INSERT INTO urging_urge VALUES ($1, $2, $3, '53', '', '', $4, true)"
RAISED = "INSERT INTO timing_raised VALUES ($1, $2, 1, $3, $4, $5, $5, false)"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that counts, and whose it is."""

    division: str
    organiser: tuple[str, str]
    source_type: int
    urgency: int
    at: datetime
    count: str
    amount: int = 1


class World:
    """Makes rows as chance has it, and notes what counts of each."""

    def __init__(self, tx: Any, seed: int) -> None:
        self.tx = tx
        self.chance = random.Random(seed)
        self.events: list[Event] = []

    def moment(self) -> datetime:
        """Return a moment in four months, often at the edge of one."""
        edge = datetime(2026, self.chance.randint(9, 12), 1, tzinfo=CHINA)
        if self.chance.random() < 0.3:
            return edge + timedelta(microseconds=self.chance.choice((-1, 0, 1)))
        return FIRST + timedelta(minutes=self.chance.randint(0, 100 * 24 * 60))

    def note(self, mark: Event, count: str, at: datetime, amount: int = 1) -> None:
        self.events.append(
            Event(
                mark.division,
                mark.organiser,
                mark.source_type,
                mark.urgency,
                at,
                count,
                amount,
            )
        )

    async def item(self) -> None:
        """Make an item and what happened to it at some divisions."""
        item_id, who = uuid4(), self.chance.choice(ISSUERS)
        source, urgency = self.chance.randint(1, 5), self.chance.randint(1, 3)
        await self.tx.execute(ITEM, item_id, who[0], FIRST, source, urgency, who[1])
        for division in self.chance.sample(MIXED, 6):
            mark = Event(division, who, source, urgency, FIRST, "")
            done = await self.assignment(item_id, mark)
            await self.returned(item_id, mark)
            await self.petitions(item_id, mark)
            await self.pressed(item_id, mark, done)

    async def assignment(self, item_id: UUID, mark: Event) -> datetime | None:
        """Make an assignment; return when it was reported."""
        given, receive_by, original, deadline = sorted(self.moment() for _ in range(4))
        received = self.chance.choice((None, self.moment(), receive_by))
        done = self.chance.choice((None, self.moment(), deadline))
        withdrawn = self.chance.random() < 0.2
        row = (given, receive_by, deadline, original, received, done, withdrawn)
        await self.tx.execute(ASSIGNMENT, item_id, mark.division, *row)
        self.note(mark, "assigned", given)
        if withdrawn:
            self.note(mark, "assigned_withdrawn", given)
        if received:
            in_time = "on_time" if received <= receive_by else "late"
            self.note(mark, f"received_{in_time}", received)
        if done:
            in_time = "on_time" if done <= deadline else "late"
            self.note(mark, f"finished_{in_time}", done)
            if done <= original:
                self.note(mark, "finished_in_original_time", done)
            if not withdrawn:
                self.note(mark, "assigned_finished", given)
                if done <= deadline:
                    self.note(mark, "assigned_finished_on_time", given)
        return done

    async def returned(self, item_id: UUID, mark: Event) -> None:
        """Return it some times, and let its clock stand still once or not."""
        for epoch in range(2, 2 + self.chance.randint(0, 2)):
            at = self.moment()
            await self.tx.execute(RETURN, item_id, mark.division, epoch, at)
            self.note(mark, "returned", at)
        for term, cause in enumerate(self.chance.choices((1, 2, 3), k=2), 2):
            at, seconds = self.moment(), self.chance.randint(1, 10**6)
            later = at + timedelta(seconds=seconds)
            await self.tx.execute(
                MOVE, item_id, mark.division, term, at, later, cause, at
            )
            if cause == 2:
                self.note(mark, "stopped_seconds", at, seconds)

    async def petitions(self, item_id: UUID, mark: Event) -> None:
        """Ask things; some are granted, some refused, some wait."""
        for kind in self.chance.sample(range(1, 6), 3):
            filed, decided = sorted((self.moment(), self.moment()))
            outcome = self.chance.choice((None, 1, 2))
            row = (uuid4(), item_id, mark.division, kind, filed, outcome)
            await self.tx.execute(PETITION, *row, decided if outcome else None)
            if asked := {4: "disputed", 5: "reviewed"}.get(kind):
                self.note(mark, asked, filed)
            granted = (
                "extended",
                "suspended",
                "",
                "disputes_upheld",
                "reviews_overturned",
            )
            if outcome == 1 and granted[kind - 1]:
                self.note(mark, granted[kind - 1], decided)

    async def pressed(self, item_id: UUID, mark: Event, done: datetime | None) -> None:
        """Urge and escalate; reminders, other steps of the clock, count nothing."""
        for _ in range(self.chance.randint(0, 2)):
            at = self.moment()
            await self.tx.execute(URGE, uuid4(), mark.division, item_id, at)
            self.note(mark, "urged", at)
        for step, rung in ((4, 0), (6, 1), (6, 2)):
            at = self.chance.choice((self.moment(), done or self.moment()))
            await self.tx.execute(RAISED, item_id, mark.division, step, rung, at)
            if step == 6:
                overtaken = done is not None and done <= at
                count = "escalations_overtaken" if overtaken else "escalated"
                self.note(mark, count, at)
