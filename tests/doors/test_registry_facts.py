"""The registry's link door: what is told to whom, and what comes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ducha.registry.v1 import registry_facts_pb2 as facts
from ducha.registry.v1 import registry_pb2 as pb
from tests.doors.registry import CATALOGUE, WORDS, A, B, a_demand, asked, cells
from tests.registry import (
    DOORS,
    EAST,
    FAR_TOWN,
    NEXT_TOWN,
    START,
    TOWN,
    VILLAGE,
    WEST,
    a_line,
    outcomes,
    sheet,
    state,
    waiting,
)
from tests.registry_audit import unsound
from tests.servers import AnApp, owed, quarantined, recorded
from tier.link import actions as link
from tier.link import owing
from tier.link.model import Run


async def test_what_is_held_and_fresh_goes_nowhere_down(an_app: AnApp) -> None:
    """All of it served: no branch hears of it. Some of it: a branch hears of the rest."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        await line.answer(TOWN, {"a": 1, "b": 2})
        await line.settle()
        before = len(await owed(line.apps["kunming"], "wuhua"))
        served = await line.ask("5301", ["a", "b"], TOWN)
        partly = await line.ask("5301", ["a", "words"], "530102")
        told = asked((await owed(line.apps["kunming"], "wuhua"))[before:])
        above = asked(await owed(line.apps["kunming"], "province"))

        assert served.data_request.state == pb.DATA_REQUEST_STATE_COMPLETE
        assert [one.request.data_request_id for one in told] == [
            partly.data_request.data_request_id
        ]
        assert cells(told[0]) == {(A, NEXT_TOWN), (WORDS, TOWN), (WORDS, NEXT_TOWN)}
        assert cells(above[0]) == {(A, TOWN), (B, TOWN)}
        assert cells(above[1]) == {(A, TOWN), *cells(told[0])}


async def test_a_request_goes_through_one_branch_as_it_is(an_app: AnApp) -> None:
    """From the province to the township: the same bytes in every ledger."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        await line.ask("53", ["a"], "530102")
        await line.settle()
        kind = facts.DataRequested.DESCRIPTOR.full_name
        told = [
            [fact for fact in await recorded(line.apps[name]) if fact.kind == kind]
            for name in ("province", "kunming", "wuhua", "streets")
        ]

        assert [len(facts_here) for facts_here in told] == [1] * 4
        assert all(facts_here == told[0] for facts_here in told)
        assert asked(await owed(line.apps["province"], "qujing")) == []


async def test_each_branch_hears_of_its_own_cells(an_app: AnApp) -> None:
    """Two cities are asked by one request; neither hears of the other's townships."""
    async with a_line(an_app, CATALOGUE, WEST[:1]) as line:
        await line.ask("53", ["a", "b"])
        (west,) = asked(await owed(line.apps["province"], "kunming"))
        (east,) = asked(await owed(line.apps["province"], "qujing"))

        assert cells(west) == {(n, c) for n in (A, B) for c in (TOWN, NEXT_TOWN)}
        assert cells(east) == {(A, FAR_TOWN), (B, FAR_TOWN)}
        assert west.request == east.request


async def test_a_tier_that_knows_better_asks_less_and_says_so(an_app: AnApp) -> None:
    """A value climbs while a request comes down: the county serves it, all tiers count so."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        await line.answer(TOWN, {"a": 1})
        await line.carry("streets", "wuhua")
        mine = await line.ask("530102", ["b"], TOWN)
        theirs = (await line.ask("53", ["a", "b"], TOWN)).data_request.data_request_id
        await line.carry("province", "kunming")
        await line.carry("kunming", "wuhua")
        told = asked(await owed(line.apps["wuhua"], "streets"))
        await line.settle()

        assert mine.data_request.outcomes.collect == 1
        assert [cells(one) for one in told] == [{(B, TOWN)}, {(B, TOWN)}]
        for app in line.apps.values():
            counts = await outcomes(app, theirs)
            assert counts[1:] == [1, 0, 0, 1]  # joined, and still missing
            assert await quarantined(app) == []
            assert await unsound(app) == []
        assert await outcomes(line.apps["province"], theirs) == [1, 1, 0, 0, 1]


async def test_an_answer_that_comes_again_has_one_effect(an_app: AnApp) -> None:
    """A lane begins a new life and tells everything again, twice in one bundle."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        made = (await line.ask("53", ["a", "b"], TOWN)).data_request.data_request_id
        await line.settle()
        await line.answer(TOWN, {"a": 3})
        await line.settle()
        before = [await sheet(app, TOWN) for app in line.apps.values()]
        for sender, receiver in line.links():
            run = await owing.owed(sender, receiver.node.name, 0, 1000)
            if run is not None:
                lives = [Run(run.epoch + n, run.first, run.bodies) for n in (1, 1, 2)]
                await link.apply(receiver, DOORS, sender.node.name, lives)

        assert [await sheet(app, TOWN) for app in line.apps.values()] == before
        for app in line.apps.values():
            assert await outcomes(app, made) == [0, 0, 0, 2, 1]
            assert await unsound(app) == []
            assert await quarantined(app) == []


