"""How each kind of fact is told: one row a kind.

A row names the fields of the payload that are told, and how it names divisions. A kind that
has no row is told all the same, by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from google.protobuf.message import Message

from ducha.assignment.v1 import assignment_facts_pb2 as assignment
from ducha.petition.v1 import petition_facts_pb2 as petition
from ducha.rectification.v1 import rectification_facts_pb2 as rectification
from ducha.timing.v1 import timing_facts_pb2 as timing
from ducha.timing.v1 import timing_pb2
from ducha.urging.v1 import urging_facts_pb2 as urging
from tier.jurisdiction import Code, ancestors
from tier.timeline.model import Clock, Light, Said

Lit = Callable[[Any], Light]


@dataclass(frozen=True, slots=True)
class Row:
    """How a kind of fact is told.

    `details` maps what a detail is called to where it stands in the payload; `divisions` says
    where the divisions stand, `at` where the moment. With `each`, every member of that field
    is told by itself, with details of its own in `of_each`.
    """

    message: type[Message]
    details: Mapping[str, str] = field(default_factory=dict)
    at: str = ""
    divisions: str = "divisions"
    each: str = ""
    of_each: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = Clock.NONE
    light: Lit = lambda _: Light.NONE
    sets_clocks: bool = False
    moves_clock: bool = False
    is_whole: bool = False
    reaches_below: bool = False
    expand: Callable[[Any, Said], Iterator[Said]] = lambda _, said: iter((said,))

    @property
    def is_single(self) -> bool:
        """Whether it concerns the fact's own division, and no other."""
        return self.divisions == "division" and not self.each


def _issued(payload: Any, said: Said) -> Iterator[Said]:
    """Tell who issued it, whoever brings it."""
    yield replace(
        said,
        acting=Code(payload.item.issuer_division),
        is_introduction=not said.divisions,
    )


def _returned(payload: Any, said: Said) -> Iterator[Said]:
    """Tell the epoch that each begins."""
    epochs: dict[int, list[Code]] = {}
    for code, epoch in zip(said.divisions, payload.epochs, strict=False):
        epochs.setdefault(epoch, []).append(code)
    for epoch, codes in epochs.items():
        details = {**said.details, "epoch": str(epoch)}
        yield replace(said, divisions=tuple(codes), details=details)


def _escalated(payload: Any, said: Said) -> Iterator[Said]:
    """Tell whom each is escalated to: the division so many tiers above it."""
    told: dict[str, list[Code]] = {}
    for code in said.divisions:
        above = [*ancestors(code)]
        whom = above[min(payload.rung, len(above)) - 1] if above else code
        told.setdefault(whom, []).append(code)
    for whom, codes in told.items():
        details = {**said.details, "escalated_to": whom}
        yield replace(said, divisions=tuple(codes), details=details)


def _reminder_light(payload: Any) -> Light:
    return Light.RED if payload.step == timing_pb2.STEP_OVERDUE else Light.YELLOW


def _red(_: Any) -> Light:
    return Light.RED


_REASON = {"reason": "reason"}
_MOVED = {
    "new_deadline_time": "deadline_time",
    "cause": "cause",
    "work_days": "work_days",
    "provisional": "provisional",
    **_REASON,
}
_ASKED = {
    "petition": "kind",
    "days": "days",
    "transfer_to": "transfer_to",
    "late_arrival": "late_arrival",
    "petition_id": "petition_id",
    **_REASON,
}
_DECIDED = {
    "outcome": "outcome",
    "rule": "rule",
    "days": "days",
    "new_deadline_time": "deadline_time",
    "transfer_to": "transfer_to",
    "late_arrival": "late_arrival",
    "petition_id": "petition_id",
    **_REASON,
}
_POINT = {"round": "round", "rectification_id": "rectification_id"}

