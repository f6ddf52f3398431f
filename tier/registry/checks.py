"""Values that came over a link, checked by the rule they were entered by.

Values repeat, and a rule costs microseconds: what was found good once, under one version of
the catalogue, is remembered, a bounded number of them.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from tier.catalogue import Catalogue
from tier.registry import values

UNKNOWN_ELEMENT = "UNKNOWN_ELEMENT"
VALUES_INVALID = "VALUES_INVALID"

REMEMBERED = 200_000

_GOOD: WeakKeyDictionary[Catalogue, dict[int, set[tuple[int, int]]]] = (
    WeakKeyDictionary()
)


def good(catalogue: Catalogue, version: int) -> set[tuple[int, int]]:
    """Return the (element, number) pairs that were found good under a version."""
    return _GOOD.setdefault(catalogue, {}).setdefault(version, set())


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
