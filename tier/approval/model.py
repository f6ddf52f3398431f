"""What approval talks about: approvals and unlockings of periods. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tier.jurisdiction import Code


class Holding(NamedTuple):
    """The values of one sheet: by which answer each was given, and its flags.

    `revision` is how many answers the sheet has.
    """

    division: Code
    revision: int
    given: Sequence[int]
    flags: Sequence[int]


class Act(NamedTuple):
    """What an approval, or an approver, is named by."""

    division: Code
    period: str


@dataclass(frozen=True, slots=True)
class Approval:
    """A unit's word for what its division holds for a period; `count` over all its times."""

    act: Act
    approved_at: datetime
    actor: str
    count: int


@dataclass(frozen=True, slots=True)
class Unlocking:
    """Leave to correct values of an approved period for a while."""

    unlocking_id: UUID
    authority: Code
    within: Code
    period: str
    actor: str
    reason: str
    unlocked_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What an approval comes to.

    `flags` are the new ones of each sheet that moves, `revisions` what the approver knew
    of it; `short` counts values that the tier below must approve first, by its divisions.
    """

    flags: Mapping[Code, Sequence[int]]
    revisions: Mapping[Code, int]
    approved: int
    unchanged: int
    short: Mapping[Code, int]
