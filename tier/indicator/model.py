"""What an indicator is computed from, and what comes out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tier.catalogue.model import Aggregation, Element, Indicator
from tier.jurisdiction import Code, Level
from tier.registry.model import Period, Sum

Moved = Mapping[Code, Code]
"""Where a division that ended went, if all of it went to one."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is computed: elements aggregated, and for an indicator its formula over them."""

    aggregation: Aggregation
    elements: tuple[Element, ...]
    indicator: Indicator | None = None

    @property
    def numbers(self) -> list[int]:
        """Return the numbers of the elements."""
        return [element.number for element in self.elements]

    @property
    def weighted(self) -> bool:
        """Whether sums are raised by expected over received."""
        return self.indicator is not None and self.indicator.completeness_weighted


@dataclass(frozen=True, slots=True)
class Query:
    """What is computed where and when; `after` and `size` are the page's."""

    subject: Subject
    period: Period
    level: Level
    within: tuple[Code, ...]
    as_of: datetime | None
    recast: bool
    after: str
    size: int


@dataclass(frozen=True, slots=True)
class Span:
    """Areas beyond one code and up to another; the empty ones set no bound."""

    after: str = ""
    last: str = ""

    def holds(self, code: str) -> bool:
        """Whether a code lies in the span."""
        return code > self.after and (not self.last or code <= self.last)


@dataclass(frozen=True, slots=True)
class Piece:
    """The sum of one element over a division, or over an area of it."""

    code: Code
    element: int
    sum: Sum


@dataclass(slots=True)
class Tally:
    """What an area's values come to, by element, and the codes they came from."""

    sums: dict[int, Sum] = field(default_factory=dict)
    origins: set[Code] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Missing:
    """Divisions that were asked and gave no value: the first of them, and how many in all."""

    divisions: Sequence[Code] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class Value:
    """An indicator of one area, and how far to trust it."""

    area: Code
    name: str
    number: float | None
    problem: str
    cells: Sum
    mean_age: timedelta | None
    standing: int
    missing: Missing
    weighted: bool
    origins: Sequence[Code]
