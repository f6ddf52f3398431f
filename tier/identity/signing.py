"""Seals: a node's second key, with which it signs what it sends and what it keeps. Pure.

The key is bound to the node by a certificate with the node's SPIFFE id. Which algorithm
signs is a matter of the key: Ed25519 (RFC 8032), or SM2 with SM3 (GB/T 32918.2). Whoever
signs something new puts a line with its purpose first, so that no signature can be taken
for another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from tier.identity import sm2

ED25519: Final = "ed25519"
SM2: Final = sm2.SM2
PURPOSE: Final = b"ducha key and certificate v1\n"
"""What `load` signs to see that a key and a certificate belong together."""


class SignatureWrong(ValueError):
    """The signature is not that of the certificate's key, or of no algorithm we know."""


class Signer(Protocol):
    """A key that signs, with the certificate that says whose it is. Never changes."""

    @property
    def algorithm(self) -> str:
        """How it signs."""

    @property
    def certificate(self) -> bytes:
        """The certificate, DER."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature over `data`."""


@dataclass(frozen=True, slots=True)
class Ed25519Signer:
    """Signs with Ed25519."""

    certificate: bytes
    _key: Ed25519PrivateKey
    algorithm: str = ED25519

    def sign(self, data: bytes) -> bytes:
        """Return the signature over `data`: 64 bytes."""
        return self._key.sign(data)


@dataclass(frozen=True, slots=True)
class Sm2Signer:
    """Signs with SM2 and SM3."""

    certificate: bytes
    _key: sm2.PrivateKey
    algorithm: str = SM2

    def sign(self, data: bytes) -> bytes:
        """Return the signature over `data`, DER."""
        return self._key.sign(data)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies: its algorithm, and its bytes as the algorithm's standard writes them.

    Ed25519: 32 bytes. SM2: 65 bytes, the uncompressed point.
    """

    algorithm: str
    raw: bytes

    def verify(self, signature: bytes, data: bytes) -> None:
        """Check that this key signed `data`.

        Raises:
            SignatureWrong: it did not.
        """
        _CHECKS[self.algorithm](self.raw, signature, data)


def load(key_file: Path, certificate_file: Path) -> Signer:
    """Read a key and its certificate, both PEM.

    Raises:
        OSError: a file cannot be read.
        ValueError: it is no key that seals, or the certificate is of another key.
    """
    certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    pem = key_file.read_bytes()
    der, signer_key = certificate.public_bytes(Encoding.DER), public_key(certificate)
    signer: Signer
    if (private := sm2.read_private(pem)) is not None:
        signer = Sm2Signer(der, private)
    else:
        signer = Ed25519Signer(der, _read_ed25519(key_file, pem))
    try:
        signer_key.verify(signer.sign(PURPOSE), PURPOSE)
    except SignatureWrong as wrong:
        raise ValueError(
            f"{certificate_file}: of another key than {key_file}"
        ) from wrong
    return signer


def _read_ed25519(file: Path, pem: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (UnsupportedAlgorithm, TypeError) as wrong:
        raise ValueError(f"{file}: no key that seals: {wrong}") from wrong
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{file}: no key that seals; make an Ed25519 key")  # noqa: TRY004 - a file is wrong, no type
    return key


def public_key(certificate: x509.Certificate) -> PublicKey:
    """Return the key of a certificate.

    Raises:
        SignatureWrong: no key that seals.
    """
    if (point := sm2.public_of(certificate.tbs_certificate_bytes)) is not None:
        return PublicKey(SM2, point)
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as unknown:
        raise SignatureWrong("the certificate's key seals nothing") from unknown
    if isinstance(key, Ed25519PublicKey):
        return PublicKey(ED25519, _raw(key))
    raise SignatureWrong("the certificate's key seals nothing")


def verify(
    certificate: x509.Certificate, algorithm: str, signature: bytes, data: bytes
) -> None:
    """Check that the certificate's key signed `data`. Says nothing of the certificate.

    Raises:
        SignatureWrong: it did not.
    """
    key = public_key(certificate)
    if algorithm != key.algorithm:
        raise SignatureWrong(f"a key of {key.algorithm} does not sign by {algorithm!r}")
    key.verify(signature, data)


def _check_ed25519(key: bytes, signature: bytes, data: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except (InvalidSignature, ValueError) as wrong:
        raise SignatureWrong("the signature is not of this key and text") from wrong


def _check_sm2(key: bytes, signature: bytes, data: bytes) -> None:
    try:
        is_signed = sm2.is_signed(key, signature, data)
    except ValueError as missing:
        raise SignatureWrong(str(missing)) from missing
    if not is_signed:
        raise SignatureWrong("the signature is not of this key and text")


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


_CHECKS: Final[Mapping[str, Callable[[bytes, bytes, bytes], None]]] = {
    ED25519: _check_ed25519,
    SM2: _check_sm2,
}
