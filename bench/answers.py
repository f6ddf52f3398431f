"""The answer of a division: the same ten values in the floor and in Ducha."""

from __future__ import annotations

from collections.abc import Sequence

from ducha.assignment.v1 import assignment_pb2 as pb

ELEMENTS = (
    "population.resident",
    "population.elderly_alone",
    "population.left_behind_children",
    "road.village_paved_km",
    "water.safe_households",
    "clinic.open_days",
    "school.pupils",
    "relief.households",
    "farmland.idle_mu",
    "burden.forms_this_month",
)


def report(division: str) -> pb.Report:
    """Return the division's report: a line of text and ten values of its own."""
    seed = int(division)
    values = [
        pb.ReportedValue(element=element, number=float(seed % (97 + place * 13)))
        for place, element in enumerate(ELEMENTS)
    ]
    return pb.Report(summary="已按方案核查,情况属实。", values=values)


def serialized(divisions: Sequence[str]) -> dict[str, bytes]:
    """Return each division's report as bytes, which the floor carries unread."""
    return {code: report(code).SerializeToString() for code in divisions}
