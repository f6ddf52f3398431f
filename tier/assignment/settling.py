"""Assignments whose data is their report: reported once all their values are held.

Nobody answers twice: values that were given for somebody else, or long before the item, are
the report as well. A node looks after whatever it commits may have brought the last value,
and files the report as an officer would, under an id of its own making: looking twice files
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from uuid import NAMESPACE_OID, uuid5

from ducha.assignment.v1 import assignment_pb2 as pb
from tier.app import App
from tier.assignment import store
from tier.assignment.actions import report
from tier.assignment.actions.report import Filing, Piece
from tier.assignment.model import Key
from tier.jurisdiction import Code, contains
from tier.registry import waiting_of_item
from tier.runtime.requests import Request

ABOUT = (
    "ducha.registry.",
    "ducha.assignment.v1.ItemIssued",
    "ducha.assignment.v1.AssignmentSplit",
    "ducha.assignment.v1.AssignmentsResumed",
)
AT_ONCE = 256
SUMMARY = "所需数据均已采集或取用，由系统反馈。All values needed are held; reported by the node."


async def settle(app: App, _: AbstractSet[str] | None = None) -> int:
    """Report the assignments that have all their values; return how many."""
    async with app.db.reading() as tx:
        open_ones = [
            (key, epoch)
            for key, epoch in await store.unreported(tx)
            if app.node.acts_for(key.division)
        ]
        items = {key.item_id for key, _ in open_ones}
        waiting = {item_id: await waiting_of_item(tx, item_id) for item_id in items}
    ready = [
        _filing(app, key, epoch)
        for key, epoch in open_ones
        if not _is_waiting(key, waiting[key.item_id])
    ]
    for start in range(0, len(ready), AT_ONCE):
        await report.file(app, ready[start : start + AT_ONCE])
    return len(ready)


def _is_waiting(key: Key, waiting: Sequence[Code]) -> bool:
    """Whether a value within the assignment's division is missing."""
    return any(contains(key.division, code) for code in waiting)


def _filing(app: App, key: Key, epoch: int) -> Filing:
    """Return the report of an assignment; the same one however often it is made."""
    name = f"{key.item_id}/{key.division}/{epoch}"
    request = Request(uuid5(NAMESPACE_OID, name), "settling", name.encode())
    piece = Piece(key, epoch, pb.Report(summary=SUMMARY))
    return Filing(request, app.node.name, (piece,))
