"""What happened to an item, folded from the facts of the ledger. Pure.

It goes a way of its own: nothing here looks at a table, so that a fault in the rows, or in the
SQL over them, is not repeated. Folding an event twice is folding it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from tier.jurisdiction import Code
from tier.statistics import rules
from tier.statistics.model import NOTHING, Counts, Key, Measure


@dataclass(frozen=True, slots=True)
class Introduced:
    """The item came, with who answers for it."""

    issuer: Code
    lead_unit: str
    source_type: int
    urgency: int
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class Assigned:
    """Divisions were given the item; a split of old does not say when."""

    divisions: Sequence[Code]
    assigner: Code
    at: datetime | None
    receive_by: datetime
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Received:
    """Executors confirmed receipt."""

    divisions: Sequence[Code]
    at: datetime


@dataclass(frozen=True, slots=True)
class Reported:
    """An executor reported, under an epoch."""

    division: Code
    epoch: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Returned:
    """Reports were sent back; each assignment begins a new epoch. One of old has no moment."""

    epochs: Mapping[Code, int]
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Clocked:
    """Clocks that stood alike were moved, or run again; each begins a new term."""

    terms: Mapping[Code, int]
    receive_by: datetime
    deadline: datetime
    resumed_at: datetime | None = None
    stopped: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Assignments were taken back with all that was split from them; None: all there are."""

    divisions: Sequence[Code] | None


class Petitioned(Enum):
    """What was asked, as far as it is counted."""

    EXTENSION = auto()
    SUSPENSION = auto()
    DISPUTE = auto()
    REVIEW = auto()


@dataclass(frozen=True, slots=True)
class Filed:
    """An executor asked something."""

    petition: str
    division: Code
    what: Petitioned
    at: datetime


@dataclass(frozen=True, slots=True)
class Granted:
    """What was asked was granted."""

    petition: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Urged:
    """Executors were urged."""

    urge: str
    divisions: Sequence[Code]
    at: datetime


@dataclass(frozen=True, slots=True)
class Escalated:
    """Executors that were late were escalated."""

    divisions: Sequence[Code]
    term: int
    rung: int
    at: datetime


Event = (
    Introduced
    | Assigned
    | Received
    | Reported
    | Returned
    | Clocked
    | Withdrawn
    | Filed
    | Granted
    | Urged
    | Escalated
)


@dataclass(slots=True)
class Course:
    """How one assignment went."""

    assigner: Code
    assigned_at: datetime
    receive_by: datetime
    deadline: datetime
    original_deadline: datetime
    epoch: int = 1
    term: int = 1
    received_at: datetime | None = None
    reported_at: datetime | None = None
    withdrawn: bool = False


@dataclass(slots=True)
class History:
    """How an item went."""

    item: Introduced | None = None
    withdrawn: bool = False
    courses: dict[Code, Course] = field(default_factory=dict)
    returns: dict[tuple[Code, int], datetime] = field(default_factory=dict)
    stops: dict[tuple[Code, int], tuple[datetime, timedelta]] = field(
        default_factory=dict
    )
    filed: dict[str, Filed] = field(default_factory=dict)
    granted: dict[str, datetime] = field(default_factory=dict)
    urges: dict[tuple[str, Code], datetime] = field(default_factory=dict)
    escalations: dict[tuple[Code, int, int], datetime] = field(default_factory=dict)


def fold(history: History, event: Event) -> None:
    """Let `history` go on by one event."""
    FOLDS[type(event)](history, event)


def _introduce(history: History, event: Introduced) -> None:
    history.item = history.item or event


def _assign(history: History, event: Assigned) -> None:
    above = history.courses.get(event.assigner)
    taken_back = history.withdrawn or (above is not None and above.withdrawn)
    at = event.at or (history.item.issued_at if history.item else event.deadline)
    for code in event.divisions:
        history.courses.setdefault(
            code,
            Course(
                event.assigner,
                at,
                event.receive_by,
                event.deadline,
                event.deadline,
                withdrawn=taken_back,
            ),
        )


def _receive(history: History, event: Received) -> None:
    for course in _courses(history, event.divisions):
        course.received_at = course.received_at or event.at


def _report(history: History, event: Reported) -> None:
    for course in _courses(history, [event.division]):
        if event.epoch >= course.epoch:
            course.received_at = course.received_at or event.at
            course.reported_at = event.at


def _return(history: History, event: Returned) -> None:
    for code, epoch in event.epochs.items():
        if event.at is not None:
            history.returns.setdefault((code, epoch), event.at)
        for course in _courses(history, [code]):
            if epoch > course.epoch:
                course.epoch, course.reported_at = epoch, None


def _clock(history: History, event: Clocked) -> None:
    for code, term in event.terms.items():
        for course in _courses(history, [code]):
            if term <= course.term:
                continue
            course.term = term
            course.receive_by, course.deadline = event.receive_by, event.deadline
            if event.resumed_at is not None:
                history.stops[code, term] = (event.resumed_at, event.stopped)


