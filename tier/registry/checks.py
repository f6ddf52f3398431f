"""Values that came over a link, checked by the rule they were entered by.

Values repeat, and a rule costs microseconds: what was found good once, under one version of
the catalogue, is remembered, a bounded number of them.
"""

from __future__ import annotations

from operator import ge
from weakref import WeakKeyDictionary

from tier.catalogue import Catalogue
from tier.jurisdiction import level_of
from tier.registry import periods, values
from tier.registry.model import Answer, Flag

UNKNOWN_ELEMENT = "UNKNOWN_ELEMENT"
VALUES_INVALID = "VALUES_INVALID"

REMEMBERED = 200_000

GIVEN = Flag.LATE | Flag.OUTLIER | Flag.UNCHANGED | Flag.CONTESTED | Flag.TEXT
"""What an author's node may say of a value; approval comes later, by other facts."""

_GOOD: WeakKeyDictionary[Catalogue, dict[int, set[tuple[int, int]]]] = (
    WeakKeyDictionary()
)


def good(catalogue: Catalogue, version: int) -> set[tuple[int, int]]:
    """Return the (element, number) pairs that were found good under a version."""
    return _GOOD.setdefault(catalogue, {}).setdefault(version, set())


def misshapen(answer: Answer) -> str | None:
    """Say why an answer cannot be folded, whatever its values are."""
    elements, flags = answer.elements, set(answer.flags)
    if not elements or any(map(ge, elements, elements[1:])):
        return "elements are not ascending"
    if any(flag & ~GIVEN for flag in flags):
        return "a flag that no author may set"
    contested = 0
    if answer.conflict_ids or any(flag & Flag.CONTESTED for flag in flags):
        contested = sum(1 for flag in answer.flags if flag & Flag.CONTESTED)
    if contested != len(answer.conflict_ids):
        return "not one conflict for each contested value"
    if any(flag & Flag.TEXT for flag in flags):
        places = range(1, len(answer.texts) + 1)
        for number, flag in zip(answer.numbers, answer.flags, strict=True):
            if flag & Flag.TEXT and number not in places:
                return "a text is missing"
    return None


def misplaced(catalogue: Catalogue, answer: Answer) -> str | None:
    """Say which element this division does not give, or not for such a period."""
    level = level_of(answer.key.division)
    period = periods.parse(answer.key.period).type
    for number in answer.elements:
        element = catalogue.numbered(number)
        if element is None:
            continue
        if element.collect_level is not level or element.period_type is not period:
            return f"{element.code} for {answer.key.period} of a {level.name.lower()}"
    return None


def check(
    catalogue: Catalogue, version: int, element: int, kept: int | str
) -> tuple[str, str] | None:
    """Say why a value cannot be taken, as (reason, detail); remember it if it can."""
    known = catalogue.numbered(element, version)
    if known is None:
        return UNKNOWN_ELEMENT, f"element {element} of catalogue version {version}"
    if not values.is_allowed(known, kept):
        return VALUES_INVALID, f"the value of {known.code}"
    if not isinstance(kept, str):
        found = good(catalogue, version)
        if len(found) >= REMEMBERED:
            found.clear()
        found.add((element, kept))
    return None