ROWS: Final = (
    Row(
        assignment.ItemIssued,
        {
            "title": "item.title",
            "receive_by_time": "item.receive_by_time",
            "deadline_time": "item.deadline_time",
            "skip_level_reason": "item.skip_level_reason",
        },
        at="item.issue_time",
        divisions="targets",
        sets_clocks=True,
        is_whole=True,
        expand=_issued,
    ),
    Row(
        assignment.AssignmentSplit,
        {
            "receive_by_time": "receive_by_time",
            "deadline_time": "deadline_time",
            "instructions": "instructions",
        },
        at="split_time",
        divisions="targets",
        sets_clocks=True,
        reaches_below=True,
    ),
    Row(
        assignment.AssignmentsReceived,
        at="receive_time",
        clock=Clock.RECEIPT,
        reaches_below=True,
    ),
    Row(
        assignment.AssignmentReported,
        {
            "epoch": "epoch",
            "summary": "report.summary",
            "problems": "report.problems",
        },
        at="report_time",
        divisions="division",
        clock=Clock.WORK,
        reaches_below=True,
    ),
    Row(
        assignment.AssignmentsReturned,
        _REASON,
        at="return_time",
        reaches_below=True,
        expand=_returned,
    ),
    Row(assignment.AssignmentsVerified, at="verify_time", reaches_below=True),
    Row(
        assignment.DeadlinesMoved,
        _MOVED,
        at="move_time",
        sets_clocks=True,
        moves_clock=True,
        reaches_below=True,
    ),
    Row(
        assignment.AssignmentsSuspended, _REASON, at="suspend_time", reaches_below=True
    ),
    Row(
        assignment.AssignmentsResumed,
        {"new_deadline_time": "deadline_time", "stopped": "stopped", **_REASON},
        at="resume_time",
        sets_clocks=True,
        moves_clock=True,
        reaches_below=True,
    ),
    Row(
        assignment.AssignmentsWithdrawn,
        {"transfer_to": "transferred_to", **_REASON},
        at="withdraw_time",
        reaches_below=True,
    ),
    Row(
        assignment.ItemConcluded,
        {"outcome": "conclusion.outcome", "summary": "conclusion.summary"},
        divisions="",
        is_whole=True,
    ),
    Row(assignment.ItemClosed, at="close_time", divisions="", is_whole=True),
    Row(
        assignment.ItemWithdrawn,
        _REASON,
        at="withdraw_time",
        divisions="",
        is_whole=True,
    ),
    Row(
        assignment.ItemReopened,
        {"cause": "cause", "times": "reopen_count", **_REASON},
        at="reopen_time",
        divisions="",
        is_whole=True,
    ),
    Row(assignment.ItemArchived, at="archive_time", divisions="", is_whole=True),
    Row(
        assignment.AssistContributed,
        {"assist_division": "assist_division", "summary": "report.summary"},
        divisions="lead_division",
    ),
    Row(
        assignment.MovesJudged,
        each="judgements",
        at="judge_time",
        divisions="division",
        of_each={
            "move": "move",
            "verdict": "outcome",
            "move_time": "move_time",
            "epoch": "epoch",
            **_REASON,
        },
    ),
    Row(
        petition.PetitionsFiled,
        each="petitions",
        divisions="division",
        of_each=_ASKED,
    ),
    Row(
        petition.PetitionsDecided,
        each="decisions",
        divisions="division",
        of_each=_DECIDED,
    ),
    Row(petition.PetitionsWithdrawn, at="withdraw_time", divisions="division"),
    Row(
        timing.RemindersRaised,
        {"step": "step", "due_time": "due_time", "superseded": "superseded"},
        at="raise_time",
        light=_reminder_light,
    ),
    Row(
        timing.AssignmentsEscalated,
        {"rung": "rung", "due_time": "due_time"},
        at="raise_time",
        light=_red,
        expand=_escalated,
    ),
    Row(
        urging.AssignmentsUrged,
        {"message": "message", "by_rule": "by_rule"},
        at="urge_time",
    ),
    Row(
        rectification.RectificationsOpened,
        at="open_time",
        each="points",
        divisions="division",
        of_each={
            "problem": "problem",
            "requirement": "requirement",
            "deadline_time": "deadline_time",
            "rectification_id": "rectification_id",
        },
    ),
    Row(
        rectification.RectificationsReported,
        at="report_time",
        each="points",
        divisions="",
        of_each={"action": "report.action", **_POINT},
    ),
    Row(
        rectification.RectificationsReturned,
        {"new_deadline_time": "deadline_time", **_REASON},
        at="return_time",
        each="points",
        divisions="division",
        of_each=_POINT,
    ),
    Row(
        rectification.RectificationsClosed,
        {"note": "note"},
        at="close_time",
        each="points",
        divisions="division",
        of_each=_POINT,
    ),
    Row(
        rectification.RectificationsOverdue,
        at="raise_time",
        each="points",
        divisions="division",
        of_each=_POINT,
        light=_red,
    ),
)
KINDS: Final = {row.message.DESCRIPTOR.full_name: row for row in ROWS}
SINGLE: Final = sorted(kind for kind, row in KINDS.items() if row.is_single)
CLOCKS: Final = sorted(kind for kind, row in KINDS.items() if row.sets_clocks)
