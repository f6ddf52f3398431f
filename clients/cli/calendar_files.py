"""Calendars and tables of terms as files: TOML, or CSV."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from clients.cli.words import UsageProblem
from ducha.assignment.v1.assignment_pb2 import SourceType, Urgency
from ducha.calendar.v1 import calendar_pb2 as pb

TERM = re.compile(r"([1-9]\d{0,3})(wd|h)")
RANGE = ".."
LONGEST = 366
TERMS = ("receive", "work", "dispute", "review")
NUMBERS = (
    "receipt_near_percent",
    "near_percent",
    "max_extensions",
    "max_extension_days",
)
UNREADABLE = (ValueError, TypeError, AttributeError, RecursionError, csv.Error)
COLUMNS = (
    *("source_type", "urgency", "receive", "work", "receipt_near_percent"),
    *("near_percent", "ladder", "max_extensions", "max_extension_days"),
    *("dispute", "review", "urge_overdue"),
)
"""What a row of terms has, in the order of its message."""


def years(file: Path, *, official: bool = False) -> list[pb.Year]:
    """Read years from TOML, or from CSV with the columns date, working, name.

    `official` says so of all years of a CSV, which has no place for it. An official year is
    whole unless the file says otherwise.

    Raises:
        UsageProblem: it cannot be read so.
    """
    text = _text(file)
    with _Told(file):
        if file.suffix == ".toml":
            tables = tomllib.loads(text)
            return [_year(int(name), table) for name, table in tables.items()]
        return list(_years(_rows(text, ("date", "working")), official=official))


def terms(file: Path) -> list[pb.Terms]:
    """Read rows of terms from TOML, as `[[rows]]`, or from CSV with the same names as columns.

    Raises:
        UsageProblem: it cannot be read so.
    """
    text = _text(file)
    with _Told(file):
        if file.suffix == ".toml":
            given: Sequence[Mapping[str, Any]] = tomllib.loads(text)["rows"]
        else:
            given = list(_rows(text, COLUMNS))
        return [_terms_row(row) for row in given]


def form(rows: Sequence[pb.Terms]) -> str:
    """Return rows of terms as the CSV that `terms` reads."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(_cell(row, name) for name in COLUMNS)
    return out.getvalue()


def term_text(term: pb.Term) -> str:
    """Write a term as files have it."""
    return f"{term.hours}h" if term.hours else f"{term.working_days}wd"


