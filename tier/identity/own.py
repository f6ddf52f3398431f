"""What this node is by: its certificates and keys, and whom it trusts; re-read when renewed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_pem_private_key,
)

from tier.identity import signing
from tier.identity.certificates import Authorities, Proved
from tier.identity.errors import Unidentified
from tier.identity.model import SpiffeId, area_of
from tier.identity.recognition import Recognition
from tier.identity.revocation import Revocations
from tier.identity.signing import Signer
from tier.identity.tokens import KeySet, Tokens
from tier.jurisdiction import Code, Level
from tier.node import Node
from tier.runtime.settings import IdentitySettings, PeopleSettings

LOG = structlog.get_logger(__name__)

WATCH_SECONDS: Final = 1.0


@dataclass(slots=True)
class TlsFiles:
    """A key, its certificate chain, and the authorities to trust, all PEM files.

    A key and a certificate are replaced one after the other: until they fit again, what
    was shown before is shown.
    """

    certificate: Path
    key: Path
    authorities: Path
    _pem: tuple[bytes, bytes, bytes] = (b"", b"", b"")
    _read_at: Sequence[tuple[int, int]] = ()

    def server(self) -> grpc.ServerCredentials:
        """Return credentials that demand a certificate of every caller.

        The files are read for each handshake, so that a renewed certificate is shown to
        the next caller. gRPC must not be given again what it has: it would put the new
        in the place of the old while other handshakes use it, and crash.
        """
        shown = self._now()

        def renewed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal shown
            if (now := self._now()) == shown:
                return None
            shown = now
            return _configuration(shown)

        return grpc.dynamic_ssl_server_credentials(
            _configuration(shown),
            renewed,  # type: ignore[arg-type]  # the stub forgets None: no change
            require_client_authentication=True,
        )

    def channel(self) -> grpc.ChannelCredentials:
        """Return credentials to call another node with, as the files are now."""
        authorities, key, certificate = self._now()
        return grpc.ssl_channel_credentials(authorities, key, certificate)

    def _now(self) -> tuple[bytes, bytes, bytes]:
        """Return authorities, key and certificate as the files are, if they fit.

        Raises:
            OSError, ValueError: they never did.
        """
        files = (self.authorities, self.key, self.certificate)
        stamps = [_stamp(file) for file in files]
        if stamps != self._read_at:
            authorities, key, certificate = (file.read_bytes() for file in files)
            if _fit(key, certificate):
                self._pem, self._read_at = (authorities, key, certificate), stamps
            elif not self._pem[1]:
                raise ValueError(
                    f"{self.certificate} is of another key than {self.key}"
                )
        return self._pem


class OwnIdentity:
    """The identity of a running node."""

    def __init__(
        self, told: IdentitySettings, people: PeopleSettings | None, node: Node
    ) -> None:
        """Read every file.

        Raises:
            OSError, ValueError: a file is missing or wrong, or the certificate is not
                that of `node`.
        """
        self.tls = TlsFiles(told.certificate, told.key, told.authorities)
        self.authorities = Authorities(told.authorities)
        self.spiffe = self._own(told.certificate, node)
        if self._own(told.seal_certificate, node) != self.spiffe:
            raise ValueError("the certificates of TLS and seal have different ids")
        self._told = told
        self.signer: Signer = signing.load(told.seal_key, told.seal_certificate)
        tokens = people.revoked_tokens if people else None
        self.revocations = Revocations(self.authorities, told.crl, tokens)
        self._tokens = (
            Tokens(people.issuer, people.audience, KeySet(people.jwks))
            if people
            else None
        )
        self.recognition = Recognition(
            self.spiffe.domain, self.authorities, self.revocations, self._tokens
        )
        self._changed: list[Callable[[], None]] = []
        jwks = people.jwks if people and "://" not in people.jwks else ""
        self._files = [
            *(told.certificate, told.key, told.seal_certificate, told.seal_key),
            *(told.authorities, told.crl, tokens, Path(jwks) if jwks else None),
        ]

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after any of the files changed and was read."""
        self._changed.append(listener)

    async def watch(self) -> None:
        """Read again what was renewed, until cancelled; what cannot be read stays as it was."""
        before = self._stamps()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if self._tokens is not None:
                await self._tokens.keys.refresh()
            now = self._stamps()
            if now != before and self._reload():
                before = now

    def prove(self, der: bytes) -> Proved:
        """Return a neighbour's certificate, once seen to be issued and not revoked.

        Raises:
            Unidentified: it is not, or was revoked.
        """
        proved = self.authorities.prove(der)
        if proved.serial in self.revocations.lists.serials:
            raise Unidentified(problem="its certificate was revoked")
        return proved

    def _reload(self) -> bool:
        try:
            self.authorities.reload()
            self.revocations.reload()
            if self._tokens is not None:
                self._tokens.keys.reload()
            self.signer = signing.load(self._told.seal_key, self._told.seal_certificate)
        except (OSError, ValueError) as wrong:
            LOG.error("identity files not read", error=str(wrong))  # noqa: TRY400 - no trace
            return False
        self.recognition.forget()
        LOG.info("identity files read again")
        for listener in self._changed:
            listener()
        return True

    def _own(self, file: Path, node: Node) -> SpiffeId:
        """Return the id in an own certificate, which must be that of `node`."""
        der = x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(
            Encoding.DER
        )
        try:
            spiffe = self.authorities.prove(der).spiffe
        except Unidentified as wrong:
            raise ValueError(f"{file}: {wrong}") from wrong
        if not is_of(spiffe, node.name, node.level, node.hosts):
            raise ValueError(f"{file} is of {spiffe}, not of this node")
        return spiffe

    def _stamps(self) -> Sequence[tuple[int, int] | None]:
        return [_stamp(file) if file else None for file in self._files]


def is_of(spiffe: SpiffeId, name: str, tier: Level, hosts: Sequence[Code]) -> bool:
    """Whether an id is that of the node with this name, tier and divisions."""
    return (spiffe.name, spiffe.tier, spiffe.area) == (name, tier, area_of(hosts))


def _fit(key: bytes, certificate: bytes) -> bool:
    """Whether a certificate is of a key, both PEM."""
    public = x509.load_pem_x509_certificate(certificate).public_key()
    return load_pem_private_key(key, None).public_key() == public


def _configuration(
    pem: tuple[bytes, bytes, bytes],
) -> grpc.ServerCertificateConfiguration:
    """Return what gRPC shows and trusts."""
    authorities, key, certificate = pem
    return grpc.ssl_server_certificate_configuration([(key, certificate)], authorities)


def _stamp(file: Path) -> tuple[int, int]:
    """Return what changes when a file is replaced."""
    try:
        found = file.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_ino)
