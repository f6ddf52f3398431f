"""The registry's link door: what is told to whom, and what a neighbour may not say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from ducha.catalogue.v1 import catalogue_pb2
from ducha.link.v1 import link_pb2
from ducha.registry.v1 import registry_facts_pb2 as facts
from ducha.registry.v1 import registry_pb2 as pb
from tests import registry
from tests.catalogue import element, publish
from tests.registry import (
    DOORS,
    EAST,
    FAR_TOWN,
    NEXT_TOWN,
    PERIOD,
    QUJING,
    START,
    TOWN,
    VILLAGE,
    WEST,
    a_line,
    outcomes,
    sheet,
    state,
    unsound,
    waiting,
)
from tests.servers import AnApp, owed, quarantined, recorded
from tier import division
from tier.jurisdiction import Code
from tier.link import actions as link
from tier.link import owing
from tier.link.model import Run
from tier.registry.model import Flag
from tier.runtime import moments

DAY = catalogue_pb2.Freshness(max_age=Duration(seconds=86_400))
CHOICE = [catalogue_pb2.CodeListEntry(code="y", name_zh="是（模拟）", name_en="yes")]
CATALOGUE = (
    element("a"),
    element("b", freshness=DAY),
    element("words", type=catalogue_pb2.VALUE_TYPE_TEXT),
    element("village", collect_level=5),
    element("daily", period_type=catalogue_pb2.PERIOD_TYPE_DAY),
    element("day", type=catalogue_pb2.VALUE_TYPE_DATE),
    element("choice", type=catalogue_pb2.VALUE_TYPE_CODE, codes=CHOICE),
    element("small", rule="value < 10.0"),
)
A, B, WORDS, IN_VILLAGES, DAILY, DATED, CHOSEN, SMALL = range(1, 9)


def asked(fact_list: Sequence[link_pb2.Fact]) -> list[facts.DataRequested]:
    """Return the requests among facts."""
    kind = facts.DataRequested.DESCRIPTOR.full_name
    read = facts.DataRequested.FromString
    return [read(fact.payload) for fact in fact_list if fact.kind == kind]


def cells(told: facts.DataRequested) -> set[tuple[int, str]]:
    """Return the cells that a request names."""
    return {
        (number, code)
        for group in told.groups
        for number in group.elements
        for code in division.set_from(group.divisions)
    }


def a_demand(
    requester: str, *codes: str, elements: Sequence[int] = (A,), request_id: str = ""
) -> facts.DataRequested:
    """Return a request as a neighbour tells it, of township cells."""
    request = registry.a_need(START, ["a"])
    request.data_request_id = request_id or str(uuid4())
    request.requester_division = requester
    request.create_time.FromDatetime(START)
    group = facts.CellGroup(
        elements=elements,
        divisions=division.set_to([Code(code) for code in codes]),
        outcome=pb.OUTCOME_COLLECT,
    )
    return facts.DataRequested(request=request, groups=[group])


def values(**over: Any) -> facts.ObservationsRecorded:
    """Return an answer as a township tells it."""
    told: dict[str, Any] = {
        "division": TOWN,
        "period": PERIOD,
        "catalogue_version": 1,
        "elements": [A],
        "numbers": [5],
        "flags": [0],
        "observe_time": moments.stamp_of(START),
        "author_division": TOWN,
    }
    return facts.ObservationsRecorded(**told | over)


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


FORGED: list[tuple[str, Message, str]] = [
    ("another county's cells", a_demand("530102", TOWN, FAR_TOWN), "530102"),
    ("in the city's name", a_demand("5301", TOWN), "530102"),
    ("a township asks", a_demand(TOWN, TOWN), TOWN),
    ("another's values", values(division=NEXT_TOWN), TOWN),
]


async def test_nobody_speaks_for_others(an_app: AnApp) -> None:
    """A county tells its city what is not its own: set aside, and nothing is asked or held."""
    async with a_line(an_app, CATALOGUE, WEST[:3]) as line:
        reasons = {
            name: await line.tell("wuhua", "kunming", payload, speaker)
            for name, payload, speaker in FORGED
        }

        assert reasons == {name: ["WRONG_JURISDICTION"] for name, *_ in FORGED}
        assert await waiting(line.apps["kunming"]) == {}
        assert await sheet(line.apps["kunming"], TOWN) is None


async def test_values_never_come_down(an_app: AnApp) -> None:
    """Each cell has one home: what a tier above says of it is set aside."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        assert await line.tell("wuhua", "streets", values(), TOWN) == [
            "WRONG_JURISDICTION"
        ]
        assert await sheet(line.apps["streets"], TOWN) is None


async def test_only_the_requester_takes_a_request_back(an_app: AnApp) -> None:
    """A county may not end the province's request, nor add cells to it, nor judge others'."""
    async with a_line(an_app, CATALOGUE, WEST[:3]) as line:
        made = (await line.ask("53", ["a"])).data_request.data_request_id
        await line.settle()
        taken = facts.DataRequestWithdrawn(data_request_id=made, reason="伪造")
        added = a_demand("530102", NEXT_TOWN, elements=[B], request_id=made)
        moved = facts.AsksJudged(
            data_request_id=made,
            groups=[
                facts.CellGroup(
                    elements=[A],
                    divisions=division.set_to([FAR_TOWN]),
                    before=pb.OUTCOME_COLLECT,
                    outcome=pb.OUTCOME_SERVED,
                )
            ],
        )
        reasons = [
            *await line.tell("wuhua", "kunming", taken, "530102", made),
            *await line.tell("wuhua", "kunming", added, "530102", made),
            *await line.tell("wuhua", "kunming", moved, "530102", made),
            *await line.tell("kunming", "wuhua", moved, "5301", made),
        ]
        await line.settle()

        assert reasons == ["WRONG_JURISDICTION"] * 4
        assert await outcomes(line.apps["province"], made) == [0, 0, 0, 3, 3]
        assert await state(line.apps["kunming"], made) == pb.DATA_REQUEST_STATE_OPEN


