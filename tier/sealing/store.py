"""Every SQL statement about checkpoints, beacons, witnessed checkpoints and alarms."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import asyncpg

from tier.runtime.db import Tx
from tier.sealing.model import Alarm, Life

KEEP_CERTIFICATE = """
    INSERT INTO ledger_certificate (fingerprint, der) VALUES ($1, $2)
    ON CONFLICT (fingerprint) DO NOTHING
"""
CERTIFICATES = "SELECT der FROM ledger_certificate WHERE fingerprint = ANY($1)"

KEEP_CHECKPOINT = """
    INSERT INTO ledger_checkpoint (life, size, note, signer, beacon_life, beacon_size)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
COSIGN = """
    UPDATE ledger_checkpoint SET cosignature = $3, witness = $4
     WHERE life = $1 AND size = $2
"""
CHECKPOINT_COLUMNS = """
    SELECT c.life, c.size, c.note || coalesce(c.cosignature || E'\\n', '') AS note,
           c.signer, c.witness, b.note AS beacon, b.signer AS beacon_signer
      FROM ledger_checkpoint c
           LEFT JOIN ledger_beacon b
                  ON b.life = c.beacon_life AND b.size = c.beacon_size
"""
LATEST = f"{CHECKPOINT_COLUMNS} ORDER BY c.life DESC, c.size DESC LIMIT 1"
LATEST_COSIGNED = f"""
    {CHECKPOINT_COLUMNS}
     WHERE c.cosignature IS NOT NULL
     ORDER BY c.life DESC, c.size DESC
     LIMIT 1
"""
BEFORE = f"""
    {CHECKPOINT_COLUMNS}
     WHERE (c.life, c.size) < ($1, $2)
     ORDER BY c.life DESC, c.size DESC
     LIMIT $3
"""
BETWEEN = f"""
    {CHECKPOINT_COLUMNS}
     WHERE c.size > $1 AND c.size <= $2
     ORDER BY c.size, c.life
"""

KEEP_BEACON = """
    INSERT INTO ledger_beacon (life, size, note, signer) VALUES ($1, $2, $3, $4)
    ON CONFLICT (life, size) DO NOTHING
"""
LATEST_BEACON = """
    SELECT life, size, note, signer
      FROM ledger_beacon
     ORDER BY life DESC, size DESC
     LIMIT 1
"""

WITNESSED_COLUMNS = "child, life, size, note, signer, witness, cosigned_at"
LATEST_WITNESSED = f"""
    SELECT {WITNESSED_COLUMNS}
      FROM ledger_witnessed
     WHERE child = $1
     ORDER BY life DESC, size DESC
     LIMIT 1
"""  # noqa: S608 - a constant
WITNESSED = f"""
    SELECT {WITNESSED_COLUMNS}
      FROM ledger_witnessed
     WHERE child = $1 AND (life, size) > ($2, $3)
     ORDER BY life, size
     LIMIT $4
"""  # noqa: S608 - a constant
# The same checkpoint again has a newer time: that is the one to keep.
KEEP_WITNESSED = f"""
    INSERT INTO ledger_witnessed ({WITNESSED_COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (child, life, size)
    DO UPDATE SET note = excluded.note, signer = excluded.signer,
                  witness = excluded.witness, cosigned_at = excluded.cosigned_at
"""  # noqa: S608 - a constant
KEEP_WITNESSED_LIFE = """
    INSERT INTO ledger_witnessed_life
           (child, life, digest, reason, actor, declared_at, before_size)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (child, life) DO NOTHING
"""
WITNESSED_LIVES = """
    SELECT life, digest, reason, actor, declared_at, before_size
      FROM ledger_witnessed_life
     WHERE child = $1
     ORDER BY life
"""

RAISE = """
    INSERT INTO ledger_alarm (node, reason, detail, note, first_at, last_at)
    VALUES ($1, $2, $3, $4, $5, $5)
    ON CONFLICT (node, reason, detail)
    DO UPDATE SET last_at = excluded.last_at, count = ledger_alarm.count + 1
"""
ALARMS = """
    SELECT alarm_id, node, reason, detail, note, first_at, last_at, count
      FROM ledger_alarm
     ORDER BY last_at DESC, alarm_id DESC
     LIMIT $1
"""

FACT_COLUMNS = """
    position, recorded_at, fact_id, kind, division, subject, actor, digest, body
"""
FACTS = f"""
    SELECT {FACT_COLUMNS}
      FROM ledger_fact
     WHERE position BETWEEN $1 AND $2
     ORDER BY position
"""  # noqa: S608 - a constant
ABOUT = f"""
    SELECT {FACT_COLUMNS}
      FROM ledger_fact
     WHERE subject = $1 AND position <= $2
     ORDER BY position
     LIMIT $3
"""  # noqa: S608 - a constant
LATER = "SELECT count(*) FROM ledger_fact WHERE subject = $1 AND position > $2"


@dataclass(frozen=True, slots=True)
class KeptCheckpoint:
    """A checkpoint as it is shown: the cosignature in the note, the beacon beside it."""

    life: int
    size: int
    note: str
    signer: bytes
    witness: bytes | None = None
    beacon: str | None = None
    beacon_signer: bytes | None = None


@dataclass(frozen=True, slots=True)
class KeptBeacon:
    """A checkpoint of the parent."""

    life: int
    size: int
    note: str
    signer: bytes


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A child's checkpoint with the cosignature of this node."""

    child: str
    life: int
    size: int
    note: str
    signer: bytes
    witness: bytes
    cosigned_at: datetime


