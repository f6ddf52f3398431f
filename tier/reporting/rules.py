"""What counts mean, and how a place in the ledger is written down. Pure."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

from tier.reporting.model import COUNTS, Progress, Token

REST_FACTOR = 1.0
REST_LIMIT = 0.1


def completeness(progress: Progress) -> float:
    """Return reported over expected; 0 when nothing is expected."""
    return progress.reported / progress.expected if progress.expected > 0 else 0.0


def timeliness(progress: Progress) -> float:
    """Return on time over expected; 0 when nothing is expected."""
    return progress.on_time / progress.expected if progress.expected > 0 else 0.0


def overdue(progress: Progress, now: datetime) -> int:
    """Return how many are not reported though every deadline among them has passed.

    Before the latest of the deadlines nothing is called overdue: a count accuses.
    """
    if now <= progress.deadline_at:
        return 0
    return progress.expected - progress.reported


def origin(ledger_id: UUID, node: str) -> UUID:
    """Return what names a node's ledger, in a database of its own or a copy of one."""
    return uuid5(ledger_id, node)


def write_token(token: Token) -> str:
    """Write a place as text that callers keep and do not read."""
    text = f"{token.origin.hex}:{token.position}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_token(text: str) -> Token | None:
    """Read a place; None if we never wrote it."""
    try:
        named, position = base64.urlsafe_b64decode(text.encode()).decode().split(":")
        token = Token(UUID(hex=named), int(position))
    except ValueError:
        return None
    return token if write_token(token) == text else None


def is_within_reach(token: Token | None, origin: UUID, head: int) -> bool:
    """Whether a watch of this ledger can go on from `token` without losing a fact.

    A position beyond the head was given before the database was restored.
    """
    return token is not None and token.origin == origin and 0 <= token.position <= head


def rest(seconds_of_look: float) -> float:
    """Return how long a watcher rests after a look that took this long.

    So all watchers together take half of the readers at most, and one at idle waits
    a millisecond or two.
    """
    return min(seconds_of_look * REST_FACTOR, REST_LIMIT)


def spell(level: int, counts: Sequence[int] | None) -> str:
    """Write a row of counts for the reader of an audit; empty for no row."""
    if counts is None:
        return ""
    spelled = (f"{name}={count}" for name, count in zip(COUNTS, counts, strict=True))
    return " ".join((f"level={level}", *spelled))
