"""The embedded issuer of tokens: its key, and the key set that nodes check with.

It stands in for an OpenID Connect issuer where there is none: it knows no passwords and
serves nothing. Whoever may read its key may speak for anybody.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from deploy.authority.certificates import key_pem
from deploy.authority.errors import FileUnusable, NoAuthority
from deploy.authority.store import Store, read_key
from deploy.embedded.files import write_private

ALGORITHM: Final = "ES256"
_COORDINATE_BYTES: Final = 32


def issuer_of(domain: str) -> str:
    """Return what stands in `iss`: a name only, nothing is served there."""
    return f"https://issuer.{domain}"


def make(store: Store) -> None:
    """Make the issuer's key, its key set, and an empty list of what was taken back.

    What is there stays, except that without a key there can be no tokens to honour.
    """
    if not store.issuer_key.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        _publish(store, key, [])
    if not store.jwks.exists():
        _publish(store, key_of(store), [])
    if not store.revoked_tokens.exists():
        write_private(store.revoked_tokens, json.dumps({"tokens": {}, "subjects": {}}))


def rotate(store: Store, *, retire_old: bool = False) -> str:
    """Make a new key and return its id; tokens of the old one stay good until they expire.

    With `retire_old` there is one key afterwards, and every token before is void.

    Raises:
        NoAuthority: there is no issuer.
    """
    with store.locked():
        old = [] if retire_old else _keys(store)
        key = ec.generate_private_key(ec.SECP256R1())
        _publish(store, key, old)
        return key_id(jwk(key))


def key_of(store: Store) -> ec.EllipticCurvePrivateKey:
    """Read the key that signs.

    Raises:
        NoAuthority: there is no issuer.
        KeyExposed, FileUnusable: its key cannot be used.
    """
    try:
        key = read_key(store.issuer_key)
    except FileNotFoundError as missing:
        raise NoAuthority(store.directory) from missing
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key
    raise FileUnusable(store.issuer_key, "it is no EC key")


def jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """Return the public half of a key as a JSON web key, named by its thumbprint."""
    numbers = key.public_key().public_numbers()
    public = {
        "crv": "P-256",
        "kty": "EC",
        "x": _base64(numbers.x.to_bytes(_COORDINATE_BYTES, "big")),
        "y": _base64(numbers.y.to_bytes(_COORDINATE_BYTES, "big")),
    }
    return public | {"kid": key_id(public), "alg": ALGORITHM, "use": "sig"}


def key_id(public: dict[str, str]) -> str:
    """Return the thumbprint of a public EC key (RFC 7638)."""
    members = {name: public[name] for name in ("crv", "kty", "x", "y")}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return _base64(hashlib.sha256(text.encode()).digest())


def _keys(store: Store) -> list[dict[str, str]]:
    key_of(store)
    try:
        return list(json.loads(store.jwks.read_text())["keys"])
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise FileUnusable(store.jwks, repr(wrong)) from wrong


def _publish(
    store: Store, key: ec.EllipticCurvePrivateKey, older: Sequence[dict[str, str]]
) -> None:
    """Write the key set before the key: no token is signed by a key nobody knows."""
    keys = [jwk(key), *older]
    write_private(store.jwks, json.dumps({"keys": keys}, indent=1))
    write_private(store.issuer_key, key_pem(key))


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
