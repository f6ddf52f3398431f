"""Petitions over three tiers: what is granted takes effect, at every tier alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.petition.v1 import petition_pb2 as pb
from tests.servers import AnApp, quarantined
from tests.stores.petitioning import (
    ABOVE,
    AUTHOR,
    COLLEAGUE,
    DISPUTE,
    EXTENSION,
    MIDDLE,
    OTHER,
    PENDING,
    REFUSED,
    RESUMPTION,
    REVIEW,
    SPARE,
    SUSPENSION,
    TOWN,
    Line,
    a_draft,
    a_line,
    held,
    petition,
)
from tier.assignment.errors import ClosingHeld, MoveNotAllowed, TargetsInvalid
from tier.jurisdiction import Code
from tier.petition.errors import (
    EvidenceMissing,
    ExtensionExceedsParent,
    PetitionDecided,
    PetitionPending,
    PetitionUnknown,
    ReviewerIsAuthor,
)

STATE = nouns.AssignmentState


async def deadlines(line: Line, division: Code) -> list[datetime]:
    """Return until when a division must report, as each tier that holds it says."""
    apps = line.apps[:2] if division == MIDDLE else line.apps
    held_by = [await line.seen(app, division) for app in apps]
    return [one.deadline_time.ToDatetime(UTC) for one in held_by]


async def same_everywhere(line: Line, petition_id: str, tiers: int = 3) -> pb.Petition:
    """Return a petition that all tiers hold alike, but for when they heard of it."""
    found = [await petition(app, petition_id) for app in line.apps[:tiers]]
    for one in found:
        one.ClearField("record_time")

    assert found == [found[0]] * tiers
    return found[0]


async def test_an_extension_is_asked_granted_and_seen_at_every_tier(
    an_app: AnApp,
) -> None:
    """Three working days after the standing deadline, at the close of work."""
    async with a_line(an_app) as line:
        asked = await line.ask(TOWN, EXTENSION, days=3)
        await line.up()
        waiting = await same_everywhere(line, asked)
        await line.decide(MIDDLE, asked)
        await line.settled()
        decided = await same_everywhere(line, asked)
        new = datetime(2026, 3, 19, 10, tzinfo=UTC)

        assert (waiting.state, waiting.decider_division) == (PENDING, MIDDLE)
        assert decided.state == pb.PETITION_STATE_GRANTED
        assert decided.decision.deadline_time.ToDatetime(UTC) == new
        assert await deadlines(line, TOWN) == [new] * 3
        assert (await line.seen(line.streets, TOWN)).extension_count == 1
        [filed] = await line.told(MIDDLE)
        assert (filed["petition"], filed["by_division"], filed["days"]) == (
            "extension",
            TOWN,
            "3",
        )
        [answer] = await line.told(TOWN)
        assert (answer["outcome"], answer["by_division"]) == ("granted", MIDDLE)
        assert await quarantined(line.city) == await quarantined(line.streets) == []


async def test_a_suspension_stops_the_clock_and_a_resumption_gives_the_time_back(
    an_app: AnApp,
) -> None:
    """Two days stopped, two days later the deadline."""
    async with a_line(an_app) as line:
        [before] = set(await deadlines(line, TOWN))
        paused = await line.ask(TOWN, SUSPENSION)
        await line.up()
        await line.decide(MIDDLE, paused)
        await line.down()
        standing = await line.seen(line.streets, TOWN)
        line.clock.wait(days=2)
        again = await line.ask(TOWN, RESUMPTION)
        await line.up()
        await line.decide(MIDDLE, again)
        await line.settled()

        assert standing.state == STATE.ASSIGNMENT_STATE_SUSPENDED
        assert await deadlines(line, TOWN) == [before + timedelta(days=2)] * 3
        assert (await same_everywhere(line, paused)).evidence[0].text == "气象预警"
        await same_everywhere(line, again)


@pytest.mark.parametrize("to", [SPARE, ""])
async def test_a_dispute_that_is_upheld_takes_the_assignment_away(
    an_app: AnApp, to: str
) -> None:
    """Another division of the decider's has it, or nobody."""
    async with a_line(an_app) as line:
        asked = await line.ask(TOWN, DISPUTE, transfer_to=SPARE)
        await line.up()
        await line.decide(MIDDLE, asked, transfer_to=to)
        await line.settled()
        gone = await line.seen(line.streets, TOWN)
        decided = await same_everywhere(line, asked)

        assert gone.state == STATE.ASSIGNMENT_STATE_WITHDRAWN
        assert (gone.transferred_to, decided.decision.transfer_to) == (to, to)
        assert decided.transfer_to == SPARE
        if to:
            new = [await line.seen(app, SPARE) for app in line.apps]
            assert {one.state for one in new} == {STATE.ASSIGNMENT_STATE_ISSUED}


