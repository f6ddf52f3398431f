"""Petitions: sound requests for every RPC, and how each refusal is met."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias
from uuid import UUID

from google.protobuf.message import Message

from ducha.assignment.v1 import assignment_pb2
from ducha.petition.v1 import petition_pb2 as nouns
from ducha.petition.v1 import petition_service_pb2 as pb
from tests.doors import letters
from tests.doors.cases import Case, Met, straight
from tests.doors.held import Held, Make
from tests.doors.letters import ACTOR, TOWNSHIPS, request_id
from tests.doors.tiers import Line, Tier, eventually
from tier.petition import errors
from tier.runtime.errors import TierError

FILES = (pb,)
TOWN, OTHER = TOWNSHIPS[:2]
VILLAGE = "530102001001"
UNKNOWN = str(UUID(int=2))
Kind: TypeAlias = nouns.PetitionKind.ValueType
EXTENSION, SUSPENSION = nouns.PETITION_KIND_EXTENSION, nouns.PETITION_KIND_SUSPENSION
RESUMPTION, DISPUTE = nouns.PETITION_KIND_RESUMPTION, nouns.PETITION_KIND_DISPUTE
REVIEW = nouns.PETITION_KIND_REVIEW
EVIDENCE = nouns.Evidence(text="停电通知", sha256="ab" * 32)

URGES = "SELECT count(*) FROM urging_urge WHERE item_id = $1 AND by_rule"
OVERDUE = "SELECT count(*) FROM timing_raised WHERE item_id = $1 AND step = 4"

# As if it had come, and been concluded, long ago.
LONG_AGO = (
    "UPDATE assignment SET assigned_at = now() - interval '90 days' WHERE item_id = $1",
    """UPDATE assignment_item SET concluded_at = now() - interval '90 days'
        WHERE item_id = $1 AND concluded_at IS NOT NULL""",
    """UPDATE ledger_fact SET recorded_at = now() - interval '90 days'
        WHERE subject = ($1::uuid)::text""",
)


def a_draft(item_id: str, kind: Kind = EXTENSION, **more: Any) -> pb.PetitionDraft:
    """Return what an executor asks."""
    asked: dict[str, Any] = {"reason": "连续停电，数据无法核实", "evidence": [EVIDENCE]}
    if kind == EXTENSION:
        asked["days"] = 3
    return pb.PetitionDraft(item_id=item_id, kind=kind, **{**asked, **more})


def ask(*drafts: pb.PetitionDraft, division: str = TOWN) -> pb.FilePetitionsRequest:
    """File petitions."""
    return pb.FilePetitionsRequest(
        request_id=request_id(), division=division, actor=ACTOR, petitions=drafts
    )


def decide(
    *petition_ids: str,
    division: str = "53",
    outcome: nouns.Outcome.ValueType = nouns.OUTCOME_GRANTED,
    days: int = 0,
) -> pb.DecidePetitionsRequest:
    """Decide petitions."""
    return pb.DecidePetitionsRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        decisions=[
            pb.DecisionDraft(
                petition_id=one, outcome=outcome, reason="情况属实", days=days
            )
            for one in petition_ids
        ],
    )


def take_back(*petition_ids: str, division: str = TOWN) -> pb.WithdrawPetitionsRequest:
    """Withdraw petitions."""
    return pb.WithdrawPetitionsRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        petition_ids=petition_ids,
    )


async def filed(
    line: Line, *drafts: pb.PetitionDraft, division: str = TOWN
) -> list[str]:
    """Have a township file petitions, and every tier hear of them."""
    request = ask(*drafts, division=division)
    done = await line.township.petition.FilePetitions(request)
    await line.settled()
    return [one.petition_id for one in done.petitions]


async def decided(line: Line, *petition_ids: str) -> None:
    """Have the province grant petitions, and every tier hear of it."""
    await line.province.petition.DecidePetitions(decide(*petition_ids))
    await line.settled()


async def at_hand(line: Line) -> Held:
    """Give an item of which a township asks something."""
    item_id = await letters.issued(line)
    [petition] = await filed(line, a_draft(item_id))
    return Held(item_id, petition=petition)


def an_asking(held: Held) -> Message:
    return ask(
        a_draft(held.direct, SUSPENSION, epoch=1),
        a_draft(held.direct, DISPUTE, transfer_to=OTHER),
    )


SAMPLES: dict[str, tuple[str, Make]] = {
    "FilePetitions": ("township", an_asking),
    "DecidePetitions": ("province", lambda held: decide(held.petition, days=2)),
    "WithdrawPetitions": ("township", lambda held: take_back(held.petition)),
    "GetPetition": (
        "county",
        lambda held: pb.GetPetitionRequest(petition_id=held.petition),
    ),
    "ListPetitions": (
        "county",
        lambda held: pb.ListPetitionsRequest(
            within="5301",
            decider_division="53",
            item_id=held.direct,
            kinds=[EXTENSION],
            pending_only=True,
            page_size=1,
        ),
    ),
}


def asking(*kinds: Kind, **more: Any) -> Case:
    """Return a case of a township that asks something wrong of an item that goes on."""

    async def case(line: Line) -> Met:
        item_id = await letters.issued(line)
        return asks(line, *(a_draft(item_id, kind, **more) for kind in kinds))

    return case


def asks(line: Line, *drafts: pb.PetitionDraft) -> Met:
    request = ask(*drafts)
    return Met(line.township, lambda: line.township.petition.FilePetitions(request))


def decides(tier: Tier, request: pb.DecidePetitionsRequest) -> Met:
    return Met(tier, lambda: tier.petition.DecidePetitions(request))


def takes_back(line: Line, request: pb.WithdrawPetitionsRequest) -> Met:
    stub = line.township.petition
    return Met(line.township, lambda: stub.WithdrawPetitions(request))


async def already_decided(line: Line) -> Met:
    """The province refuses what it granted."""
    held = await at_hand(line)
    await decided(line, held.petition)
    again = decide(held.petition, outcome=nouns.OUTCOME_REFUSED)
    return decides(line.province, again)


async def already_withdrawn(line: Line) -> Met:
    """A township takes back what it took back."""
    held = await at_hand(line)
    await line.township.petition.WithdrawPetitions(take_back(held.petition))
    return takes_back(line, take_back(held.petition))


async def not_decider(line: Line) -> Met:
    """A county decides what its township asks of the province."""
    held = await at_hand(line)
    return decides(line.county, decide(held.petition, division="530102"))


async def not_petitioner(line: Line) -> Met:
    """A township takes back what one of its villages asked."""
    item_id = await letters.issued(line, letters.issue(VILLAGE))
    [petition] = await filed(line, a_draft(item_id), division=VILLAGE)
    return takes_back(line, take_back(petition))


async def too_late(line: Line) -> Met:
    """A township asks for more time once it is over."""
    item = letters.an_item(days=4 / 86_400)
    item_id = await letters.issued(line, letters.issue(TOWN, item=item))
    await eventually(lambda: _is_urged(line, item_id))
    return asks(line, a_draft(item_id))


async def _is_urged(line: Line, item_id: str) -> bool:
    """Whether all that timers do about an overdue report is done: the urge is the last."""
    urges: int = await line.township.db.fetchval(URGES, UUID(item_id))
    overdue: int = await line.province.db.fetchval(OVERDUE, UUID(item_id))
    return bool(urges and overdue)


async def used_up(line: Line) -> Met:
    """A township that was granted two extensions asks for a third."""
    item_id = await letters.issued(line)
    for _ in range(2):
        await decided(line, *await filed(line, a_draft(item_id)))
    return asks(line, a_draft(item_id))


async def exceeds_parent(line: Line) -> Met:
    """A city gives its county more time than it has itself."""
    item = letters.an_item(mode=assignment_pb2.MODE_CASCADE)
    item_id = await letters.issued(line, letters.issue("5301", item=item))
    await line.city.items.SplitAssignment(letters.split(item_id, "5301", "530102"))
    await line.settled()
    request = ask(a_draft(item_id), division="530102")
    done = await line.county.petition.FilePetitions(request)
    await line.settled()
    return decides(line.city, decide(done.petitions[0].petition_id, division="5301"))


async def concluded(line: Line, divisions: Sequence[str] = (TOWN,)) -> str:
    """Bring an item to its conclusion, and let every tier hear of it."""
    item_id = await letters.issued(line, letters.issue(*divisions))
    await line.township.items.ReportAssignments(letters.report(item_id, *divisions))
    await line.settled()
    await line.province.items.VerifyAssignments(letters.verify(item_id))
    await line.province.items.ConcludeItem(letters.conclude(item_id))
    await line.settled()
    return item_id


async def long_ago(line: Line, item_id: str) -> None:
    """Let what happened to an item have happened long ago, as far as townships know."""
    for statement in LONG_AGO:
        await line.township.db.execute(statement, UUID(item_id))


async def dispute_over(line: Line) -> Met:
    """A township objects after three months."""
    item_id = await letters.issued(line)
    await long_ago(line, item_id)
    return asks(line, a_draft(item_id, DISPUTE))


async def review_over(line: Line) -> Met:
    """A township contests a conclusion of three months ago."""
    item_id = await concluded(line)
    await long_ago(line, item_id)
    return asks(line, a_draft(item_id, REVIEW))


async def by_its_author(line: Line) -> Met:
    """Who concluded decides about the review."""
    item_id = await concluded(line)
    [petition] = await filed(line, a_draft(item_id, REVIEW))
    return decides(line.province, decide(petition))


CASES: dict[type[TierError], Case] = {
    errors.PetitionUnknown: straight(
        lambda line: Met(
            line.county,
            lambda: line.county.petition.GetPetition(
                pb.GetPetitionRequest(petition_id=UNKNOWN)
            ),
        )
    ),
    errors.PetitionNotOpen: asking(RESUMPTION),
    errors.PetitionPending: asking(DISPUTE, DISPUTE),
    errors.PetitionDecided: already_decided,
    errors.PetitionWithdrawn: already_withdrawn,
    errors.NotDecider: not_decider,
    errors.NotPetitioner: not_petitioner,
    errors.ExtensionTooLate: too_late,
    errors.ExtensionDaysInvalid: asking(EXTENSION, days=11),
    errors.ExtensionsUsedUp: used_up,
    errors.ExtensionExceedsParent: exceeds_parent,
    errors.EvidenceMissing: asking(SUSPENSION, evidence=[]),
    errors.DisputeTermOver: dispute_over,
    errors.ReviewNotOpen: asking(REVIEW),
    errors.ReviewTermOver: review_over,
    errors.ReviewerIsAuthor: by_its_author,
}
