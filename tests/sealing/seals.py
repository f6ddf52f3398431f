"""Keys and certificates for tests: an authority of its own, and seals of any node."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from tier.identity import signing
from tier.identity.model import SpiffeId
from tier.identity.signing import ED25519, Ed25519Signer, PublicKey

BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
YEARS = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class TestSigner:
    """An Ed25519 signer whose public key is at hand."""

    __test__ = False
    signer: Ed25519Signer

    @property
    def algorithm(self) -> str:
        return self.signer.algorithm

    @property
    def certificate(self) -> bytes:
        return self.signer.certificate

    @property
    def key(self) -> PublicKey:
        return signing.public_key(x509.load_der_x509_certificate(self.certificate))

    def sign(self, data: bytes) -> bytes:
        return self.signer.sign(data)


@dataclass(slots=True)
class TestAuthority:
    """An authority that issues seals."""

    __test__ = False
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    certificate: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
        self.certificate = self._issue(name, self.key.public_key(), None)

    def seal(
        self,
        spiffe: SpiffeId | None,
        seed: bytes | None = None,
        begin: datetime = BEGIN,
        end: datetime = BEGIN + YEARS,
    ) -> TestSigner:
        """Issue a seal to a node."""
        key = (
            Ed25519PrivateKey.from_private_bytes(seed)
            if seed
            else Ed25519PrivateKey.generate()
        )
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a node")])
        certificate = self._issue(name, key.public_key(), spiffe, begin, end)
        return TestSigner(
            Ed25519Signer(certificate.public_bytes(Encoding.DER), key, ED25519)
        )

    def issue(
        self, spiffe: SpiffeId, key: ec.EllipticCurvePublicKey
    ) -> x509.Certificate:
        """Issue a certificate to a node for another kind of key."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a node")])
        return self._issue(name, key, spiffe)

    def write(self, file: Path) -> Path:
        """Write the authority's certificate, PEM."""
        file.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        return file

    def _issue(
        self,
        name: x509.Name,
        key: x509.types.CertificatePublicKeyTypes,  # type: ignore[name-defined]
        spiffe: SpiffeId | None,
        begin: datetime = BEGIN,
        end: datetime = BEGIN + YEARS,
    ) -> x509.Certificate:
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
        )
        if spiffe is not None:
            uri = x509.UniformResourceIdentifier(str(spiffe))
            names = x509.SubjectAlternativeName([uri])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())


AUTHORITY = TestAuthority()


def a_signer(seed: bytes | None = None) -> TestSigner:
    """Return a signer with a certificate that says nothing."""
    return AUTHORITY.seal(None, seed)


def write_pair(signer: TestSigner, folder: Path) -> tuple[Path, Path]:
    """Write a signer's key and certificate as a node has them, PEM."""
    key, certificate = folder / "seal.key", folder / "seal.crt"
    private = signer.signer._key  # noqa: SLF001 - a test writes what only a node holds
    key.write_bytes(
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    loaded = x509.load_der_x509_certificate(signer.certificate)
    certificate.write_bytes(loaded.public_bytes(Encoding.PEM))
    return key, certificate
