"""What the simulated supervisor at the top does."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from clients.demo import plan
from clients.runtime import Client
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.division.v1 import division_pb2
from ducha.division.v1.division_service_pb2 import GetDivisionRequest


def _id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Supervisor:
    """The province's unit, as it acts on one item."""

    client: Client
    root: str
    item: str = ""

    async def issue(self, level: division_pb2.Level.ValueType) -> api.IssueItemResponse:
        """Issue the item to all divisions of the level."""
        known = await self.client.call(
            self.client.divisions.GetDivision, GetDivisionRequest(code=self.root)
        )
        request = api.IssueItemRequest(
            request_id=_id(),
            division=self.root,
            actor=plan.PROVINCE,
            item=plan.item(self.root, known.division.name, datetime.now(UTC)),
            targets=plan.targets(level),
        )
        return await self.client.call(self.client.assignments.IssueItem, request)

    async def send_back(self, divisions: Sequence[str]) -> int:
        """Return the reports of a few, with a reason."""
        request = api.ReturnAssignmentsRequest(
            request_id=_id(),
            division=self.root,
            actor=plan.PROVINCE,
            item_id=self.item,
            divisions=divisions,
            reason=plan.RETURN_REASON,
        )
        response = await self.client.call(
            self.client.assignments.ReturnAssignments, request
        )
        return response.returned_count

    async def verify(self) -> int:
        """Accept all that is reported."""
        request = api.VerifyAssignmentsRequest(
            request_id=_id(),
            division=self.root,
            actor=plan.PROVINCE,
            item_id=self.item,
        )
        response = await self.client.call(
            self.client.assignments.VerifyAssignments, request
        )
        return response.verified_count

    async def conclude_and_close(self) -> None:
        """Write the conclusion, then close by the rule."""
        conclusion = pb.Conclusion(
            summary="（模拟）各承办区划均已反馈并核查，问题移交整改。",
            outcome=pb.Conclusion.OUTCOME_SATISFIED,
        )
        await self.client.call(
            self.client.assignments.ConcludeItem,
            api.ConcludeItemRequest(
                request_id=_id(),
                division=self.root,
                actor=plan.PROVINCE,
                item_id=self.item,
                conclusion=conclusion,
            ),
        )
        await self.client.call(
            self.client.assignments.CloseItem,
            api.CloseItemRequest(
                request_id=_id(),
                division=self.root,
                actor=plan.PROVINCE,
                item_id=self.item,
            ),
        )
