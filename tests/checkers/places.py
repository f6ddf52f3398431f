"""Where the nodes of a line are, and what each of them must hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from grpc import aio

from clients.runtime.bearing import AUTHORIZATION
from clients.runtime.credentials import Credentials, Issuing
from deploy.embedded.line import Line
from tier.identity.model import area_of
from tier.jurisdiction import Level, contains, level_of, parse


@dataclass(frozen=True, slots=True)
class Place:
    """A node: its neighbours, and where it is reached."""

    name: str
    level: Level
    hosts: tuple[str, ...]
    grpc: str
    database_url: str
    parent: str | None
    children: tuple[str, ...]
    credentials: Credentials = field(default_factory=Credentials, compare=False)
    """Of somebody who stands at the node's own division."""

    def channel(self, options: Sequence[tuple[str, int]] = ()) -> aio.Channel:
        """Return a channel to the node, through its walls if it has any."""
        return self.credentials.channel(self.grpc, options)

    def bearing(self, division: str) -> tuple[tuple[str, str], ...]:
        """Return the metadata of a call by somebody of `division`."""
        bearer = self.credentials.bearer
        if not isinstance(bearer, Issuing):
            return ()
        return ((AUTHORIZATION, f"Bearer {bearer.of(division)}"),)

    def holds(self, division: str) -> bool:
        """Whether assignments of `division` belong into this node's database."""
        code = parse(division)
        within = any(contains(parse(host), code) for host in self.hosts)
        return within and level_of(code) >= self.level


def places_of(line: Line) -> dict[str, Place]:
    """Return the nodes of a running line by name, top down."""
    shown = Credentials.load(line.data) if line.options.walls else Credentials()
    return {
        place.spec.name: Place(
            place.spec.name,
            Level[place.spec.tier.upper()],
            place.spec.hosts,
            line.site.addresses[place.spec.name].grpc,
            line.site.addresses[place.spec.name].database_url,
            place.parent.name if place.parent else None,
            tuple(child.name for child in place.children),
            shown.standing(area_of(tuple(map(parse, place.spec.hosts)))),
        )
        for place in line.places
    }
