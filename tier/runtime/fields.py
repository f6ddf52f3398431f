"""Fields of a request that the constraints of its proto alone cannot judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from tier.runtime.errors import InvalidInput, Violation

G = TypeVar("G")
T = TypeVar("T")


def read(field: str, reader: Callable[[G], T], given: G) -> T:
    """Return what `reader` makes of a field.

    Raises:
        InvalidInput: `reader` raised ValueError, whose text is told; `field` is named.
    """
    try:
        return reader(given)
    except ValueError as wrong:
        raise InvalidInput(
            problem=f"{field}: {wrong}", violations=[Violation(field, str(wrong))]
        ) from wrong


def read_uuid(field: str, text: str) -> UUID:
    """Return the id in a field.

    Raises:
        InvalidInput: it is none; `field` is named.
    """
    return read(field, _uuid, text)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as wrong:
        raise ValueError(f"{text!r} is not a UUID") from wrong
