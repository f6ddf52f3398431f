"""The registry's link door: what a neighbour may not say, or says too early, is set aside."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from google.protobuf.message import Message

from ducha.collection.v1.collection_pb2 import Answer
from ducha.registry.v1 import registry_facts_pb2 as facts
from ducha.registry.v1 import registry_pb2 as pb
from services.township.collection import actions as collection
from services.township.collection.batch import Filing
from services.township.collection.errors import ValuesInvalid
from tests import registry, servers
from tests.catalogue import element, publish
from tests.doors.registry import (
    CATALOGUE,
    CHOSEN,
    DAILY,
    DATED,
    IN_VILLAGES,
    SMALL,
    WORDS,
    A,
    B,
    a_demand,
    values,
)
from tests.registry import (
    DOORS,
    FAR_TOWN,
    NEXT_TOWN,
    QUJING,
    START,
    TOWN,
    WEST,
    a_line,
    outcomes,
    sheet,
    state,
    waiting,
)
from tests.registry_audit import unsound
from tests.servers import AnApp
from tier import division
from tier.link import actions as link
from tier.registry.model import Flag
from tier.runtime import moments

FORGED: list[tuple[str, Message, str]] = [
    ("another county's cells", a_demand("530102", TOWN, FAR_TOWN), "530102"),
    ("in the city's name", a_demand("5301", TOWN), "530102"),
    ("a township asks", a_demand(TOWN, TOWN), TOWN),
    ("another's values", values(division=FAR_TOWN), TOWN),
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


async def test_what_the_rule_forbids_by_now_cannot_be_confirmed(an_app: AnApp) -> None:
    """Every tier above would put it aside: the township says so, and takes a new value."""
    async with a_line(an_app, CATALOGUE, WEST) as line:
        await line.answer(TOWN, {"small": 9}, period="2026-10")
        made = (await line.ask("53", ["small"], TOWN)).data_request.data_request_id
        await publish(line.apps["province"], element("small", rule="value < 5.0"))
        await line.settle()
        same = Answer(division=TOWN, period=registry.PERIOD, unchanged=["small"])
        filing = Filing(registry.a_request(), registry.ACTOR, [same])
        (refused,) = await collection.file(line.apps["streets"], [filing])
        await line.answer(TOWN, {"small": 4})
        await line.settle()

        assert isinstance(refused, ValuesInvalid)
        for app in line.apps.values():
            assert await outcomes(app, made) == [0, 0, 0, 1, 0]
            assert await servers.quarantined(app) == []
