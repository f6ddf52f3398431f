"""What is issued is what strangers accept: by the book, and by gRPC's own TLS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import VerificationError
from hypothesis import given
from hypothesis import strategies as st

from deploy.authority import actions, certificates, wishes
from deploy.authority.certificates import Validity
from deploy.authority.register import Kind
from tests.authority.sites import (
    DOMAIN,
    begun,
    called,
    read,
    serving,
    shook_hands,
    verified_client,
    verified_server,
    with_wuhua,
)
from tier.identity.model import SpiffeId, parse_id, path_of
from tier.jurisdiction import DIGITS, Code, Level

AUTHORITY = certificates.new_authority(DOMAIN, datetime.now(UTC))
NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,40}", fullmatch=True)


@st.composite
def identities(draw: st.DrawFn) -> SpiffeId:
    tier = draw(st.sampled_from([None, *Level][:5]))
    highest = DIGITS[tier] if tier else 15
    area = draw(st.sampled_from(path_of(Code("530102001001001"[:highest]))))
    return SpiffeId(DOMAIN, tier, area, draw(NAMES))


@given(identities())
def test_every_id_that_is_issued_can_be_read_back(identity: SpiffeId) -> None:
    """A certificate says tier, path and name, in one URI and no other."""
    validity = Validity(datetime.now(UTC))
    if identity.is_node:
        made = [
            certificates.node_tls(AUTHORITY, identity, [], validity),
            certificates.node_seal(AUTHORITY, identity, validity),
        ]
    else:
        made = [certificates.client_tls(AUTHORITY, identity, validity)]

    for pair in made:
        sans = pair.certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
        (uri,) = sans.get_values_for_type(x509.UniformResourceIdentifier)
        assert parse_id(uri) == identity
        pair.certificate.verify_directly_issued_by(AUTHORITY.certificate)
        assert pair.key.public_key() == pair.certificate.public_key()


def test_a_node_proves_its_name_and_its_id(tmp_path: Path) -> None:
    """One certificate serves under the node's name and loopback's, and dials."""
    store = with_wuhua(tmp_path)
    certificate = read(store, Kind.NODE, "wuhua")

    assert verified_server(store, certificate, "wuhua.node.ducha.internal") == 2
    assert verified_server(store, certificate, "localhost") == 2
    expected = "spiffe://ducha.internal/county/53/5301/530102/wuhua"
    assert verified_client(store, certificate) == expected
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    with pytest.raises(VerificationError):
        verified_server(store, certificate, "kunming.node.ducha.internal")


def test_a_client_program_never_serves(tmp_path: Path) -> None:
    """Its certificate is good for calling, and for nothing else."""
    store = with_wuhua(tmp_path)
    certificate = read(store, Kind.CLIENT, "oa")

    uri = verified_client(store, certificate)
    assert uri == "spiffe://ducha.internal/client/53/5301/oa"
    with pytest.raises(VerificationError):
        verified_server(store, certificate, "localhost")


def test_a_server_of_nats_has_no_id_of_a_node(tmp_path: Path) -> None:
    """It carries messages; its certificate opens no door."""
    store = with_wuhua(tmp_path)
    certificate = read(store, Kind.NATS, "hub")

    assert certificates.spiffe_uri(certificate) == ""
    assert verified_server(store, certificate, "hub.nats.ducha.internal") == 2
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert ExtendedKeyUsageOID.CLIENT_AUTH in purposes.value


def test_a_seal_is_another_key_that_tls_does_not_take(tmp_path: Path) -> None:
    """Who steals a seal's key cannot call; who steals the TLS key cannot seal."""
    store = with_wuhua(tmp_path)
    seal, tls = read(store, Kind.SEAL, "wuhua"), read(store, Kind.NODE, "wuhua")

    assert isinstance(seal.public_key(), ed25519.Ed25519PublicKey)
    assert certificates.spiffe_uri(seal) == certificates.spiffe_uri(tls)
    # Not gRPC's library, which knows no Ed25519: others do, that of NATS among them.
    assert shook_hands(store, Kind.NODE, "wuhua")
    assert not shook_hands(store, Kind.SEAL, "wuhua")


def test_grpc_takes_nodes_and_programs_by_their_names(tmp_path: Path) -> None:
    """The child dials its parent by name; another's certificate is not taken for it."""
    store = with_wuhua(tmp_path)
    actions.issue(
        store, wishes.node("kun_ming-1", "city", ["5301"], ["kunming.example"])
    )
    name = "kun_ming-1.node.ducha.internal"

    with serving(store, Kind.NODE, "kun_ming-1") as address:
        assert called(store, address, Kind.NODE, "wuhua", name)
        assert called(store, address, Kind.CLIENT, "oa", "kunming.example")
    with serving(store, Kind.NODE, "wuhua") as address:
        assert not called(store, address, Kind.NODE, "wuhua", name)
    with serving(store, Kind.CLIENT, "oa") as address:
        assert not called(store, address, Kind.NODE, "wuhua")


def test_grpc_takes_nobody_of_another_authority(tmp_path: Path) -> None:
    """The same id from a CA of its own making is worth nothing."""
    ours, theirs = with_wuhua(tmp_path / "ours"), with_wuhua(tmp_path / "theirs")
    theirs.bundle.write_bytes(ours.bundle.read_bytes())

    with serving(ours, Kind.NODE, "wuhua") as address:
        assert called(ours, address, Kind.NODE, "wuhua")
        assert not called(theirs, address, Kind.NODE, "wuhua")


def test_further_names_are_names_or_addresses(tmp_path: Path) -> None:
    """What else a node is called in its network is in its certificate; nonsense is not."""
    store = begun(tmp_path)
    names = ["wuhua.example", "10.0.0.3", "fd00::1"]
    actions.issue(store, wishes.node("wuhua", "county", ["530102"], names))
    certificate = read(store, Kind.NODE, "wuhua")

    assert certificates.hosts_of(certificate) == [
        "wuhua.node.ducha.internal",
        "localhost",
        "wuhua.example",
        "127.0.0.1",
        "10.0.0.3",
        "fd00::1",
    ]
    for wrong in ("", "a b", "ü.example", "a..b", "*.example", "x/y"):
        with pytest.raises(ValueError, match="is no DNS name or address"):
            certificates.host_name(wrong)


def test_a_certificate_is_good_at_once_and_never_outlives_its_authority() -> None:
    """Clocks of neighbours may be minutes behind; a CA's end is everybody's end."""
    now = datetime.now(UTC)
    late = now + timedelta(days=certificates.AUTHORITY_DAYS - 10)
    identity = SpiffeId(DOMAIN, Level.COUNTY, Code("530102"), "wuhua")
    first = certificates.node_tls(AUTHORITY, identity, [], Validity(now)).certificate
    last = certificates.node_tls(AUTHORITY, identity, [], Validity(late)).certificate

    assert now - first.not_valid_before_utc >= certificates.BACKDATED
    assert last.not_valid_after_utc == AUTHORITY.certificate.not_valid_after_utc
    assert first.not_valid_after_utc - now <= timedelta(days=certificates.DAYS)
