"""From the spans of a trace to the rows of a waterfall. Pure.

Spans form a tree by parent; a span whose parent is not here hangs under the latest of
the spans that flowed into it. More than a handful of siblings of one name and service
are one row: a fan-out to 1,461 stays readable.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

ALONE: Final = 5
"""So many siblings of one name still get a row each."""


@dataclass(frozen=True, slots=True)
class Span:
    """One step of the work; times in nanoseconds."""

    span_id: str
    parent_id: str
    name: str
    service: str
    tier: str
    start: int
    end: int
    failed: bool = False
    linked_ids: tuple[str, ...] = ()

    @property
    def duration(self) -> int:
        """How long it took."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Tree:
    """Spans by id, and who hangs under whom; "" holds the roots."""

    spans: Mapping[str, Span]
    children: Mapping[str, Sequence[Span]]
    above: Mapping[str, str]

    def under(self, span_id: str) -> Sequence[Span]:
        """Return the children of a span, by start."""
        return self.children.get(span_id, ())


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the waterfall: a span, or siblings of one name."""

    members: tuple[Span, ...]
    depth: int

    @property
    def start(self) -> int:
        """When the first began."""
        return min(span.start for span in self.members)

    @property
    def end(self) -> int:
        """When the last ended."""
        return max(span.end for span in self.members)

    @property
    def slowest(self) -> Span:
        """The one that took longest."""
        return max(self.members, key=lambda span: (span.duration, span.span_id))

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(span.failed for span in self.members)

    @property
    def links(self) -> int:
        """How many other spans flowed into these."""
        return len({link for span in self.members for link in span.linked_ids})


def build(spans: Iterable[Span]) -> Tree:
    """Hang every span under one other, or under "" where nothing above it is here.

    Whatever the input, the result is a forest that holds each span once: a circle,
    which only broken exporters make, is cut where it closes.
    """
    known = {span.span_id: span for span in spans}
    above: dict[str, str] = {}
    for span in sorted(known.values(), key=_by_start):
        place = _place(span, known)
        above[span.span_id] = "" if _circles(span.span_id, place, above) else place
    children: defaultdict[str, list[Span]] = defaultdict(list)
    for span in sorted(known.values(), key=_by_start):
        children[above[span.span_id]].append(span)
    return Tree(known, children, above)


def _place(span: Span, known: Mapping[str, Span]) -> str:
    if span.parent_id in known:
        return span.parent_id
    flowed = [known[link] for link in span.linked_ids if link in known]
    return max(flowed, key=_by_end).span_id if flowed else ""


def _circles(span_id: str, place: str, above: Mapping[str, str]) -> bool:
    while place:
        if place == span_id:
            return True
        place = above.get(place, "")
    return False


def rows(tree: Tree, alone: int = ALONE) -> list[Row]:
    """Return the lines of the waterfall, each span in exactly one of them."""
    out: list[Row] = []
    waiting: list[tuple[Row, ...]] = [_grouped(tree.under(""), 0, alone)]
    while waiting:
        level = waiting.pop()
        if not level:
            continue
        first, rest = level[0], level[1:]
        out.append(first)
        below = [child for span in first.members for child in tree.under(span.span_id)]
        waiting += [rest, _grouped(below, first.depth + 1, alone)]
    return out


def _grouped(siblings: Sequence[Span], depth: int, alone: int) -> tuple[Row, ...]:
    """Make one row of all siblings of a name when they are more than `alone`."""
    alike: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in siblings:
        alike[span.service, span.name].append(span)
    made: list[Row] = []
    for group in alike.values():
        if len(group) > alone:
            made.append(Row(tuple(group), depth))
        else:
            made += [Row((span,), depth) for span in group]
    return tuple(sorted(made, key=lambda row: (row.start, row.members[0].span_id)))


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time that the result waited for: within a span, or before it began."""

    span_id: str
    begin: int
    end: int
    waiting: bool = False


def critical_path(tree: Tree) -> list[Stretch]:
    """Return what the last success waited for, first to last, without a hole.

    A call that was refused after it is no part of the work; where all failed, the last is
    taken.

    Walked from its end: inside a span, back to its latest child that had ended by then;
    when there is none, to what set the span off: the latest to be ready of its parent
    and the spans that flowed into it. Time between that one's end and the span's start
    is waiting: on a link, in a queue. Each span is entered from below once, so the walk
    ends whatever it is given.
    """
    if not tree.spans:
        return []
    at = max(tree.spans.values(), key=lambda span: (not span.failed, *_by_end(span)))
    moment, seen, path = at.end, {at.span_id}, list[Stretch]()
    ended = _Ended(tree)
    while True:
        child = ended.latest(at, moment, seen)
        if child is not None:
            path.append(Stretch(at.span_id, child.end, moment))
            at, moment = child, child.end
            seen.add(at.span_id)
            continue
        begin = min(at.start, moment)
        path.append(Stretch(at.span_id, begin, moment))
        cause = _cause(at, tree, seen)
        if cause is None:
            break
        ready = min(cause.end, begin)
        path.append(Stretch(at.span_id, ready, begin, waiting=True))
        at, moment = cause, ready
        seen.add(at.span_id)
    return [stretch for stretch in reversed(path) if stretch.end > stretch.begin]


class _Ended:
    """Finds the latest child that had ended by a moment; each child is offered once."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._left: dict[str, list[Span]] = {}

    def latest(self, span: Span, moment: int, seen: set[str]) -> Span | None:
        left = self._left.get(span.span_id)
        if left is None:
            left = sorted(self._tree.under(span.span_id), key=_by_end)
            self._left[span.span_id] = left
        while left:
            child = left.pop()
            within = span.start <= child.end <= moment  # clocks of nodes may differ
            if within and child.span_id not in seen:
                return child
        return None


def _cause(span: Span, tree: Tree, seen: set[str]) -> Span | None:
    """Return what set a span off: the one above it, or a later one that it links to."""
    above = tree.spans.get(tree.above[span.span_id])
    flowed = [
        tree.spans[link]
        for link in span.linked_ids
        if link in tree.spans and link not in seen
    ]
    causes = [cause for cause in flowed if cause.start < span.start]
    if above is not None:
        causes.append(above)
    return max(causes, key=lambda one: min(one.end, span.start), default=None)


def spent(path: Iterable[Stretch]) -> tuple[int, int]:
    """Return how much of a path was work and how much was waiting."""
    work = waiting = 0
    for stretch in path:
        if stretch.waiting:
            waiting += stretch.end - stretch.begin
        else:
            work += stretch.end - stretch.begin
    return work, waiting


def _by_start(span: Span) -> tuple[int, str]:
    return span.start, span.span_id


def _by_end(span: Span) -> tuple[int, int, str]:
    return span.end, span.start, span.span_id
