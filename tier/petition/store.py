"""Every SQL statement about petitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from tier.assignment.model import Key
from tier.jurisdiction import Code
from tier.petition.model import (
    Decision,
    Evidence,
    Kind,
    Outcome,
    Petition,
)
from tier.runtime.db import Tx

FIELDS = """
    petition_id, item_id, division, kind, decider, reason, evidence, digests, days,
    transfer_to, epoch, deadline_at, began_at, filed_at, recorded_at, actor, principal,
    author, late_arrival, withdrawn_at, outcome, decision_reason, granted_days,
    granted_deadline_at, provisional, transferred_to, rule, decided_at, decided_by,
    decider_principal
"""

INSERT = """
    INSERT INTO petition
           (petition_id, item_id, division, kind, decider, reason, evidence, digests, days,
            transfer_to, epoch, deadline_at, began_at, filed_at, recorded_at, actor,
            principal, author)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        ON CONFLICT (petition_id) DO NOTHING
"""

LOAD = f"SELECT {FIELDS} FROM petition WHERE petition_id = ANY($1)"  # noqa: S608

# Decided once: whoever comes later finds it decided.
DECIDE = """
    UPDATE petition
       SET outcome = $2, decision_reason = $3, granted_days = $4, granted_deadline_at = $5,
           provisional = $6, transferred_to = $7, rule = $8, decided_at = $9,
           decided_by = $10, decider_principal = $11, late_arrival = late_arrival OR $12
     WHERE petition_id = $1 AND outcome IS NULL
"""

LATE = "UPDATE petition SET late_arrival = true WHERE petition_id = ANY($1)"

WITHDRAW = """
    UPDATE petition SET withdrawn_at = $2
     WHERE petition_id = ANY($1) AND withdrawn_at IS NULL
"""

# Of each assignment: the kinds that wait, and how many extensions were granted.
AROUND = """
    SELECT p.item_id, p.division, p.kind, p.state = 1 AS is_pending, count(*) AS n
      FROM unnest($1::uuid[], $2::text[]) AS asked (item_id, division)
      JOIN petition p ON (p.item_id, p.division) = (asked.item_id, asked.division)
     WHERE p.state = 1 OR (p.state = 2 AND p.kind = 1)
     GROUP BY p.item_id, p.division, p.kind, is_pending
"""

PENDING_OF_ITEMS = f"""
    SELECT {FIELDS} FROM petition
     WHERE state = 1 AND item_id = ANY($1)
     ORDER BY petition_id
"""  # noqa: S608 - constants

WAITING = "SELECT DISTINCT item_id, decider FROM petition WHERE state = 1"

PAGE = f"""
    SELECT {FIELDS}
      FROM petition
     WHERE ($1 = '' OR (division >= $1 AND division < $1 || ':'))
       AND ($2 = '' OR decider = $2)
       AND ($3::uuid IS NULL OR item_id = $3)
       AND (cardinality($4::smallint[]) = 0 OR kind = ANY($4))
       AND (NOT $5 OR state = 1)
       AND ($6::uuid IS NULL OR petition_id < $6)
     ORDER BY petition_id DESC
     LIMIT $7
"""  # noqa: S608 - constants

# When facts about an item came to this node.
CAME = """
    SELECT kind, recorded_at, body
      FROM ledger_fact
     WHERE subject = $1 AND kind = ANY($2)
     ORDER BY position
