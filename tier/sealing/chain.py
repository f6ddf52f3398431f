"""The checkpoints of one ledger, one after the other: which of them can be believed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from ducha.ledger.v1 import ledger_pb2 as pb
from tier.identity.signing import SignatureWrong
from tier.jurisdiction import Level
from tier.sealing.findings import Finding, Kind, Text
from tier.sealing.model import Life
from tier.sealing.note import NoteWrong
from tier.sealing.rules import is_declared
from tier.sealing.tree import DIGESTS
from tier.sealing.trust import SealWrong, Signed, Trust, at

WRONG = (NoteWrong, SealWrong, SignatureWrong)


@dataclass(frozen=True, slots=True)
class Claim:
    """A believable word on the first `size` facts: their root, and when it was said."""

    life: int
    size: int
    digest: str
    root: bytes
    made_at: datetime
    cosigned_at: datetime | None
    beacon_at: datetime | None
    by_witness: bool = False


def life_from(message: pb.Life) -> Life:
    """Read a life."""
    return Life(
        message.life,
        message.digest,
        message.reason,
        message.actor,
        message.declare_micros,
        message.before_size,
    )


@dataclass(slots=True)
class Chain:
    """Reads checkpoints as they come and says what is wrong with them."""

    trust: Trust
    tolerance: timedelta
    node: str = ""
    certificates: dict[bytes, bytes] = field(default_factory=dict)
    of_witness: dict[bytes, bytes] = field(default_factory=dict)
    lives: dict[int, Life] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    latest_life: int = 0
    before: tuple[int, int] = (0, 0)
    last_cosigned: int = 0
    agreed: int = 0
    beacons: dict[str, int] = field(default_factory=dict)
    twins: dict[tuple[int, int], Claim] = field(default_factory=dict)

    def certificate(self, der: bytes) -> None:
        """Take a certificate."""
        self.certificates[sha256(der).digest()] = der

    def life(self, message: pb.Life) -> None:
        """Take a life; what the parent was told of it must be the same."""
        life = life_from(message)
        known = self.lives.setdefault(life.number, life)
        if known != life or life.digest not in DIGESTS:
            self._life_wrong(life.number)

    def witnessed(self, history: pb.WitnessedHistory) -> list[Claim]:
        """Take what the parent cosigned; return what of it can be believed."""
        for certificate in history.certificates:
            der = certificate.der
            self.of_witness[sha256(der).digest()] = der
        for life in history.lives:
            self.lives.setdefault(life.life, life_from(life))
        found = []
        for each in history.checkpoints:
            record = each.checkpoint
            try:
                signed = self._signed(record, self.of_witness)
                der = _certificate(self.of_witness, record.witness)
                cosigned_at = self.trust.cosigned(signed, der)
            except WRONG as wrong:
                text = Text(
                    f"what the parent has of checkpoint {record.size} is no proof: {wrong}",
                    f"上级保存的检查点 {record.size} 不能作为证据：{wrong}",
                )
                self._found(Kind.CHECKPOINT, record.size, record.size, text)
                continue
            claim = self._claim(signed, cosigned_at, None, by_witness=True)
            self.twins[claim.life, claim.size] = claim
            found.append(claim)
        return found

    def checkpoint(self, record: pb.Checkpoint) -> Claim | None:
        """Take a checkpoint; None if nothing of it can be believed."""
        try:
            signed = self._signed(record, self.certificates)
            self._in_place(record, signed)
        except WRONG as wrong:
            text = Text(
                f"checkpoint {record.size} is not what the node signed: {wrong}",
                f"检查点 {record.size} 不是本节点所签：{wrong}",
            )
            self._found(Kind.CHECKPOINT, record.size, record.size, text)
            return None
        said = signed.checkpoint
        life = self.lives.get(said.life)
        if not is_declared(life, said):
            self._life_wrong(said.life)
        beacon_at = self._beacon(record, signed)
        claim = self._claim(signed, self._cosigned(record, signed), beacon_at)
        # A life counts once the witness took it; the top of the line has none.
        if claim.cosigned_at is not None or signed.spiffe.tier is Level.PROVINCE:
            self.latest_life = max(self.latest_life, said.life)
        self._compare(claim)
        return claim

    def unmatched(self) -> Iterable[Claim]:
        """Return what the parent cosigned of the latest life and the export does not have."""
        return (one for one in self.twins.values() if one.life == self.latest_life)

    def _signed(
        self, record: pb.Checkpoint, certificates: Mapping[bytes, bytes]
    ) -> Signed:
        der = _certificate(certificates, record.signer)
        signed = self.trust.signed(record.note, der)
        self.node = self.node or str(signed.spiffe)
        if str(signed.spiffe) != self.node:
            raise SealWrong(f"{signed.spiffe} signed it")
        if (record.life, record.size) != (
            signed.checkpoint.life,
            signed.checkpoint.size,
        ):
            raise SealWrong("it stands in another place than its text says")
        return signed

    def _in_place(self, record: pb.Checkpoint, signed: Signed) -> None:
        place = (record.size, record.life)
        if place <= self.before:
            raise SealWrong("it does not come in order")
        self.before = place
        known = {"life", "time", "digest", "beacon"}
        lines = signed.note.text.split("\n")[3:-1]
        if unknown := {line.partition(" ")[0] for line in lines} - known:
            raise SealWrong(
                f"it says {', '.join(sorted(unknown))}, which is not known here"
            )

    def _cosigned(self, record: pb.Checkpoint, signed: Signed) -> datetime | None:
        if not record.witness and len(signed.note.lines) == 1:
            return None
        try:
            der = _certificate(self.certificates, record.witness)
            moment = self.trust.cosigned(signed, der)
        except WRONG as wrong:
            text = Text(
                f"checkpoint {record.size} is not the one that was cosigned: {wrong}",
                f"检查点 {record.size} 不是被副署的那一个：{wrong}",
            )
            self._found(Kind.COSIGNATURE, self.last_cosigned + 1, record.size, text)
            return None
        self.last_cosigned = record.size
        return moment

    def _beacon(self, record: pb.Checkpoint, signed: Signed) -> datetime | None:
        """Return when the beacon was made: the checkpoint is younger."""
        said = signed.checkpoint
        if said.beacon is None and not record.beacon:
            return None
        try:
            der = _certificate(self.certificates, record.beacon_signer)
            beacon = self.trust.beacon(signed, record.beacon, der)
            text_hash = DIGESTS[said.digest](beacon.note.text.encode())
            named = said.beacon
            if named is None or named.text_hash != text_hash:
                raise SealWrong("it is another than the text names")
            moment = at(beacon.checkpoint.time)
            origin, size = beacon.checkpoint.origin, beacon.checkpoint.size
            if (named.origin, named.size) != (origin, size):
                raise SealWrong("it is another than the text names")
            if moment > at(said.time) + self.tolerance:
                raise SealWrong("it is younger than the checkpoint")
            if size < self.beacons.get(origin, 0):
                raise SealWrong("the parent's ledger shrank")
        except WRONG as wrong:
            text = Text(
                f"the beacon of checkpoint {record.size} is no proof: {wrong}",
                f"检查点 {record.size} 的上级信标不成立：{wrong}",
            )
            self._found(Kind.BEACON, record.size, record.size, text)
            return None
        self.beacons[origin] = size
        return moment

    def _compare(self, claim: Claim) -> None:
        """Compare with what the parent cosigned at this size."""
        twin = self.twins.pop((claim.life, claim.size), None)
        if twin is None:
            return
        if twin.root != claim.root:
            text = Text(
                f"the node signed two ledgers of {claim.size} facts; the parent has the other",
                f"本节点为 {claim.size} 条记录签过两份不同的台账；上级保存的是另一份",
            )
            self._found(Kind.SPLIT, self.agreed + 1, claim.size, text)
            return
        self.agreed = claim.size

    def _claim(
        self,
        signed: Signed,
        cosigned_at: datetime | None,
        beacon_at: datetime | None,
        *,
        by_witness: bool = False,
    ) -> Claim:
        said = signed.checkpoint
        return Claim(
            life=said.life,
            size=said.size,
            digest=said.digest,
            root=said.root,
            made_at=at(said.time),
            cosigned_at=cosigned_at,
            beacon_at=beacon_at,
            by_witness=by_witness,
        )

    def _life_wrong(self, life: int) -> None:
        text = Text(
            f"life {life} is not as its checkpoints and the parent have it declared",
            f"台账第 {life} 期与检查点或上级所记的声明不一致",
        )
        if not any(one.kind is Kind.LIFE for one in self.findings):
            self._found(Kind.LIFE, 1, 1, text)

    def _found(self, kind: Kind, first: int, last: int, text: Text) -> None:
        self.findings.append(Finding(kind, first, last, text))


def _certificate(known: Mapping[bytes, bytes], fingerprint: bytes) -> bytes:
    der = known.get(fingerprint)
    if der is None:
        raise SealWrong("its certificate is not there")
    return der
