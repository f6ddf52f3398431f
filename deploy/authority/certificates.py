"""What each kind of certificate says, and the list of those revoked. No files here.

The profile is written down for other authorities in `docs/identity.md`. Whatever time
matters is an argument; keys and serial numbers come from the system's chance.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tier.identity.model import SpiffeId

BACKDATED: Final = timedelta(minutes=5)
"""Clocks differ; a new certificate is good at once at a neighbour's."""
AUTHORITY_DAYS: Final = 3650
DAYS: Final = 365
LIST_DAYS: Final = 3650
"""The list of revoked is replaced when something is revoked, not by the calendar."""

DOCUMENT_SIGNING: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
"""RFC 9336. A certificate without any purpose would be good for TLS, too."""
TLS_PURPOSES: Final = (
    ExtendedKeyUsageOID.SERVER_AUTH,
    ExtendedKeyUsageOID.CLIENT_AUTH,
)
LOOPBACK: Final = ("localhost", "127.0.0.1")
"""In every certificate that serves: the embedded system lives on one machine."""
_ORGANISATION: Final = "Ducha"
_DNS: Final = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")

LeafKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class Reason(StrEnum):
    """Why a certificate is revoked; names and meaning of RFC 5280."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "key-compromise"
    AFFILIATION_CHANGED = "affiliation-changed"
    SUPERSEDED = "superseded"
    CESSATION = "cessation"


_FLAGS: Final = {
    Reason.KEY_COMPROMISE: x509.ReasonFlags.key_compromise,
    Reason.AFFILIATION_CHANGED: x509.ReasonFlags.affiliation_changed,
    Reason.SUPERSEDED: x509.ReasonFlags.superseded,
    Reason.CESSATION: x509.ReasonFlags.cessation_of_operation,
}


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA: its certificate and the key that signs."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Pair:
    """A new certificate and its key."""

    certificate: x509.Certificate
    key: LeafKey


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when; five minutes earlier, for the sake of other clocks."""

    now: datetime
    days: float = DAYS


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that is no longer good."""

    serial: int
    moment: datetime
    reason: Reason


def new_authority(domain: str, now: datetime) -> Authority:
    """Return a CA of its own making, good for ten years.

    Each has a name of its own, so that two generations can be trusted side by side.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    name = _name(f"CA {domain}"[:55] + f" {serial:x}"[:9])
    builder = _builder(name, name, Validity(now, AUTHORITY_DAYS), serial)
    certificate = (
        builder.public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(_key_id(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def node_tls(
    authority: Authority, identity: SpiffeId, names: Sequence[str], validity: Validity
) -> Pair:
    """Return a node's TLS certificate, for serving and for dialling its parent.

    `names` are further DNS names or addresses beside the node's own and loopback.
    """
    own = f"{identity.name}.node.{identity.domain}"
    sans = [_uri(identity), *_hosts([own, *LOOPBACK, *names])]
    return _tls(authority, identity.name, sans, validity, TLS_PURPOSES)


def node_seal(authority: Authority, identity: SpiffeId, validity: Validity) -> Pair:
    """Return a node's certificate for sealing and bundles; TLS does not take it."""
    key = ed25519.Ed25519PrivateKey.generate()
    sans = [_uri(identity)]
    purposes = (DOCUMENT_SIGNING,)
    certificate = _leaf(authority, identity.name, sans, validity, (key, purposes))
    return Pair(certificate, key)


def client_tls(authority: Authority, identity: SpiffeId, validity: Validity) -> Pair:
    """Return a client program's certificate; it dials and never serves."""
    purposes = (ExtendedKeyUsageOID.CLIENT_AUTH,)
    return _tls(authority, identity.name, [_uri(identity)], validity, purposes)


def nats_tls(
    authority: Authority,
    server: tuple[str, str],
    names: Sequence[str],
    validity: Validity,
) -> Pair:
    """Return a NATS server's certificate; `server` is its name and the trust domain.

    It has no SPIFFE id, hence no rights at a node: it carries, it does not act.
    """
    name, domain = server
    own = f"{name}.nats.{domain}"
    sans = _hosts([own, *LOOPBACK, *names])
    return _tls(authority, name, sans, validity, TLS_PURPOSES)


def revocation_list(
    authority: Authority, revoked: Iterable[Revoked], number: int, now: datetime
) -> x509.CertificateRevocationList:
    """Return the list of revoked certificates; `number` must grow with every list."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - BACKDATED)
        .next_update(now + timedelta(days=LIST_DAYS))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(_issuer_key_id(authority), critical=False)
    )
    for one in revoked:
        builder = builder.add_revoked_certificate(_revoked(one))
    return builder.sign(authority.key, hashes.SHA256())


def key_pem(key: LeafKey) -> str:
    """Return a private key as PKCS #8 PEM, unencrypted: its file must be private."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def certificate_pem(certificate: x509.Certificate) -> str:
    """Return a certificate as PEM."""
    return certificate.public_bytes(Encoding.PEM).decode()


def list_pem(revocations: x509.CertificateRevocationList) -> str:
    """Return a list of revoked certificates as PEM."""
    return revocations.public_bytes(Encoding.PEM).decode()


def spiffe_uri(certificate: x509.Certificate) -> str:
    """Return the URI in a certificate's alternative names; empty where there is none."""
    try:
        sans = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return ""
    uris = sans.value.get_values_for_type(x509.UniformResourceIdentifier)
    return uris[0] if uris else ""


def hosts_of(certificate: x509.Certificate) -> list[str]:
    """Return the DNS names and addresses that a certificate is good for."""
    sans = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    names = sans.value.get_values_for_type(x509.DNSName)
    addresses = sans.value.get_values_for_type(x509.IPAddress)
    return [*names, *map(str, addresses)]


def host_name(text: str) -> x509.GeneralName:
    """Return a DNS name or address as a certificate says it.

    Raises:
        ValueError: it is neither.
    """
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        if not _DNS.fullmatch(text) or ".." in text:
            raise ValueError(f"{text!r} is no DNS name or address") from None
        return x509.DNSName(text)


def _tls(
    authority: Authority,
    name: str,
    sans: Sequence[x509.GeneralName],
    validity: Validity,
    purposes: Sequence[x509.ObjectIdentifier],
) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    return Pair(_leaf(authority, name, sans, validity, (key, purposes)), key)


def _leaf(
    authority: Authority,
    name: str,
    sans: Sequence[x509.GeneralName],
    validity: Validity,
    use: tuple[LeafKey, Sequence[x509.ObjectIdentifier]],
) -> x509.Certificate:
    """Sign what every certificate but a CA's has in common."""
    key, purposes = use
    # Nothing outlives what it is signed by.
    rest = authority.certificate.not_valid_after_utc - validity.now
    days = min(validity.days, rest / timedelta(days=1))
    issuer = authority.certificate.subject
    short = Validity(validity.now, days)
    return (
        _builder(_name(name), issuer, short, x509.random_serial_number())
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName(sans), critical=False)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(_key_id(key.public_key()), critical=False)
        .add_extension(_issuer_key_id(authority), critical=False)
        .sign(authority.key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, validity: Validity, serial: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(serial)
        .not_valid_before(validity.now - BACKDATED)
        .not_valid_after(validity.now + timedelta(days=validity.days))
    )


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _uri(identity: SpiffeId) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(str(identity))


def _hosts(names: Iterable[str]) -> list[x509.GeneralName]:
    return [host_name(name) for name in dict.fromkeys(names)]


def _usage(*, certificates: bool) -> x509.KeyUsage:
    """Return what a key may sign: certificates and lists, or everything else."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_id(
    key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key)


def _issuer_key_id(authority: Authority) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(
        authority.key.public_key()
    )


def _revoked(one: Revoked) -> x509.RevokedCertificate:
    builder = (
        x509.RevokedCertificateBuilder()
        .serial_number(one.serial)
        .revocation_date(one.moment)
    )
    if flag := _FLAGS.get(one.reason):
        builder = builder.add_extension(x509.CRLReason(flag), critical=False)
    return builder.build()
