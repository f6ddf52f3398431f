"""Files of `ducha ledger`: exports, proofs and witnessed histories, each told by its first line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from cryptography import x509
from google.protobuf import proto
from google.protobuf.message import DecodeError

from clients.cli.words import UsageProblem
from ducha.ledger.v1 import ledger_pb2 as pb
from tier.identity.certificates import Authorities
from tier.sealing.trust import Trust

EXPORT: Final = b"ducha ledger export v1\n"
PROOF: Final = b"ducha ledger proof v1\n"
WITNESSED: Final = b"ducha ledger witnessed v1\n"


def write_record(out: BinaryIO, record: pb.LedgerRecord) -> None:
    """Write one record of an export, its length before it."""
    proto.serialize_length_prefixed(record, out)  # type: ignore[arg-type] # any that writes


def records(file: BinaryIO) -> Iterator[pb.LedgerRecord]:
    """Read the records of an export, after its first line.

    Raises:
        UsageProblem: the file breaks off inside a record, or holds something else.
    """
    while True:
        try:
            record = proto.parse_length_prefixed(pb.LedgerRecord, file)  # type: ignore[arg-type] # any that reads
        except (DecodeError, ValueError) as wrong:
            raise _unreadable(file.name, str(wrong)) from wrong
        if record is None:
            return
        yield record


def write_proof(path: Path, proof: pb.SubjectProof) -> None:
    """Write the proof of one subject."""
    path.write_bytes(PROOF + proof.SerializeToString())


def write_witnessed(path: Path, history: pb.WitnessedHistory) -> None:
    """Write what a node witnessed of a child."""
    path.write_bytes(WITNESSED + history.SerializeToString())


def read_proof(content: BinaryIO) -> pb.SubjectProof:
    """Read the proof of one subject, after its first line.

    Raises:
        UsageProblem: it is none.
    """
    try:
        return pb.SubjectProof.FromString(content.read())
    except DecodeError as wrong:
        raise _unreadable(content.name, str(wrong)) from wrong


def read_witnessed(path: Path) -> pb.WitnessedHistory:
    """Read what a parent witnessed.

    Raises:
        UsageProblem: it is no such file.
    """
    try:
        content = path.read_bytes()
        if not content.startswith(WITNESSED):
            raise _unreadable(str(path), "`ducha ledger export --witnessed` writes one")
        return pb.WitnessedHistory.FromString(content.removeprefix(WITNESSED))
    except (OSError, DecodeError) as wrong:
        raise _unreadable(str(path), str(wrong)) from wrong


def read_trust(authorities: Path, crl: Path | None) -> Trust:
    """Read whom to believe: the authorities, and since when which certificate is void.

    Raises:
        UsageProblem: a file cannot be read, or no authority signed the list.
    """
    try:
        trusted = Authorities(authorities)
        return Trust(trusted.prove, _revoked(trusted, crl) if crl else {})
    except (OSError, ValueError) as wrong:
        raise _unreadable(str(crl or authorities), str(wrong)) from wrong


def _revoked(trusted: Authorities, crl: Path) -> dict[str, datetime]:
    listed = x509.load_pem_x509_crl(crl.read_bytes())
    signed = (
        listed.issuer == one.subject and listed.is_signature_valid(one.public_key())  # type: ignore[arg-type] # a CA's key signs
        for one in trusted.certificates
    )
    if not any(signed):
        raise ValueError("no trusted authority signed this list")
    return {f"{one.serial_number:x}": one.revocation_date_utc for one in listed}


def _unreadable(name: str, problem: str) -> UsageProblem:
    return UsageProblem(
        f"{name} cannot be read as what is needed here: {problem}.",
        f"无法读取 {name}：{problem}。",
    )
