"""Up: confirm receipt and report. Hot, so calls that arrive together are one batch.

Every call is judged for itself: a refused one changes nothing and hinders nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from ducha.assignment.v1 import assignment_facts_pb2 as facts
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as service
from tier import division, ledger
from tier.acting import must_host
from tier.app import App
from tier.assignment import folding, rules, store
from tier.assignment.errors import AssignmentUnknown, denied
from tier.assignment.model import Assignment, Fenced, Key, Loaded, Received, Reported
from tier.identity import current
from tier.jurisdiction import Code
from tier.ledger import Author, Entry
from tier.runtime import moments, requests, telemetry
from tier.runtime.db import Tx
from tier.runtime.errors import Contended, TierError
from tier.runtime.requests import Kept, Request


@dataclass(frozen=True, slots=True)
class Piece:
    """One assignment that a call speaks of; without a report it only confirms receipt."""

    key: Key
    epoch: int = 0
    report: pb.Report | None = None


@dataclass(frozen=True, slots=True)
class Filing:
    """One call: receipts or reports of one actor."""

    request: Request
    actor: str
    pieces: tuple[Piece, ...]
    principal: str = field(default_factory=current.principal)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one call changes: receipts, reports, the facts they make, and its answer."""

    received: dict[Key, Assignment]
    reported: dict[Key, Reported]
    entries: list[Entry]
    answer: Message


@dataclass(slots=True)
class Batch:
    """Calls worked together: what is loaded, what they change, what they leave behind."""

    app: App
    now: datetime
    loaded: dict[Key, Loaded]
    received: dict[Key, Assignment]
    reported: dict[Key, Reported]
    entries: list[Entry]
    answers: list[tuple[Request, bytes]]
    onward: tuple[str, ...]
    stamp: Timestamp

    def stands(self, key: Key) -> Loaded:
        """Return an assignment as it stands within the batch.

        Raises:
            AssignmentUnknown: it is not here.
        """
        loaded = self.loaded.get(key)
        if loaded is None:
            raise AssignmentUnknown(division=key.division, item_id=key.item_id)
        change = self.reported.get(key)
        return loaded if change is None else _after(loaded, change)


async def file(app: App, filings: Sequence[Filing]) -> list[bytes | TierError]:
    """Work calls together in one transaction; return each one's answer or refusal."""
    async with app.db.transaction() as tx:
        before = await requests.kept(
            tx, [filing.request.request_id for filing in filings]
        )
        keys = {piece.key for filing in filings for piece in filing.pieces}
        loaded = await store.load(tx, list(keys))
        origins = {one.traceparent: None for one in loaded.values() if one.traceparent}
        reports = sum(len(filing.pieces) for filing in filings)
        with telemetry.span(
            "assignment report", links=origins, attributes={"ducha.facts": reports}
        ) as span:
            now = app.now()
            batch = Batch(
                app, now, loaded, {}, {}, [], [], app.node.upward, moments.stamp_of(now)
            )
            outcomes = [_answer(batch, filing, before) for filing in filings]
            if not batch.entries:
                _mark_refused(span, outcomes)
            await _write(tx, batch)
    return outcomes


def _mark_refused(
    span: telemetry.ActiveSpan, outcomes: Sequence[bytes | TierError]
) -> None:
    """Tell the trace of the items that this was no step of theirs."""
    for outcome in outcomes:
        if isinstance(outcome, TierError):
            span.fail(outcome.reason)


async def _write(tx: Tx, batch: Batch) -> None:
    """Write what the batch changed, keep its answers, record its facts."""
    await store.write(tx, batch.received)
    if batch.reported and not await store.report(tx, batch.reported):
        raise Contended  # another process moved one of them since it was loaded
    await requests.keep(tx, batch.answers)
    await ledger.append(tx, batch.app.feed, batch.entries, batch.now)


