"""What a witness cosigns: only what extends what it cosigned before. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tier.sealing.model import Life
from tier.sealing.note import Checkpoint
from tier.sealing.tree import DIGESTS, ProofWrong, check_consistency


class Why(Enum):
    """Why a checkpoint is not cosigned."""

    LIFE_OVER = "life over"
    LIFE_UNDECLARED = "life undeclared"
    ROLLED_BACK = "rolled back"
    SPLIT = "split"
    REWRITTEN = "rewritten"
    OLD_SIZE = "old size"


ALARMING: Final = frozenset(Why) - {Why.OLD_SIZE}
"""What an honest node never gives cause for."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal: why, and from which size on the witness knows the ledger."""

    why: Why
    known_size: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A checkpoint that a child asks for, with what should show that it may be had."""

    child: str
    said: Checkpoint
    old_size: int
    proof: Sequence[bytes]
    life: Life | None


def is_declared(life: Life | None, said: Checkpoint) -> bool:
    """Whether a checkpoint's text commits to this life: the first one to nothing."""
    if life is None or (life.number, life.digest) != (said.life, said.digest):
        return False
    if not life.is_declared:
        return said.declaration == b""
    return DIGESTS[said.digest](life.statement()) == said.declaration


def refused(step: Step, known: Checkpoint | None) -> Refused | None:
    """Return why a step is not taken from `known`, the last that was; None if it is."""
    said = step.said
    if known is not None and said.life < known.life:
        return Refused(Why.LIFE_OVER)
    if known is None or said.life > known.life:
        if not is_declared(step.life or Life(1, said.digest), said):
            return Refused(Why.LIFE_UNDECLARED)
        return Refused(Why.OLD_SIZE) if step.old_size else None
    return _not_grown(step, known)


def _not_grown(step: Step, known: Checkpoint) -> Refused | None:
    """Return why a checkpoint does not extend the last one of its life; None if it does."""
    said, size = step.said, known.size
    if said.size < size:
        return Refused(Why.ROLLED_BACK, size)
    if said.size == size and said.root != known.root:
        return Refused(Why.SPLIT, size)
    if step.old_size != size:
        return Refused(Why.OLD_SIZE, size)
    problem = _inconsistent(step, known)
    return Refused(Why.REWRITTEN, size, problem) if problem else None


def _inconsistent(step: Step, known: Checkpoint) -> str:
    """Return what is wrong with the step from one checkpoint to the next; empty if nothing."""
    said = step.said
    if (said.digest, said.declaration) != (known.digest, known.declaration):
        return "its digest or declaration is another"
    old, new = (known.size, known.root), (said.size, said.root)
    try:
        check_consistency(DIGESTS[known.digest], old, new, step.proof)
    except ProofWrong as wrong:
        return str(wrong)
    return ""
