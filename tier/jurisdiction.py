"""Division codes, levels, ancestry: who lies within whom. Pure.

Statistical division codes (National Bureau of Statistics): 2 digits a province, 4 a
city, 6 a county, 9 a township, 12 a village, and 15 a grid (village and 3). A code is
the prefix of every code below it, so ancestry is a prefix test, but only between
*parsed* codes: `5301` is an ancestor of `530102`, while the string `53010` is nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import NewType

Code = NewType("Code", str)


class Level(IntEnum):
    """How high a division stands; the numbers are those of the protos."""

    PROVINCE = 1
    CITY = 2
    COUNTY = 3
    TOWNSHIP = 4
    VILLAGE = 5
    GRID = 6


DIGITS = {
    Level.PROVINCE: 2,
    Level.CITY: 4,
    Level.COUNTY: 6,
    Level.TOWNSHIP: 9,
    Level.VILLAGE: 12,
    Level.GRID: 15,
}
LEVELS = {digits: level for level, digits in DIGITS.items()}


def parse(text: str) -> Code:
    """Return `text` as a code.

    Raises:
        ValueError: it is not 2, 4, 6, 9, 12 or 15 ASCII digits.
    """
    if len(text) not in LEVELS or not (text.isascii() and text.isdigit()):
        raise ValueError(
            f"{text!r} is not a division code of 2, 4, 6, 9, 12 or 15 digits"
        )
    return Code(text)


def level_of(code: Code) -> Level:
    """Return the level that the length of `code` says."""
    return LEVELS[len(code)]


def contains(ancestor: Code, code: Code) -> bool:
    """Whether `code` is `ancestor` or lies below it."""
    return code[: len(ancestor)] == ancestor


def overlap(one: Code, other: Code) -> bool:
    """Whether one of two areas lies within the other."""
    return contains(one, other) or contains(other, one)


def ancestors(code: Code) -> Iterator[Code]:
    """Yield the codes above `code`, from its parent up to the province."""
    for digits in reversed(LEVELS):
        if digits < len(code):
            yield Code(code[:digits])


def parent_of(code: Code) -> Code | None:
    """Return the code above `code`, or None for a province."""
    return next(ancestors(code), None)


def within(code: Code, areas: Iterable[Code]) -> bool:
    """Whether `code` lies in one of `areas`."""
    return code.startswith(tuple(areas))  # a prefix of parsed codes is an ancestor


def pack(codes: Iterable[Code]) -> list[tuple[int, list[int]]]:
    """Pack codes as runs (digits, ascending deltas): 2 bytes a village on the wire."""
    runs: dict[int, list[int]] = {}
    for code in sorted(set(codes)):
        runs.setdefault(len(code), []).append(int(code))
    packed = []
    for digits, numbers in sorted(runs.items()):
        steps = [
            now - before for before, now in zip([0, *numbers], numbers, strict=False)
        ]
        packed.append((digits, steps))
    return packed


def unpack(runs: Iterable[tuple[int, Sequence[int]]]) -> list[Code]:
    """Undo `pack`, in its order: by length, then by code.

    Raises:
        ValueError: a run does not spell codes.
    """
    codes: list[Code] = []
    for digits, steps in runs:
        number = 0
        for step in steps:
            number += step
            codes.append(parse(str(number).zfill(digits)))
    return codes
