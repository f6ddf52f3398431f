"""What a simulated unit does about one item: one method a move, each one call."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from clients.demo import life_cast
from clients.demo.life_cast import hours
from clients.runtime import Client
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.petition.v1 import petition_pb2
from ducha.petition.v1 import petition_service_pb2 as petitions
from ducha.rectification.v1 import rectification_pb2
from ducha.rectification.v1 import rectification_service_pb2 as rectifications
from ducha.urging.v1 import urging_service_pb2 as urging

RECEIVE_HOURS = 12


def new_id() -> str:
    """Return an id for one request."""
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Office:
    """The unit of a division, at the node where it acts."""

    client: Client
    division: str
    actor: str
    item: str = ""

    async def issue(self, item: pb.Item, target: str) -> pb.Item:
        """Issue an item to one division below."""
        request = api.IssueItemRequest(
            request_id=new_id(),
            division=self.division,
            actor=self.actor,
            item=item,
            targets=pb.TargetSelection(divisions=[target]),
        )
        answer = await self.client.call(self.client.assignments.IssueItem, request)
        return answer.item

    async def split(self, work_hours: int, *targets: str) -> None:
        """Pass the own assignment on."""
        request = api.SplitAssignmentRequest(
            request_id=new_id(),
            division=self.division,
            actor=self.actor,
            item_id=self.item,
            targets=pb.TargetSelection(divisions=targets),
            instructions="（模拟）逐级落实",
            receive_within=hours(RECEIVE_HOURS),
            work_within=hours(work_hours),
        )
        await self.client.call(self.client.assignments.SplitAssignment, request)

    async def receive(self) -> None:
        """Confirm receipt."""
        request = api.ReceiveAssignmentsRequest(
            request_id=new_id(), actor=self.actor, assignments=[self._own()]
        )
        await self.client.call(self.client.assignments.ReceiveAssignments, request)

    async def report(self, words: str, epoch: int = 1) -> None:
        """Report what was done."""
        one = api.AssignmentReport(
            assignment=self._own(), epoch=epoch, report=pb.Report(summary=words)
        )
        request = api.ReportAssignmentsRequest(
            request_id=new_id(), actor=self.actor, reports=[one]
        )
        await self.client.call(self.client.assignments.ReportAssignments, request)

    def _own(self) -> pb.AssignmentRef:
        return pb.AssignmentRef(item_id=self.item, division=self.division)

    async def send_back(self, division: str, reason: str) -> None:
        """Return a report."""
        request = api.ReturnAssignmentsRequest(
            request_id=new_id(),
            division=self.division,
            actor=self.actor,
            item_id=self.item,
            divisions=[division],
            reason=reason,
        )
        await self.client.call(self.client.assignments.ReturnAssignments, request)

    async def verify(self) -> None:
        """Accept all that is reported."""
        request = api.VerifyAssignmentsRequest(
            request_id=new_id(),
            division=self.division,
            actor=self.actor,
            item_id=self.item,
        )
        await self.client.call(self.client.assignments.VerifyAssignments, request)

    async def ask(
        self, kind: petition_pb2.PetitionKind.ValueType, reason: str, days: int = 0
    ) -> str:
        """File a petition; return its id."""
        draft = petitions.PetitionDraft(
            item_id=self.item, kind=kind, reason=reason, days=days
        )
        request = petitions.FilePetitionsRequest(
            request_id=new_id(),
            division=self.division,
            actor=self.actor,
            petitions=[draft],
        )
        answer = await self.client.call(self.client.petition.FilePetitions, request)
        return answer.petitions[0].petition_id

    async def grant(self, petition: str, reason: str, transfer_to: str = "") -> None:
        """Grant a petition."""
        draft = petitions.DecisionDraft(
            petition_id=petition,
            outcome=petition_pb2.OUTCOME_GRANTED,
            reason=reason,
            transfer_to=transfer_to,
        )
        request = petitions.DecidePetitionsRequest(
            request_id=new_id(),
            division=self.division,
            actor=self.actor,
            decisions=[draft],
        )
        await self.client.call(self.client.petition.DecidePetitions, request)

    async def urge(self, division: str, message: str) -> None:
        """Urge who is slow."""
        request = urging.UrgeAssignmentsRequest(
            request_id=new_id(),
            division=self.division,
            actor=self.actor,
            item_id=self.item,
            divisions=[division],
            message=message,
        )
        await self.client.call(self.client.urging.UrgeAssignments, request)

    async def conclude(self, words: str) -> None:
        """Write the conclusion."""
        request = api.ConcludeItemRequest(
            request_id=new_id(),
            division=self.division,
            actor=self.actor,
            item_id=self.item,
            conclusion=pb.Conclusion(
                summary=words, outcome=pb.Conclusion.OUTCOME_SATISFIED
            ),
        )
        await self.client.call(self.client.assignments.ConcludeItem, request)

    async def close(self) -> None:
        """Close the item."""
        request = api.CloseItemRequest(
            request_id=new_id(),
            division=self.division,
            actor=self.actor,
            item_id=self.item,
        )
        await self.client.call(self.client.assignments.CloseItem, request)

    async def archive(self) -> None:
        """Close the item for good."""
        request = api.ArchiveItemRequest(
            request_id=new_id(),
            division=self.division,
            actor=self.actor,
            item_id=self.item,
        )
        await self.client.call(self.client.assignments.ArchiveItem, request)

    async def open_points(self, division: str, problems: Sequence[str]) -> list[str]:
        """Open points to be put right; return their ids."""
        points = [
            rectifications.NewRectification(
                division=division,
                problem=words,
                requirement="（模拟）限期整改",
                within=hours(life_cast.WORK_HOURS["township"]),
            )
            for words in problems
        ]
        request = rectifications.OpenRectificationsRequest(
            request_id=new_id(),
            division=self.division,
            actor=self.actor,
            item_id=self.item,
            rectifications=points,
        )
        answer = await self.client.call(
            self.client.rectification.OpenRectifications, request
        )
        return [one.rectification_id for one in answer.rectifications]

    async def report_points(self, points: Sequence[str]) -> None:
        """Report that points were put right."""
        request = rectifications.ReportRectificationsRequest(
            request_id=new_id(),
            division=self.division,
            actor=self.actor,
            reports=[
                rectifications.RectificationFiling(
                    rectification_id=point,
                    report=rectification_pb2.RectificationReport(
                        action="（模拟）已整改"
                    ),
                )
                for point in points
            ],
        )
        await self.client.call(self.client.rectification.ReportRectifications, request)

    async def return_points(self, points: Sequence[str], reason: str) -> None:
        """Send points back."""
        request = rectifications.ReturnRectificationsRequest(
            request_id=new_id(),
            division=self.division,
            actor=self.actor,
            rectification_ids=points,
            reason=reason,
        )
        await self.client.call(self.client.rectification.ReturnRectifications, request)

    async def close_points(self, points: Sequence[str]) -> None:
        """Close points."""
        request = rectifications.CloseRectificationsRequest(
            request_id=new_id(),
            division=self.division,
            actor=self.actor,
            rectification_ids=points,
            note="（模拟）销号",
        )
        await self.client.call(self.client.rectification.CloseRectifications, request)
