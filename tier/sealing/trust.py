"""Whose seal it is, and whether it was good when it was put: certificates behind notes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509

from tier.identity import signing
from tier.identity.certificates import Proved
from tier.identity.errors import Unidentified
from tier.identity.model import SpiffeId
from tier.identity.signing import PublicKey, SignatureWrong
from tier.sealing.model import is_witness_of, name_of, origin_of
from tier.sealing.note import Checkpoint, Note

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SealWrong(ValueError):
    """A seal is not what it claims to be."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A node's key at a moment when it was good."""

    spiffe: SpiffeId
    key: PublicKey


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint that a node signed, and its text as signed."""

    checkpoint: Checkpoint
    note: Note
    spiffe: SpiffeId


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe: `prove` says whose certificate it is (an authority issued it).

    `revoked` says since when a serial number is void: what was sealed before stays good.
    """

    prove: Callable[[bytes], Proved]
    revoked: Mapping[str, datetime] = field(default_factory=dict)

    def seal(self, der: bytes, moment: datetime) -> Seal:
        """Return the seal of a certificate, good at `moment`.

        Raises:
            SealWrong: no authority issued it, it is no node's, or it was not good then.
        """
        try:
            proved = self.prove(der)
            key = key_of(proved.certificate)
        except (Unidentified, SignatureWrong) as wrong:
            raise SealWrong(str(wrong)) from wrong
        if not proved.spiffe.is_node:
            raise SealWrong(f"{proved.spiffe} is no node")
        revoked_at = self.revoked.get(proved.serial)
        is_good = proved.is_valid(moment) and (not revoked_at or moment < revoked_at)
        if not is_good:
            raise SealWrong(
                f"the certificate of {proved.spiffe} is not good at {moment}"
            )
        return Seal(proved.spiffe, key)

    def signed(self, written: str, der: bytes) -> Signed:
        """Read a checkpoint that its own node signed while its certificate was good.

        Raises:
            NoteWrong: it is no checkpoint.
            SealWrong: the certificate is not good for it.
            SignatureWrong: the key did not sign it, or not for its own ledger.
        """
        note = Note.parse(written)
        checkpoint = Checkpoint.parse(note.text)
        seal = self.seal(der, at(checkpoint.time))
        origin = origin_of(seal.spiffe, checkpoint.life)
        if checkpoint.origin != origin:
            raise SealWrong(f"{origin} signs for {checkpoint.origin}")
        note.check(origin, seal.key)
        return Signed(checkpoint, note, seal.spiffe)

    def cosigned(self, signed: Signed, der: bytes) -> datetime:
        """Return when the node above cosigned a checkpoint.

        Raises:
            SealWrong: the certificate is not that of a witness, or not good then.
            SignatureWrong: its key did not cosign.
        """
        try:
            proved = self.prove(der)
            key = key_of(proved.certificate)
        except Unidentified as wrong:
            raise SealWrong(str(wrong)) from wrong
        if not is_witness_of(proved.spiffe, signed.spiffe):
            raise SealWrong(f"{proved.spiffe} is no witness of {signed.spiffe}")
        seconds = signed.note.check_cosigned(name_of(proved.spiffe), key)
        moment = at(seconds * 1_000_000)
        self.seal(der, moment)
        return moment

    def beacon(self, signed: Signed, written: str, der: bytes) -> Signed:
        """Return the witness's checkpoint that is to be, or is, a beacon of a node's.

        Raises:
            NoteWrong, SealWrong, SignatureWrong: it is none.
        """
        beacon = self.signed(written, der)
        if not is_witness_of(beacon.spiffe, signed.spiffe):
            raise SealWrong(f"{beacon.spiffe} is no witness of {signed.spiffe}")
        return beacon


@lru_cache(maxsize=256)
def key_of(certificate: x509.Certificate) -> PublicKey:
    """Return the key of a certificate; the same few are asked for again and again.

    Raises:
        SignatureWrong: no key that seals.
    """
    return signing.public_key(certificate)


@lru_cache(maxsize=256)
def key_of_der(der: bytes) -> PublicKey:
    """Return the key of a certificate, DER.

    Raises:
        ValueError: no certificate, or no key that seals.
    """
    return signing.public_key(x509.load_der_x509_certificate(der))


def at(micros: int) -> datetime:
    """Return a moment given in Unix microseconds.

    Raises:
        SealWrong: it is outside of what a calendar holds.
    """
    try:
        return EPOCH + timedelta(microseconds=micros)
    except OverflowError as wrong:
        raise SealWrong("its time is outside of the calendar") from wrong


def micros_of(moment: datetime) -> int:
    """Return a moment in Unix microseconds."""
    return (moment - EPOCH) // timedelta(microseconds=1)
