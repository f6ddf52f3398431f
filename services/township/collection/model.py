"""What collection talks about: what an author gives, and what his division's past says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from tier.jurisdiction import Code
from tier.registry.model import Key


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as its author gives it, its values by element number, as they are kept.

    `place` is its place in the request.
    """

    place: int
    key: Key
    kept: Mapping[int, int | str]
    unchanged: frozenset[int]
    all_unchanged: bool
    observed_at: datetime
    device: str
    base_revision: int | None
    reason: str
    author_division: Code

    def is_before(self, revision: int) -> bool:
        """Whether the author had not seen an answer: he worked from an earlier revision."""
        return self.base_revision is not None and self.base_revision < revision


History: TypeAlias = list[float]
"""What is known of an element's values in one division, over periods: at COUNT how many,
then the sum, the sum of squares, the smallest and the largest. A list: thousands change a
second."""

COUNT, TOTAL, SQUARES, SMALLEST, LARGEST = range(5)

Histories: TypeAlias = dict[int, History]