def _answer(
    batch: Batch, filing: Filing, before: dict[UUID, Kept]
) -> bytes | TierError:
    """Judge one call against what stands, and take it whole or not at all."""
    known = requests.answer_to(filing.request, before)
    if known is not None:
        return known
    try:
        taken = _judge(batch, filing)
    except TierError as refusal:
        return refusal
    for key, assignment in taken.received.items():
        batch.loaded[key] = replace(batch.loaded[key], assignment=assignment)
    batch.received.update(taken.received)
    batch.reported.update(taken.reported)
    batch.entries.extend(taken.entries)
    answer = taken.answer.SerializeToString()
    # A retry, or a reuse of the id, may stand in the same batch as its original.
    before[filing.request.request_id] = Kept(filing.request, answer)
    batch.answers.append((filing.request, answer))
    return answer


def _judge(batch: Batch, filing: Filing) -> Taken:
    """Return what a call changes, the facts it makes and its answer."""
    author = Author.at(
        batch.now,
        batch.app.node.name,
        filing.actor,
        principal=filing.principal,
    )
    if filing.pieces and filing.pieces[0].report is None:
        return _receipts(batch, filing, author)
    return _reports(batch, filing, author)


def _receipts(batch: Batch, filing: Filing, author: Author) -> Taken:
    """Confirm receipt; one fact an item names all divisions that did."""
    changes: dict[Key, Assignment] = {}
    by_item: dict[UUID, list[Code]] = {}
    for piece in filing.pieces:
        must_host(batch.app, piece.key.division)
        loaded = batch.stands(piece.key)
        no = rules.may_receive(loaded)
        if no is not None:
            raise denied(no, loaded, "receive")
        if piece.key in changes or loaded.assignment.received_at is not None:
            continue
        folded = folding.fold(loaded.assignment, Received(batch.now))
        if isinstance(folded, Assignment):
            changes[piece.key] = folded
            by_item.setdefault(piece.key.item_id, []).append(piece.key.division)
    entries = [
        ledger.record(
            author,
            facts.AssignmentsReceived(
                item_id=str(item_id),
                divisions=division.set_to(divisions),
                receive_time=batch.stamp,
            ),
            division=divisions[0],
            subject=str(item_id),
            onward=batch.onward,
        )
        for item_id, divisions in by_item.items()
    ]
    answer = service.ReceiveAssignmentsResponse(
        received_count=len(changes), unchanged_count=len(filing.pieces) - len(changes)
    )
    return Taken(changes, {}, entries, answer)


def _reports(batch: Batch, filing: Filing, author: Author) -> Taken:
    """Take reports; each is a fact of its own."""
    reports: dict[Key, Reported] = {}
    entries: list[Entry] = []
    late = 0
    for piece in filing.pieces:
        must_host(batch.app, piece.key.division)
        loaded = batch.stands(piece.key)
        if piece.key in reports:
            loaded = _after(loaded, reports[piece.key])
        no = rules.may_report(loaded, piece.epoch)
        if no is not None:
            raise denied(no, loaded, "report")
        entry = _reported(batch, piece, loaded.assignment.epoch, author)
        problems = len(piece.report.problems) if piece.report else 0
        change = Reported(batch.now, loaded.assignment.epoch, problems, entry.fact_id)
        reports[piece.key] = change
        entries.append(entry)
        late += batch.now > loaded.assignment.deadline
    answer = service.ReportAssignmentsResponse(
        reported_count=len(reports), late_count=late
    )
    return Taken({}, reports, entries, answer)


def _after(loaded: Loaded, change: Reported) -> Loaded:
    """Return an assignment after a report of this batch that is not written yet."""
    folded = folding.fold(loaded.assignment, change)
    if isinstance(folded, Fenced):
        return loaded
    return replace(loaded, assignment=folded)


def _reported(batch: Batch, piece: Piece, epoch: int, author: Author) -> Entry:
    """Make the fact of one report."""
    payload = facts.AssignmentReported(
        item_id=str(piece.key.item_id),
        division=piece.key.division,
        epoch=epoch,
        report_time=batch.stamp,
        report=piece.report,
    )
    return ledger.record(
        author,
        payload,
        division=piece.key.division,
        subject=payload.item_id,
        onward=batch.onward,
    )
