"""What the policy speaks of: how divisions stand to each other, rows of the table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from tier.identity.model import Role
from tier.jurisdiction import Code


class Relation(StrEnum):
    """How a caller's division stands to the division concerned."""

    SELF = "self"
    """The same; from the township down also what lies within it."""
    ANCESTOR = "ancestor"
    """The caller stands above."""
    DESCENDANT = "descendant"
    """The caller stands below."""
    SIBLING = "sibling"
    COUSIN = "cousin"
    OTHER_PROVINCE = "other_province"


class Concern(StrEnum):
    """Which division a call is about."""

    ACTING = "acting"
    """Those that the message names: each of its `paths`, each value there."""
    OBJECT = "object"
    """That of the thing the message names by id, or of the rows of a workbook: its action
    looks, and asks `tier.policy.acting`. The door asks for the role, and for some relation
    to the node."""
    NODE = "node"
    """All that the node hosts."""
    ROWS = "rows"
    """Each row that is shown: what lies in the caller's area, and what was addressed to it.
    The door asks for the role, and for some relation to the node."""
    PROVINCE = "province"
    """Nobody's in particular: reference data, the same for the whole province."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: a call, what it is about, and who may make it."""

    rpc: str
    concern: Concern
    allow: Mapping[Role, frozenset[Relation]]
    paths: tuple[str, ...] = ()
    """Fields of the message with codes of divisions. An empty code says nothing."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about one message, and by which division."""

    concerned: Code
    relation: Relation | None
    """None where it did not come to that: no role of the caller may call this at all."""
    is_allowed: bool


class Decided(NamedTuple):
    """What was decided, to be counted with its like of the same second.

    A tuple: one is made for every message.
    """

    second: int
    principal: str
    proof: str
    division: str
    roles: str
    rpc: str
    concerned: str
    relation: str
    is_allowed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Query:
    """Which decisions are sought; what is empty or None restricts nothing."""

    principal: str = ""
    rpc: str = ""
    within: str = ""
    is_allowed: bool | None = None
    begin: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Decisions as they were written: their number, what was decided, how many times."""

    decision_id: int
    decided: Decided
    count: int
