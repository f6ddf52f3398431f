"""Sealing model <-> protobuf."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ducha.ledger.v1 import ledger_pb2 as pb
from tier.runtime import moments
from tier.sealing.model import Life
from tier.sealing.store import KeptAlarm, KeptCheckpoint, Witnessed
from tier.sealing.trust import micros_of


def life_to(life: Life) -> pb.Life:
    """Write a life."""
    return pb.Life(
        life=life.number,
        digest=life.digest,
        reason=life.reason,
        actor=life.actor,
        declare_micros=life.declared_at,
        before_size=life.before_size,
    )


def checkpoint_to(kept: KeptCheckpoint) -> pb.Checkpoint:
    """Write a checkpoint."""
    return pb.Checkpoint(
        life=kept.life,
        size=kept.size,
        note=kept.note,
        signer=kept.signer,
        witness=kept.witness or b"",
        beacon=kept.beacon or "",
        beacon_signer=kept.beacon_signer or b"",
    )


def signers(kept: KeptCheckpoint) -> list[bytes]:
    """Return the fingerprints of the certificates that a checkpoint needs."""
    return [
        one
        for one in (kept.signer, kept.witness, kept.beacon_signer)
        if one is not None
    ]


def certificates_to(certificates: Iterable[bytes]) -> list[pb.Certificate]:
    """Write certificates, DER."""
    return [pb.Certificate(der=der) for der in certificates]


def witnessed_to(one: Witnessed) -> pb.WitnessedCheckpoint:
    """Write what was cosigned for a child."""
    checkpoint = pb.Checkpoint(
        life=one.life,
        size=one.size,
        note=one.note,
        signer=one.signer,
        witness=one.witness,
    )
    return pb.WitnessedCheckpoint(
        child=one.child,
        checkpoint=checkpoint,
        cosign_time=moments.stamp_of(one.cosigned_at),
    )


def alarm_to(kept: KeptAlarm) -> pb.LedgerAlarm:
    """Write an alarm."""
    return pb.LedgerAlarm(
        alarm_id=kept.alarm_id,
        node=kept.alarm.node,
        reason=kept.alarm.reason,
        detail=kept.alarm.detail,
        note=kept.alarm.note,
        first_time=moments.stamp_of(kept.first_at),
        last_time=moments.stamp_of(kept.last_at),
        count=kept.count,
    )


def fact_to(row: Any) -> pb.SealedFact:
    """Write a row of the ledger, every column as it is."""
    return pb.SealedFact(
        position=row["position"],
        record_micros=micros_of(row["recorded_at"]),
        fact_id=str(row["fact_id"]),
        kind=row["kind"],
        division=row["division"],
        subject=row["subject"],
        actor=row["actor"],
        digest=row["digest"],
        body=row["body"],
    )
