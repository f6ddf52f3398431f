"""What sealing talks about: leaves, lives, who may seal what. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from tier.identity.model import SCHEME, SpiffeId
from tier.jurisdiction import contains

MOMENT_BYTES: Final = 8
_PLACE: Final = struct.Struct(">qq")
LIFE_PURPOSE: Final = b"ducha ledger life v1\n"


@dataclass(frozen=True, slots=True)
class Life:
    """A life of a ledger; the first is not declared.

    `declared_at` is in Unix microseconds; `before_size` is how much the life before had
    sealed.
    """

    number: int
    digest: str
    reason: str = ""
    actor: str = ""
    declared_at: int = 0
    before_size: int = 0

    def statement(self) -> bytes:
        """Return what its checkpoints commit to: every field, by its length and its bytes."""
        fields = (
            str(self.number),
            self.digest,
            self.reason,
            self.actor,
            str(self.declared_at),
            str(self.before_size),
        )
        written = (field.encode() for field in fields)
        return LIFE_PURPOSE + b"".join(len(one).to_bytes(8) + one for one in written)

    @property
    def is_declared(self) -> bool:
        """Whether somebody had to declare it."""
        return self.number > 1


def leaf_data(position: int, micros: int, body: bytes) -> bytes:
    """Return what the tree commits to of a fact: its place, its moment, its bytes.

    Place and moment are 8 bytes each, big-endian; so moving and back-dating show.
    """
    return _PLACE.pack(position, micros) + body


def name_of(spiffe: SpiffeId) -> str:
    """Return the key name under which a node cosigns: its id without the scheme."""
    return str(spiffe).removeprefix(SCHEME)


def origin_of(spiffe: SpiffeId, life: int) -> str:
    """Return the origin of a life of a node's ledger, and the key name it is signed under."""
    return f"{name_of(spiffe)}/{life}"


def is_witness_of(witness: SpiffeId, node: SpiffeId) -> bool:
    """Whether a node witnesses another: it stands one tier above, over the same area."""
    if witness.tier is None or node.tier is None:
        return False
    is_above = witness.tier == node.tier - 1 and witness.domain == node.domain
    return is_above and contains(witness.area, node.area)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A sign that a ledger was changed: whose, why, and the note that shows it."""

    node: str
    reason: str
    detail: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """Up to 256 hashes of the tree, and of leaves the moments in them."""

    level: int
    number: int
    hashes: bytes
    moments: bytes = b""
