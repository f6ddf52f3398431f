"""Whose facts the timeline may read: the own, and what was said to the area from above."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from ducha.link.v1 import link_pb2
from ducha.petition.v1 import petition_facts_pb2 as petition
from ducha.petition.v1 import petition_pb2
from tests.policy.world import World, world
from tests.servers import AnApp
from tier.app import App
from tier.assignment.errors import ItemUnknown
from tier.jurisdiction import Code
from tier.runtime import moments
from tier.runtime.area import seen_from
from tier.timeline import queries
from tier.timeline.kinds import KINDS
from tier.timeline.model import Event, Place

NOW = datetime(2026, 11, 2, 4, tzinfo=UTC)
PLANT = """
    INSERT INTO ledger_fact
           (position, fact_id, kind, division, subject, actor, recorded_at, digest, body)
    VALUES ($1, $2, $3, $4, $5, '', $6, '', $7)
"""
DECIDED = petition.PetitionsDecided.DESCRIPTOR.full_name
FILED = petition.PetitionsFiled.DESCRIPTOR.full_name
MANY = 1000
START = 1_000_000


async def plant(
    app: App, item_id: str, division: str, *codes: str, kind: str = DECIDED
) -> None:
    """Put a fact of the petitions into the ledger, as the link does."""
    if kind == DECIDED:
        decisions = [
            petition_pb2.Decision(division=code, reason=code) for code in codes
        ]
        payload = petition.PetitionsDecided(decisions=decisions).SerializeToString()
    else:
        asked = [petition_pb2.Petition(division=code) for code in codes]
        payload = petition.PetitionsFiled(petitions=asked).SerializeToString()
    fact_id = uuid.uuid4()
    fact = link_pb2.Fact(
        fact_id=str(fact_id),
        kind=kind,
        division=division,
        subject=item_id,
        origin="elsewhere",
        occur_time=moments.stamp_of(NOW),
        payload=payload,
    )
    async with app.db.transaction() as tx:
        position = await tx.fetchval("SELECT max(position) + 1 FROM ledger_fact")
        await tx.execute(
            PLANT, position, fact_id, kind, division, item_id, NOW,
            fact.SerializeToString(),
        )  # fmt: skip


async def shown(made: World, item_id: str, area: str) -> list[Event]:
    """Return what somebody of an area is told of petitions about an item."""
    with seen_from(area):
        found = await queries.events(made.app, uuid.UUID(item_id), area, Place(), MANY)
    return [event for event, _ in found if event.fact.kind in {DECIDED, FILED}]


@pytest.mark.parametrize(
    ("area", "told"),
    [
        ("53", [["530102001", "530103001"], ["530102001"]]),
        ("5301", [["530102001", "530103001"], ["530102001"]]),
        ("530102", [["530102001"], ["530102001"]]),
        ("530102001", [["530102001"], ["530102001"]]),
        ("530103001", [["530103001"]]),
        ("530103", [["530103001"]]),
    ],
)
async def test_a_decision_is_told_to_whom_it_concerns(
    an_app: AnApp, area: str, told: list[list[str]]
) -> None:
    """Of a batch each area is told its part; what one asked, only those above it see."""
    async with world(an_app) as made:
        item_id = made.items["53"]
        await plant(made.app, item_id, "53", "530102001", "530103001")
        await plant(made.app, item_id, "530102001", "530102001", kind=FILED)
        events = await shown(made, item_id, area)

    divisions: list[list[Code]] = []
    for kind in (DECIDED, FILED):
        codes = [c for e in events if e.fact.kind == kind for c in e.said.divisions]
        divisions += [codes] if codes else []
    assert divisions == told
    assert all(
        event.said.details.get("reason", area).startswith(area) for event in events
    )


async def test_a_sibling_sees_nothing_of_an_item_that_was_not_addressed_to_it(
    an_app: AnApp,
) -> None:
    """Neither the item nor a row of the ledger, even as the database role itself."""
    async with world(an_app) as made:
        item_id = made.items["530103"]
        await plant(made.app, item_id, "530103", "530103001")
        await plant(made.app, item_id, "53", "530103001")
        with pytest.raises(ItemUnknown):
            await shown(made, item_id, "530102001")
        with seen_from("530102001"):
            async with made.app.db.reading() as tx:
                rows = await tx.fetch(
                    "SELECT kind FROM ledger_fact WHERE subject = $1", item_id
                )
        own = await shown(made, item_id, "530103001")

    assert rows == []
    assert len(own) == 2


async def test_what_goes_up_only_is_not_seen_from_below(an_app: AnApp) -> None:
    """A county asks its city: its townships are not told, the county and those above are."""
    async with world(an_app) as made:
        item_id = made.items["53"]
        await plant(made.app, item_id, "530102", "530102", kind=FILED)
        seen = {
            area: len(await shown(made, item_id, area))
            for area in ("53", "530102", "530102001")
        }

    assert seen == {"53": 1, "530102": 1, "530102001": 0}


async def test_the_policy_speaks_of_kinds_there_are(an_app: AnApp) -> None:
    """A kind that was renamed in its proto would silently be hidden from everybody."""
    async with world(an_app) as made, made.app.db.reading() as tx:
        text = await tx.fetchval(
            "SELECT pg_get_expr(polqual, polrelid) FROM pg_policy"
            " WHERE polname = 'ledger_fact_about_addressed'"
        )
    named = {part for part in text.split("'") if part.startswith("ducha.")}

    assert len(named) == 6
    assert named <= set(KINDS)
