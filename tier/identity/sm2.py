"""SM2 signatures with SM3 (GB/T 32918.2), by the GmSSL library where it is installed. Pure.

The certificates library knows no SM2, so its keys are read here: a private key as PKCS#8 in
the form that OpenSSL and GmSSL write, a public key from the certificate's fixed header.
The signer's id is the default one, 1234567812345678.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Final

SM2: Final = "sm2"
POINT_BYTES: Final = 64
SCALAR_BYTES: Final = 32
_UNCOMPRESSED: Final = b"\x04"
# id-ecPublicKey with the curve SM2 (1.2.156.10197.1.301), then the point: RFC 5480.
_ALGORITHM: Final = bytes.fromhex("301306072a8648ce3d020106082a811ccf5501822d")
_PUBLIC: Final = bytes.fromhex("3059") + _ALGORITHM + bytes.fromhex("034200")
# PKCS#8 version 0, the algorithm, and an ECPrivateKey (RFC 5915) that holds its public key.
_PRIVATE: Final = (
    bytes.fromhex("308187020100") + _ALGORITHM + bytes.fromhex("046d306b0201010420")
)
_ITS_PUBLIC: Final = bytes.fromhex("a144034200")
_PEM: Final = re.compile(
    rb"-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----"
)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that signs: its scalar, and its public point without the leading byte."""

    scalar: bytes
    point: bytes

    def sign(self, data: bytes) -> bytes:
        """Return the signature over `data`, DER.

        Raises:
            ValueError: the library is not installed.
        """
        signature: bytes = _library().sm2_sign(self.scalar, self.point, data)
        return signature


def read_private(pem: bytes) -> PrivateKey | None:
    """Read a private key, PEM; None if it is no SM2 key."""
    found = _PEM.search(pem)
    der = base64.b64decode(found[1]) if found else b""
    if not der.startswith(_PRIVATE):
        return None
    rest = der[len(_PRIVATE) :]
    scalar, rest = rest[:SCALAR_BYTES], rest[SCALAR_BYTES:]
    point = rest.removeprefix(_ITS_PUBLIC + _UNCOMPRESSED)
    if len(rest) - len(point) != len(_ITS_PUBLIC) + 1 or len(point) != POINT_BYTES:
        return None
    return PrivateKey(scalar, point)


def public_of(certificate_body: bytes) -> bytes | None:
    """Return the key in a certificate's signed part, 65 bytes; None if it has no SM2 key.

    Its header must stand there once: what an extension says is no key.
    """
    head = _PUBLIC + _UNCOMPRESSED
    if certificate_body.count(head) != 1:
        return None
    begin = certificate_body.index(head) + len(_PUBLIC)
    key = certificate_body[begin : begin + 1 + POINT_BYTES]
    return key if len(key) == 1 + POINT_BYTES else None


def is_signed(key: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the key (65 bytes) signed `data`.

    Raises:
        ValueError: the library is not installed, or the key is no point of the curve.
    """
    library = _library()
    try:
        good: bool = library.sm2_verify(
            key.removeprefix(_UNCOMPRESSED), data, signature
        )
    except library.GmsslInnerError:
        return False
    return good


@cache
def _library() -> ModuleType:
    try:
        return import_module("gmssl_pyx")  # only sites that seal with SM2 install it
    except ImportError as missing:
        raise ValueError(
            "SM2 seals need the library gmssl-pyx: install it"
        ) from missing
