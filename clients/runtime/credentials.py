"""How a client proves who it is: a certificate on the line, a token in each call.

An integrator has both from whoever runs the node::

    credentials = Credentials.given(ca="ca.crt", certificate="oa.crt", key="oa.key",
                                    token="token.jwt")

On one's own machine the site that `ducha up` keeps has an issuer of its own, and whoever
may read its directory may speak for any division: `Credentials.load(data)`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import grpc
import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clients.runtime.bearing import BearingChannel
from clients.runtime.errors import CredentialsUnusable

IDENTITY = "identity"
CONSOLE = "console"
AUDIENCE = "ducha"
PEOPLE = (
    "officer", "grid_worker", "integrator", "keeper", "operator", "auditor", "reader",
)  # fmt: skip
TOKEN_SECONDS = 3600.0
RENEW_SECONDS = 600.0
DIGITS = frozenset({2, 4, 6, 9, 12, 15})


class Bearer(Protocol):
    """Gives the token that a request is sent with."""

    def token(self, request: object) -> str:
        """Return it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One token, from a file that somebody renews."""

    file: Path

    def token(self, request: object) -> str:
        """Return the token for any request.

        Raises:
            CredentialsUnusable: the file is gone, or holds no token.
        """
        try:
            token = self.file.read_text(encoding="ascii").strip()
        except OSError as broken:
            raise CredentialsUnusable.missing(self.file, broken) from broken
        except UnicodeDecodeError as wrong:
            raise CredentialsUnusable.at(self.file, wrong) from wrong
        if not token.isprintable() or " " in token:
            problem = ValueError("it holds more than one token")
            raise CredentialsUnusable.at(self.file, problem)
        return token


@dataclass(slots=True)
class Issuing:
    """Tokens of a site's own issuer, for whatever division a request acts for."""

    key: EllipticCurvePrivateKey
    key_id: str
    issuer: str
    root: str
    stands: str = ""
    """Division of requests that act for none; the root by default."""
    subject: str = "console"
    roles: Sequence[str] = PEOPLE
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def token(self, request: object) -> str:
        """Return a token of the division that acts, or of where the caller stands."""
        division = getattr(request, "division", "")
        acts = isinstance(division, str) and division.startswith(self.root)
        if acts and _is_code(division):
            return self.of(division)
        return self.of(self.stands or self.root)

    def of(self, division: str) -> str:
        """Return a token of a division; it lasts an hour, and is renewed before."""
        token, until = self._tokens.get(division, ("", 0.0))
        if until < time.time():
            token = self.issue(division, self.roles)
            self._tokens[division] = (
                token,
                time.time() + TOKEN_SECONDS - RENEW_SECONDS,
            )
        return token

    def issue(
        self,
        division: str,
        roles: Sequence[str],
        *,
        subject: str = "",
        seconds: float = TOKEN_SECONDS,
    ) -> str:
        """Sign a token."""
        now = time.time()
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": subject or self.subject,
            "division": division,
            "roles": list(roles),
            "iat": int(now),
            "exp": int(now + seconds),
            "jti": str(uuid.uuid4()),
        }
        headers = {"kid": self.key_id}
        return jwt.encode(claims, self.key, algorithm="ES256", headers=headers)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate, whom to trust, and a token; nothing of it for a node without walls."""

    authorities: bytes = b""
    certificate: bytes = b""
    key: bytes = b""
    bearer: Bearer | None = None

    @classmethod
    def load(cls, data: Path, *, program: str = CONSOLE, root: str = "") -> Credentials:
        """Read what the site in `data` keeps for a client program on this machine.

        A site without walls keeps nothing: then there is nothing to prove.

        Raises:
            CredentialsUnusable: there is something, and it cannot be read.
        """
        kept = data / IDENTITY
        own = kept / "clients" / program
        if not (own / "tls.crt").exists():
            return cls()
        try:
            key = load_pem_private_key((kept / "issuer.key").read_bytes(), None)
            issuer = f"https://issuer.{(kept / 'domain').read_text().strip()}"
            bearer = _issuing(key, issuer, root or _root(own / "tls.crt"))
            return cls(
                (kept / "ca.crt").read_bytes(),
                (own / "tls.crt").read_bytes(),
                (own / "tls.key").read_bytes(),
                bearer,
            )
        except (OSError, ValueError, TypeError) as broken:
            raise CredentialsUnusable.at(kept, broken) from broken

    @classmethod
    def given(
        cls,
        *,
        ca: Path | str,
        certificate: Path | str,
        key: Path | str,
        token: Path | str,
    ) -> Credentials:
        """Read what the operator of a node gave.

        Raises:
            CredentialsUnusable: a file cannot be read.
        """
        try:
            Path(token).read_bytes()
            return cls(
                Path(ca).read_bytes(),
                Path(certificate).read_bytes(),
                Path(key).read_bytes(),
                Kept(Path(token)),
            )
        except OSError as broken:
            file = Path(str(broken.filename))
            raise CredentialsUnusable.missing(file, broken) from broken

    @property
    def has_walls(self) -> bool:
        """Whether there is anything to prove."""
        return bool(self.certificate)

    def standing(self, division: str) -> Credentials:
        """Return the same for who stands at `division`, such as a node's own operators.

        It speaks for that division wherever a request acts for none. A token that was
        given says by itself where its owner stands, and is not changed.
        """
        bearer = self.bearer
        if not (isinstance(bearer, Issuing) and division.startswith(bearer.root)):
            return self
        return replace(self, bearer=replace(bearer, stands=division))

    def channel(
        self, address: str, options: Sequence[tuple[str, Any]] = ()
    ) -> grpc.aio.Channel:
        """Return a channel whose calls prove who makes them."""
        if not self.has_walls:
            return grpc.aio.insecure_channel(address, options=options)
        line = grpc.aio.secure_channel(address, self.tls(), options=options)
        return BearingChannel(line, self.bearer.token) if self.bearer else line

    def tls(self) -> grpc.ChannelCredentials:
        """Return the line's half, such as for gRPC's own health service."""
        return grpc.ssl_channel_credentials(
            self.authorities, self.key, self.certificate
        )


def _issuing(key: object, issuer: str, root: str) -> Issuing:
    if not isinstance(key, EllipticCurvePrivateKey):
        raise TypeError("issuer.key is no EC key")
    return Issuing(key, thumbprint(key), issuer, root)


def thumbprint(key: EllipticCurvePrivateKey) -> str:
    """Return the id of a key in a key set (RFC 7638)."""
    numbers = key.public_key().public_numbers()
    x, y = (
        jwt.utils.base64url_encode(n.to_bytes(32)).decode()
        for n in (numbers.x, numbers.y)
    )
    text = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
    return jwt.utils.base64url_encode(sha256(text.encode()).digest()).decode()


def _root(certificate: Path) -> str:
    """Return the area that a client program's certificate names."""
    read = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    return uri.split("/")[-2]


def _is_code(text: str) -> bool:
    return len(text) in DIGITS and text.isascii() and text.isdigit()
