"""What was revoked: serial numbers of certificates, ids and subjects of tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from tier.identity.certificates import Authorities
from tier.identity.model import Caller

END = b"-----END X509 CRL-----"
"""A file has a list by each authority."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Both lists, as last read."""

    serials: frozenset[str] = frozenset()
    tokens: frozenset[str] = frozenset()
    subjects: Mapping[str, float] = field(default_factory=dict)
    """Whose tokens issued before a moment (Unix seconds) are void."""


class Revocations:
    """Reads the lists from their files, and says whether somebody is on them."""

    def __init__(
        self, authorities: Authorities, crl: Path | None, tokens: Path | None
    ) -> None:
        """Read both files, where there are any.

        Raises:
            OSError, ValueError: a file cannot be read, or no authority signed the list.
        """
        self._authorities = authorities
        self._crl = crl
        self._tokens = tokens
        self.lists = Lists()
        self.reload()

    def reload(self) -> None:
        """Read both files again; on an error what was read before stays.

        Raises:
            OSError, ValueError: as above.
        """
        serials = self._serials()
        tokens, subjects = self._read_tokens()
        self.lists = Lists(serials, tokens, subjects)

    def is_revoked(self, caller: Caller) -> bool:
        """Whether the certificate or the token that proved a caller was revoked."""
        lists = self.lists
        return (
            caller.certificate in lists.serials
            or caller.proof in lists.tokens
            or caller.issued_at < lists.subjects.get(caller.principal, 0.0)
        )

    def _serials(self) -> frozenset[str]:
        if self._crl is None:
            return frozenset()
        lists = read_lists(self._crl)
        for one in lists:
            if not is_signed(one, self._authorities.certificates):
                raise ValueError(f"{self._crl}: no trusted authority signed this list")
        return frozenset(f"{entry.serial_number:x}" for one in lists for entry in one)

    def _read_tokens(self) -> tuple[frozenset[str], dict[str, float]]:
        if self._tokens is None or not self._tokens.exists():
            return frozenset(), {}
        told = json.loads(self._tokens.read_text())
        return frozenset(told.get("tokens", ())), dict(told.get("subjects", {}))


def read_lists(file: Path) -> list[x509.CertificateRevocationList]:
    """Read the revocation lists in a PEM file; who signed them is asked of `is_signed`.

    Raises:
        OSError, ValueError: the file cannot be read.
    """
    parts = file.read_bytes().split(END)[:-1]
    return [x509.load_pem_x509_crl(part + END) for part in parts]


def is_signed(
    crl: x509.CertificateRevocationList, authorities: Iterable[x509.Certificate]
) -> bool:
    """Whether one of these authorities signed a list."""
    return any(
        crl.issuer == one.subject and crl.is_signature_valid(one.public_key())  # type: ignore[arg-type] # a CA's key signs
        for one in authorities
    )
