"""A request that is serialized before the clock starts, and still knows who sends it."""

from __future__ import annotations

from typing import Self

TOWNSHIP_DIGITS = 9


class Sent(bytes):
    """The bytes of a request; what bears tokens reads `division` as on a message."""

    division: str

    @classmethod
    def by(cls, division: str, body: bytes) -> Self:
        """Return the bytes as somebody of `division` sends them.

        Villages and grids send as their township: they have no office of their own.
        """
        made = cls(body)
        made.division = division[:TOWNSHIP_DIGITS]
        return made