def _withdraw(history: History, event: Withdrawn) -> None:
    if event.divisions is not None:
        _take_back(history, event.divisions)
        return
    history.withdrawn = True
    for course in history.courses.values():
        course.withdrawn = True


def _take_back(history: History, divisions: Iterable[Code]) -> None:
    """Take assignments back, and whatever was split from them, to the last tier."""
    taken = set(divisions)
    while taken:
        for course in _courses(history, taken):
            course.withdrawn = True
        taken = {
            code
            for code, course in history.courses.items()
            if course.assigner in taken and not course.withdrawn
        }


def _file(history: History, event: Filed) -> None:
    history.filed.setdefault(event.petition, event)


def _grant(history: History, event: Granted) -> None:
    history.granted.setdefault(event.petition, event.at)


def _urge(history: History, event: Urged) -> None:
    for code in event.divisions:
        history.urges.setdefault((event.urge, code), event.at)


def _escalate(history: History, event: Escalated) -> None:
    for code in event.divisions:
        step = (code, event.term, event.rung)
        history.escalations.setdefault(step, event.at)


FOLDS: Mapping[type, Callable[[History, Any], None]] = {
    Introduced: _introduce,
    Assigned: _assign,
    Received: _receive,
    Reported: _report,
    Returned: _return,
    Clocked: _clock,
    Withdrawn: _withdraw,
    Filed: _file,
    Granted: _grant,
    Urged: _urge,
    Escalated: _escalate,
}


def _courses(history: History, divisions: Iterable[Code]) -> Iterator[Course]:
    """Yield those of the assignments that are known."""
    for code in divisions:
        course = history.courses.get(code)
        if course is not None:
            yield course


Happening = tuple[Code, Measure, datetime, int]


def counted(history: History) -> dict[Key, Counts]:
    """Return what is to be counted of an item: by division and month, nothing summed over."""
    if history.item is None:
        return {}
    who, unit, source, urgency = (
        history.item.issuer,
        history.item.lead_unit,
        history.item.source_type,
        history.item.urgency,
    )
    sums: dict[Key, list[int]] = {}
    for code, measure, at, amount in _happenings(history):
        key = Key(code, who, unit, source, urgency, rules.month_of(at))
        sums.setdefault(key, list(NOTHING))[measure - 1] += amount
    return {key: tuple(counts) for key, counts in sums.items()}


def _happenings(history: History) -> Iterator[Happening]:
    """Yield each event that counts: whose, what, when, how much."""
    for code, course in history.courses.items():
        yield from ((code, *rest) for rest in _of_course(course))
    for (code, _), at in history.returns.items():
        yield code, Measure.RETURNED, at, 1
    for (code, _), (at, stopped) in history.stops.items():
        yield code, Measure.STOPPED_SECONDS, at, round(stopped.total_seconds())
    for (_, code), at in history.urges.items():
        yield code, Measure.URGED, at, 1
    yield from _of_petitions(history)
    for (code, _, _), at in history.escalations.items():
        course_of = history.courses.get(code)
        reported = None if course_of is None else course_of.reported_at
        overtaken = reported is not None and reported <= at
        measure = Measure.ESCALATIONS_OVERTAKEN if overtaken else Measure.ESCALATED
        yield code, measure, at, 1


def _of_course(course: Course) -> Iterator[tuple[Measure, datetime, int]]:
    given, done = course.assigned_at, course.reported_at
    yield Measure.ASSIGNED, given, 1
    if course.withdrawn:
        yield Measure.ASSIGNED_WITHDRAWN, given, 1
    if course.received_at is not None:
        in_time = course.received_at <= course.receive_by
        measure = Measure.RECEIVED_ON_TIME if in_time else Measure.RECEIVED_LATE
        yield measure, course.received_at, 1
    if done is None:
        return
    on_time = done <= course.deadline
    yield Measure.FINISHED_ON_TIME if on_time else Measure.FINISHED_LATE, done, 1
    if done <= course.original_deadline:
        yield Measure.FINISHED_IN_ORIGINAL_TIME, done, 1
    if not course.withdrawn:
        yield Measure.ASSIGNED_FINISHED, given, 1
        if on_time:
            yield Measure.ASSIGNED_FINISHED_ON_TIME, given, 1


FILING = {
    Petitioned.DISPUTE: Measure.DISPUTED,
    Petitioned.REVIEW: Measure.REVIEWED,
}
GRANTING = {
    Petitioned.EXTENSION: Measure.EXTENDED,
    Petitioned.SUSPENSION: Measure.SUSPENDED,
    Petitioned.DISPUTE: Measure.DISPUTES_UPHELD,
    Petitioned.REVIEW: Measure.REVIEWS_OVERTURNED,
}


def _of_petitions(history: History) -> Iterator[Happening]:
    for petition, filed in history.filed.items():
        if filed.what in FILING:
            yield filed.division, FILING[filed.what], filed.at, 1
        if petition in history.granted:
            yield filed.division, GRANTING[filed.what], history.granted[petition], 1
