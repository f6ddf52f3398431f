"""How values of an area become one, and under which code they count. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from tier.catalogue.expressions import evaluate
from tier.catalogue.model import Aggregation, Element
from tier.indicator.model import Missing, Moved, Piece, Subject, Tally
from tier.jurisdiction import DIGITS, Code, Level, ancestors, contains
from tier.registry.model import Flag, Sheet, Sum
from tier.registry.totals import seconds
from tier.registry.values import scaled_back

COUNTY_DIGITS = DIGITS[Level.COUNTY]

NO_VALUES = "no values of {codes}（{codes} 无数据）"
NO_NUMBER = (
    "the formula gives no number, as by a division by zero（公式无结果，如除数为零）"
)
TEXTS = "{codes} holds texts, which are only counted（{codes} 为文本，只能计数）"


def recast(code: Code, moved: Moved) -> Code:
    """Return where a division's values count today: its own code, or its successor's.

    What ended with its own successor follows that one; else the nearest area above it
    that did takes it along. A successor may be of a higher level than the division.
    """
    passed: set[Code] = set()
    while True:
        path = (code, *ancestors(code))
        found = next((p for p in path if p in moved and p not in passed), None)
        if found is None:
            return code
        passed.add(found)
        code = moved[found]


def home(code: Code, digits: int, moved: Moved) -> Code | None:
    """Return the area, of so many digits, where a division counts; None if it has none.

    What went to an area of a higher level than asked for stays under its own code.
    """
    target = recast(code, moved) if moved else code
    if len(target) >= digits:
        return Code(target[:digits])
    return Code(code[:digits]) if len(code) >= digits else None


def origin(code: Code, area: Code, moved: Moved) -> Code | None:
    """Return the widest area that took a division's values along to another's; None if none."""
    if contains(area, code):
        return None
    path = (*reversed(list(ancestors(code))), code)
    return next(p for p in path if home(p, len(area), moved) == area)


def uneven(moved: Moved) -> set[Code]:
    """Return the counties of which parts went another way than the whole.

    Their totals cannot be moved as they are: their sheets are read.
    """
    return {
        county
        for code in moved
        if len(code) > COUNTY_DIGITS
        and recast(code, moved)[:COUNTY_DIGITS]
        != recast(county := Code(code[:COUNTY_DIGITS]), moved)
    }


def tops(moved: Moved) -> list[Code]:
    """Return those that moved and did not lie within another that did."""
    return sorted(
        code for code in moved if not any(above in moved for above in ancestors(code))
    )


def gather(pieces: Iterable[Piece], digits: int, moved: Moved) -> dict[Code, Tally]:
    """Add pieces up by the areas where they count."""
    tallies: dict[Code, Tally] = {}
    homes: dict[Code, Tally | None] = {}
    for piece in pieces:
        if piece.code not in homes:
            homes[piece.code] = _tally(piece.code, digits, moved, tallies)
        tally = homes[piece.code]
        if tally is not None:
            held = tally.sums.get(piece.element)
            add = piece.sum if held is None else plus(held, piece.sum)
            tally.sums[piece.element] = add
    return tallies


def _tally(
    code: Code, digits: int, moved: Moved, tallies: dict[Code, Tally]
) -> Tally | None:
    """Return the tally that a division's values go to."""
    area = home(code, digits, moved)
    if area is None:
        return None
    tally = tallies.setdefault(area, Tally())
    came_from = origin(code, area, moved)
    if came_from is not None:
        tally.origins.add(came_from)
    return tally


def plus(one: Sum, other: Sum) -> Sum:
    """Add two sums, whose extremes are known wherever something was received."""
    smallest = [s for s in (one.smallest, other.smallest) if s is not None]
    largest = [s for s in (one.largest, other.largest) if s is not None]
    return Sum(
        one.expected + other.expected,
        one.received + other.received,
        one.on_time + other.on_time,
        one.total + other.total,
        one.observed + other.observed,
        min(smallest, default=None),
        max(largest, default=None),
    )


def over_all(subject: Subject, tally: Tally) -> Sum:
    """Return the cells of all elements together: only its counts and moments mean anything."""
    cells = Sum()
    for number in subject.numbers:
        found = tally.sums.get(number)
        if found is not None:
            cells = plus(cells, found)
    return cells


