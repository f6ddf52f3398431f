"""The moves of an item's life beside receipt, report and verdict, as offices make them.

Petitions are filed where the executor acts and decided where who assigned acts, once they
have come there. Everything is repeated until it is acknowledged, and then remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from clients.runtime.bearing import AUTHORIZATION
from clients.runtime.credentials import PEOPLE, Issuing
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.petition.v1 import petition_pb2 as nouns
from ducha.petition.v1 import petition_service_pb2 as petitions
from ducha.rectification.v1 import rectification_pb2
from ducha.rectification.v1 import rectification_service_pb2 as points
from ducha.urging.v1 import urging_service_pb2 as urging
from tests.journeys.office import Desk, Office, eventually

OFFICER, REVIEWER = "督查专员", "复核人员"
DAYS = 2
GRANTED, REFUSED = nouns.PETITION_STATE_GRANTED, nouns.PETITION_STATE_REFUSED
CLOSED = rectification_pb2.RECTIFICATION_STATE_CLOSED
REPORTED = rectification_pb2.RECTIFICATION_STATE_REPORTED


def acting(division: str, actor: str = OFFICER) -> dict[str, Any]:
    """Return what every write of an acting division says."""
    return {"request_id": str(uuid4()), "division": division, "actor": actor}


@dataclass(frozen=True, slots=True)
class Life:
    """One item, its issuer who assigned all of it, and its executors."""

    office: Office
    issuer: str
    item: str

    @property
    def home(self) -> str:
        """Return the node where the issuer acts."""
        return self.office.home(self.issuer)

    @property
    def desk(self) -> Desk:
        """Return the issuer's desk."""
        return self.office.desks[self.home]

    async def extend(self, town: str) -> None:
        """Ask for days, and grant them."""
        petition = await self._ask(town, nouns.PETITION_KIND_EXTENSION, days=DAYS)
        await self._decide(petition)
        life = self.office.history.life
        life.clocks[self.item, town] += 1
        life.extended[self.item, town] += 1

    async def pause(self, town: str, *, by_petition: bool) -> None:
        """Ask that the clock stops, stop it, and let it run again, asked or unasked."""
        evidence = [nouns.Evidence(text="等待上级批复")]
        petition = await self._ask(
            town, nouns.PETITION_KIND_SUSPENSION, evidence=evidence
        )
        await self._decide(petition)
        office, life = self.office, self.office.history.life
        life.stops((self.item, town))
        where = office.home(town)
        await office.until(where, self.item, [town], pb.ASSIGNMENT_STATE_SUSPENDED)
        if by_petition:
            petition = await self._ask(town, nouns.PETITION_KIND_RESUMPTION)
            await self._decide(petition)
        else:
            await office.insist(
                self.home,
                self.desk.assignments.ResumeAssignments,
                api.ResumeAssignmentsRequest(
                    item_id=self.item,
                    divisions=[town],
                    reason="批复已到",
                    **acting(self.issuer),
                ),
            )
        life.resumes((self.item, town))
        await office.until(where, self.item, [town], pb.ASSIGNMENT_STATE_ISSUED)

    async def dispute(self, town: str, heir: str) -> None:
        """Say that it is another's; give it to `heir`, or to nobody."""
        petition = await self._ask(town, nouns.PETITION_KIND_DISPUTE, transfer_to=heir)
        await self._decide(petition, transfer_to=heir)
        history = self.office.history
        history.life.withdrawn[self.item, town] = heir
        if heir:
            history.targets[self.item].add(heir)

    async def urge(self, towns: Sequence[str]) -> None:
        """Urge those who have not reported."""
        request = urging.UrgeAssignmentsRequest(
            item_id=self.item,
            divisions=towns,
            message="请抓紧办理",
            **acting(self.issuer),
        )
        answer: urging.UrgeAssignmentsResponse = await self.office.insist(
            self.home, self.desk.urging.UrgeAssignments, request
        )
        keys = [(self.item, town) for town in towns]
        self.office.history.life.urged(answer.urge_id, keys)

    async def rectify(self, town: str) -> None:
        """Open a point, put it right, and close it."""
        life, where = self.office.history.life, self.office.home(town)
        point = points.NewRectification(
            division=town, problem="台账不全", requirement="限期补齐"
        )
        point.within.working_days = DAYS
        opened: points.OpenRectificationsResponse = await self.office.insist(
            self.home,
            self.desk.points.OpenRectifications,
            points.OpenRectificationsRequest(
                item_id=self.item, rectifications=[point], **acting(self.issuer)
            ),
        )
        name = opened.rectifications[0].rectification_id
        life.rectifies(name, (self.item, town))
        await self._point(where, name, rectification_pb2.RECTIFICATION_STATE_OPEN)
        filing = points.RectificationFiling(
            rectification_id=name,
            report=rectification_pb2.RectificationReport(action="已补齐"),
        )
        await self.office.insist(
            where,
            self.office.desks[where].points.ReportRectifications,
            points.ReportRectificationsRequest(reports=[filing], **acting(town)),
        )
        life.rectifies(name, (self.item, town), REPORTED)
        await self._point(self.home, name, REPORTED)
        await self.office.insist(
            self.home,
            self.desk.points.CloseRectifications,
            points.CloseRectificationsRequest(
                rectification_ids=[name], **acting(self.issuer)
            ),
        )
        life.rectifies(name, (self.item, town), CLOSED)

    async def review(self, town: str, *, overturned: bool) -> None:
        """Conclude; have it reviewed by somebody else; conclude again if need be; close."""
        await self._conclude()
        where = self.office.home(town)
        await eventually(
            partial(self._is_concluded, where), f"{where} sees {self.item} concluded"
        )
        petition = await self._ask(town, nouns.PETITION_KIND_REVIEW)
        await self._decide(
            petition,
            REVIEWER,
            nouns.OUTCOME_GRANTED if overturned else nouns.OUTCOME_REFUSED,
        )
        if overturned:
            self.office.history.life.reopens(self.item)
            await self._conclude()
        await self.office.insist(
            self.home,
            self.desk.assignments.CloseItem,
            api.CloseItemRequest(item_id=self.item, **acting(self.issuer)),
        )
        self.office.history.life.ends(self.item, pb.ITEM_STATE_CLOSED)

    async def _conclude(self) -> None:
        request = api.ConcludeItemRequest(item_id=self.item, **acting(self.issuer))
        request.conclusion.summary = "问题已整改"
        request.conclusion.outcome = pb.Conclusion.OUTCOME_SATISFIED
        await self.office.insist(self.home, self.desk.assignments.ConcludeItem, request)
        self.office.history.life.ends(self.item, pb.ITEM_STATE_CONCLUDED)

    async def _ask(
        self, town: str, kind: nouns.PetitionKind.ValueType, **asked: Any
    ) -> str:
        """File a petition; return its id."""
        draft = petitions.PetitionDraft(
            item_id=self.item, kind=kind, reason="情况特殊，申请如上", **asked
        )
        where = self.office.home(town)
        answer: petitions.FilePetitionsResponse = await self.office.insist(
            where,
            self.office.desks[where].petitions.FilePetitions,
            petitions.FilePetitionsRequest(petitions=[draft], **acting(town)),
        )
        petition = str(answer.petitions[0].petition_id)
        self.office.history.life.asks(petition, (self.item, town))
        return petition

    async def _decide(
        self,
        petition: str,
        actor: str = OFFICER,
        outcome: nouns.Outcome.ValueType = nouns.OUTCOME_GRANTED,
        transfer_to: str = "",
    ) -> None:
        """Decide a petition, once it has come."""
        await eventually(partial(self._came, petition), f"petition {petition} comes")
        draft = petitions.DecisionDraft(
            petition_id=petition,
            outcome=outcome,
            reason="经研究决定",
            transfer_to=transfer_to,
        )
        await self.office.insist(
            self.home,
            self._by(actor, self.desk.petitions.DecidePetitions),
            petitions.DecidePetitionsRequest(
                decisions=[draft], **acting(self.issuer, actor)
            ),
        )
        granted = outcome == nouns.OUTCOME_GRANTED
        self.office.history.life.decides(petition, GRANTED if granted else REFUSED)

    def _by(self, actor: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a method as another person calls it: behind walls it takes a token."""
        bearer = self.office.places[self.home].credentials.bearer
        if actor == OFFICER or not isinstance(bearer, Issuing):
            return method
        token = bearer.issue(self.issuer, PEOPLE, subject="reviewer")
        return partial(method, metadata=((AUTHORIZATION, f"Bearer {token}"),))

    async def _came(self, petition: str) -> bool:
        """Whether a petition waits where the issuer acts."""
        page: petitions.ListPetitionsResponse = await self.office.insist(
            self.home,
            self.desk.petitions.ListPetitions,
            petitions.ListPetitionsRequest(item_id=self.item, pending_only=True),
        )
        return petition in {one.petition_id for one in page.petitions}

    async def _point(
        self,
        node: str,
        name: str,
        state: rectification_pb2.RectificationState.ValueType,
    ) -> None:
        """Wait until a point stands in a state at a node."""

        async def stands() -> bool:
            page: points.ListRectificationsResponse = await self.office.insist(
                node,
                self.office.desks[node].points.ListRectifications,
                points.ListRectificationsRequest(item_id=self.item, states=[state]),
            )
            return name in {one.rectification_id for one in page.rectifications}

        await eventually(stands, f"{node} sees point {name} in {state}")

    async def _is_concluded(self, node: str) -> bool:
        answer: api.GetItemResponse = await self.office.insist(
            node,
            self.office.desks[node].assignments.GetItem,
            api.GetItemRequest(item_id=self.item),
        )
        return answer.item.state == pb.ITEM_STATE_CONCLUDED
