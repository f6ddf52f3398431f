"""What an indicator's value takes: one page of areas, from totals where they do, else from sheets.

It only reads. A page of all counties is a handful of small queries, whatever is below.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice

from tier import division, registry
from tier.app import App
from tier.catalogue import Catalogue
from tier.indicator import rules
from tier.indicator import tree as trees
from tier.indicator.model import Missing, Moved, Piece, Query, Span, Tally, Value
from tier.indicator.tree import Tree
from tier.jurisdiction import DIGITS, Code, Level, within
from tier.registry import Sheet, Stretch, Sum, Sums
from tier.runtime.db import Tx

LISTED_AN_AREA = 100
NAMED_AREAS = 20
"""A page of more areas counts what is missing and names none: in a rush, when most are missing,
to find names costs more than all the rest. Who wants names asks for a city or a county."""


@dataclass(slots=True)
class Reading:
    """A page being read: what is asked, in which transaction, at which moment."""

    app: App
    tx: Tx
    catalogue: Catalogue
    query: Query
    tree: Tree
    now: datetime
    moved: Moved
    day: date
    """As it stood on this day the tree is shown."""

    @property
    def digits(self) -> int:
        """Return how many digits the areas have."""
        return DIGITS[self.query.level]

    @property
    def today(self) -> date:
        """Return the day it is in China."""
        return division.today(self.now)


@dataclass(frozen=True, slots=True)
class Found:
    """What was added up for a span of areas, and the sheets if all of them were read."""

    tallies: Mapping[Code, Tally]
    sheets: Sequence[Sheet] | None = None


async def begin(app: App, tx: Tx, catalogue: Catalogue, query: Query) -> Reading:
    """Prepare to read a page.

    The past is shown under the divisions of then (of the period's last day, or the first
    that the tree knows), or recast under those of today.
    """
    now = app.now()
    today = division.today(now)
    tree = await trees.held(tx, app.db, today)
    day = today
    moved: Moved = {}
    if query.recast:
        moved = await trees.moved(tx, tree, today)
    else:
        last = query.period.end - timedelta(days=1)
        day = min(max(last, tree.first_day), today)
    return Reading(app, tx, catalogue, query, tree, now, moved, day)


async def values(reading: Reading) -> list[Value]:
    """Return the values of one page of areas, and one more if there are more."""
    names = await _standing_areas(reading)
    span = Span(reading.query.after, names[-1] if _is_full(reading, names) else "")
    found = await _found(reading, span)
    inside = (code for code in found.tallies if _is_shown(reading, span, code))
    listed = sorted({*names, *inside})[: reading.query.size + 1]
    missing = await _missing(reading, found, listed[: reading.query.size])
    return await _values(reading, found, listed, missing)


async def _standing_areas(reading: Reading) -> list[Code]:
    """Return the codes of this page's areas that stand, by code, and one more."""
    query = reading.query
    areas = await trees.areas(reading.tx, reading.tree, query.level, reading.day)
    codes = list(areas)
    rest = islice(codes, bisect_right(codes, query.after), None)
    shown = (code for code in rest if within(code, query.within))
    return list(islice(shown, query.size + 1))


def _is_full(reading: Reading, names: Sequence[Code]) -> bool:
    """Whether standing areas alone make a page, so that it ends with the last of them."""
    return len(names) > reading.query.size


def _is_shown(reading: Reading, span: Span, code: Code) -> bool:
    """Whether an area is one of this page."""
    return span.holds(code) and within(code, reading.query.within)


async def _found(reading: Reading, span: Span) -> Found:
    """Add up what counts for a span of areas."""
    query = reading.query
    if query.as_of is not None:
        sheets = await registry.sheets_as_of(
            reading.tx,
            reading.catalogue,
            query.period.text,
            _stretch(reading, span),
            query.as_of,
        )
        pieces = rules.pieces_of(sheets, query.subject.numbers)
        return Found(rules.gather(pieces, reading.digits, reading.moved), sheets)
    if query.level <= Level.COUNTY:
        pieces = await _from_totals(reading, span)
    else:
        pieces = await _from_sheets(reading, span)
    return Found(rules.gather(pieces, reading.digits, reading.moved))


def _stretch(reading: Reading, span: Span) -> Stretch:
    """Return where the sheets of a span lie; anywhere here, if divisions moved since."""
    if reading.moved:
        return Stretch(reading.app.node.hosts)
    first = f"{span.after}:" if span.after else ""
    return Stretch(reading.query.within, first, f"{span.last}:")


async def _from_totals(reading: Reading, span: Span) -> list[Piece]:
    """Return the totals of counties; those that do not do are replaced by their sheets."""
    subject, period = reading.query.subject, reading.query.period.text
    stretch = _stretch(reading, span)
    sums = await registry.county_sums(reading.tx, period, subject.numbers, stretch)
    split = rules.uneven(reading.moved)
    lost: set[str] = set()
    if rules.needs_extremes(subject):
        lost = {code for code, _, one in sums if rules.has_lost_extremes(one)} - split
    pieces = _pieces(one for one in sums if one[0] not in split and one[0] not in lost)
    if lost:
        areas = Stretch(sorted(lost))
        digits = DIGITS[Level.COUNTY]
        read = await _sheet_sums(reading, areas, digits)
        pieces += _pieces(one for one in read if one[0] in lost)
    if split:
        areas = Stretch(sorted(split))
        pieces += _pieces(await _sheet_sums(reading, areas, DIGITS[Level.GRID]))
    return pieces