def needs_extremes(subject: Subject) -> bool:
    """Whether a smallest or largest that a total has lost must be read off the sheets."""
    return subject.aggregation in {Aggregation.MIN, Aggregation.MAX}


def has_lost_extremes(found: Sum) -> bool:
    """Whether a total's smallest or largest was corrected away."""
    return found.received > 0 and (found.smallest is None or found.largest is None)


def result(subject: Subject, tally: Tally) -> tuple[float | None, str]:
    """Return the number an area's values come to, or None and why not."""
    if subject.aggregation is not Aggregation.COUNT:
        texts = [one.code for one in subject.elements if one.type.is_text]
        if texts:
            return None, TEXTS.format(codes=", ".join(texts))
    numbers: dict[str, float] = {}
    lacking = []
    for element in subject.elements:
        found = tally.sums.get(element.number, Sum())
        number = aggregate(subject, element, found)
        if number is None:
            lacking.append(element.code)
        else:
            numbers[element.code] = number
    if lacking:
        return None, NO_VALUES.format(codes=", ".join(lacking))
    if subject.indicator is None:
        (number,) = numbers.values()
        return number, ""
    computed = evaluate(subject.indicator, numbers)
    return computed, "" if computed is not None else NO_NUMBER


def aggregate(subject: Subject, element: Element, found: Sum) -> float | None:
    """Return what the values of one element come to, in its unit; None if there are none."""
    if subject.aggregation is Aggregation.COUNT:
        return float(found.received)
    if not found.received:
        return None
    match subject.aggregation:
        case Aggregation.MEAN:
            kept: float | None = found.total / found.received
        case Aggregation.MIN:
            kept = found.smallest
        case Aggregation.MAX:
            kept = found.largest
        case _:
            raised = found.expected / found.received if subject.weighted else 1
            kept = found.total * raised
    return None if kept is None else scaled_back(element, kept)


def mean_age(cells: Sum, now: datetime) -> timedelta | None:
    """Return how old the values are in the mean; None if there are none."""
    if not cells.received:
        return None
    age = now.timestamp() - cells.observed / cells.received
    return timedelta(seconds=max(0.0, age))


def share(part: int, whole: int) -> float:
    """Return part over whole; 0 where nothing was expected."""
    return part / whole if whole else 0.0


def lacks(sheet: Sheet, elements: Iterable[int]) -> bool:
    """Whether one of the elements is asked of a sheet and not held."""
    asked, held = set(sheet.asked), set(sheet.elements)
    return any(element in asked and element not in held for element in elements)


def missing_of(
    subject: Subject, tally: Tally, found: Sequence[Code], most: int
) -> Missing:
    """Say which divisions are missing, of those found: one more than `most` if there are more.

    How many there are beyond what is listed, the totals say of each element: the one that
    most lack stands for all.
    """
    if len(found) <= most:
        return Missing(found, len(found))
    counted = missing_count_of(subject, tally)
    return Missing(found[:most], max(counted.count, len(found)))


def missing_count_of(subject: Subject, tally: Tally) -> Missing:
    """Say how many divisions are missing, by the totals, and name none."""
    counts = (tally.sums.get(number, Sum()) for number in subject.numbers)
    return Missing((), max(one.expected - one.received for one in counts))


def pieces_of(sheets: Iterable[Sheet], elements: Sequence[int]) -> list[Piece]:
    """Return what each sheet holds and is asked of the elements."""
    return [
        Piece(sheet.key.division, element, found)
        for sheet in sheets
        for element in elements
        if (found := _cell(sheet, element)) is not None
    ]


def _cell(sheet: Sheet, element: int) -> Sum | None:
    """Return the sum of one cell; None if it is neither asked nor held."""
    if element not in sheet.elements:
        return Sum(expected=1) if element in sheet.asked else None
    place = list(sheet.elements).index(element)
    number, flag = sheet.numbers[place], sheet.flags[place]
    observed = seconds(sheet.observed[sheet.given[place] - 1])
    on_time = 0 if flag & Flag.LATE else 1
    if flag & Flag.TEXT:
        return Sum(1, 1, on_time, 0, observed)
    return Sum(1, 1, on_time, number, observed, number, number)


def standing(counts: Iterable[Mapping[str, int]], area: Code) -> int:
    """Return how many divisions stand in an area, over the levels that collect."""
    return sum(count.get(area, 0) for count in counts)
