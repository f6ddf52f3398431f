"""What an identity says: a place in the tree of divisions, a tier, roles. Pure.

A node's certificate has one SPIFFE id that spells its tier, its jurisdiction from the
province down, and its name: `spiffe://ducha.internal/county/53/5301/530102/wuhua`. A
client program's says which area its people may come from: `spiffe://ducha.internal/
client/53/5301/oa`. Ids are compared as parsed segments, never as strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tier.jurisdiction import Code, Level, ancestors, contains, level_of, parse

SCHEME = "spiffe://"
CLIENT = "client"
TIERS = {level.name.lower(): level for level in Level if level <= Level.TOWNSHIP}
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,99}")
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9.-]{0,253}")


class Role(StrEnum):
    """What somebody is there for."""

    NODE = "node"
    OFFICER = "officer"
    GRID_WORKER = "grid_worker"
    INTEGRATOR = "integrator"
    KEEPER = "keeper"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    READER = "reader"


PEOPLE = tuple(role for role in Role if role is not Role.NODE)


@dataclass(frozen=True, slots=True)
class SpiffeId:
    """The id in a certificate: of a node if it has a tier, else of a client program."""

    domain: str
    tier: Level | None
    area: Code
    name: str

    @property
    def is_node(self) -> bool:
        """Whether it is a node's."""
        return self.tier is not None

    def __str__(self) -> str:
        """Write it as a URI."""
        kind = self.tier.name.lower() if self.tier else CLIENT
        return (
            f"{SCHEME}{self.domain}/{kind}/{'/'.join(path_of(self.area))}/{self.name}"
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, once it is proved.

    `division` is where they stand; of a node the area of its certificate. `proof` is the
    id of a token, `certificate` the serial number of the certificate on the line: by
    these it is revoked. `issued_at` and `expires_at` are Unix seconds.
    """

    principal: str
    division: Code
    roles: frozenset[Role]
    proof: str = ""
    name: str = ""
    certificate: str = ""
    issued_at: float = 0.0
    expires_at: float = float("inf")

    @property
    def is_node(self) -> bool:
        """Whether a node calls."""
        return Role.NODE in self.roles


def path_of(code: Code) -> tuple[Code, ...]:
    """Return the codes from the province down to `code`, itself included."""
    return (*reversed(tuple(ancestors(code))), code)


def parse_id(text: str) -> SpiffeId:
    """Read a SPIFFE id of ours.

    Raises:
        ValueError: it is not `spiffe://DOMAIN/TIER|client/53/5301/.../NAME`, or its path
            skips a level.
    """
    domain, *segments = text.removeprefix(SCHEME).split("/")
    if not text.startswith(SCHEME) or not _DOMAIN.fullmatch(domain):
        raise ValueError(f"{text!r} is no SPIFFE id")
    if len(segments) < 3 or not _NAME.fullmatch(segments[-1]):  # noqa: PLR2004 - kind, path, name
        raise ValueError(f"{text!r} does not name a tier, an area and a name")
    kind, *path, name = segments
    codes = [parse(segment) for segment in path]
    if codes != list(path_of(codes[-1])) or kind not in {*TIERS, CLIENT}:
        raise ValueError(f"the path of {text!r} does not go down level by level")
    tier = TIERS.get(kind)
    if tier is not None and level_of(codes[-1]) > tier:
        raise ValueError(f"{text!r} stands below its own tier")
    return SpiffeId(domain, tier, codes[-1], name)


def area_of(hosts: Iterable[Code]) -> Code:
    """Return the smallest division that contains all of `hosts`: a certificate's area.

    Raises:
        ValueError: they lie in different provinces.
    """
    codes = sorted(hosts)
    for candidate in reversed(path_of(codes[0])):
        if all(contains(candidate, code) for code in codes):
            return candidate
    raise ValueError(f"{', '.join(codes)} lie in different provinces")