"""


@dataclass(frozen=True, slots=True)
class Query:
    """Which petitions are sought; what is empty, None or False restricts nothing."""

    within: str = ""
    decider: str = ""
    item_id: UUID | None = None
    kinds: tuple[int, ...] = ()
    pending_only: bool = False


@dataclass(frozen=True, slots=True)
class Around:
    """What other petitions of an assignment there are."""

    pending: frozenset[Kind] = frozenset()
    granted: int = 0
    """Extensions."""


NOTHING = Around()


async def insert(tx: Tx, petitions: Sequence[Petition]) -> None:
    """Keep petitions as they were filed; those that are here stay as they are."""
    await tx.execute_many(
        INSERT,
        [
            (
                one.petition_id,
                one.key.item_id,
                one.key.division,
                one.kind,
                one.decider,
                one.reason,
                [piece.text for piece in one.evidence],
                [piece.sha256 for piece in one.evidence],
                one.days,
                one.transfer_to,
                one.epoch,
                one.deadline,
                one.began_at,
                one.filed_at,
                one.recorded_at,
                one.actor,
                one.principal,
                one.author,
            )
            for one in petitions
        ],
    )


async def load(tx: Tx, petition_ids: Iterable[UUID]) -> dict[UUID, Petition]:
    """Return those of the petitions that are here."""
    rows = await tx.fetch(LOAD, list(petition_ids))
    return {row["petition_id"]: _petition(row) for row in rows}


async def decide(tx: Tx, decided: Iterable[Petition]) -> None:
    """Write decisions; a petition that has one keeps it."""
    rows = [
        (
            one.petition_id,
            decision.outcome,
            decision.reason,
            decision.days,
            decision.deadline,
            decision.provisional,
            decision.transfer_to,
            decision.rule,
            decision.at,
            decision.actor,
            decision.principal,
            one.late_arrival,
        )
        for one in decided
        if (decision := one.decision) is not None
    ]
    await tx.execute_many(DECIDE, rows)


async def label_late(tx: Tx, petition_ids: Sequence[UUID]) -> None:
    """Label petitions that were filed in time and came after it."""
    if petition_ids:
        await tx.execute(LATE, petition_ids)


async def withdraw(tx: Tx, petition_ids: Sequence[UUID], at: datetime) -> None:
    """Note that petitions were taken back; once is enough."""
    await tx.execute(WITHDRAW, petition_ids, at)


async def around(tx: Tx, keys: Sequence[Key]) -> Mapping[Key, Around]:
    """Return what other petitions there are of assignments that have some."""
    rows = await tx.fetch(
        AROUND, [key.item_id for key in keys], [key.division for key in keys]
    )
    pending: dict[Key, set[Kind]] = defaultdict(set)
    granted: dict[Key, int] = defaultdict(int)
    for row in rows:
        key = Key(row["item_id"], row["division"])
        if row["is_pending"]:
            pending[key].add(Kind(row["kind"]))
        else:
            granted[key] += row["n"]
    found = {*pending, *granted}
    return {key: Around(frozenset(pending[key]), granted[key]) for key in found}


async def pending_of(tx: Tx, item_ids: Iterable[UUID]) -> list[Petition]:
    """Return the petitions about items that nobody decided, oldest first."""
    return [_petition(row) for row in await tx.fetch(PENDING_OF_ITEMS, list(item_ids))]


async def waiting(tx: Tx) -> list[tuple[UUID, Code]]:
    """Return the items about which a petition waits, each with who decides."""
    return [(row["item_id"], row["decider"]) for row in await tx.fetch(WAITING)]


async def page(tx: Tx, query: Query, before: UUID | None, limit: int) -> list[Petition]:
    """Return petitions before one of them, newest first."""
    rows = await tx.fetch(
        PAGE,
        query.within,
        query.decider,
        query.item_id,
        query.kinds,
        query.pending_only,
        before,
        limit,
    )
    return [_petition(row) for row in rows]


async def came(
    tx: Tx, item_id: UUID, kinds: Sequence[str]
) -> list[tuple[str, datetime, bytes]]:
    """Return facts of some kinds about an item, and when they came here, in order."""
    rows = await tx.fetch(CAME, str(item_id), kinds)
    return [(row["kind"], row["recorded_at"], row["body"]) for row in rows]


def _petition(row: asyncpg.Record) -> Petition:
    return Petition(
        petition_id=row["petition_id"],
        key=Key(row["item_id"], row["division"]),
        kind=Kind(row["kind"]),
        decider=Code(row["decider"]),
        reason=row["reason"],
        evidence=tuple(map(Evidence, row["evidence"], row["digests"])),
        days=row["days"],
        transfer_to=row["transfer_to"],
        epoch=row["epoch"],
        deadline=row["deadline_at"],
        began_at=row["began_at"],
        filed_at=row["filed_at"],
        recorded_at=row["recorded_at"],
        actor=row["actor"],
        principal=row["principal"],
        author=row["author"],
        late_arrival=row["late_arrival"],
        withdrawn_at=row["withdrawn_at"],
        decision=_decision(row),
    )


def _decision(row: asyncpg.Record) -> Decision | None:
    if row["outcome"] is None:
        return None
    return Decision(
        outcome=Outcome(row["outcome"]),
        reason=row["decision_reason"],
        at=row["decided_at"],
        actor=row["decided_by"],
        principal=row["decider_principal"],
        days=row["granted_days"],
        deadline=row["granted_deadline_at"],
        provisional=row["provisional"],
        transfer_to=row["transferred_to"],
        rule=row["rule"],
    )
