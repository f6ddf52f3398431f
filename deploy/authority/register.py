"""The register: one line for everything issued, revoked or retired; it only grows.

Its length is the number of the revocation list, so that this number can never fall.
A certificate stands here before its file does.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from deploy.authority import lines
from deploy.authority.certificates import Reason, spiffe_uri
from deploy.authority.errors import FileUnusable
from deploy.authority.lines import Line


class Kind(StrEnum):
    """What a certificate is for; a node has two."""

    AUTHORITY = "authority"
    NODE = "node"
    SEAL = "seal"
    CLIENT = "client"
    NATS = "nats"

    @property
    def holder(self) -> Kind:
        """Whom it belongs to: a seal certificate is its node's."""
        return Kind.NODE if self is Kind.SEAL else self


@dataclass(frozen=True, slots=True)
class Entry:
    """A certificate: what it was issued as, and what became of it."""

    serial: int
    kind: Kind
    name: str
    identity: str
    issued_at: datetime
    not_after: datetime
    certificate: bytes
    revoked_at: datetime | None = None
    reason: Reason = Reason.UNSPECIFIED
    retired_at: datetime | None = None

    @property
    def number(self) -> str:
        """The serial number in hexadecimal."""
        return f"{self.serial:x}"

    def is_in_force(self, now: datetime) -> bool:
        """Whether it is good: neither revoked, nor retired, nor expired."""
        return not self.revoked_at and not self.retired_at and now < self.not_after

    def load(self) -> x509.Certificate:
        """Return the certificate itself."""
        return x509.load_der_x509_certificate(self.certificate)


@dataclass(frozen=True, slots=True)
class Register:
    """All entries, oldest first, and how many lines they were read from."""

    entries: tuple[Entry, ...]
    length: int
    _holders: Mapping[tuple[Kind, str], list[Entry]]

    def of(self, kind: Kind, name: str) -> list[Entry]:
        """Return the certificates of one holder, oldest first."""
        return self._holders.get((kind, name), [])

    def newest(self, now: datetime) -> list[Entry]:
        """Return the last certificate of each kind and holder, where it is in force."""
        last = {(one.kind, one.name): one for one in self.entries}
        return [one for one in last.values() if one.is_in_force(now)]

    def find(self, asked: str) -> list[Entry]:
        """Return what has this name, or else this serial number."""
        named = [
            one
            for one in self.entries
            if one.name == asked and one.kind is not Kind.AUTHORITY
        ]
        number = asked.replace(":", "").lower().lstrip("0")
        return named or [one for one in self.entries if one.number == number]


def issued(kind: Kind, name: str, certificate: x509.Certificate, now: datetime) -> Line:
    """Return the line of a new certificate."""
    der = certificate.public_bytes(Encoding.DER)
    return {
        "event": "issued",
        "serial": f"{certificate.serial_number:x}",
        "kind": kind,
        "name": name,
        "identity": spiffe_uri(certificate),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "at": now.isoformat(),
        "certificate": base64.b64encode(der).decode(),
    }


def revoked(entry: Entry, reason: Reason, now: datetime) -> Line:
    """Return the line of a revocation."""
    return {
        "event": "revoked",
        "serial": entry.number,
        "reason": reason,
        "at": now.isoformat(),
    }


def retired(entry: Entry, now: datetime) -> Line:
    """Return the line of a CA that is no longer trusted."""
    return {"event": "retired", "serial": entry.number, "at": now.isoformat()}


def read(path: Path) -> Register:
    """Read the register; empty where there is none.

    Raises:
        FileUnusable: a line is not one of ours.
    """
    told = lines.read(path)
    entries: dict[int, Entry] = {}
    try:
        for line in told:
            _fold(entries, line)
    except (ValueError, KeyError, TypeError) as wrong:
        raise FileUnusable(path, repr(wrong)) from wrong
    holders: dict[tuple[Kind, str], list[Entry]] = {}
    for entry in entries.values():
        holders.setdefault((entry.kind.holder, entry.name), []).append(entry)
    return Register(tuple(entries.values()), len(told), holders)


def _fold(entries: dict[int, Entry], line: Line) -> None:
    serial = int(line["serial"], 16)
    at = datetime.fromisoformat(line["at"]).astimezone(UTC)
    match line["event"]:
        case "issued":
            entries[serial] = Entry(
                serial,
                Kind(line["kind"]),
                line["name"],
                line["identity"],
                issued_at=at,
                not_after=datetime.fromisoformat(line["not_after"]),
                certificate=base64.b64decode(line["certificate"], validate=True),
            )
        case "revoked":
            entries[serial] = replace(
                entries[serial], revoked_at=at, reason=Reason(line["reason"])
            )
        case "retired":
            entries[serial] = replace(entries[serial], retired_at=at)
        case unknown:
            raise ValueError(f"no event {unknown!r}")
