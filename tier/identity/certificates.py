"""Certificates: read, checked against the authorities, with the id they carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tier.identity.errors import Unidentified
from tier.identity.model import SpiffeId, parse_id

REMEMBERED = 4096
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
"""Purpose of a seal (RFC 9336)."""
LINES = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH})


@dataclass(frozen=True, slots=True)
class Proved:
    """A certificate that an authority issued, read once."""

    certificate: x509.Certificate
    spiffe: SpiffeId
    serial: str
    """Hexadecimal, as in revocation lists and registers."""

    def is_valid(self, moment: datetime) -> bool:
        """Whether the certificate's time has come and is not over."""
        begin = self.certificate.not_valid_before_utc
        return begin <= moment <= self.certificate.not_valid_after_utc


class Authorities:
    """The certification authorities a node trusts; issuers of what it accepts."""

    def __init__(self, file: Path) -> None:
        """Trust the certificates in a PEM bundle; `reload` reads it again.

        Raises:
            OSError, ValueError: the file cannot be read, or has no certificate.
        """
        self._file = file
        self._proved: dict[bytes, Proved] = {}
        self.certificates: Sequence[x509.Certificate] = ()
        self.reload()

    def reload(self) -> None:
        """Read the bundle again, such as after a rotation of the authority."""
        self.certificates = x509.load_pem_x509_certificates(self._file.read_bytes())
        self._proved.clear()

    def prove(self, der: bytes) -> Proved:
        """Return a certificate once an authority is seen to have issued it.

        Its time and its revocation are asked of for each use. Known ones cost nothing.

        Raises:
            Unidentified: no authority issued it, or its id is not one of ours.
        """
        known = self._proved.get(der)
        if known is None:
            if len(self._proved) >= REMEMBERED:
                self._proved.clear()
            known = self._proved[der] = self._read(der)
        return known

    def prove_pem(self, pem: bytes) -> Proved:
        """Do the same for a certificate in PEM, as gRPC shows its peers.

        Raises:
            Unidentified: see `prove`.
        """
        known = self._proved.get(pem)
        if known is None:
            try:
                der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
            except ValueError as wrong:
                raise Unidentified(problem="its certificate cannot be read") from wrong
            known = self._proved[pem] = self.prove(der)
        return known

    def _read(self, der: bytes) -> Proved:
        try:
            certificate = x509.load_der_x509_certificate(der)
            spiffe = spiffe_id(certificate)
        except ValueError as wrong:
            raise Unidentified(
                problem="its certificate carries no id of ours"
            ) from wrong
        if not any(_issued(certificate, one) for one in self.certificates):
            raise Unidentified(problem="no trusted authority issued its certificate")
        return Proved(certificate, spiffe, serial_of(certificate))


def spiffe_id(certificate: x509.Certificate) -> SpiffeId:
    """Return the one SPIFFE id of a certificate.

    Raises:
        ValueError: it has none, several, or one that is not ours.
    """
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound as none:
        raise ValueError("no subject alternative name") from none
    if len(names) != 1:
        raise ValueError(f"{len(names)} URIs instead of one")
    return parse_id(names[0])


def is_seal(certificate: x509.Certificate) -> bool:
    """Whether a certificate is for a seal, and for nothing that a line is opened with."""
    try:
        purposes = certificate.extensions.get_extension_for_class(
            x509.ExtendedKeyUsage
        ).value
    except x509.ExtensionNotFound:
        return False
    return DOCUMENT_SIGNING in purposes and not LINES & set(purposes)


def serial_of(certificate: x509.Certificate) -> str:
    """Return the serial number as revocation lists and registers write it."""
    return f"{certificate.serial_number:x}"


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
