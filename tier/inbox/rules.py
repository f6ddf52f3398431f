"""How a notice is named, and how a place in an inbox is written down. Pure."""

from __future__ import annotations

import base64
from uuid import UUID, uuid5

from tier.inbox.model import Notice, Place, Scope
from tier.jurisdiction import Code, Level, level_of

NAMES = UUID("6f1d7c1e-2b5a-5d0e-9c43-1f0f5b8a7e21")
"""The namespace of notices' ids."""


def notice_id(notice: Notice) -> UUID:
    """Return the id of a notice: told twice, by whatever way, it is one."""
    return uuid5(NAMES, f"{notice.source.hex}:{notice.division}:{notice.kind.value}")


def scope_of(division: Code, *, include_below: bool) -> Scope:
    """Return whose inbox somebody looks into.

    Only a township acts for what lies within it; whoever stands above has no eye for the
    inboxes of others, also where their units act at the same node.
    """
    return Scope(division, include_below and level_of(division) >= Level.TOWNSHIP)


def covers(scope: Scope, division: Code) -> bool:
    """Whether a division's notices lie in an inbox."""
    if scope.include_below:
        return division.startswith(scope.division)
    return division == scope.division


def write_token(place: Place) -> str:
    """Write a place as text that callers keep and do not read."""
    text = f"{place.serial}:{place.notice_id.hex}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_token(text: str) -> Place | None:
    """Read a place; None if we never wrote it."""
    try:
        serial, named = base64.urlsafe_b64decode(text.encode()).decode().split(":")
        place = Place(int(serial), UUID(hex=named))
    except ValueError:
        return None
    return place if write_token(place) == text else None
