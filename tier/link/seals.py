"""Bundles under the sender's seal: signed by the node, checked against what a neighbour is.

A bundle says by its seal's certificate who sent it. That must be the neighbour the link is
configured for, with its tier and its area, so that division(certificate), division(subject),
division(signature) and the divisions of the facts inside are one.
"""

from __future__ import annotations

from hashlib import sha256

from cryptography import x509

from ducha.link.v1 import link_pb2 as pb
from tier.app import App
from tier.identity import signing
from tier.identity.certificates import is_seal
from tier.identity.errors import Unidentified
from tier.identity.model import SpiffeId
from tier.identity.own import is_of
from tier.jurisdiction import Level, contains
from tier.link import wire
from tier.link.errors import BundleForged
from tier.link.model import Run
from tier.node import Node

PURPOSE = b"ducha bundle v1\n"


def bundle(app: App, receiver: str, run: Run, traceparent: str = "") -> pb.Bundle:
    """Write a run for a neighbour, under this node's seal."""
    written = wire.bundle_to(app.node.name, receiver, run, traceparent)
    if app.identity is not None:
        signer = app.identity.signer
        written.certificate = signer.certificate
        written.algorithm = signer.algorithm
        written.signature = signer.sign(statement(written))
    return written


def check(app: App, neighbour: str, found: pb.Bundle) -> None:
    """Check that a bundle is what `neighbour` sent to this node.

    Raises:
        BundleForged: it is somebody else's, or was changed on the way.
    """
    if (found.sender, found.receiver) != (neighbour, app.node.name):
        raise BundleForged(neighbour=neighbour, problem="it names other nodes")
    if app.identity is None:
        return
    try:
        proved = app.identity.prove(found.certificate)
    except Unidentified as wrong:
        raise BundleForged(neighbour=neighbour, problem=str(wrong)) from wrong
    if not proved.is_valid(app.real()):
        raise BundleForged(neighbour=neighbour, problem="its certificate is over")
    same_domain = proved.spiffe.domain == app.identity.spiffe.domain
    if not (same_domain and is_neighbour(app.node, neighbour, proved.spiffe)):
        problem = f"{proved.spiffe} sealed it"
        raise BundleForged(neighbour=neighbour, problem=problem)
    if not is_seal(proved.certificate):
        problem = "its certificate is not for a seal"
        raise BundleForged(neighbour=neighbour, problem=problem)
    _verify(neighbour, found, proved.certificate)


def _verify(neighbour: str, found: pb.Bundle, certificate: x509.Certificate) -> None:
    try:
        signing.verify(certificate, found.algorithm, found.signature, statement(found))
    except signing.SignatureWrong as wrong:
        raise BundleForged(neighbour=neighbour, problem="its seal is broken") from wrong


def is_neighbour(node: Node, name: str, spiffe: SpiffeId) -> bool:
    """Whether an id is that of the neighbour with this name: its tier, its area."""
    if name == node.parent:
        above = spiffe.tier == Level(node.level - 1) and spiffe.name == name
        return above and all(contains(spiffe.area, host) for host in node.hosts)
    hosts = node.area_of(name)
    return bool(hosts) and is_of(spiffe, name, Level(node.level + 1), hosts)


def statement(said: pb.Bundle) -> bytes:
    """Return what the seal of a bundle is put under: the same bytes in any language.

    The purpose, then every field by its length (8 bytes, big-endian) and its bytes;
    numbers as decimal text, each fact by its SHA-256.
    """
    fields = [
        said.sender.encode(),
        said.receiver.encode(),
        str(said.epoch).encode(),
        str(said.first_seq).encode(),
        *(sha256(fact).digest() for fact in said.facts),
    ]
    return PURPOSE + b"".join(len(one).to_bytes(8) + one for one in fields)
