"""Refusals of the division tree."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from tier.division.model import Fault
from tier.runtime.errors import TierError, Violation

SHOWN = 50


class DivisionUnknown(TierError):
    """Check the code and the day, or ask the tier above."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "DIVISION_UNKNOWN"
    en = "no division {division} stands on {day} here; check the code or ask the tier above"
    zh = "本级没有在 {day} 有效的行政区划 {division}，请核对代码或向上级查询"


class TargetsInvalid(TierError):
    """Name standing divisions below the one that acts, within it."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "TARGETS_INVALID"
    en = "the targets do not fit: {problem}; name divisions below and within yours"
    zh = "承办对象不合理：{problem}；应为本行政区划内的下级"


class DivisionRowsInvalid(TierError):
    """Correct the fields that BadRequest names, at most 50 of them, and send all again."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "DIVISION_ROWS_INVALID"
    en = "{count} fields do not fit the tree, the first: {first}; nothing was changed"
    zh = "共有 {count} 处与区划树不符，首处：{first}；未作任何改动"

    @classmethod
    def of(cls, faults: Sequence[Fault]) -> DivisionRowsInvalid:
        """Show the first faults, and how many there are."""
        shown = [Violation(fault.field, fault.problem) for fault in faults[:SHOWN]]
        first = f"{shown[0].field}: {shown[0].description}"
        return cls(violations=shown, count=len(faults), first=first)
