"""Which nodes there are, who is above whom, and what each is told. Pure.

One node a tier is the default; a node for every county is the same code with a
longer list. Parents follow from what the nodes host, so a list cannot say one
thing and mean another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deploy.authority.issuer import issuer_of
from deploy.authority.tokens import AUDIENCE
from deploy.embedded.errors import DeploymentRefused
from tier.jurisdiction import Code, parse, within

TIERS = ("province", "city", "county", "township")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")


class TopologyRefused(DeploymentRefused):
    """The list of nodes does not make one tree."""

    def __init__(self, problem: str) -> None:
        """Say which node is wrong, and how."""
        super().__init__(problem, remedy="Correct the list of nodes.")


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node to run: its tier, its name, and the divisions it answers for."""

    tier: str
    name: str
    hosts: tuple[str, ...]

    @property
    def database(self) -> str:
        """Name of its database."""
        return "ducha_" + self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """Environment variable that gives its database instead of an embedded one."""
        return f"DUCHA_{self.name.replace('-', '_').upper()}_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class Place:
    """A node in its tree."""

    spec: NodeSpec
    parent: NodeSpec | None
    children: tuple[NodeSpec, ...]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a node listens, and its database."""

    grpc: str
    http: str
    database_url: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all nodes share."""

    nats_url: str = ""
    otlp_endpoint: str = ""
    log_level: str = "info"
    identity: str = ""
    """Directory of certificates and keys; empty for a line without walls."""
    domain: str = ""
    """Trust domain of what lies there."""
    clock_rate: float = 1.0
    """Seconds of simulated time in a real second."""
    clock_epoch: datetime | None = None
    """The real moment from which on it is simulated."""


def one_node_a_tier(root: str) -> tuple[NodeSpec, ...]:
    """Return the default line: four nodes, each hosting its whole tier under `root`."""
    return tuple(NodeSpec(tier, tier, (root,)) for tier in TIERS)


def arrange(specs: Iterable[NodeSpec]) -> tuple[Place, ...]:
    """Return the nodes top down, each with its parent and children.

    Raises: TopologyRefused when names repeat, a tier is unknown, or a node lies
    under none, or under two, of the tier above.
    """
    nodes = sorted(specs, key=lambda spec: (_rank(spec), spec.name))
    _refuse_wrong_names(nodes)
    parents = {spec.name: _parent(spec, nodes) for spec in nodes}
    if sum(parent is None for parent in parents.values()) != 1:
        raise TopologyRefused("There must be exactly one node at the top.")
    return tuple(
        Place(
            spec,
            parents[spec.name],
            tuple(child for child in nodes if parents[child.name] == spec),
        )
        for spec in nodes
    )


def configuration(
    place: Place,
    own: Addresses,
    parent_grpc: str | None,
    around: Surroundings,
) -> str:
    """Return the TOML file of one node."""
    lines = [
        f"node = {_text(place.spec.name)}",
        f"hosts = {_texts(place.spec.hosts)}",
        f"database_url = {_text(own.database_url)}",
        f"nats_url = {_text(around.nats_url)}",
        f"grpc_listen = {_text(own.grpc)}",
        f"http_listen = {_text(own.http)}",
        f"otlp_endpoint = {_text(around.otlp_endpoint)}",
        f"log_level = {_text(around.log_level)}",
    ]
    if around.clock_epoch is not None:
        lines += [f"clock_rate = {around.clock_rate}"]
        lines += [f"clock_epoch = {around.clock_epoch.isoformat()}"]
    if around.identity:
        lines += _identity(around, place.spec.name)
    if place.parent is not None and parent_grpc is not None:
        lines += ["", "[parent]", f"node = {_text(place.parent.name)}"]
        lines += [f"grpc = {_text(parent_grpc)}"]
    for child in place.children:
        lines += ["", "[[children]]", f"node = {_text(child.name)}"]
        lines += [f"hosts = {_texts(child.hosts)}"]
    return "\n".join(lines) + "\n"


def _identity(around: Surroundings, name: str) -> list[str]:
    """Return the tables that say what a node proves itself by, and whom it trusts."""
    directory = Path(around.identity)
    own = directory / "nodes" / name
    files = {
        "certificate": own / "tls.crt",
        "key": own / "tls.key",
        "seal_certificate": own / "seal.crt",
        "seal_key": own / "seal.key",
        "authorities": directory / "ca.crt",
        "crl": directory / "crl.pem",
    }
    people = {
        "issuer": issuer_of(around.domain),
        "audience": AUDIENCE,
        "jwks": str(directory / "jwks.json"),
        "revoked_tokens": str(directory / "revoked_tokens.json"),
    }
    return [
        *("", "[identity]"),
        *(f"{key} = {_text(str(file))}" for key, file in files.items()),
        *("", "[people]"),
        *(f"{key} = {_text(value)}" for key, value in people.items()),
    ]


def _rank(spec: NodeSpec) -> int:
    if spec.tier not in TIERS:
        raise TopologyRefused(f"{spec.name}: {spec.tier!r} is not a tier.")
    return TIERS.index(spec.tier)


def _refuse_wrong_names(nodes: Sequence[NodeSpec]) -> None:
    for spec in nodes:
        if not _NAME.fullmatch(spec.name):
            raise TopologyRefused(f"{spec.name!r} is not a node name (a-z, 0-9, - _).")
        if not spec.hosts:
            raise TopologyRefused(f"{spec.name} hosts nothing.")
        _codes(spec)
    if len({spec.database for spec in nodes}) != len(nodes):
        raise TopologyRefused("Two nodes have the same name.")


def _parent(spec: NodeSpec, nodes: Sequence[NodeSpec]) -> NodeSpec | None:
    above = [node for node in nodes if _rank(node) == _rank(spec) - 1]
    if not above and _rank(spec) == min(map(_rank, nodes)):
        return None
    covering = [
        node
        for node in above
        if all(within(code, _codes(node)) for code in _codes(spec))
    ]
    if len(covering) != 1:
        raise TopologyRefused(
            f"{spec.name} lies within {len(covering)} nodes of the tier above, not one."
        )
    return covering[0]


def _codes(spec: NodeSpec) -> tuple[Code, ...]:
    try:
        return tuple(map(parse, spec.hosts))
    except ValueError as wrong:
        raise TopologyRefused(f"{spec.name}: {wrong}.") from wrong


def _text(value: str) -> str:
    """Write a TOML string; a JSON string is one."""
    return json.dumps(value, ensure_ascii=False)


def _texts(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"
