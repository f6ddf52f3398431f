"""The calendar: which days are worked, and how long things may take."""

from __future__ import annotations

from tier.calendar.held import current, terms_of
from tier.calendar.model import CHINA, CLOSE_OF_WORK, Calendar, Due, Term, Terms
from tier.calendar.rules import SHIPPED, after, is_working, working_days
from tier.calendar.wire import term_from, term_to, terms_from, terms_to

__all__ = [
    "CHINA",
    "CLOSE_OF_WORK",
    "SHIPPED",
    "Calendar",
    "Due",
    "Term",
    "Terms",
    "after",
    "current",
    "is_working",
    "term_from",
    "term_to",
    "terms_from",
    "terms_of",
    "terms_to",
    "working_days",
]
