"""Page tokens: the key of the last row shown, so that a page never skips or repeats."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from tier.runtime.errors import PageTokenInvalid

LARGEST = 2**63 - 1  # PostgreSQL's bigint


@dataclass(frozen=True, slots=True)
class Page:
    """How many rows are asked, and after which key."""

    size: int
    after: tuple[str, ...]

    @classmethod
    def read(cls, size: int, token: str, *, default: int, fields: int) -> Page:
        """Read a request's page.

        Raises:
            PageTokenInvalid: the token is not one of ours.
        """
        if not token:
            return cls(size or default, ())
        try:
            key = json.loads(base64.urlsafe_b64decode(token.encode()))
        except (ValueError, UnicodeError, RecursionError) as broken:
            raise PageTokenInvalid from broken
        fits = isinstance(key, list) and len(key) == fields
        if not fits or not all(
            isinstance(part, str) and "\0" not in part for part in key
        ):
            raise PageTokenInvalid
        return cls(size or default, tuple(key))

    def text(self, index: int) -> str:
        """Return a part of the key; empty before the first page."""
        return self.after[index] if self.after else ""

    def number(self, index: int) -> int:
        """Return a part of the key as a number; 0 before the first page.

        Raises:
            PageTokenInvalid: it is none.
        """
        if not self.after:
            return 0
        try:
            number = int(self.after[index])
        except ValueError as broken:
            raise PageTokenInvalid from broken
        if not 0 <= number <= LARGEST:
            raise PageTokenInvalid
        return number

    def next(self, found: Sequence[object], last: Sequence[str]) -> str:
        """Return the next page's token, if more rows than asked were `found`."""
        if len(found) <= self.size:
            return ""
        return base64.urlsafe_b64encode(json.dumps(list(last)).encode()).decode()
