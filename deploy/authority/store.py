"""The directory of the authority: who finds what where, and one writer at a time.

```
DIR/identity/                          0700; every file 0600, replaced in one step
  ca.crt  ca.key                       all CAs that are trusted, the newest first; its key
  ca.SERIAL.key                        the key of an older one, until it is retired
  crl.pem                              revoked certificates, a list by each CA
  register.jsonl  domain  lock
  issuer.key  jwks.json  revoked_tokens.json  tokens.jsonl
  nodes/NODE/{tls,seal}.{crt,key}  clients/NAME/tls.{crt,key}  nats/SERVER/tls.{crt,key}
```
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from deploy.authority.certificates import (
    Authority,
    LeafKey,
    Pair,
    certificate_pem,
    key_pem,
)
from deploy.authority.errors import FileUnusable, KeyExposed, NoAuthority
from deploy.authority.register import Kind
from deploy.embedded.files import private_directory, write_private
from tier.jurisdiction import Code, parse

DOMAIN: Final = "ducha.internal"
FOLDERS: Final = {Kind.NODE: "nodes", Kind.CLIENT: "clients", Kind.NATS: "nats"}
OTHERS_MAY: Final = 0o077


class Store:
    """The files of one authority; says where they are, reads and replaces them."""

    def __init__(self, directory: Path) -> None:
        """Use `directory`; nothing is read or made yet."""
        self.directory = directory
        self.bundle = directory / "ca.crt"
        self.key = directory / "ca.key"
        self.revocations = directory / "crl.pem"
        self.register = directory / "register.jsonl"
        self.issuer_key = directory / "issuer.key"
        self.jwks = directory / "jwks.json"
        self.revoked_tokens = directory / "revoked_tokens.json"
        self.tokens = directory / "tokens.jsonl"
        self._domain = directory / "domain"

    @property
    def exists(self) -> bool:
        """Whether an authority was made here."""
        return self.bundle.exists()

    @property
    def domain(self) -> str:
        """The trust domain of everything issued here."""
        return self._domain.read_text().strip()

    @property
    def root(self) -> Code | None:
        """The division at the top of the site around this directory, where it is known."""
        file = self.directory.parent / "root"
        return parse(file.read_text().strip()) if file.exists() else None

    def make(self, domain: str) -> None:
        """Write the trust domain."""
        write_private(self._domain, domain + "\n")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other writer out, in this process and in others."""
        private_directory(self.directory).chmod(0o700)
        handle = os.open(
            self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def files(self, kind: Kind, name: str) -> tuple[Path, Path]:
        """Return where the certificate and the key of a holder are."""
        folder = self.directory / FOLDERS[kind.holder] / name
        stem = "seal" if kind is Kind.SEAL else "tls"
        return folder / f"{stem}.crt", folder / f"{stem}.key"

    def write_pair(self, kind: Kind, name: str, pair: Pair) -> None:
        """Replace a key and its certificate, the key first.

        Between the two steps they do not belong together: whoever reads both looks at
        that, and keeps what it had until they do.
        """
        certificate, key = self.files(kind, name)
        for folder in (certificate.parent.parent, certificate.parent):
            private_directory(folder)
        write_private(key, key_pem(pair.key))
        write_private(certificate, certificate_pem(pair.certificate))

    def read_pair(self, kind: Kind, name: str) -> Pair | None:
        """Read a certificate with its key; None where one is missing or not the other's."""
        certificate, key = self.files(kind, name)
        try:
            pair = Pair(
                x509.load_pem_x509_certificate(certificate.read_bytes()), read_key(key)
            )
        except (FileNotFoundError, FileUnusable, ValueError):
            return None
        same = pair.certificate.public_key() == pair.key.public_key()
        return pair if same else None

    def older_key(self, serial: int) -> Path:
        """Return where the key of an older CA is."""
        return self.directory / f"ca.{serial:x}.key"

    def certificates(self) -> list[x509.Certificate]:
        """Read the CAs that are trusted, the newest first.

        Raises:
            NoAuthority: there is none.
        """
        try:
            return x509.load_pem_x509_certificates(self.bundle.read_bytes())
        except FileNotFoundError as missing:
            raise NoAuthority(self.directory) from missing
        except ValueError as wrong:
            raise FileUnusable(self.bundle, str(wrong)) from wrong

    def authorities(self) -> list[Authority]:
        """Read the CAs with their keys, the newest first.

        Raises:
            NoAuthority: there is none.
            FileUnusable: a key is missing, or is another CA's.
            KeyExposed: a key can be read by others.
        """
        newest, *older = self.certificates()
        # Its own copy has the key, too, if a rotation broke off between the two files.
        own = [self.key, self.older_key(newest.serial_number)]
        return [
            _authority(newest, own),
            *(_authority(one, [self.older_key(one.serial_number)]) for one in older),
        ]

    def write_authorities(self, authorities: Sequence[Authority]) -> None:
        """Replace the CAs, the newest first; keys of those left out are removed.

        Keys come before certificates: a CA is never announced that cannot sign.
        """
        newest, *older = authorities
        for one in older:
            write_private(
                self.older_key(one.certificate.serial_number), key_pem(one.key)
            )
        write_private(self.key, key_pem(newest.key))
        bundle = "".join(certificate_pem(one.certificate) for one in authorities)
        write_private(self.bundle, bundle)
        kept = {self.older_key(one.certificate.serial_number) for one in older}
        for path in self.directory.glob("ca.*.key"):
            if path not in kept:
                path.unlink()


def read_key(path: Path) -> LeafKey:
    """Read a private key of ours.

    Raises:
        FileNotFoundError: there is none.
        KeyExposed: others than its owner may read it.
        FileUnusable: it is no key, or one of another algorithm.
    """
    if path.stat().st_mode & OTHERS_MAY:
        raise KeyExposed(path)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as wrong:
        raise FileUnusable(path, str(wrong)) from wrong
    if isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        return key
    raise FileUnusable(path, "it is neither an EC nor an Ed25519 key")


def _authority(certificate: x509.Certificate, paths: Sequence[Path]) -> Authority:
    """Find the key of a CA."""
    for path in paths:
        if path.exists():
            key = read_key(path)
            public = key.public_key()
            if (
                isinstance(key, ec.EllipticCurvePrivateKey)
                and public == certificate.public_key()
            ):
                return Authority(certificate, key)
    raise FileUnusable(paths[0], "the key of the CA is not in it")
