"""Which facts of a link are new, and when its sequence begins again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tier.link.model import Mark, Run, Sifted, Tip


def sift(mark: Mark, runs: Iterable[Run]) -> Sifted:
    """Return what comes next after `mark`, exactly once and without a gap.

    A run that lies behind the mark is a duplicate; one that begins beyond the next
    number shows a gap, and whatever follows it waits for the repair. A newer epoch is a
    new life of the sender's sequence and begins at 1; an older one is an echo.
    """
    fresh: list[tuple[int, bytes]] = []
    gap = False
    for run in runs:
        if run.epoch < mark.epoch:
            continue
        expected = mark.seq + 1 if run.epoch == mark.epoch else 1
        if run.first > expected:
            gap = True
            continue
        skip = expected - run.first
        bodies = run.bodies[skip:]
        if bodies:
            fresh.extend(enumerate(bodies, expected))
            mark = Mark(run.epoch, expected + len(bodies) - 1)
    return Sifted(tuple(fresh), mark, gap)


def is_another_life(theirs: Tip, head: Mark, written: str) -> bool:
    """Whether a neighbour has what this node, as it is now, never sent.

    It is ahead of `head`, or it found another fact at its place than the one `written`
    there: this node's database was restored from an old backup, or made anew.
    """
    if theirs.mark > head:
        return True
    same_epoch = theirs.mark.epoch == head.epoch
    return same_epoch and theirs.fact_id not in {"", written}


def next_epoch(theirs: Mark, head: Mark, seconds: int) -> int:
    """Return the epoch of a new life: later than any before, by the clock if it helps."""
    return max(theirs.epoch + 1, head.epoch + 1, seconds)


def owed_after(theirs: Mark, head: Mark) -> int:
    """Return the number after which a neighbour is owed facts of the head's epoch."""
    return theirs.seq if theirs.epoch == head.epoch else 0


def first_of(bodies: Sequence[bytes], most_bytes: int) -> Sequence[bytes]:
    """Return as many bodies from the first on as fit, and always one."""
    size = 0
    for count, body in enumerate(bodies):
        size += len(body)
        if size > most_bytes and count:
            return bodies[:count]
    return bodies
