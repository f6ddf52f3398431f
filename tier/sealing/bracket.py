"""Between which moments facts were recorded, by the parent's clock. Pure.

A beacon is the parent's checkpoint inside a node's own: that one is younger. A cosignature
is the parent's word that a checkpoint was there: it is older. So each fact lies between the
cosignature before it and the one that covers it, whatever the node's own clock says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tier.sealing.comparing import Row
from tier.sealing.findings import Finding, Kind, Text
from tier.sealing.trust import micros_of

LISTED: Final = 50


@dataclass(slots=True)
class Bracket:
    """Follows facts and checkpoints in order, and says which date cannot be."""

    tolerance: timedelta
    not_before: datetime | None = None
    latest: Row | None = None
    findings: list[Finding] = field(default_factory=list)

    def see(self, row: Row) -> None:
        """Take a fact: it comes after what was witnessed before it."""
        if self.latest is None or row.micros > self.latest.micros:
            self.latest = row
        floor = self.not_before
        if floor is not None and row.micros < micros_of(floor - self.tolerance):
            self._found(row, f"before {floor.isoformat()}", f"早于 {floor.isoformat()}")

    def close(self, not_before: datetime | None, not_after: datetime | None) -> None:
        """End an interval: a beacon says what it is not before, a cosignature not after."""
        latest = self.latest
        if not_after is not None:
            if latest and latest.micros > micros_of(not_after + self.tolerance):
                end = not_after.isoformat()
                self._found(latest, f"after {end}", f"晚于 {end}")
            self.latest = None
        known = [one for one in (self.not_before, not_before, not_after) if one]
        self.not_before = max(known, default=None)

    def _found(self, row: Row, en: str, zh: str) -> None:
        text = Text(
            f"entry {row.position} is dated {en}, which its checkpoints exclude",
            f"第 {row.position} 条的时间{zh}，与前后检查点矛盾",
        )
        if len(self.findings) < LISTED:
            self.findings.append(
                Finding(Kind.BACK_DATED, row.position, row.position, text)
            )
