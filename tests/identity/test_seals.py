"""Bundles are taken from the neighbour that sealed them, and from nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from ducha.link.v1 import link_pb2 as pb
from tests.identity.sites import WUHUA, Site
from tests.servers import AnApp
from tier.app import App
from tier.identity.own import OwnIdentity
from tier.jurisdiction import Code, Level
from tier.link import seals
from tier.link.errors import BundleForged
from tier.link.model import Run
from tier.node import Node

STREETS = Node("streets", Level.TOWNSHIP, (Code("530102"),), "wuhua")
RUN = Run(7, 1, (b"one", b"two"))
Forge = Callable[[pb.Bundle], None]


@asynccontextmanager
async def county(site: Site, an_app: AnApp) -> AsyncIterator[App]:
    """The county's app, with its identity."""
    async with an_app(WUHUA) as app:
        yield replace(app, identity=site.identity(WUHUA))


def sealed(app: App, identity: OwnIdentity, sender: str = "streets") -> pb.Bundle:
    """Return a bundle to the county, sealed by somebody."""
    node = replace(STREETS, name=sender)
    return seals.bundle(replace(app, node=node, identity=identity), "wuhua", RUN)


def another_fact(bundle: pb.Bundle) -> None:
    bundle.facts[1] = b"twp"


def a_fact_moved(bundle: pb.Bundle) -> None:
    bundle.facts[:] = reversed(bundle.facts)


def a_fact_more(bundle: pb.Bundle) -> None:
    bundle.facts.append(b"three")


def facts_cut_elsewhere(bundle: pb.Bundle) -> None:
    bundle.facts[:] = [b"onet", b"wo"]


def another_place(bundle: pb.Bundle) -> None:
    bundle.first_seq += 1


def another_life(bundle: pb.Bundle) -> None:
    bundle.epoch += 1


def another_sender(bundle: pb.Bundle) -> None:
    bundle.sender = "kunming"


def another_receiver(bundle: pb.Bundle) -> None:
    bundle.receiver = "kunming"


def no_seal(bundle: pb.Bundle) -> None:
    bundle.ClearField("signature")


def no_certificate(bundle: pb.Bundle) -> None:
    bundle.ClearField("certificate")


def no_algorithm(bundle: pb.Bundle) -> None:
    bundle.algorithm = "none"


@pytest.mark.parametrize(
    "forge",
    [
        another_fact,
        a_fact_moved,
        a_fact_more,
        facts_cut_elsewhere,
        another_place,
        another_life,
        another_sender,
        another_receiver,
        no_seal,
        no_certificate,
        no_algorithm,
    ],
)
async def test_a_changed_bundle_is_refused(
    site: Site, an_app: AnApp, forge: Forge
) -> None:
    async with county(site, an_app) as app:
        bundle = sealed(app, site.identity(STREETS))
        seals.check(app, "streets", bundle)
        forge(bundle)
        with pytest.raises(BundleForged):
            seals.check(app, "streets", bundle)


@pytest.mark.parametrize(
    ("tier", "hosts"),
    [
        ("township", ["530103"]),  # of the sibling county
        ("township", ["530102001"]),  # of one township, where all are hosted
        ("township", ["5301"]),  # of more than is hosted
        ("county", ["530102"]),  # of another tier
    ],
)
async def test_a_bundle_of_another_node_is_refused(
    site: Site, an_app: AnApp, tier: str, hosts: list[str]
) -> None:
    """Its name and all facts may be right: the certificate must be, too."""
    async with county(site, an_app) as app:
        site.node("streets", tier, hosts)
        node = replace(
            STREETS,
            level=Level[tier.upper()],
            hosts=tuple(Code(host) for host in hosts),
        )
        bundle = sealed(app, site.identity(node))
        with pytest.raises(BundleForged, match="sealed it"):
            seals.check(app, "streets", bundle)


async def test_a_bundle_under_a_foreign_authority_is_refused(
    site: Site, an_app: AnApp, tmp_path: Path
) -> None:
    async with county(site, an_app) as app:
        foreign = Site(tmp_path / "foreign").identity(STREETS)
        with pytest.raises(BundleForged, match="authority"):
            seals.check(app, "streets", sealed(app, foreign))


async def test_without_walls_names_are_all_there_is(an_app: AnApp) -> None:
    async with an_app(WUHUA) as app:
        plain = pb.Bundle(sender="streets", receiver="wuhua", facts=[b"one"])
        seals.check(app, "streets", plain)
        with pytest.raises(BundleForged):
            seals.check(app, "kunming", plain)


@given(
    st.lists(st.binary(max_size=40), max_size=6),
    st.lists(st.binary(max_size=40), max_size=6),
)
def test_different_facts_are_never_the_same_statement(
    ones: list[bytes], others: list[bytes]
) -> None:
    one, other = (
        seals.statement(pb.Bundle(sender="a", receiver="b", facts=facts))
        for facts in (ones, others)
    )
    assert (one == other) == (ones == others)


async def test_the_certificate_of_a_line_is_not_a_seal(
    site: Site, an_app: AnApp
) -> None:
    """What opens a line is stolen from memory more easily than what seals: it must not seal."""
    async with county(site, an_app) as app:
        identity = site.identity(STREETS)
        bundle = sealed(app, identity)
        line = x509.load_pem_x509_certificate(identity.tls.certificate.read_bytes())
        bundle.certificate = line.public_bytes(Encoding.DER)
        with pytest.raises(BundleForged, match="not for a seal"):
            seals.check(app, "streets", bundle)


async def test_a_neighbour_of_another_trust_domain_is_a_stranger(
    site: Site, an_app: AnApp
) -> None:
    async with county(site, an_app) as app:
        (site.store.directory / "domain").write_text("elsewhere.internal\n")
        bundle = sealed(app, site.identity(STREETS))
        with pytest.raises(BundleForged, match="sealed it"):
            seals.check(app, "streets", bundle)
