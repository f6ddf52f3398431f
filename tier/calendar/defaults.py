"""The terms that hold until the province publishes others: a row a line. Pure.

docs/calendar.md shows the table; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tier.calendar.model import Term, Terms

PLAN_LINE, ONE_OFF, LEADER, MEETING, PUBLIC = SOURCE_TYPES = range(1, 6)
ROUTINE, URGENT, EMERGENCY = URGENCIES = range(1, 4)
"""Numbers of the enums of `ducha.assignment.v1`; a test compares them."""

NEAR_PERCENT = 80


def wd(days: int) -> Term:
    """Return a term of working days."""
    return Term(working_days=days)


def h(hours: int) -> Term:
    """Return a term of hours."""
    return Term(hours=hours)


# fmt: off
ROWS = (
    # source    urgency    receive work    ladder                   extensions dispute review
    (PLAN_LINE, ROUTINE,   wd(2),  wd(20), (wd(1), wd(3), wd(5)),   (2, 10),   wd(2),  wd(5)),
    (ONE_OFF,   ROUTINE,   wd(2),  wd(15), (wd(1), wd(3), wd(5)),   (2, 10),   wd(2),  wd(5)),
    (LEADER,    ROUTINE,   wd(2),  wd(10), (wd(1), wd(3), wd(5)),   (2, 10),   wd(2),  wd(5)),
    (MEETING,   ROUTINE,   wd(2),  wd(15), (wd(1), wd(3), wd(5)),   (2, 10),   wd(2),  wd(5)),
    (PUBLIC,    ROUTINE,   wd(2),  wd(10), (wd(1), wd(3), wd(5)),   (2, 10),   wd(2),  wd(5)),
    (PLAN_LINE, URGENT,    h(4),   wd(3),  (h(4), wd(1), wd(2)),    (1, 2),    wd(1),  wd(3)),
    (ONE_OFF,   URGENT,    h(4),   wd(3),  (h(4), wd(1), wd(2)),    (1, 2),    wd(1),  wd(3)),
    (LEADER,    URGENT,    h(4),   wd(3),  (h(4), wd(1), wd(2)),    (1, 2),    wd(1),  wd(3)),
    (MEETING,   URGENT,    h(4),   wd(3),  (h(4), wd(1), wd(2)),    (1, 2),    wd(1),  wd(3)),
    (PUBLIC,    URGENT,    h(4),   wd(3),  (h(4), wd(1), wd(2)),    (1, 2),    wd(1),  wd(3)),
    (PLAN_LINE, EMERGENCY, h(1),   h(24),  (h(1), h(4), h(12)),     (1, 1),    h(4),   wd(1)),
    (ONE_OFF,   EMERGENCY, h(1),   h(24),  (h(1), h(4), h(12)),     (1, 1),    h(4),   wd(1)),
    (LEADER,    EMERGENCY, h(1),   h(24),  (h(1), h(4), h(12)),     (1, 1),    h(4),   wd(1)),
    (MEETING,   EMERGENCY, h(1),   h(24),  (h(1), h(4), h(12)),     (1, 1),    h(4),   wd(1)),
    (PUBLIC,    EMERGENCY, h(1),   h(24),  (h(1), h(4), h(12)),     (1, 1),    h(4),   wd(1)),
)
# fmt: on


def _rows() -> Iterator[Terms]:
    for source, urgency, receive, work, ladder, extensions, dispute, review in ROWS:
        yield Terms(
            source_type=source,
            urgency=urgency,
            receive=receive,
            work=work,
            receipt_near_percent=NEAR_PERCENT,
            near_percent=NEAR_PERCENT,
            ladder=ladder,
            max_extensions=extensions[0],
            max_extension_days=extensions[1],
            dispute=dispute,
            review=review,
            urge_overdue=True,
            version=0,
        )


DEFAULTS: Mapping[tuple[int, int], Terms] = {
    (row.source_type, row.urgency): row for row in _rows()
}
"""Rows by (source type, urgency): one for each."""