async def test_a_dispute_is_not_upheld_in_favour_of_who_disputes(an_app: AnApp) -> None:
    """Nor of who has the item already."""
    async with a_line(an_app) as line:
        asked = await line.ask(TOWN, DISPUTE)
        await line.up()
        for to in (TOWN, OTHER):
            with pytest.raises(TargetsInvalid):
                await line.decide(MIDDLE, asked, transfer_to=to)

        assert (await petition(line.county, asked)).state == PENDING
        assert (await line.seen(line.county, TOWN)).transferred_to == ""


async def test_a_review_is_decided_by_another_and_reopens_what_it_overturns(
    an_app: AnApp,
) -> None:
    """Until it is decided the item is not closed; the author may not decide."""
    async with a_line(an_app) as line:
        await line.concluded()
        asked = await line.ask(TOWN, REVIEW)
        await line.up()
        with pytest.raises(ClosingHeld):
            await line.close()
        with pytest.raises(ReviewerIsAuthor) as refused:
            await line.decide(ABOVE, asked, actor=AUTHOR)
        await line.decide(ABOVE, asked, actor=COLLEAGUE)
        await line.settled()
        items = [await line.item(app) for app in line.apps]

        assert refused.value.details["reviewer"] == AUTHOR
        assert {one.state for one in items} == {nouns.ITEM_STATE_ISSUED}
        assert {one.reopen_count for one in items} == {1}
        assert (await same_everywhere(line, asked)).conclusion_author == AUTHOR


async def test_a_conclusion_that_is_upheld_lets_the_item_close(an_app: AnApp) -> None:
    """So does a review that was taken back."""
    async with a_line(an_app) as line:
        await line.concluded()
        first = await line.ask(TOWN, REVIEW)
        second = await line.ask(OTHER, REVIEW)
        await line.up()
        await line.decide(ABOVE, first, outcome=REFUSED)
        with pytest.raises(ClosingHeld):
            await line.close()
        await line.withdraw(OTHER, second)
        await line.up()
        await line.close()
        await line.settled()

        states = [(await same_everywhere(line, one)).state for one in (first, second)]
        assert states == [pb.PETITION_STATE_REFUSED, pb.PETITION_STATE_WITHDRAWN]


async def test_who_had_the_item_concluded_again_is_its_author_all_the_same(
    an_app: AnApp,
) -> None:
    """Neither who wrote what is contested, nor who wrote what stands, decides."""
    async with a_line(an_app) as line:
        await line.concluded()
        asked = await line.ask(TOWN, REVIEW)
        await line.up()
        await line.conclude(actor=COLLEAGUE)
        for actor in (AUTHOR, COLLEAGUE):
            with pytest.raises(ReviewerIsAuthor):
                await line.decide(ABOVE, asked, actor=actor)
        [done] = await line.decide(ABOVE, asked, actor="督查专员丙（模拟）")

        assert done.state == pb.PETITION_STATE_GRANTED