@pytest.mark.parametrize("ended", ["answered", "withdrawn"])
async def test_a_tier_that_begins_anew_does_not_ask_again_what_ended(
    an_app: AnApp, ended: str
) -> None:
    """A city lost its database: it judges anew and passes on under new numbers."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        made = (await line.ask("53", ["a"], TOWN)).data_request.data_request_id
        await line.settle()
        if ended == "answered":
            await line.answer(TOWN, {"a": 3})
        else:
            await line.withdraw(made)
        await line.settle()
        (first,) = asked(await owed(line.apps["kunming"], "wuhua"))
        reasons = await line.tell("kunming", "wuhua", first, "53", made)
        await line.settle()

        assert reasons == []
        for app in line.apps.values():
            assert await waiting(app) == {}
            assert await unsound(app) == []
            held = await sheet(app, TOWN)
            assert held is not None
            assert list(held.asked) == []


async def test_a_request_passed_on_again_asks_what_it_did_not_before(
    an_app: AnApp,
) -> None:
    """The tier above knows less than it did: what is new to the county goes on, no more."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        made = (await line.ask("53", ["a"], TOWN)).data_request.data_request_id
        await line.settle()
        again = a_demand("53", TOWN, NEXT_TOWN, request_id=made)
        reasons = await line.tell("kunming", "wuhua", again, "53", made)
        await line.carry("wuhua", "streets")
        told = asked(await owed(line.apps["wuhua"], "streets"))

        assert reasons == []
        assert [cells(one) for one in told] == [{(A, TOWN)}, {(A, NEXT_TOWN)}]
        for name in ("wuhua", "streets"):
            assert await unsound(line.apps[name]) == []
            assert await outcomes(line.apps[name], made) == [0, 0, 0, 2, 2]


