"""Refusals of keeping the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self, TypeAlias

import grpc

from tier.catalogue.model import Fault, Place, Twin
from tier.runtime.errors import TierError, Violation

SHOWN = 100

Where: TypeAlias = Callable[[Place], str]
"""Says where something stands, in the words of who gave it."""


def _shown(faults: Sequence[Fault], where: Where) -> list[Violation]:
    return [Violation(where(fault.place), fault.problem) for fault in faults[:SHOWN]]


class CatalogueRowsInvalid(TierError):
    """Correct the rows that BadRequest names, as many as there is room for, and send all again."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "CATALOGUE_ROWS_INVALID"
    en = "{count} fields do not fit the catalogue, the first: {first}; nothing was changed"
    zh = "共有 {count} 处不符合目录要求，首处：{first}；未作任何改动"

    @classmethod
    def of(cls, faults: Sequence[Fault], where: Where = str) -> Self:
        """Show the first faults, and how many there are."""
        shown = _shown(faults, where)
        first = f"{shown[0].field}: {shown[0].description}"
        return cls(violations=shown, count=len(faults), first=first)


class RuleRefused(TierError):
    """Rewrite the rules and formulas that BadRequest names, and send all again."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "RULE_REFUSED"
    en = (
        "{count} rules or formulas are refused, the first: {first}; nothing was changed"
    )
    zh = "共有 {count} 条规则或公式不可用，首处：{first}；未作任何改动"

    @classmethod
    def of(cls, faults: Sequence[Fault], where: Where = str) -> Self:
        """Show the first that are refused, and how many there are."""
        shown = _shown(faults, where)
        first = f"{shown[0].field}: {shown[0].description}"
        return cls(violations=shown, count=len(faults), first=first)


class TwinUnexplained(TierError):
    """Use the element that is there, or say in `difference` how the new one differs from it."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "TWIN_UNEXPLAINED"
    en = (
        "{element} seems to mean what {twin} ({twin_name}) means: alike in {alike}; {count} in"
        " all. Use that one, or state the difference in 10 characters or more"
    )
    zh = (
        "{element} 与已有数据元 {twin}（{twin_name}）含义相近，相近之处：{alike}；共 {count} 处。"
        "请使用已有数据元，或在“区别说明”中用 10 个以上字符说明区别"
    )

    @classmethod
    def of(cls, twins: Sequence[Twin], where: Where = str) -> Self:
        """Show the first pairs, and how many there are."""
        shown = [
            Violation(
                where(twin.place),
                f"{twin.code} ~ {twin.other_code} {twin.other_name}: {twin.alike}",
            )
            for twin in twins[:SHOWN]
        ]
        first = twins[0]
        return cls(
            violations=shown,
            count=len(twins),
            element=first.code,
            twin=first.other_code,
            twin_name=first.other_name,
            alike=first.alike,
        )
