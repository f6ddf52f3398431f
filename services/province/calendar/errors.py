"""Refusals of keeping the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import grpc

from tier.calendar.model import Fault
from tier.runtime.errors import TierError, Violation

SHOWN = 100


class CalendarInvalid(TierError):
    """Correct the years and days that BadRequest names, and send all again."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "CALENDAR_INVALID"
    en = "{count} fields do not fit a calendar, the first: {first}; nothing was changed"
    zh = "共有 {count} 处不符合工作日历要求，首处：{first}；未作任何改动"

    @classmethod
    def of(cls, faults: Sequence[Fault]) -> Self:
        """Show the first faults, and how many there are."""
        return cls(violations=_shown(faults), count=len(faults), first=_first(faults))


class TermsInvalid(TierError):
    """Correct the rows that BadRequest names, and send all again."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "TERMS_INVALID"
    en = (
        "{count} fields do not fit the table of terms, the first: {first};"
        " nothing was changed"
    )
    zh = "共有 {count} 处不符合时限规则要求，首处：{first}；未作任何改动"

    @classmethod
    def of(cls, faults: Sequence[Fault]) -> Self:
        """Show the first faults, and how many there are."""
        return cls(violations=_shown(faults), count=len(faults), first=_first(faults))


def _shown(faults: Sequence[Fault]) -> list[Violation]:
    return [Violation(fault.field, fault.problem) for fault in faults[:SHOWN]]


def _first(faults: Sequence[Fault]) -> str:
    return f"{faults[0].field}: {faults[0].problem}"