async def test_an_element_that_is_not_known_yet_waits_for_the_catalogue(
    an_app: AnApp,
) -> None:
    """Requests and values of it are set aside, and taken by themselves once it has come."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        below, above = line.apps["streets"], line.apps["wuhua"]
        new = len(CATALOGUE) + 1
        late = [
            await line.tell(
                "wuhua", "streets", a_demand("53", TOWN, elements=[new]), "53"
            ),
            await line.tell(
                "streets", "wuhua", values(elements=[new], catalogue_version=2), TOWN
            ),
        ]
        await publish(line.apps["province"], element("newer"))
        await line.settle()
        fitted = [await link.retry_early(app, DOORS) for app in (below, above)]
        task, held = await sheet(below, TOWN), await sheet(above, TOWN)

        assert late == [["UNKNOWN_ELEMENT"], ["UNKNOWN_ELEMENT"]]
        assert fitted == [1, 1]
        assert task is not None
        assert list(task.asked) == [new]
        assert held is not None
        assert list(held.elements) == [new]


async def test_a_request_that_is_not_here_yet_is_waited_for(an_app: AnApp) -> None:
    """Judgements, withdrawals and decisions of what nobody knows are tried again later."""
    async with a_line(an_app, CATALOGUE, [WEST[0], *WEST[2:]]) as line:
        stranger = str(uuid4())
        reasons = [
            *await line.tell(
                "streets", "wuhua", facts.AsksJudged(data_request_id=stranger), TOWN
            ),
            *await line.tell(
                "wuhua",
                "streets",
                facts.DataRequestWithdrawn(data_request_id=stranger, reason="x"),
                "53",
            ),
            *await line.tell(
                "streets", "wuhua", facts.ConflictResolved(conflict_id=stranger), TOWN
            ),
        ]

        assert reasons == [
            "UNKNOWN_DATA_REQUEST",
            "UNKNOWN_DATA_REQUEST",
            "UNKNOWN_CONFLICT",
        ]


WRONG: dict[str, dict[str, Any]] = {
    "too large": {"numbers": [10**13 + 1]},
    "breaks its rule": {"elements": [SMALL], "numbers": [10]},
    "a number for a text": {"elements": [WORDS]},
    "a text for a number": {"texts": ["x"], "numbers": [1], "flags": [Flag.TEXT]},
    "a text that is missing": {"elements": [WORDS], "flags": [Flag.TEXT], "numbers": [0]},
    "not in the list": {
        "elements": [CHOSEN], "texts": ["n"], "numbers": [1], "flags": [Flag.TEXT],
    },
    "a day no calendar has": {"elements": [DATED], "numbers": [10**9]},
    "approved by itself": {"flags": [16]},
    "elements twice": {"elements": [A, A], "numbers": [1, 2], "flags": [0, 0]},
    "elements in disorder": {"elements": [B, A], "numbers": [1, 2], "flags": [0, 0]},
    "nothing": {"elements": [], "numbers": [], "flags": []},
    "contested with nobody": {"flags": [Flag.CONTESTED]},
    "a conflict of nothing": {
        "conflict_ids": [str(uuid4())], "conflict_due_time": moments.stamp_of(START),
    },
    "of another level": {"elements": [IN_VILLAGES]},
    "of another period": {"elements": [DAILY]},
}  # fmt: skip


async def test_values_that_could_not_be_entered_are_not_taken(an_app: AnApp) -> None:
    """Every tier checks by the rule they were entered by; the next answer is taken."""
    async with a_line(an_app, CATALOGUE, WEST[:2]) as line:
        app = line.apps["province"]
        reasons = {
            name: await line.tell("kunming", "province", values(**over), TOWN)
            for name, over in WRONG.items()
        }
        good = await line.tell("kunming", "province", values(), TOWN)
        held = await sheet(app, TOWN)

        assert reasons == {name: ["VALUES_INVALID"] for name in WRONG}
        assert good == []
        assert held is not None
        assert (list(held.elements), held.revision) == ([A], 1)
        assert await unsound(app) == []


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


async def test_only_the_home_of_a_value_decides_its_conflict(an_app: AnApp) -> None:
    """A sibling may not, nor a tier above; decided twice is decided once."""
    async with a_line(an_app, CATALOGUE, [*WEST, QUJING]) as line:
        await line.answer(TOWN, {"a": 1})
        await line.answer(TOWN, {"a": 9}, base=0)
        await line.settle()
        province = line.apps["province"]
        async with province.db.reading() as tx:
            conflict_id = str(
                await tx.fetchval("SELECT conflict_id FROM registry_conflict")
            )
        taken, kept = (
            facts.ConflictResolved(
                conflict_id=conflict_id, state=decided, reason="核实"
            )
            for decided in (
                pb.CONFLICT_STATE_RIVAL_TAKEN,
                pb.CONFLICT_STATE_STANDING_KEPT,
            )
        )
        forged = [
            *await line.tell("qujing", "province", taken, "530302"),
            *await line.tell("wuhua", "streets", taken, "53"),
        ]
        standing = await sheet(province, TOWN)
        decided = await line.tell("kunming", "province", taken, TOWN)
        again = await line.tell("kunming", "province", kept, TOWN)
        after = await sheet(province, TOWN)

        assert forged == ["WRONG_JURISDICTION"] * 2
        assert standing is not None
        assert list(standing.numbers) == [1]
        assert decided == again == []
        assert after is not None
        assert (list(after.numbers), list(after.given)) == ([9], [2])
        assert await unsound(province) == []


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
