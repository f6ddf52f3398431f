"""What a running node hands to its capabilities, and what a capability is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

import grpc

from ducha.link.v1 import link_pb2
from tier.identity.own import OwnIdentity
from tier.jurisdiction import Code
from tier.ledger import Entry, Feed
from tier.node import Node
from tier.runtime import clock
from tier.runtime.clock import REAL, Pace
from tier.runtime.db import Database, Tx


@dataclass(frozen=True, slots=True)
class App:
    """A running node: its place, its database, its clock, and the tasks it keeps alive."""

    node: Node
    db: Database
    feed: Feed
    now: Callable[[], datetime]
    tasks: asyncio.TaskGroup
    draining: asyncio.Event
    review_buffer: timedelta
    contact: timedelta
    silent: Callable[[], Sequence[tuple[str, datetime | None]]]
    """Child nodes out of contact now, each with when it was last heard of."""
    identity: OwnIdentity | None = None
    """What the node proves itself by; None where it runs without walls, on loopback."""
    real: Callable[[], datetime] = clock.now
    """Real time, where `now` is simulated: for proofs and contact."""
    pace: Pace = REAL
    """How fast `now` runs: who waits until a moment of it waits `pace.real_seconds`."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A fact that came over a link, read once; its bytes stay what they are.

    `area` is what its sender may speak of: a child of what it hosts, the parent of what
    is hosted here.
    """

    fact: link_pb2.Fact
    fact_id: UUID
    body: bytes
    downward: bool
    area: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class Unfit:
    """A fact that cannot be applied, and why."""

    arrived: Arrived
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a capability made of facts: what the ledger keeps and passes on, what it cannot take."""

    entries: list[Entry] = field(default_factory=list)
    unfit: list[Unfit] = field(default_factory=list)


AddService: TypeAlias = Callable[[App, grpc.aio.Server], str]
"""Mounts one gRPC service and returns its full name."""

FactDoor: TypeAlias = Callable[[App, Tx, Sequence[Arrived]], Awaitable[Verdict]]
"""Applies facts of one capability, in order, in the caller's transaction."""

Greeting: TypeAlias = Callable[[App, Tx, str], Awaitable[list[Entry]]]
"""Facts that a child node must have before any other, when its link is new."""


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing a tier can do: its tables, its gRPC door, its link door."""

    name: str
    schema: Path
    services: Sequence[AddService] = ()
    kinds: Mapping[str, FactDoor] = field(default_factory=dict)
    greet: Greeting | None = None