class _Told:
    """Turns what is wrong inside into the user's problem with a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, wrong: BaseException | None, _: object) -> None:
        """Tell what is wrong.

        Raises:
            UsageProblem: something is.
        """
        if isinstance(wrong, KeyError):
            missing = wrong.args[0]
            raise UsageProblem(
                f"{self._file}: {missing} is missing. See docs/calendar.md.",
                f"{self._file}：缺少 {missing}。格式见 docs/calendar.md。",
            ) from wrong
        if isinstance(wrong, UNREADABLE):
            raise UsageProblem(
                f"{self._file}: {wrong}. See docs/calendar.md for its form.",
                f"{self._file}：{wrong}。格式见 docs/calendar.md。",
            ) from wrong


def _text(file: Path) -> str:
    """Read a file.

    Raises:
        UsageProblem: it is no text, or neither TOML nor CSV by its name.
    """
    if file.suffix not in {".toml", ".csv"}:
        raise UsageProblem(
            f"{file} is neither .toml nor .csv. Name it by what it is.",
            f"{file} 既不是 .toml 也不是 .csv。请按内容命名。",
        )
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as wrong:
        raise UsageProblem(
            f"{file} cannot be read: {wrong}. Save it as UTF-8.",
            f"无法读取 {file}：{wrong}。请另存为 UTF-8。",
        ) from wrong


def _year(number: int, table: Mapping[str, Any]) -> pb.Year:
    """Read `[2027]`: official, whole, working = [days], and off = name to days."""
    unknown = table.keys() - {"official", "whole", "off", "working"}
    if unknown:
        raise ValueError(f"[{number}] has {min(unknown)}, which means nothing here")
    official = bool(table.get("official", False))
    days = [
        pb.Day(date=day.isoformat(), name=name)
        for name, told in table.get("off", {}).items()
        for day in _days(told)
    ]
    days += [
        pb.Day(date=day.isoformat(), working=True)
        for day in _days(table.get("working", []))
    ]
    whole = bool(table.get("whole", official))
    return pb.Year(year=number, official=official, whole=whole, days=days)


def _days(told: object) -> Iterator[date]:
    """Yield the days of a day, a range such as `2027-02-05..2027-02-11`, or a list of both."""
    if isinstance(told, list):
        for one in told:
            yield from _days(one)
        return
    first, _, last = str(told).partition(RANGE)
    day, end = date.fromisoformat(first), date.fromisoformat(last or first)
    length = (end - day).days + 1
    if not 0 < length <= LONGEST:
        raise ValueError(f"{told!r} is no range of days within a year")
    yield from (day + timedelta(days=n) for n in range(length))


def _years(rows: Sequence[Mapping[str, str]], *, official: bool) -> Iterator[pb.Year]:
    """Yield a year for each that the days lie in."""
    found: dict[int, pb.Year] = {}
    for row in rows:
        day = date.fromisoformat(row["date"])
        year = found.setdefault(
            day.year, pb.Year(year=day.year, official=official, whole=official)
        )
        year.days.add(
            date=day.isoformat(),
            working=_yes(row["working"]),
            name=row.get("name") or "",
        )
    yield from found.values()


def _rows(text: str, needed: Sequence[str]) -> Sequence[dict[str, str]]:
    """Read CSV with a head.

    Raises:
        KeyError: a column is missing.
    """
    reader = csv.DictReader(io.StringIO(text))
    for name in needed:
        if name not in (reader.fieldnames or ()):
            raise KeyError(name)
    return list(reader)


def _terms_row(row: Mapping[str, Any]) -> pb.Terms:
    ladder = row["ladder"]
    steps = ladder if isinstance(ladder, list) else str(ladder).split()
    made = pb.Terms(
        source_type=_number(row["source_type"], SourceType.Value, "SOURCE_TYPE_"),
        urgency=_number(row["urgency"], Urgency.Value, "URGENCY_"),
        ladder=map(_term, steps),
        urge_overdue=_yes(row["urge_overdue"]),
    )
    for name in TERMS:
        getattr(made, name).CopyFrom(_term(row[name]))
    for name in NUMBERS:
        setattr(made, name, int(row[name]))
    return made


def _number(word: object, value: Callable[[str], int], prefix: str) -> int:
    """Read `plan-line` as the enum names it."""
    return value(prefix + str(word).upper().replace("-", "_"))


def _term(told: object) -> pb.Term:
    """Read `15wd` or `4h`."""
    found = TERM.fullmatch(str(told))
    if found is None:
        raise ValueError(f"{told!r} is no term such as 15wd or 4h")
    length = int(found[1])
    is_hours = found[2] == "h"
    return pb.Term(hours=length) if is_hours else pb.Term(working_days=length)


def _yes(told: object) -> bool:
    """Read a yes or no, as TOML or as a table has it."""
    said = str(told).strip().lower()
    if said in {"true", "yes", "1", "是", "班"}:
        return True
    if said in {"false", "no", "0", "否", "休"}:
        return False
    raise ValueError(f"{told!r} is neither true nor false")


def _cell(row: pb.Terms, name: str) -> str:
    """Write one column of a row."""
    if name in TERMS:
        return term_text(getattr(row, name))
    if name == "ladder":
        return " ".join(map(term_text, row.ladder))
    if name == "source_type":
        return _word(SourceType.Name(SourceType.ValueType(row.source_type)))
    if name == "urgency":
        return _word(Urgency.Name(Urgency.ValueType(row.urgency)))
    return str(getattr(row, name)).lower()


def _word(name: str) -> str:
    """Return `SOURCE_TYPE_PLAN_LINE` as `plan-line`, as the other commands write it."""
    for prefix in ("SOURCE_TYPE_", "URGENCY_"):
        name = name.removeprefix(prefix)
    return name.lower().replace("_", "-")
