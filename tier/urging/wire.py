"""Urging model <-> protobuf."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ducha.assignment.v1 import assignment_pb2
from ducha.urging.v1 import urging_facts_pb2 as facts
from ducha.urging.v1 import urging_pb2 as pb
from tier import division
from tier.assignment import Item, Light, Standing
from tier.jurisdiction import Code, parse
from tier.runtime import moments
from tier.urging.model import Line, Urge, Urged


def urged_to(urge: Urge, divisions: Sequence[Code]) -> facts.AssignmentsUrged:
    """Write the fact of an urge for some of those who are urged."""
    return facts.AssignmentsUrged(
        urge_id=str(urge.urge_id),
        item_id=str(urge.item_id),
        divisions=division.set_to(divisions),
        by_division=urge.by,
        message=urge.message,
        urge_time=moments.stamp_of(urge.at),
        by_rule=urge.by_rule,
    )


def urged_from(
    payload: facts.AssignmentsUrged, actor: str
) -> tuple[Urge, Sequence[Code]]:
    """Read an urge, and who is urged.

    Raises:
        ValueError: an id or a division is none.
    """
    urge = Urge(
        UUID(payload.urge_id),
        UUID(payload.item_id),
        parse(payload.by_division),
        actor,
        payload.message,
        moments.moment(payload.urge_time),
        payload.by_rule,
    )
    return urge, division.set_from(payload.divisions)


def urge_to(urged: Urged) -> pb.Urge:
    """Write an urge of one executor."""
    urge = urged.urge
    return pb.Urge(
        urge_id=str(urge.urge_id),
        item_id=str(urge.item_id),
        division=urged.division,
        by_division=urge.by,
        actor=urge.actor,
        message=urge.message,
        urge_time=moments.stamp_of(urge.at),
        by_rule=urge.by_rule,
    )


def title(item: Item) -> str:
    """Return what an item is about."""
    return assignment_pb2.Item.FromString(item.body).title


def line_to(line: Line) -> pb.DigestLine:
    """Write a line of a digest."""
    return pb.DigestLine(
        division=line.division,
        day=line.day.isoformat(),
        item_id=str(line.item_id),
        urge_count=line.count,
        by_rule_count=line.by_rule_count,
        by_divisions=line.urgers,
        last_urge_time=moments.stamp_of(line.last_at),
        message=line.message,
    )


def standing_to(found: Standing, light: Light | None) -> pb.DigestLine:
    """Write what a line of a digest says of the assignment as it stands."""
    return pb.DigestLine(
        title=title(found.item),
        state=assignment_pb2.AssignmentState.ValueType(found.assignment.state),
        deadline_time=moments.stamp_of(found.assignment.deadline),
        light=assignment_pb2.Light.ValueType(light or 0),
    )
