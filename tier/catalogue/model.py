"""What the catalogue is made of: elements, indicators, and all of them together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import NewType

from tier.jurisdiction import Code, Level

Number = NewType("Number", int)
"""Short for an element's code in facts and tables; given once, to one element."""


class ValueType(IntEnum):
    """What kind of value an element takes; the numbers are those of the proto."""

    NUMBER = 1
    MONEY = 2
    DATE = 3
    CODE = 4
    TEXT = 5
    BOOLEAN = 6

    @property
    def is_text(self) -> bool:
        """Whether values are kept as texts and never summed."""
        return self in {ValueType.CODE, ValueType.TEXT}


class PeriodType(IntEnum):
    """How long one value stands for; the numbers are those of the proto."""

    DAY = 1
    WEEK = 2
    MONTH = 3
    QUARTER = 4
    YEAR = 5
    EVENT = 6


class Sensitivity(IntEnum):
    """Who may see values; the numbers are those of the proto."""

    PUBLIC = 1
    INTERNAL = 2
    RESTRICTED = 3


class OutlierMethod(IntEnum):
    """What is flagged; the numbers are those of the proto."""

    Z_SCORE = 1
    RANGE = 2
    NONE = 3


class Aggregation(IntEnum):
    """How values of an area become one; the numbers are those of the proto."""

    SUM = 1
    MEAN = 2
    MIN = 3
    MAX = 4
    COUNT = 5
    RATIO = 6


@dataclass(frozen=True, slots=True)
class Owner:
    """A department of a division."""

    division: Code
    name: str


@dataclass(frozen=True, slots=True)
class Element:
    """A data element, in one version. `code_list` maps codes to their Chinese names."""

    number: Number
    code: str
    version: int
    name_zh: str
    name_en: str
    definition: str
    type: ValueType
    unit: str
    decimals: int
    code_list: Mapping[str, str]
    period_type: PeriodType
    collect_level: Level
    owner: Owner
    sensitivity: Sensitivity
    max_age: timedelta | None
    """None: fresh until its period closes, and final then."""
    rule: str
    forbidden_uses: frozenset[str]
    difference: str
    outlier_method: OutlierMethod
    outlier_threshold: float
    retired: bool
    body: bytes
    """The `Element` message as published."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator, in its newest version. `elements` are the codes its formula names."""

    code: str
    version: int
    name_zh: str
    name_en: str
    unit: str
    aggregation: Aggregation
    formula: str
    elements: tuple[str, ...]
    completeness_weighted: bool
    retired: bool
    body: bytes
    """The `Indicator` message as published."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in what was given: `elements[3].rule`."""

    table: str
    row: int
    field: str

    def __str__(self) -> str:
        """Write it as a caller of the API knows it."""
        return f"{self.table}[{self.row}].{self.field}"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field of one row, in both languages."""

    place: Place
    problem: str


@dataclass(frozen=True, slots=True)
class Twin:
    """An element that seems to mean what another means, and what is alike."""

    place: Place
    code: str
    other_code: str
    other_name: str
    alike: str


class Catalogue:
    """All elements and indicators a node knows, at one version; it never changes."""

    __slots__ = ("__weakref__", "_histories", "elements", "indicators", "version")

    def __init__(
        self,
        version: int,
        histories: Mapping[Number, tuple[Element, ...]],
        indicators: Mapping[str, Indicator],
    ) -> None:
        """Keep every version of every element, oldest first."""
        self.version = version
        self._histories = histories
        self.indicators = indicators
        self.elements: Mapping[str, Element] = {
            versions[-1].code: versions[-1] for versions in histories.values()
        }

    def grown(
        self, version: int, elements: Iterable[Element], indicators: Iterable[Indicator]
    ) -> Catalogue:
        """Return the catalogue with the rows that came since, oldest first."""
        histories = dict(self._histories)
        for element in elements:
            known = histories.get(element.number, ())
            histories[element.number] = (*known, element)
        newest = {one.code: one for one in indicators}
        return Catalogue(version, histories, {**self.indicators, **newest})

    def numbered(self, number: int, version: int | None = None) -> Element | None:
        """Return an element as a version of the catalogue had it; the newest by default."""
        versions = self._histories.get(Number(number), ())
        if version is None or version >= self.version:
            return versions[-1] if versions else None
        return next((one for one in reversed(versions) if one.version <= version), None)
