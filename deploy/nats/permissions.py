"""Who may say what on the road, from the tree of nodes. Pure.

Every node has an account of its own, named as it is. Into its parent's account a child
has three doors, each one exact subject: it publishes on its up lane, asks for what is in
its down lane, and acknowledges what it took. Everything else of a parent's account, its
API, other children, inboxes, does not exist for a child; even the subject that an answer
is sent to counts in the asker's own account only.

    publish    as a child: the up lane, ask, acks. As a parent, in the own account: the
               down lanes, the API to make exactly its streams and their one consumer,
               to pull its up lanes and acknowledge
    subscribe  the own inbox; a leaf node the answers to what it passed on
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from deploy.embedded.topology import NodeSpec, Place
from tier.identity.model import SpiffeId, area_of
from tier.jurisdiction import Level, parse
from tier.lanes import DOWN, STREAM_BYTES, UP, Lane

LANES = 2
"""One each way."""


class Answers(StrEnum):
    """How many answers an exported service gives, as NATS says it."""

    ONE = "singleton"
    MANY = "stream"


@dataclass(frozen=True, slots=True)
class Door:
    """One exact subject of a parent's account, open to one child; `seen_as` in the child's."""

    account: str
    child: str
    subject: str
    seen_as: str
    answers: Answers


@dataclass(frozen=True, slots=True)
class Rights:
    """What one node may on the road."""

    node: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    up: tuple[Door, ...]
    """Doors into the parent's account."""
    down: tuple[Door, ...]
    """Doors of its children into its own."""

    @property
    def streams(self) -> int:
        """How many streams it may have, each with one consumer."""
        return LANES * len({door.child for door in self.down})

    @property
    def stream_bytes(self) -> int:
        """What its streams may hold together."""
        return self.streams * STREAM_BYTES


def rights(place: Place) -> Rights:
    """Return what a node may, by its place in the tree."""
    own = place.spec
    up = tuple(_doors(place.parent, own)) if place.parent else ()
    down = tuple(door for child in place.children for door in _doors(own, child))
    publish = [door.seen_as for door in up]
    for child in place.children:
        publish += _publish(own, child)
    return Rights(own.name, tuple(publish), (f"_INBOX.{own.name}.>",), up, down)


def identity(spec: NodeSpec, domain: str) -> SpiffeId:
    """Return the id that a node's certificate carries."""
    area = area_of(parse(code) for code in spec.hosts)
    return SpiffeId(domain, Level[spec.tier.upper()], area, spec.name)


def lane(way: str, parent: NodeSpec, child: NodeSpec) -> Lane:
    """Name the lane between two nodes."""
    area = area_of(parse(code) for code in child.hosts)
    return Lane(way, Level[parent.tier.upper()], parent.name, area, child.name)


def chained(place: Place) -> tuple[Place, ...]:
    """Return the nodes with an account on this node's own server: itself, its children.

    What a child is to its own children is no concern of this server. Beside them there
    is an account with the parent's name: the link to its server, behind three doors.
    """
    return (place, *(Place(child, place.spec, ()) for child in place.children))


def far(doors: tuple[Door, ...]) -> tuple[Door, ...]:
    """Return doors as they are where the parent's account is only the link to it."""
    return tuple(dataclasses.replace(door, subject=door.seen_as) for door in doors)


def _doors(parent: NodeSpec, child: NodeSpec) -> Iterator[Door]:
    up, down = lane(UP, parent, child), lane(DOWN, parent, child)
    ways = (parent.name, child.name)
    yield Door(*ways, up.subject, up.subject, Answers.ONE)
    yield Door(*ways, down.next, down.ask, Answers.MANY)
    yield Door(*ways, down.acks, down.acks, Answers.ONE)


def _publish(parent: NodeSpec, child: NodeSpec) -> Iterator[str]:
    """Yield what a parent publishes in its own account for the sake of one child."""
    up, down = lane(UP, parent, child), lane(DOWN, parent, child)
    yield down.subject
    for one in (down, up):
        yield f"$JS.API.STREAM.CREATE.{one.stream}"
        yield f"$JS.API.CONSUMER.DURABLE.CREATE.{one.stream}.{one.stream}"
    yield up.next
    yield up.acks
