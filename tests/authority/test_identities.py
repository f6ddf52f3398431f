"""A site has every identity it needs, and keeps what it has."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from deploy.authority import actions, wishes
from deploy.authority.certificates import Reason, spiffe_uri
from deploy.authority.register import Kind
from deploy.authority.store import Store
from deploy.embedded.identities import RENEW, ensure
from deploy.embedded.topology import NodeSpec, arrange, one_node_a_tier
from tests.authority.sites import read, revoked_serials
from tier.identity.model import parse_id
from tier.jurisdiction import Level

LINE = arrange(one_node_a_tier("53"))


def site(directory: Path) -> Store:
    """Return the authority of a site that was ensured."""
    ensure(directory, LINE, "53", ["nats"])
    return Store(directory)


def content(directory: Path) -> dict[str, bytes]:
    """Return every file of a directory."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_a_fresh_site_has_everything(tmp_path: Path) -> None:
    """Every file that nodes, clients and servers are told of."""
    store = site(tmp_path / "identity")
    expected = {"ca.crt", "ca.key", "crl.pem", "domain", "issuer.key", "jwks.json"}
    expected |= {"lock", "register.jsonl", "revoked_tokens.json"}
    expected |= {
        f"nodes/{tier}/{file}"
        for tier in ("province", "city", "county", "township")
        for file in ("tls.crt", "tls.key", "seal.crt", "seal.key")
    }
    expected |= {"clients/console/tls.crt", "clients/console/tls.key"}
    expected |= {"nats/nats/tls.crt", "nats/nats/tls.key"}

    assert set(content(store.directory)) == expected
    county = parse_id(spiffe_uri(read(store, Kind.NODE, "county")))
    assert (county.tier, county.area, county.name) == (Level.COUNTY, "53", "county")
    console = parse_id(spiffe_uri(read(store, Kind.CLIENT, "console")))
    assert (console.tier, console.area) == (None, "53")


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    """Not a byte: nobody reads files again for nothing."""
    store = site(tmp_path)
    before = content(tmp_path)
    site(tmp_path)

    assert content(store.directory) == before


def test_a_newcomer_gets_what_is_missing_and_others_keep_theirs(tmp_path: Path) -> None:
    """A node more, a lost key: only these are made."""
    store = site(tmp_path)
    before = content(tmp_path)
    store.files(Kind.SEAL, "city")[1].unlink()
    specs = [*one_node_a_tier("53")[:3], NodeSpec("township", "streets", ("530102",))]
    ensure(tmp_path, arrange(specs), "53", ["nats", "hub"])
    after = content(tmp_path)
    changed = {name for name in after if after[name] != before.get(name)}

    assert changed == {
        "register.jsonl",
        *(f"nats/hub/tls.{end}" for end in ("crt", "key")),
        *(
            f"nodes/{node}/{kind}.{end}"
            for node in ("streets", "city")
            for kind in ("tls", "seal")
            for end in ("crt", "key")
        ),
    }


def test_what_is_nearly_over_is_renewed(tmp_path: Path) -> None:
    """Thirty days before the end, and not sooner."""
    store = site(tmp_path)
    actions.rotate(store, "county", days=RENEW / timedelta(days=1) - 1)
    actions.rotate(store, "city", days=RENEW / timedelta(days=1) + 1)
    soon, later = read(store, Kind.NODE, "county"), read(store, Kind.NODE, "city")
    site(tmp_path)
    renewed = read(store, Kind.NODE, "county")

    assert renewed != soon
    assert renewed.not_valid_after_utc - datetime.now(UTC) > RENEW * 2
    assert read(store, Kind.NODE, "city") == later
    assert revoked_serials(store) == set()


def test_an_id_that_is_not_theirs_any_more_is_revoked(tmp_path: Path) -> None:
    """A node that hosted the province and now hosts a county keeps no claim to the rest."""
    store = site(tmp_path)
    old = [read(store, kind, "township") for kind in (Kind.NODE, Kind.SEAL)]
    specs = [*one_node_a_tier("53")[:3], NodeSpec("township", "township", ("530102",))]
    ensure(tmp_path, arrange(specs), "53", ["nats"])
    new = parse_id(spiffe_uri(read(store, Kind.NODE, "township")))

    assert new.area == "530102"
    assert revoked_serials(store) == {one.serial_number for one in old}


def test_who_was_shut_out_stays_out(tmp_path: Path) -> None:
    """A restart does not let a revoked node in again; the operator's rotation does."""
    store = site(tmp_path)
    actions.revoke(store, "county", Reason.KEY_COMPROMISE)
    revoked = read(store, Kind.NODE, "county")
    actions.rotate_authority(store)  # now everybody is due
    site(tmp_path)

    assert read(store, Kind.NODE, "city").issuer == store.certificates()[0].subject
    assert read(store, Kind.NODE, "county") == revoked
    actions.rotate(store, "county")
    site(tmp_path)
    assert read(store, Kind.NODE, "county") != revoked
    assert revoked.serial_number in revoked_serials(store)


def test_a_new_authority_signs_everybody_at_the_next_start(tmp_path: Path) -> None:
    """After that the old one can be retired."""
    store = site(tmp_path)
    actions.rotate_authority(store)
    site(tmp_path)
    newest = store.certificates()[0]

    for path in tmp_path.rglob("*/*/*.crt"):
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        assert certificate.issuer == newest.subject
    assert len(actions.retire_authorities(store)) == 1


def test_an_authority_is_renewed_before_certificates_would_be_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old and new are trusted together; everybody has one of the new."""
    store = site(tmp_path)
    monkeypatch.setattr(
        "deploy.embedded.identities.RENEW_AUTHORITY", timedelta(days=4000)
    )
    site(tmp_path)

    newest, old = store.certificates()
    assert newest.not_valid_after_utc >= old.not_valid_after_utc
    assert read(store, Kind.NODE, "county").issuer == newest.subject


def test_a_half_made_site_is_completed(tmp_path: Path) -> None:
    """A crash anywhere: before the CA's certificate, or between a key and its certificate."""
    store = site(tmp_path)
    other = store.files(Kind.NODE, "city")[1].read_bytes()
    store.files(Kind.NODE, "county")[1].write_bytes(other)
    store.revocations.unlink()
    store.revoked_tokens.unlink()
    site(tmp_path)

    assert store.read_pair(Kind.NODE, "county") is not None
    assert len(store.revocations.read_bytes()) > 0
    assert store.revoked_tokens.exists()
    store.bundle.unlink()
    site(tmp_path)
    certificate = read(store, Kind.NODE, "county")
    certificate.verify_directly_issued_by(store.certificates()[0])


def test_a_domain_of_ones_own_is_kept(tmp_path: Path) -> None:
    """`ducha ca init --domain` before the first start names everybody."""
    store = Store(tmp_path)
    actions.begin(store, "yn.example")
    site(tmp_path)

    assert parse_id(spiffe_uri(read(store, Kind.NODE, "city"))).domain == "yn.example"


def test_further_names_that_an_operator_gave_survive(tmp_path: Path) -> None:
    """A node that was issued by hand is renewed with all its names."""
    store = Store(tmp_path)
    actions.begin(store)
    wish = wishes.node("county", "county", ["53"], ["county.example"])
    actions.issue(store, replace(wish, days=9))
    site(tmp_path)
    names = read(store, Kind.NODE, "county").extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )

    assert "county.example" in names.value.get_values_for_type(x509.DNSName)
