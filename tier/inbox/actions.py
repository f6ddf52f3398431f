"""What an inbox does: take notices, and note what was read."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ducha.inbox.v1 import inbox_facts_pb2 as facts
from ducha.inbox.v1 import inbox_service_pb2 as pb
from tier.acting import Call, once
from tier.app import App
from tier.inbox import rules, store
from tier.inbox.errors import NoticesUnknown
from tier.inbox.model import Notice, Scope
from tier.jurisdiction import Code
from tier.runtime.db import Tx
from tier.runtime.errors import Violation

SUBJECT = "inbox"
SHOWN = 20


async def deliver(app: App, tx: Tx, notices: Sequence[Notice]) -> None:
    """Tell those of `notices` whose division acts here; the others are told where theirs does.

    Call it where the fact is made and wherever it arrives: the same notice of the same
    fact is told once.
    """
    ours = [notice for notice in notices if app.node.acts_for(notice.division)]
    if ours:
        await store.deliver(tx, ours, app.now())


async def acknowledge(
    app: App, call: Call, notice_ids: Sequence[UUID]
) -> pb.AcknowledgeNoticesResponse:
    """Note that notices were read: all of them, or none.

    Raises:
        NoticesUnknown: some are not in this inbox.
    """
    response = pb.AcknowledgeNoticesResponse()
    async with once(app, call, response) as work:
        if work is not None:
            scope = rules.scope_of(call.division, include_below=True)
            await _must_hold(work.tx, scope, notice_ids)
            read = await store.mark_read(work.tx, notice_ids, app.now(), call.actor)
            if read:
                payload = facts.NoticesRead(notice_ids=map(str, sorted(read)))
                work.record(payload, subject=SUBJECT, onward=())
            response.read_count = len(read)
            response.unchanged_count = len(notice_ids) - len(read)
    return response


async def _must_hold(tx: Tx, scope: Scope, notice_ids: Sequence[UUID]) -> None:
    """Refuse notices that are not in an inbox."""
    held = await store.held(tx, scope, notice_ids)
    missing = [place for place, one in enumerate(notice_ids) if one not in held]
    if missing:
        raise NoticesUnknown(
            count=len(missing),
            first=notice_ids[missing[0]],
            division=scope.division,
            violations=_faults(missing, scope.division),
        )


def _faults(places: Sequence[int], division: Code) -> list[Violation]:
    problem = f"not in the inbox of {division}（收件箱中没有）"
    return [Violation(f"notice_ids[{place}]", problem) for place in places[:SHOWN]]
