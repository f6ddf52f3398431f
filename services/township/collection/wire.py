"""Collection model <-> protobuf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

from ducha.collection.v1 import collection_pb2 as pb
from services.township.collection.model import Given
from tier import division
from tier.catalogue import Catalogue, Element, PeriodType
from tier.jurisdiction import Code, Level, level_of
from tier.registry import Key, Period, parse_period, values
from tier.registry import wire as registry_wire
from tier.runtime import fields, moments
from tier.runtime.errors import Violation


@dataclass(slots=True)
class Reading:
    """One answer being read: where, for whom, and all that is wrong so far."""

    field: str
    division: Code
    period: Period
    catalogue: Catalogue
    wrong: list[Violation]

    def fault(self, where: str, problem: str) -> None:
        """Note something wrong."""
        self.wrong.append(Violation(f"{self.field}.{where}", problem))

    def misfit(self, text: str) -> str:
        """Say why this division does not give an element for this period."""
        element = self.catalogue.elements.get(text)
        if element is None or element.retired:
            return f"the catalogue has no element {text}（指标目录无此数据元）"
        if element.collect_level is not level_of(self.division):
            level = element.collect_level.name.lower()
            return f"{text} is collected by the {level}（填报层级不符）"
        wanted = element.period_type.name.lower()
        return f"{text} is collected by {wanted}（周期类型不符）"


_FITTING: WeakKeyDictionary[
    Catalogue, dict[tuple[Level, PeriodType], dict[str, Element]]
] = WeakKeyDictionary()


def fitting(catalogue: Catalogue, level: Level, kind: PeriodType) -> dict[str, Element]:
    """Return the elements that divisions of a level give for periods of a type, by code."""
    known = _FITTING.setdefault(catalogue, {})
    found = known.get((level, kind))
    if found is None:
        found = known[level, kind] = {
            code: element
            for code, element in catalogue.elements.items()
            if element.collect_level is level
            and element.period_type is kind
            and not element.retired
        }
    return found


def given_from(
    message: pb.Answer, place: int, catalogue: Catalogue, now: datetime
) -> Given | list[Violation]:
    """Read an answer, its values as they are kept; or everything that is wrong with it."""
    field = f"answers[{place}]"
    code = division.code(message.division, f"{field}.division")
    period = fields.read(f"{field}.period", parse_period, message.period)
    reading = Reading(field, code, period, catalogue, [])
    kept = _kept(reading, message)
    unchanged = _unchanged(reading, message, kept)
    observed = now
    if message.HasField("observe_time"):
        observed = moments.moment(message.observe_time)
        if observed > now:
            reading.fault("observe_time", "lies in the future（观测时间晚于当前）")
    if reading.wrong:
        return reading.wrong
    author = message.author_division
    return Given(
        place,
        Key(code, period.text),
        kept,
        unchanged,
        message.all_unchanged,
        observed,
        message.device,
        message.base_revision if message.HasField("base_revision") else None,
        message.reason,
        division.code(author, f"{field}.author_division") if author else code,
    )


def _kept(reading: Reading, message: pb.Answer) -> dict[int, int | str]:
    """Read the values as they are kept."""
    known = fitting(reading.catalogue, level_of(reading.division), reading.period.type)
    kept: dict[int, int | str] = {}
    for index, value in enumerate(message.values):
        element = known.get(value.element)
        if element is None:
            problem = reading.misfit(value.element)
            reading.fault(f"values[{index}].element", problem)
            continue
        try:
            found = values.keep(element, registry_wire.given_from(value))
        except ValueError as wrong:
            found = values.Wrong(str(wrong))
        if isinstance(found, values.Wrong):
            reading.fault(f"values[{index}]", f"{element.code}: {found.problem}")
        elif element.number in kept:
            problem = f"{element.code} is given twice（重复填报）"
            reading.fault(f"values[{index}]", problem)
        else:
            kept[element.number] = found
    return kept


def _unchanged(
    reading: Reading, message: pb.Answer, kept: Mapping[int, int | str]
) -> frozenset[int]:
    """Read what is confirmed as unchanged."""
    if not message.unchanged:
        return frozenset()
    known = fitting(reading.catalogue, level_of(reading.division), reading.period.type)
    unchanged = set()
    for index, text in enumerate(message.unchanged):
        element = known.get(text)
        if element is None:
            reading.fault(f"unchanged[{index}]", reading.misfit(text))
        elif element.number in kept:
            problem = f"{text} is given and confirmed（既填报又确认）"
            reading.fault(f"unchanged[{index}]", problem)
        else:
            unchanged.add(element.number)
    return frozenset(unchanged)