async def test_a_withdrawal_closes_what_nobody_else_waits_for(an_app: AnApp) -> None:
    """Two wait for one cell, one alone for another: only that one is asked no more."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        both = (await line.ask("53", ["a", "b"], TOWN)).data_request.data_request_id
        await line.ask("530102", ["b"], TOWN, days=20)
        await line.settle()
        await line.withdraw(both)
        await line.settle()

        for app in line.apps.values():
            task = await sheet(app, TOWN)
            assert task is not None
            assert list(task.asked) == [B]
            assert task.deadline == START + timedelta(days=20)
            assert await state(app, both) == pb.DATA_REQUEST_STATE_WITHDRAWN
            assert await unsound(app) == []
            assert await quarantined(app) == []


@pytest.mark.parametrize("first", ["up", "down"])
async def test_a_withdrawal_that_crosses_the_answer_ends_alike_everywhere(
    an_app: AnApp, first: str
) -> None:
    """Whichever comes first: the value is kept, the request is withdrawn, nothing is asked."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        made = (await line.ask("53", ["a"], TOWN)).data_request.data_request_id
        await line.settle()
        await line.answer(TOWN, {"a": 3})
        refused = await line.withdraw(made)
        lanes = line.links()
        down, up = lanes[: len(lanes) // 2], lanes[len(lanes) // 2 :]
        for sender, receiver in [*up, *down] if first == "up" else [*down, *up]:
            await line.carry(sender.node.name, receiver.node.name)
        await line.settle()

        assert refused is None
        for app in line.apps.values():
            held = await sheet(app, TOWN)
            assert held is not None
            assert (list(held.asked), list(held.numbers)) == ([], [3])
            assert await state(app, made) == pb.DATA_REQUEST_STATE_WITHDRAWN
            assert await unsound(app) == []
            assert await quarantined(app) == []


async def test_a_branch_that_was_asked_nothing_hears_of_no_withdrawal(
    an_app: AnApp,
) -> None:
    """All it would have been asked was held: it never knew the request."""
    async with a_line(an_app, CATALOGUE, EAST) as line:
        await line.answer(FAR_TOWN, {"a": 3})
        await line.settle()
        made = (await line.ask("53", ["a"])).data_request.data_request_id
        refused = await line.withdraw(made)
        await line.settle()

        assert refused is None
        for app in line.apps.values():
            assert await quarantined(app) == []


async def test_requests_that_cross_are_one_task(an_app: AnApp) -> None:
    """Province and county ask at the same time: the notice climbs as the request comes down."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        above = (await line.ask("53", ["a", "b"], TOWN)).data_request.data_request_id
        below = (await line.ask("530102", ["a"], TOWN, days=5)).data_request
        await line.carry("wuhua", "kunming")
        await line.carry("province", "kunming")
        await line.settle()

        for app in line.apps.values():
            task = await sheet(app, TOWN)
            assert task is not None
            assert list(task.asked) == [A, B]
            assert task.deadline == START + timedelta(days=5)
            assert await outcomes(app, above) == [0, 1, 0, 1, 2]
            assert await outcomes(app, below.data_request_id) == [0, 0, 0, 1, 1]
            assert await quarantined(app) == []


async def test_a_value_seen_too_long_ago_does_not_end_the_ask(an_app: AnApp) -> None:
    """It is kept and shown; whoever asked needs a newer one, at every tier."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        made = (await line.ask("53", ["b"], TOWN)).data_request.data_request_id
        await line.settle()
        await line.answer(TOWN, {"b": 1}, hours_ago=30)
        await line.settle()
        between = [await outcomes(app, made) for app in line.apps.values()]
        await line.answer(TOWN, {"b": 1}, hours_ago=1)
        await line.settle()

        assert between == [[0, 0, 0, 1, 1]] * 4
        for app in line.apps.values():
            held = await sheet(app, TOWN)
            assert held is not None
            assert (held.revision, list(held.given), list(held.asked)) == (2, [2], [])
            assert await state(app, made) == pb.DATA_REQUEST_STATE_COMPLETE


async def test_a_contested_value_changes_no_sheet_and_serves_nobody(
    an_app: AnApp,
) -> None:
    """Given by one who did not know what stands: every tier holds the conflict, open."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        await line.answer(TOWN, {"b": 1})
        line.clock.wait(days=2)
        made = (await line.ask("53", ["b"], TOWN)).data_request.data_request_id
        await line.settle()
        await line.answer(TOWN, {"b": 9}, base=0)
        await line.settle()

        for app in line.apps.values():
            held = await sheet(app, TOWN)
            assert held is not None
            assert (list(held.numbers), list(held.asked)) == ([1], [B])
            assert held.revision == 2
            assert await outcomes(app, made) == [0, 0, 1, 0, 1]
            assert await unsound(app) == []
            async with app.db.reading() as tx:
                (one,) = await tx.fetch("SELECT * FROM registry_conflict")
            assert (one["division"], one["element"], one["state"]) == (TOWN, B, 1)
            assert [one["standing_answer"], one["rival_answer"]] == list(held.answers)


async def test_villages_are_asked_by_their_township(an_app: AnApp) -> None:
    """An area stands for all in it that collect; a cell of a village has its home there."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        made = (await line.ask("53", ["a", "village"], TOWN)).data_request
        await line.settle()
        await line.answer(VILLAGE, {"village": 4})
        await line.answer(TOWN, {"a": 4})
        await line.settle()

        for app in line.apps.values():
            assert await state(app, made.data_request_id) == (
                pb.DATA_REQUEST_STATE_COMPLETE
            )
