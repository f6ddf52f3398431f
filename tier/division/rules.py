"""Decisions about the division tree. Pure: no I/O, no clock, no await.

An import is judged twice: each row alone (`read`), then all rows against the known tree
(`plan`). An entry without an end holds until the next entry of its code begins, so a new
dated entry closes the former one, and importing an old file again changes nothing. An
import never reopens what was ended: a division that returns gets a new entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise

from tier.division.model import Division, Fault, Plan, Row
from tier.jurisdiction import (
    Code,
    Level,
    ancestors,
    contains,
    level_of,
    parse,
    within,
)

CHINA = timezone(timedelta(hours=8))
NAME_LENGTH = 100
ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Tree = Mapping[Code, Sequence[Division]]
Key = tuple[Code, date]


def today(now: datetime) -> date:
    """Return the day it is in China: entries begin and end at its midnight."""
    return now.astimezone(CHINA).date()


def day(text: str) -> date:
    """Read `2023-06-30`.

    Raises:
        ValueError: it is written otherwise, or there is no such day.
    """
    if not ISO_DAY.fullmatch(text):
        raise ValueError(f"{text!r} is not a day such as 2023-06-30")
    return date.fromisoformat(text)


def read(
    rows: Sequence[Row], *, today: date | None = None
) -> tuple[list[Division], list[Fault]]:
    """Read each row alone; the divisions are all there only if nothing is at fault.

    A row without a first day begins `today`, until `dated` knows better; without
    `today` it is at fault.
    """
    divisions: list[Division] = []
    faults: list[Fault] = []
    for index, row in enumerate(rows):
        if today is not None and not row.valid_from:
            division, problems = _read_one(replace(row, valid_from=today.isoformat()))
        else:
            division, problems = _read_one(row)
        faults += [Fault(f"divisions[{index}].{name}", why) for name, why in problems]
        if division is not None:
            divisions.append(division)
    return divisions, faults


def dated(
    rows: Sequence[Row], divisions: Sequence[Division], known: Iterable[Division]
) -> list[Division]:
    """Give each row without a first day the one it means.

    Lists of divisions seldom say since when. Such a row speaks of the latest entry of
    its code: if it says the same, or that entry has ended, nothing changes; else what
    it says begins today, and history stays.
    """
    latest: dict[Code, Division] = {}
    for entry in sorted(known, key=lambda entry: entry.valid_from):
        latest[entry.code] = entry
    found: list[Division] = []
    for row, division in zip(rows, divisions, strict=True):
        held = latest.get(division.code)
        if held is not None and not row.valid_from:
            same = replace(division, valid_from=held.valid_from)
            if held.valid_to is not None or _merge(held, same) == held:
                found.append(held)
                continue
        found.append(division)
    return found


def _read_one(row: Row) -> tuple[Division | None, list[tuple[str, str]]]:
    """Read one row, or say what is wrong with each of its fields."""
    problems: list[tuple[str, str]] = []
    code = _code(row.code, "code", problems)
    parent = _code(row.parent, "parent_code", problems) if row.parent else None
    begin = _day(row.valid_from, "valid_from", problems)
    end = _day(row.valid_to, "valid_to", problems) if row.valid_to else None
    successors = [
        _code(text, f"successor_codes[{place}]", problems)
        for place, text in enumerate(row.successors)
    ]
    if not row.name.strip():
        problems.append(("name", "is empty（名称为空）"))
    elif len(row.name) > NAME_LENGTH or not row.name.isprintable():
        why = f"is not {NAME_LENGTH} printable characters at most（名称过长或含不可见字符）"
        problems.append(("name", why))
    if code is not None and row.level != level_of(code):
        level = level_of(code)
        problems.append(("level", f"is {level.name} by the code（与代码级别不符）"))
    if begin is not None and end is not None and end <= begin:
        problems.append(("valid_to", "is not after valid_from（终止日不晚于起始日）"))
    if code is None or begin is None or problems:
        return None, problems
    carried = tuple(successor for successor in successors if successor is not None)
    division = Division(code, row.name, level_of(code), parent, begin, end, carried)
    return division, problems


def _code(text: str, name: str, problems: list[tuple[str, str]]) -> Code | None:
    """Read a code, or note what is wrong with it."""
    try:
        return parse(text)
    except ValueError as wrong:
        problems.append((name, f"{wrong}（不是行政区划代码）"))
        return None


def _day(text: str, name: str, problems: list[tuple[str, str]]) -> date | None:
    """Read a day, or note what is wrong with it."""
    try:
        return day(text)
    except ValueError as wrong:
        problems.append((name, f"{wrong}（日期无效）"))
        return None


def mentioned(divisions: Iterable[Division]) -> set[Code]:
    """Return the codes whose known entries `plan` must see."""
    codes: set[Code] = set()
    for division in divisions:
        codes.add(division.code)
        codes.update(ancestors(division.code))
        codes.update(division.successors)
    return codes


def plan(
    divisions: Sequence[Division], known: Iterable[Division], hosts: Iterable[Code]
) -> tuple[Plan, list[Fault]]:
    """Decide what an import writes; it holds only if nothing is at fault.

    `known` are the entries of all codes in `mentioned(divisions)`, `hosts` the areas
    the keeper of the tree answers for.
    """
    before = {(entry.code, entry.valid_from): entry for entry in known}
    places, faults = _places(divisions)
    rows = {key: _merge(before.get(key), divisions[at]) for key, at in places.items()}
    tree = _timelines((before | rows).values())
    areas = tuple(hosts)
    faults += _overlaps(tree, places)
    for (code, start), index in places.items():
        entry = next(entry for entry in tree[code] if entry.valid_from == start)
        faults += [
            Fault(f"divisions[{index}].{name}", why)
            for name, why in _misfits(entry, tree, areas)
        ]
    settled = [entry for entries in tree.values() for entry in entries]
    writes = [
        entry
        for entry in sorted(settled, key=lambda entry: (entry.code, entry.valid_from))
        if before.get((entry.code, entry.valid_from)) != entry
    ]
    imported = sum((entry.code, entry.valid_from) in rows for entry in writes)
    return Plan(tuple(writes), imported, len(rows) - imported), faults


def _places(divisions: Sequence[Division]) -> tuple[dict[Key, int], list[Fault]]:
    """Say which row holds which entry, and which rows repeat another."""
    places: dict[Key, int] = {}
    faults: list[Fault] = []
    for index, division in enumerate(divisions):
        first = places.setdefault((division.code, division.valid_from), index)
        if first != index:
            why = f"repeats divisions[{first}]（与第 {first + 1} 行重复）"
            faults.append(Fault(f"divisions[{index}].code", why))
    return places, faults


def _merge(known: Division | None, row: Division) -> Division:
    """Return what `row` makes of a known entry: an empty end does not reopen it."""
    if known is None:
        return row
    return replace(
        row,
        valid_to=row.valid_to or known.valid_to,
        successors=row.successors or known.successors,
    )


def _timelines(entries: Iterable[Division]) -> dict[Code, list[Division]]:
    """Put the entries of each code in order, each open one closed by the next."""
    tree: dict[Code, list[Division]] = {}
    for entry in sorted(entries, key=lambda entry: entry.valid_from):
        timeline = tree.setdefault(entry.code, [])
        if timeline and timeline[-1].valid_to is None:
            timeline[-1] = replace(timeline[-1], valid_to=entry.valid_from)
        timeline.append(entry)
    return tree


def _overlaps(tree: Tree, places: Mapping[Key, int]) -> list[Fault]:
    """Find rows that begin before another entry of their code has ended."""
    faults = []
    for code, timeline in tree.items():
        for former, latter in pairwise(timeline):
            if former.valid_to is None or former.valid_to <= latter.valid_from:
                continue
            index, name = places.get((code, latter.valid_from)), "valid_from"
            if index is None:
                index, name = places.get((code, former.valid_from)), "valid_to"
            if index is not None:
                why = (
                    f"{code} stands from {former.valid_from} to {former.valid_to}, and"
                    f" again from {latter.valid_from}（与该代码的其他有效期重叠）"
                )
                faults.append(Fault(f"divisions[{index}].{name}", why))
    return faults


def _misfits(
    entry: Division, tree: Tree, hosts: Sequence[Code]
) -> list[tuple[str, str]]:
    """Say what does not fit between one entry and the tree."""
    problems = []
    if not within(entry.code, hosts):
        why = f"lies outside {', '.join(hosts)}（不在本级辖区内）"
        problems.append(("code", why))
    problem = _parent_problem(entry, tree)
    if problem:
        problems.append(("parent_code", problem))
    if entry.successors and entry.valid_to is None:
        why = "only an ended division has successors（未终止的区划不能有承继区划）"
        problems.append(("successor_codes", why))
    return problems + _lost_successors(entry, tree)


def _parent_problem(entry: Division, tree: Tree) -> str:
    """Say why the parent is not the nearest division above; empty if it is.

    A level may be missing, as below cities without counties, but never passed over.
    """
    if entry.parent is None:
        if entry.level is Level.PROVINCE:
            return ""
        return "is empty, and only a province has none（缺少上级代码）"
    if entry.parent not in ancestors(entry.code):
        return f"{entry.parent} is not above {entry.code}（不是其上级代码）"
    above = (code for code in ancestors(entry.code))
    nearest = next(
        (code for code in above if _stands(tree, code, entry.valid_from)), None
    )
    if nearest == entry.parent:
        return ""
    if nearest is not None and contains(entry.parent, nearest):
        return f"passes over {nearest}（越过了上级 {nearest}）"
    return f"{entry.parent} is not known on {entry.valid_from}（当日无此上级区划）"


def _lost_successors(entry: Division, tree: Tree) -> list[tuple[str, str]]:
    """Find successors that do not stand when the entry ends."""
    if entry.valid_to is None:
        return []
    return [
        (
            f"successor_codes[{place}]",
            f"{code} is not known on {entry.valid_to}（当日无此承继区划）",
        )
        for place, code in enumerate(entry.successors)
        if not _stands(tree, code, entry.valid_to)
    ]


def _stands(tree: Tree, code: Code, on: date) -> bool:
    """Whether a code stands on a day."""
    return any(entry.stands(on) for entry in tree.get(code, ()))


def end(
    standing: Division,
    last: date,
    successors: Sequence[Code],
    known: Iterable[Division],
) -> tuple[Division, list[Fault]]:
    """Decide how a division ends on `last`; it holds only if nothing is at fault."""
    if last <= standing.valid_from:
        why = f"is not after {standing.valid_from}（终止日不晚于起始日）"
        return standing, [Fault("valid_to", why)]
    ended = replace(standing, valid_to=last, successors=tuple(successors))
    others = (
        entry
        for entry in known
        if (entry.code, entry.valid_from) != (ended.code, ended.valid_from)
    )
    tree = _timelines([*others, ended])
    return ended, [Fault(name, why) for name, why in _lost_successors(ended, tree)]


def concerning(area: Code, divisions: Iterable[Division]) -> list[Division]:
    """Return what the keeper of `area` must know: its branch, and the path above it."""
    return [
        entry
        for entry in divisions
        if contains(area, entry.code) or contains(entry.code, area)
    ]
