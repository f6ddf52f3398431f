"""Facts as they are beside hashes as they were sealed: which of both a signed root supports. Pure.

Leaf hashes are kept apart from the facts. As long as one of the two is what was signed, the
other is measured against it place by place, and what was done to it is told exactly. Where
both were changed, only the checkpoints around tell where.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from tier.sealing.findings import Finding, Kind, Text, missing, moved_up
from tier.sealing.model import leaf_data
from tier.sealing.tree import DIGESTS, HASH_BYTES, Digest, Frontier, leaf_hash
from tier.sealing.trust import SealWrong, at

NOTHING: Final = bytes(HASH_BYTES)
"""Stands in the tree where no fact is."""
REMEMBERED: Final = 2000
LISTED: Final = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A fact's place, moment and bytes, as the database has them."""

    position: int
    micros: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was sealed at a place: the leaf's hash, and the moment that went into it."""

    leaf: bytes
    micros: int


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A place whose fact is not what was sealed there."""

    position: int
    row: Row | None
    sealed: Sealed


class Which(Enum):
    """Which tree has the signed root."""

    FACTS = "facts"
    SEALED = "sealed"
    NEITHER = "neither"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Comparison:
    """Grows both trees side by side; they are one as long as nothing differs.

    `others` are trees of the facts by the digests of other lives; `upper` holds the hashes
    above the leaves, by tile level.
    """

    digest: str
    others: dict[str, Frontier] = field(default_factory=dict)
    facts: Frontier = field(init=False)
    sealed: Frontier | None = None
    is_lost: bool = False
    pending: list[Mismatch] = field(default_factory=list)
    proved: list[Mismatch] = field(default_factory=list)
    upper: defaultdict[int, bytearray] = field(
        default_factory=lambda: defaultdict(bytearray)
    )
    is_upper_known: bool = True

    def __post_init__(self) -> None:
        """Begin with empty trees."""
        self.facts = Frontier(DIGESTS[self.digest])

    def add(self, position: int, row: Row | None, sealed: Sealed | None) -> None:
        """Add a place: its fact if there is one, what was sealed if that is known."""
        mine = NOTHING
        if row is not None:
            data = leaf_data(position, row.micros, row.body)
            mine = leaf_hash(self.facts.digest, data)
            for other in self.others.values():
                other.append(leaf_hash(other.digest, data))
        told = mine if sealed is None else sealed.leaf
        if mine != told and sealed is not None:
            self.others.clear()
            self.sealed = self.sealed or _copy(self.facts)
            if len(self.pending) + len(self.proved) < REMEMBERED:
                self.pending.append(Mismatch(position, row, sealed))
        filled = self.facts.append(mine)
        if self.sealed is not None:
            filled = self.sealed.append(told)
        for level, value in filled:
            self.upper[level] += value

    def check(self, digest: str, root: bytes) -> Which:
        """Return which tree has this root; what depends on it is settled then."""
        if digest != self.digest:
            other = self.others.get(digest)
            is_same = other is not None and other.root() == root
            return Which.FACTS if is_same else Which.UNKNOWN
        if self.is_lost:
            return Which.UNKNOWN
        if self.facts.root() == root:
            return Which.FACTS
        if self.sealed is not None and self.sealed.root() == root:
            return Which.SEALED
        return Which.NEITHER

    def settle(self, which: Which) -> list[Mismatch]:
        """Go on from the tree that is right; return places whose sealed hash is not.

        What differs in the facts is kept for `judge`.
        """
        damaged: list[Mismatch] = []
        match which:
            case Which.FACTS:
                damaged = self.pending
                self.is_upper_known &= not damaged
            case Which.SEALED if self.sealed is not None:
                self.proved += self.pending
                self.facts = self.sealed
            case _:
                self.is_lost, self.is_upper_known = True, False
        self.pending, self.sealed = [], None
        return damaged


def _copy(frontier: Frontier) -> Frontier:
    return Frontier(frontier.digest, frontier.size, list(frontier.hashes))


def judge(found: Sequence[Mismatch], digest: Digest) -> Iterator[Finding]:
    """Say what was done at each place where a proved hash and the fact differ.

    An entry taken out or put in moves all that follow: that is one finding.
    """
    by_position = {one.position: one for one in found}
    present = [one for one in found if one.row is not None]
    for mismatch in present[:LISTED]:
        finding = _judge(mismatch, by_position, digest)
        yield finding
        if finding.kind in {Kind.MISSING, Kind.INSERTED}:
            return


def _judge(
    mismatch: Mismatch, by_position: Mapping[int, Mismatch], digest: Digest
) -> Finding:
    """Say what was done at one place that has a fact."""
    position, row, sealed = mismatch.position, mismatch.row, mismatch.sealed
    if row is None:
        return missing(position)

    def fits(place: Mismatch, held: Row) -> bool:
        data = leaf_data(place.position, held.micros, held.body)
        return leaf_hash(digest, data) == place.sealed.leaf

    if fits(mismatch, Row(position, sealed.micros, row.body)):
        return _back_dated(position, row.micros, sealed.micros)
    belongs = next((at for at, one in by_position.items() if fits(one, row)), None)
    holder = next(
        (at for at, one in by_position.items() if one.row and fits(mismatch, one.row)),
        None,
    )
    if belongs is not None and holder is not None:
        return _reordered(position, belongs, holder)
    if belongs is not None and belongs > position:
        return moved_up(position)
    if holder is not None and holder > position:
        text = Text(
            f"entry {position} was put in later; what was sealed there is now {holder}",
            f"第 {position} 条是后来插入的；原有记录现在第 {holder} 条",
        )
        return Finding(Kind.INSERTED, position, position, text)
    text = Text(
        f"entry {position} is not what was sealed there: its content or its time was changed",
        f"第 {position} 条与封存时不一致：内容或时间被改动",
    )
    return Finding(Kind.ALTERED, position, position, text)


def _reordered(position: int, belongs: int, holder: int) -> Finding:
    text = Text(
        f"entry {position} was sealed as {belongs}; what was sealed there is now {holder}",
        f"第 {position} 条封存时为第 {belongs} 条；原第 {position} 条现为第 {holder} 条",
    )
    return Finding(Kind.REORDERED, position, position, text)


def _back_dated(position: int, now: int, then: int) -> Finding:
    text = Text(
        f"entry {position} says it was recorded at {_when(now)}; it was at {_when(then)}",
        f"第 {position} 条的记录时间为 {_when(now)}，封存时为 {_when(then)}",
    )
    return Finding(Kind.BACK_DATED, position, position, text)


def _when(micros: int) -> str:
    try:
        return at(micros).isoformat(timespec="microseconds")
    except SealWrong:
        return f"{micros} us"
