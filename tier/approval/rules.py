"""Decisions about approval. Pure: values in, a decision out.

An approval speaks of versions: of each sheet it names how many answers its unit knew, and
lifts what these gave, never what came later. The stage of a version is then the highest of
the approvals that knew it, in whatever order they come, so that all tiers agree. (Without
it they would not: a correction that the township approved while the county's approval of
the old value was on its way down would be the county's at the township, and not above.)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto

from tier.approval.model import Act, Decision, Holding, Unlocking
from tier.jurisdiction import DIGITS, Code, Level, contains, level_of, within
from tier.registry.model import STAGE, STAGES

LONGEST = timedelta(days=30)
TIERS = (Level.PROVINCE, Level.CITY, Level.COUNTY, Level.TOWNSHIP)


class No(Enum):
    """Why a period may not be unlocked."""

    NOT_LOCKED = auto()
    NOT_AUTHORITY = auto()


def stage_of_unit(division: Code) -> int:
    """Return the stage that a unit's approval gives: 1 by a township, 4 by the province."""
    return 1 + Level.TOWNSHIP - level_of(division)


def lifted(holding: Holding, stage: int, revision: int) -> list[int]:
    """Return the flags of a sheet once a unit approved its first `revision` answers."""
    mark = stage * STAGE
    return [
        (flag & ~STAGES) | mark if given <= revision and flag & STAGES < mark else flag
        for given, flag in zip(holding.given, holding.flags, strict=True)
    ]


def approve(holdings: Iterable[Holding], division: Code) -> Decision:
    """Decide what the approval of a unit comes to, given all that its division holds."""
    stage = stage_of_unit(division)
    mark, enough = stage * STAGE, (stage - 1) * STAGE
    below = _digits_below(division)
    flags: dict[Code, Sequence[int]] = {}
    revisions: dict[Code, int] = {}
    short: dict[Code, int] = {}
    approved = unchanged = 0
    for holding in holdings:
        stages = [flag & STAGES for flag in holding.flags]
        missing = sum(1 for held in stages if held < enough)
        if missing:
            place = Code(holding.division[:below])
            short[place] = short.get(place, 0) + missing
        rising = sum(1 for held in stages if held < mark)
        approved += rising
        unchanged += len(stages) - rising
        if rising:
            flags[holding.division] = lifted(holding, stage, holding.revision)
            revisions[holding.division] = holding.revision
    return Decision(flags, revisions, approved, unchanged, short)


def _digits_below(division: Code) -> int:
    """Return how long codes of the tier below are; those of a township stay its own."""
    level = level_of(division)
    return DIGITS[TIERS[min(level, len(TIERS) - 1)]]


def path(division: Code) -> list[Code]:
    """Return every division whose unit may approve what `division` holds, itself included."""
    above = [Code(division[: DIGITS[level]]) for level in TIERS]
    return list(dict.fromkeys(above))


def locks(
    keys: Iterable[Act],
    approved: Collection[Act],
    unlockings: Sequence[Unlocking],
    now: datetime,
) -> dict[Act, Code]:
    """Return which sheets are locked, each with the division that approved it highest."""
    found = {}
    for key in keys:
        above = (area for area in path(key.division) if (area, key.period) in approved)
        highest = next(above, None)  # the path begins at the province
        if highest is not None and not any(
            is_open(key, highest, each, now) for each in unlockings
        ):
            found[key] = highest
    return found


def is_open(key: Act, approver: Code, unlocking: Unlocking, now: datetime) -> bool:
    """Whether an unlocking lets a sheet be corrected that `approver` approved highest.

    Whoever approves later above the authority ends what the authority allowed.
    """
    return (
        unlocking.period == key.period
        and unlocking.expires_at > now
        and contains(unlocking.within, key.division)
        and contains(unlocking.authority, approver)
    )


def refusal_to_unlock(
    authority: Code, area: Code, approvers: Collection[Code]
) -> tuple[No, Code] | None:
    """Return why a unit may not unlock an area, and who is meant; None if it may.

    `approvers` are those within the area and those that contain it.
    """
    if not approvers:
        return No.NOT_LOCKED, area
    highest = min(approvers, key=len)
    if contains(authority, highest):
        return None
    return No.NOT_AUTHORITY, highest


def is_expiry_valid(expires_at: datetime, now: datetime) -> bool:
    """Whether an unlocking ends in the future, and within 30 days."""
    return now < expires_at <= now + LONGEST


def concerned(
    children: Iterable[tuple[str, Sequence[Code]]], area: Code
) -> tuple[str, ...]:
    """Return the child nodes, given as (name, hosts), that hold any of an area."""
    return tuple(
        name
        for name, hosts in children
        if any(contains(area, host) or contains(host, area) for host in hosts)
    )


def unknown(
    revisions: Mapping[Code, int], holdings: Iterable[Holding]
) -> tuple[Code, int] | None:
    """Return the first sheet that has fewer answers here than its approver knew."""
    here = {holding.division: holding.revision for holding in holdings}
    missing = (pair for pair in revisions.items() if here.get(pair[0], 0) < pair[1])
    return next(missing, None)


def is_own(division: Code, sheets: Iterable[Code], area: Sequence[Code]) -> bool:
    """Whether a unit's act speaks only of its own sheets, and of those its sender may tell of."""
    return all(contains(division, code) and within(code, area) for code in sheets)
