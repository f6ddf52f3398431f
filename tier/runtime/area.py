"""For whose area queries are answered: rows outside of it are not seen.

The door sets it for a caller whose division is narrower than what the node answers for;
`Database.reading` then reads as a role that row-level security holds to this area. What
the node does by itself (links, batches, timers) has none, and sees everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tier.jurisdiction import Code, Level, level_of

AREA: ContextVar[str | None] = ContextVar("ducha_area", default=None)


@contextmanager
def seen_from(area: str | None) -> Iterator[None]:
    """Answer queries for an area, or with None for the node itself, inside the block."""
    token = AREA.set(area)
    try:
        yield
    finally:
        AREA.reset(token)


def narrowed(within: str) -> str | None:
    """Return what of an asked area may be seen; None where that is nothing.

    Empty means everything: asked for, and nothing narrower may be seen.
    """
    area = AREA.get()
    if area is None or within.startswith(area):  # of parsed codes: lies within it
        return within
    return area if area.startswith(within) else None


def is_above(level: Level) -> bool:
    """Whether divisions of a level lie above what may be seen, so that none is shown."""
    area = AREA.get()
    return area is not None and level < level_of(Code(area))


def top() -> Level:
    """Return the highest level of which anything is seen."""
    area = AREA.get()
    return Level.PROVINCE if area is None else level_of(Code(area))
