"""Whose certificates were revoked: the list of the authority, and who had them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from deploy.authority import register
from deploy.authority.register import Kind
from tier.identity.revocation import is_signed, read_lists


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate of a node, as a NATS server sees it."""

    serial: int
    node: str
    fingerprint: str
    """SHA-256 of the certificate, in hexadecimal."""
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from revocations for the road."""

    out: frozenset[str] = frozenset()
    """Nodes of which no certificate is good any more."""
    watched: Mapping[str, frozenset[str]] = ()  # type: ignore[assignment] # never written
    """Nodes with good and revoked ones: the fingerprints that are not let in."""


def judge(
    issued: Iterable[Issued], revoked: frozenset[int], now: datetime | None = None
) -> Verdict:
    """Say who is out and who is watched. Expired certificates do not count."""
    moment = now or datetime.now(UTC)
    good: dict[str, set[str]] = {}
    bad: dict[str, set[str]] = {}
    for one in issued:
        if one.not_after > moment:
            kind = bad if one.serial in revoked else good
            kind.setdefault(one.node, set()).add(one.fingerprint)
    return Verdict(
        frozenset(bad.keys() - good.keys()),
        {node: frozenset(prints) for node, prints in bad.items() if node in good},
    )


def revoked_serials(
    lists: Path, authorities: Sequence[x509.Certificate]
) -> frozenset[int]:
    """Read the revocation lists in a PEM file; one that no authority signed counts nothing.

    Raises:
        OSError, ValueError: the file cannot be read.
    """
    return frozenset(
        entry.serial_number
        for crl in read_lists(lists)
        if is_signed(crl, authorities)
        for entry in crl
    )


def from_register(file: Path) -> Iterator[Issued]:
    """Yield the TLS certificates of nodes in the register of an embedded authority."""
    for entry in register.read(file).entries:
        if entry.kind is Kind.NODE:
            yield _issued(entry.name, entry.load())


def from_directory(folder: Path) -> Iterator[Issued]:
    """Yield the certificates (`*.crt`, `*.pem`) in a folder that have a SPIFFE id.

    Raises:
        OSError, ValueError: a file is no certificate.
    """
    for file in sorted([*folder.rglob("*.crt"), *folder.rglob("*.pem")]):
        for certificate in x509.load_pem_x509_certificates(file.read_bytes()):
            if name := _node_of(certificate):
                yield _issued(name, certificate)


def _issued(node: str, certificate: x509.Certificate) -> Issued:
    return Issued(
        certificate.serial_number,
        node,
        certificate.fingerprint(hashes.SHA256()).hex(),
        certificate.not_valid_after_utc,
    )


def _node_of(certificate: x509.Certificate) -> str:
    """Return the name at the end of a SPIFFE id; empty where there is none."""
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound:
        return ""
    return names[0].rsplit("/", 1)[-1] if len(names) == 1 else ""