@dataclass(frozen=True, slots=True)
class KeptAlarm:
    """An alarm, with when and how often it was seen."""

    alarm_id: int
    alarm: Alarm
    first_at: datetime
    last_at: datetime
    count: int


async def keep_certificate(tx: Tx, der: bytes) -> bytes:
    """Keep a certificate; return its fingerprint."""
    fingerprint = sha256(der).digest()
    await tx.execute(KEEP_CERTIFICATE, fingerprint, der)
    return fingerprint


async def certificates(tx: Tx, fingerprints: Collection[bytes]) -> list[bytes]:
    """Return the certificates with these fingerprints, DER."""
    rows = await tx.fetch(CERTIFICATES, list(fingerprints))
    return [row["der"] for row in rows]


async def keep_checkpoint(
    tx: Tx, made: KeptCheckpoint, beacon: KeptBeacon | None
) -> None:
    """Keep a checkpoint of this node."""
    where = (beacon.life, beacon.size) if beacon else (None, None)
    await tx.execute(
        KEEP_CHECKPOINT, made.life, made.size, made.note, made.signer, *where
    )


async def cosign(
    tx: Tx, place: tuple[int, int], cosignature: str, witness: bytes
) -> None:
    """Keep the witness's line of the checkpoint at (life, size)."""
    await tx.execute(COSIGN, *place, cosignature, witness)


async def latest(tx: Tx) -> KeptCheckpoint | None:
    """Return the latest checkpoint."""
    return _checkpoint(await tx.fetchrow(LATEST))


async def latest_cosigned(tx: Tx) -> KeptCheckpoint | None:
    """Return the latest checkpoint that the witness cosigned."""
    return _checkpoint(await tx.fetchrow(LATEST_COSIGNED))


async def checkpoints_before(
    tx: Tx, place: tuple[int, int], limit: int
) -> list[KeptCheckpoint]:
    """Return checkpoints before (life, size), latest first."""
    return [KeptCheckpoint(*row) for row in await tx.fetch(BEFORE, *place, limit)]


async def checkpoints_between(tx: Tx, after: int, upto: int) -> list[KeptCheckpoint]:
    """Return checkpoints of all lives whose size lies between, by size."""
    return [KeptCheckpoint(*row) for row in await tx.fetch(BETWEEN, after, upto)]


async def keep_beacon(tx: Tx, beacon: KeptBeacon) -> None:
    """Keep a checkpoint of the parent."""
    await tx.execute(KEEP_BEACON, beacon.life, beacon.size, beacon.note, beacon.signer)


async def latest_beacon(tx: Tx) -> KeptBeacon | None:
    """Return the latest checkpoint of the parent that this node knows."""
    row = await tx.fetchrow(LATEST_BEACON)
    return None if row is None else KeptBeacon(*row)


async def latest_witnessed(tx: Tx, child: str) -> Witnessed | None:
    """Return the latest checkpoint of a child that this node cosigned."""
    row = await tx.fetchrow(LATEST_WITNESSED, child)
    return None if row is None else Witnessed(*row)


async def witnessed(
    tx: Tx, child: str, after: tuple[int, int], limit: int
) -> list[Witnessed]:
    """Return what was cosigned for a child after (life, size), in order."""
    return [Witnessed(*row) for row in await tx.fetch(WITNESSED, child, *after, limit)]


async def keep_witnessed(tx: Tx, one: Witnessed) -> None:
    """Keep what was cosigned."""
    await tx.execute(
        KEEP_WITNESSED,
        one.child,
        one.life,
        one.size,
        one.note,
        one.signer,
        one.witness,
        one.cosigned_at,
    )


async def keep_witnessed_life(tx: Tx, child: str, life: Life) -> None:
    """Keep the declaration of a child's new life, for good."""
    await tx.execute(
        KEEP_WITNESSED_LIFE,
        child,
        life.number,
        life.digest,
        life.reason,
        life.actor,
        life.declared_at,
        life.before_size,
    )


async def witnessed_lives(tx: Tx, child: str) -> list[Life]:
    """Return the lives that a child declared."""
    return [Life(*row) for row in await tx.fetch(WITNESSED_LIVES, child)]


async def raise_alarm(tx: Tx, alarm: Alarm, now: datetime) -> None:
    """Keep an alarm, or count it again."""
    await tx.execute(RAISE, alarm.node, alarm.reason, alarm.detail, alarm.note, now)


async def alarms(tx: Tx, limit: int) -> list[KeptAlarm]:
    """Return alarms, latest first."""
    return [
        KeptAlarm(
            row["alarm_id"],
            Alarm(row["node"], row["reason"], row["detail"], row["note"]),
            row["first_at"],
            row["last_at"],
            row["count"],
        )
        for row in await tx.fetch(ALARMS, limit)
    ]


async def facts(tx: Tx, first: int, last: int) -> list[asyncpg.Record]:
    """Return the rows at these positions, every column."""
    return await tx.fetch(FACTS, first, last)


async def facts_about(
    tx: Tx, subject: str, upto: int, limit: int
) -> list[asyncpg.Record]:
    """Return the rows about a subject up to a position, every column."""
    return await tx.fetch(ABOUT, subject, upto, limit)


async def count_later(tx: Tx, subject: str, after: int) -> int:
    """Return how many facts about a subject come after a position."""
    count: int = await tx.fetchval(LATER, subject, after)
    return count


def _checkpoint(row: asyncpg.Record | None) -> KeptCheckpoint | None:
    return None if row is None else KeptCheckpoint(*row)
