"""Conflicts: decided by a person, or by default once their time is up; known at every tier."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from ducha.collection.v1 import collection_service_pb2 as pb
from ducha.registry.v1 import registry_pb2
from services.township.collection import conflicts, store
from tests.catalogue import element, publish
from tests.servers import AnApp
from tests.stores.collecting import (
    ACTOR,
    OTHER,
    TOWN,
    Office,
    an_office,
    answer,
    kept,
    refused,
)
from tier import approval, registry
from tier.jurisdiction import Code
from tier.registry import ConflictState, Key
from tier.runtime.db import Tx

LOST = """
    INSERT INTO registry_conflict
           (conflict_id, division, period, element, standing_answer, rival_answer, opened_at,
            due_at)
    VALUES ($1, $2, '2026-11', 1, $3, $3, '2026-11-01', '2026-11-02')
"""
KEPT = registry_pb2.CONFLICT_STATE_STANDING_KEPT
TAKEN = registry_pb2.CONFLICT_STATE_RIVAL_TAKEN


async def a_conflict(
    office: Office, standing: str = "", rival: str = "", number: float = 2
) -> str:
    """Let two who know nothing of each other give one value; return their conflict.

    `standing` and `rival` are the divisions of their units, if not the division itself.
    """
    await office.submit(
        answer({"households": 1}, base_revision=0, author_division=standing)
    )
    told = await office.submit(
        answer({"households": number}, base_revision=0, author_division=rival)
    )
    (conflict_id,) = told.remarks[0].conflict_ids
    return conflict_id


def a_decision(
    conflict_id: str, *, take_rival: bool = True
) -> pb.ResolveConflictRequest:
    """Return the request that decides a conflict."""
    return pb.ResolveConflictRequest(
        request_id=str(uuid4()),
        actor=ACTOR,
        conflict_id=conflict_id,
        take_rival=take_rival,
        reason="现场核实（模拟）",
    )


async def states(office: Office, conflict_id: str) -> list[ConflictState | None]:
    """Return how a conflict stands at the township and at the county."""
    found = []
    for app in (office.town, office.county):
        async with app.db.reading() as tx:
            one = await registry.conflict(tx, UUID(conflict_id))
        found.append(None if one is None else one.state)
    return found


@pytest.mark.parametrize("take_rival", [True, False], ids=["rival", "standing"])
async def test_a_decision_puts_one_version_in_force_at_every_tier(
    an_app: AnApp, *, take_rival: bool
) -> None:
    """The answer shows both versions and who decided; both tiers hold the same after."""
    async with an_office(an_app) as office:
        conflict_id = await a_conflict(office)
        decided = await office.door.ResolveConflict(
            a_decision(conflict_id, take_rival=take_rival)
        )
        await office.tell()
        conflict = decided.conflict

        assert conflict.state == (TAKEN if take_rival else KEPT)
        assert (conflict.resolver, conflict.reason) == (ACTOR, "现场核实（模拟）")
        assert conflict.standing.value.number == 1
        assert conflict.rival.value.number == 2
        assert conflict.standing.superseded is take_rival
        assert conflict.rival.contested is not take_rival
        assert await office.values() == {"households": 2 if take_rival else 1}
        assert await kept(office.county) == await office.values()
        assert set(await states(office, conflict_id)) == {ConflictState(conflict.state)}


async def test_a_rival_that_is_taken_serves_who_waits(an_app: AnApp) -> None:
    """The old value did not serve the request, the rival's does: the task is done."""
    async with an_office(an_app) as office:
        await office.submit(answer({"wells": 3}))
        office.clock.now += timedelta(days=11)
        await office.ask("wells", of=[TOWN])
        told = await office.submit(answer({"wells": 4}, base_revision=0))
        open_tasks = len(await office.tasks())
        await office.door.ResolveConflict(a_decision(told.remarks[0].conflict_ids[0]))

        assert open_tasks == 1
        assert await office.tasks() == []
        assert await office.values() == {"wells": 4}


async def test_a_conflict_is_decided_once(an_app: AnApp) -> None:
    """The same request has the same answer; another is told who decided; nothing moves."""
    async with an_office(an_app) as office:
        decision = a_decision(await a_conflict(office))
        told = await asyncio.gather(
            *(office.door.ResolveConflict(decision) for _ in range(3))
        )
        before = await office.footprint()
        again = await office.door.ResolveConflict(decision)
        other = a_decision(decision.conflict_id, take_rival=False)
        ended = await refused(office.door.ResolveConflict(other))
        decision.reason = "另一个理由"
        reused = await refused(office.door.ResolveConflict(decision))
        unknown = await refused(office.door.ResolveConflict(a_decision(str(uuid4()))))

        assert told == [again] * 3
        assert ended.reason == "CONFLICT_ENDED"
        assert ACTOR in ended.texts["en"]
        assert reused.reason == "REQUEST_ID_REUSED"
        assert unknown.reason == "CONFLICT_UNKNOWN"
        assert await office.footprint() == before


WON = {
    "the rival is the owner's": ("", "53", TAKEN, 2),
    "the standing one is the owner's": ("53", "", KEPT, 1),
    "neither is the owner's": ("", "530102", KEPT, 1),
    "both are the owner's": ("53", "53", KEPT, 1),
}


