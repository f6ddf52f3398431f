"""Who hears of a fact next, and whether its sender may speak of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from google.protobuf.message import Message

from ducha.assignment.v1 import assignment_facts_pb2 as pb
from tier import division
from tier.app import App, Arrived, Unfit, Verdict
from tier.arriving import WRONG_JURISDICTION, pass_on
from tier.assignment import wire
from tier.jurisdiction import Code, within


def trespasses(one: Arrived, divisions: Iterable[Code], verdict: Verdict) -> bool:
    """Set a fact aside that speaks of divisions its sender does not answer for (I6)."""
    foreign = next((code for code in divisions if not within(code, one.area)), None)
    if foreign is None:
        return False
    verdict.unfit.append(Unfit(one, WRONG_JURISDICTION, f"not the sender's: {foreign}"))
    return True


def is_forged(one: Arrived, whose: str, verdict: Verdict) -> bool:
    """Set a fact aside that only the division `whose` may tell, and another does."""
    if one.fact.division == whose:
        return False
    detail = f"only {whose} may tell this, not {one.fact.division}"
    verdict.unfit.append(Unfit(one, WRONG_JURISDICTION, detail))
    return True


def climbs(one: Arrived, verdict: Verdict) -> bool:
    """Set a fact aside that only comes from above, and came from below."""
    if one.downward:
        return False
    detail = "this only comes from above"
    verdict.unfit.append(Unfit(one, WRONG_JURISDICTION, detail))
    return True


def onward(
    app: App,
    one: Arrived,
    divisions: Sequence[Code],
    payload: Message,
    verdict: Verdict,
) -> None:
    """Pass a fact on in the direction it travels, about fewer divisions to each branch."""
    verdict.entries.extend(
        pass_on(app, one, divisions, partial(_part, payload, divisions))
    )


def _part(payload: Any, divisions: Sequence[Code], codes: Sequence[Code]) -> Message:
    """Return the payload for one branch: the same words about fewer divisions."""
    part = type(payload)()
    part.CopyFrom(payload)
    if isinstance(payload, pb.ItemIssued | pb.AssignmentSplit):
        part.targets.CopyFrom(division.set_to(codes))
        return part  # type: ignore[no-any-return]
    part.divisions.CopyFrom(division.set_to(codes))
    for numbers in ("epochs", "terms"):
        if numbers in payload.DESCRIPTOR.fields_by_name:
            held = dict(zip(divisions, getattr(payload, numbers), strict=True))
            ordered = wire.epochs_in_order(codes, [held[code] for code in codes])
            part.ClearField(numbers)
            getattr(part, numbers).extend(ordered)
    return part  # type: ignore[no-any-return]