async def _from_sheets(reading: Reading, span: Span) -> list[Piece]:
    """Return sums of the sheets below townships or villages."""
    first = f"{span.after}:" if span.after else ""
    stretch = Stretch(reading.query.within, first, f"{span.last}:")
    tops = [code for code in rules.tops(reading.moved) if _covers(reading, code)]
    pieces = _pieces(await _sheet_sums(reading, stretch, reading.digits, tops))
    if tops:
        digits = DIGITS[Level.GRID]
        pieces += _pieces(await _sheet_sums(reading, Stretch(tops), digits))
    return pieces


def _covers(reading: Reading, code: Code) -> bool:
    return within(code, reading.app.node.hosts)


async def _sheet_sums(
    reading: Reading, stretch: Stretch, digits: int, but: Sequence[Code] = ()
) -> Sums:
    return await registry.sheet_sums(
        reading.tx,
        reading.query.period.text,
        reading.query.subject.numbers,
        stretch,
        digits=digits,
        but=but,
    )


def _pieces(sums: Iterable[tuple[str, int, Sum]]) -> list[Piece]:
    return [Piece(Code(code), element, one) for code, element, one in sums]


async def _missing(
    reading: Reading, found: Found, areas: Sequence[Code]
) -> dict[Code, Missing]:
    """Return which divisions are missing in each area; nothing is read where none is."""
    subject = reading.query.subject
    lacking = {
        area: tally
        for area in areas
        if (tally := found.tallies.get(area)) is not None
        and any(one.expected > one.received for one in tally.sums.values())
    }
    if not lacking:
        return {}
    if len(areas) > NAMED_AREAS:
        return {
            area: rules.missing_count_of(subject, tally)
            for area, tally in lacking.items()
        }
    most = LISTED_AN_AREA
    if found.sheets is None:
        divisions = await _open(reading, lacking, most + 1)
    else:
        divisions = _absent(reading, found.sheets)
    return {
        area: rules.missing_of(subject, tally, sorted(divisions.get(area, ())), most)
        for area, tally in lacking.items()
    }


async def _open(
    reading: Reading, lacking: Mapping[Code, Tally], limit: int
) -> dict[Code, list[Code]]:
    """Return the first divisions of each area that are asked now and do not answer."""
    parts = [
        (area, part)
        for area, tally in lacking.items()
        for part in (area, *tally.origins)
    ]
    rows = await registry.unanswered(
        reading.tx,
        reading.query.period.text,
        reading.query.subject.numbers,
        parts,
        limit,
    )
    divisions: dict[Code, list[Code]] = {}
    for area, code in rows:
        if rules.home(code, reading.digits, reading.moved) == area:
            divisions.setdefault(Code(area), []).append(code)
    return divisions


def _absent(reading: Reading, sheets: Sequence[Sheet]) -> dict[Code, list[Code]]:
    """Return all divisions that had been asked and had not answered."""
    divisions: dict[Code, list[Code]] = {}
    for sheet in sheets:
        if rules.lacks(sheet, reading.query.subject.numbers):
            code = sheet.key.division
            area = rules.home(code, reading.digits, reading.moved)
            if area is not None:
                divisions.setdefault(area, []).append(code)
    return divisions


async def _values(
    reading: Reading,
    found: Found,
    listed: Sequence[Code],
    missing: Mapping[Code, Missing],
) -> list[Value]:
    """Work out what each area's values come to."""
    subject = reading.query.subject
    names = await _names(reading, listed)
    counts = [
        await trees.standing(
            reading.tx, reading.tree, level, reading.day, reading.digits
        )
        for level in {element.collect_level for element in subject.elements}
    ]
    moment = reading.query.as_of or reading.now
    values = []
    for area in listed:
        tally = found.tallies.get(area, NOTHING)
        number, problem = rules.result(subject, tally)
        cells = rules.over_all(subject, tally)
        values.append(
            Value(
                area=area,
                name=names.get(area, ""),
                number=number,
                problem=problem,
                cells=cells,
                mean_age=rules.mean_age(cells, moment),
                standing=rules.standing(counts, area),
                missing=missing.get(area, NOBODY),
                weighted=subject.weighted,
                origins=sorted(tally.origins),
            )
        )
    return values


async def _names(reading: Reading, listed: Sequence[Code]) -> dict[Code, str]:
    """Return the names of areas; those that stand no more are marked as ended."""
    level = reading.query.level
    today = await trees.areas(reading.tx, reading.tree, level, reading.today)
    ended = [code for code in listed if code not in today]
    names = {code: today[code] for code in listed if code in today}
    if ended:
        known = await division.names(reading.tx, ended)
        names |= {code: ENDED.format(name=name) for code, name in known.items()}
    return names


ENDED = "{name}（已撤销）"
NOTHING = Tally()
NOBODY = Missing()