async def test_a_child_is_extended_once_its_parent_was(an_app: AnApp) -> None:
    """Refused beyond the county's own deadline; the county is extended; then granted."""
    async with a_line(an_app, room=1) as line:
        child = await line.ask(TOWN, EXTENSION, days=5)
        await line.up()
        with pytest.raises(ExtensionExceedsParent) as refused:
            await line.decide(MIDDLE, child)
        own = await line.ask(MIDDLE, EXTENSION, days=8)
        await line.up()
        await line.decide(ABOVE, own)
        await line.down()
        await line.decide(MIDDLE, child)
        await line.settled()
        [parents] = set(await deadlines(line, MIDDLE))
        [childs] = set(await deadlines(line, TOWN))

        assert refused.value.details["decider"] == MIDDLE
        assert childs == datetime(2026, 4, 3, 10, tzinfo=UTC)
        assert parents == datetime(2026, 4, 10, 10, tzinfo=UTC)
        await same_everywhere(line, own, tiers=2)


async def test_all_or_none_is_filed_and_decided(an_app: AnApp) -> None:
    """One that cannot be keeps the others from being done."""
    async with a_line(an_app) as line:
        good = a_draft(line.item_id, EXTENSION)
        bad = a_draft(line.item_id, SUSPENSION, evidence=[])
        with pytest.raises(EvidenceMissing):
            await line.file(TOWN, good, bad)
        with pytest.raises(PetitionPending):
            await line.file(TOWN, good, good)
        [one] = await line.file(TOWN, good)
        await line.up()
        with pytest.raises(PetitionUnknown):
            await line.decide(MIDDLE, one.petition_id, str(line.item_id))
        standing = await petition(line.county, one.petition_id)
        await line.decide(MIDDLE, one.petition_id, outcome=REFUSED)
        with pytest.raises(PetitionDecided):
            await line.decide(MIDDLE, one.petition_id)

        assert standing.state == PENDING
        assert len(await line.told(MIDDLE)) == 1


async def test_decisions_that_do_not_go_together_are_refused_whole(
    an_app: AnApp,
) -> None:
    """A clock that was just stopped is not put off: neither is done."""
    async with a_line(an_app) as line:
        paused = await line.ask(TOWN, SUSPENSION)
        longer = await line.ask(TOWN, EXTENSION)
        await line.up()
        with pytest.raises(MoveNotAllowed):
            await line.decide(MIDDLE, paused, longer)
        states = [(await petition(line.county, one)).state for one in (paused, longer)]
        standing = await line.seen(line.county, TOWN)

        assert states == [PENDING, PENDING]
        assert standing.state == STATE.ASSIGNMENT_STATE_ISSUED


async def test_many_are_decided_at_once(an_app: AnApp) -> None:
    """Both towns, both extended in one call, each told its own."""
    async with a_line(an_app) as line:
        asked = [await line.ask(town, EXTENSION) for town in (TOWN, OTHER)]
        await line.up()
        done = await line.decide(MIDDLE, *asked, days=1)
        await line.settled()
        moved = [await line.seen(line.streets, town) for town in (TOWN, OTHER)]

        assert [one.petition_id for one in done] == asked
        assert {one.decision.days for one in done} == {1}
        assert {one.extension_count for one in moved} == {1}
        assert [len(await line.told(town)) for town in (TOWN, OTHER)] == [1, 1]


async def test_what_a_node_holds_says_when_it_heard(an_app: AnApp) -> None:
    """The moment of filing is everywhere the same; that of recording is the node's own."""
    async with a_line(an_app) as line:
        asked = await line.ask(TOWN, EXTENSION)
        filed_at = line.clock.at
        line.clock.wait(hours=30)
        await line.up()
        below, above = [await held(app, asked) for app in (line.streets, line.county)]

        assert below.filed_at == above.filed_at == filed_at == below.recorded_at
        assert above.recorded_at == line.clock.at