async def test_undecided_the_owners_version_wins(an_app: AnApp) -> None:
    """Not before its time; then by the rule, in the node's name, the same at both tiers."""
    for case, (standing, rival, state, number) in WON.items():
        async with an_office(an_app) as office:
            conflict_id = await a_conflict(office, standing, rival)
            early = await conflicts.decide_due(office.town)
            office.clock.now += timedelta(days=3)
            due = await conflicts.decide_due(office.town)
            again = await conflicts.decide_due(office.town)
            await office.tell()

            assert (early, due, again) == (0, 1, 0), case
            ended = ConflictState(state)
            assert await states(office, conflict_id) == [ended, ended], case
            assert await office.values() == {"households": number}, case
            assert await kept(office.county) == {"households": number}, case


async def test_the_default_does_not_undo_what_was_corrected_since(
    an_app: AnApp,
) -> None:
    """The owner's rival waited; somebody who knew of it corrected the value. That stands."""
    async with an_office(an_app) as office:
        await a_conflict(office, "", "53")
        await office.submit(answer({"households": 7}, reason="复核后更正"))
        office.clock.now += timedelta(days=3)
        await conflicts.decide_due(office.town)

        assert await office.values() == {"households": 7}


async def test_three_versions_end_with_the_owners(an_app: AnApp) -> None:
    """Two rivals of one value are decided in the order they fall due."""
    async with an_office(an_app) as office:
        await a_conflict(office, "", "530102")
        await office.submit(
            answer({"households": 3}, base_revision=0, author_division="53")
        )
        office.clock.now += timedelta(days=3)

        assert await conflicts.decide_due(office.town) == 2
        assert await office.values() == {"households": 3}


async def test_of_two_rivals_of_the_owner_the_first_stands(an_app: AnApp) -> None:
    """The first is put in force; the second is a rival of the owner's own version then."""
    async with an_office(an_app) as office:
        await a_conflict(office, "", "53")
        await office.submit(
            answer({"households": 3}, base_revision=0, author_division="53")
        )
        office.clock.now += timedelta(days=3)
        await conflicts.decide_due(office.town)
        await office.tell()

        assert await office.values() == {"households": 2}
        assert await kept(office.county) == {"households": 2}


async def test_what_is_put_in_force_is_remembered(an_app: AnApp) -> None:
    """What a new value is compared with has the rival in place of what stood."""
    async with an_office(an_app) as office:
        decision = a_decision(await a_conflict(office, number=5))
        await office.door.ResolveConflict(decision)
        async with office.town.db.reading() as tx:
            known = await store.histories(tx, [Code(TOWN)])
        ((count, total, squares, *_),) = known[Code(TOWN)].values()

    assert (count, total, squares) == (1, 5, 25)


async def test_a_conflict_about_nothing_stops_nobody(an_app: AnApp) -> None:
    """A row whose answers are not here is left alone; the others are decided."""
    async with an_office(an_app) as office:
        conflict_id = await a_conflict(office, "", "53")
        async with office.town.db.transaction() as tx:
            await tx.execute(LOST, uuid4(), OTHER, uuid4())
        office.clock.now += timedelta(days=3)

        assert await conflicts.decide_due(office.town) == 1
        assert (await states(office, conflict_id))[0] is ConflictState.RIVAL_TAKEN


async def test_a_locked_period_waits(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Locked, a person is refused and the default waits; unlocked, it is decided."""

    async def locked(tx: Tx, keys: Iterable[Key], now: datetime) -> Mapping[Key, str]:
        return dict.fromkeys(keys, "530102")

    async with an_office(an_app) as office:
        conflict_id = await a_conflict(office, "", "53")
        office.clock.now += timedelta(days=3)
        before = await office.footprint()
        with monkeypatch.context() as patched:
            patched.setattr(approval, "locked", locked)
            told = await refused(office.door.ResolveConflict(a_decision(conflict_id)))
            waits = await conflicts.decide_due(office.town)

        assert told.reason == "PERIOD_LOCKED"
        assert waits == 0
        assert await office.footprint() == before
        assert await conflicts.decide_due(office.town) == 1


async def test_the_township_decides_what_falls_due_by_itself(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody calls: the node finds it, and ends looking when it drains."""
    monkeypatch.setattr(conflicts, "LOOK_SECONDS", 0.05)
    async with an_office(an_app) as office:
        conflict_id = await a_conflict(office, "", "53")
        office.clock.now += timedelta(days=3)
        looking = asyncio.ensure_future(conflicts.decide_by_default(office.town))
        async with asyncio.timeout(60):
            while (await office.values())["households"] != 2:
                await asyncio.sleep(0.02)
            office.town.draining.set()
            await looking
        async with office.town.db.reading() as tx:
            found = await registry.conflict(tx, UUID(conflict_id))

    assert found is not None
    assert found.resolver == "towns"


async def test_texts_in_conflict_are_put_in_force_too(an_app: AnApp) -> None:
    """A text stands beside its sheet; so does the one that takes its place."""
    async with an_office(an_app) as office:
        await publish(office.town, element("later", difference="后来增加的模拟数据元"))
        await office.submit(answer({"remarks": "一", "road": "01"}, base_revision=0))
        told = await office.submit(
            answer({"remarks": "二", "road": "02"}, base_revision=0)
        )
        for conflict_id in told.remarks[0].conflict_ids:
            await office.door.ResolveConflict(a_decision(conflict_id))
        await office.tell()

        assert await office.values() == {"remarks": "二", "road": "02"}
        assert await kept(office.county) == await office.values()
