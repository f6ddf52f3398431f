"""Who may move what from where: THE table of the life of items and assignments. Pure.

The rules read it, and docs/state-machine.md is written from it (`python -m tools.states`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tier.assignment.model import ItemState, State


class Party(StrEnum):
    """How who moves stands to an assignment."""

    ISSUER = "issuer"
    ASSIGNER = "assigner"
    EXECUTOR = "executor"


class Move(StrEnum):
    """A move on an assignment."""

    RECEIVE = "receive"
    REPORT = "report"
    SPLIT = "split"
    RETURN = "return"
    VERIFY = "verify"
    PUT_OFF = "put off"
    SUSPEND = "suspend"
    RESUME = "resume"
    WITHDRAW = "withdraw"


class ItemMove(StrEnum):
    """A move on an item."""

    CONCLUDE = "conclude"
    CLOSE = "close"
    REOPEN = "reopen"
    ARCHIVE = "archive"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class Law:
    """Who may make a move, from which states, and what else must hold."""

    party: Party
    states: frozenset[State]
    sets: str
    """The fields that it sets."""
    besides: str = ""
    """What else must hold, with the refusal where it does not."""


@dataclass(frozen=True, slots=True)
class ItemLaw:
    """From which states the issuer may make a move, and where it leads."""

    states: frozenset[ItemState]
    leads_to: ItemState
    otherwise: str
    """The refusal from a state that goes on, but is none of `states`."""
    besides: str = ""


WORKABLE = frozenset({State.ISSUED, State.RECEIVED, State.RETURNED})
"""Where the executor works and its clock runs."""

LAWS: Mapping[Move, Law] = {
    Move.RECEIVE: Law(
        Party.EXECUTOR,
        frozenset(State) - {State.WITHDRAWN, State.CLOSED},
        "`received_at`, once; again counts as unchanged",
    ),
    Move.REPORT: Law(
        Party.EXECUTOR,
        WORKABLE,
        "`reported_at`, `report_fact`, `problem_count`; `received_at` if open; clears `returned`",
        "the epoch stands (`EPOCH_STALE`); what it split to is verified (`CHILDREN_OPEN`)",
    ),
    Move.SPLIT: Law(
        Party.EXECUTOR,
        WORKABLE,
        "`split`; new assignments of the next level",
        "cascade mode (`NOT_CASCADE`); `TARGETS_INVALID`, `DEADLINE_INVALID`",
    ),
    Move.RETURN: Law(
        Party.ASSIGNER,
        frozenset({State.REPORTED, State.VERIFIED}),
        "`epoch` + 1, `returned`, `return_reason`; takes report and verification back",
        "from VERIFIED only while nothing is concluded or reported on top of it",
    ),
    Move.VERIFY: Law(
        Party.ASSIGNER,
        frozenset({State.REPORTED}),
        "`verified_at`",
        "the lead comes after all that assist (`ASSISTS_OPEN`)",
    ),
    Move.PUT_OFF: Law(
        Party.ASSIGNER,
        WORKABLE,
        "`deadline_at`, `receive_by_at`, `term` + 1, `extensions` + 1 on petition",
    ),
    Move.SUSPEND: Law(Party.ASSIGNER, WORKABLE, "`suspended_at`, `term` + 1"),
    Move.RESUME: Law(
        Party.ASSIGNER,
        frozenset({State.SUSPENDED}),
        "`deadline_at` and `receive_by_at` later by the time stopped, `term` + 1; clears "
        "`suspended_at`",
    ),
    Move.WITHDRAW: Law(
        Party.ASSIGNER,
        WORKABLE | {State.SUSPENDED, State.REPORTED},
        "`withdrawn`, `transferred_to`, of it and of all that was split from it",
    ),
}

ITEM_LAWS: Mapping[ItemMove, ItemLaw] = {
    ItemMove.CONCLUDE: ItemLaw(
        frozenset({ItemState.ISSUED, ItemState.CONCLUDED}),
        ItemState.CONCLUDED,
        "",
        "the closing rule is met (`CLOSING_RULE_UNMET`)",
    ),
    ItemMove.CLOSE: ItemLaw(
        frozenset({ItemState.CONCLUDED}),
        ItemState.CLOSED,
        "NOT_CONCLUDED",
        "no point to rectify is open, no review pending (`CLOSING_HELD`)",
    ),
    ItemMove.REOPEN: ItemLaw(
        frozenset({ItemState.CONCLUDED, ItemState.CLOSED}),
        ItemState.ISSUED,
        "NOT_CONCLUDED",
    ),
    ItemMove.ARCHIVE: ItemLaw(
        frozenset({ItemState.CLOSED}),
        ItemState.ARCHIVED,
        "NOT_CLOSED",
        "nobody may ask for a review any more (`REVIEW_TERM_RUNS`), none is pending "
        "(`CLOSING_HELD`)",
    ),
    ItemMove.WITHDRAW: ItemLaw(
        frozenset({ItemState.ISSUED, ItemState.CONCLUDED}), ItemState.WITHDRAWN, ""
    ),
}
