"""The guard itself: what it costs, whom it lets in, what it does with odd messages."""

from __future__ import annotations

import asyncio
import time
from statistics import median

import pytest

from ducha.assignment.v1 import assignment_service_pb2 as assignment
from ducha.collection.v1 import collection_service_pb2 as collection
from ducha.division.v1 import division_pb2
from ducha.division.v1 import division_service_pb2 as division
from tests.doors import data_letters as data
from tests.doors import letters
from tests.policy.walls import TOWN
from tests.policy.world import ALL
from tests.servers import AnApp
from tier.identity.current import CALLER
from tier.identity.model import Caller, Role
from tier.jurisdiction import Code
from tier.policy import NotAllowed, may_act, must_act
from tier.policy.guard import Guard
from tier.runtime.errors import InvalidInput, TierError

REPORT = "/ducha.assignment.v1.AssignmentService/ReportAssignments"
ISSUE = "/ducha.assignment.v1.AssignmentService/IssueItem"
SUBMIT = "/ducha.collection.v1.CollectionService/SubmitAnswers"
GET = "/ducha.assignment.v1.AssignmentService/GetItem"
IMPORT = "/ducha.division.v1.DivisionKeepingService/ImportDivisions"
ITEM = letters.request_id()
HOT_SECONDS = 20e-6


def a_caller(division_: str, *roles: Role) -> Caller:
    return Caller(f"p{division_}", Code(division_), frozenset(roles), proof="t1")


async def reason(guard: Guard, method: str, request: object, caller: Caller) -> str:
    """Return why a message is refused; empty if it is not."""
    try:
        await guard.admit(method, request, caller)
    except TierError as refusal:
        return refusal.reason
    return ""


async def test_a_hot_message_costs_less_than_twenty_microseconds(an_app: AnApp) -> None:
    """One report of one township, one reading of one item: median of many."""
    officer = a_caller("530102001", Role.OFFICER)
    hot = [
        (REPORT, letters.report(ITEM, "530102001")),
        (GET, assignment.GetItemRequest(item_id=ITEM)),
    ]
    costs = []
    async with an_app(TOWN) as app:
        guard = Guard(app)
        for method, request in hot:
            for _ in range(50):
                await guard.admit(method, request, officer)
            times = []
            for _ in range(40):
                began = time.thread_time()
                for _ in range(50):
                    await guard.admit(method, request, officer)
                times.append((time.thread_time() - began) / 50)
            costs.append(median(times))

    assert max(costs) < HOT_SECONDS


async def test_what_has_no_row_is_refused_to_everybody(an_app: AnApp) -> None:
    """Deny by default, whoever calls."""
    everything = a_caller("53", *Role)
    async with an_app(TOWN) as app:
        guard = Guard(app)
        told = await reason(
            guard, "/ducha.assignment.v1.AssignmentService/Unheard", None, everything
        )

    assert told == "NOT_ALLOWED"


async def test_each_division_of_a_message_is_checked(an_app: AnApp) -> None:
    """One report of a neighbour among a hundred own ones refuses all of them."""
    system = a_caller("530102", Role.INTEGRATOR)
    own = [f"530102{number:03}" for number in range(1, 101)]
    async with an_app(TOWN) as app:
        guard = Guard(app)
        fine = await reason(guard, REPORT, letters.report(ITEM, *own), system)
        foul = await reason(
            guard, REPORT, letters.report(ITEM, *own, "530103001"), system
        )

    assert (fine, foul) == ("", "NOT_ALLOWED")


async def test_nobody_answers_in_the_name_of_a_unit_above(an_app: AnApp) -> None:
    """Conflicts go to the owner of an element by default: a township is not the owner."""
    officer = a_caller("530102001", Role.OFFICER)
    owner = a_caller("53", Role.INTEGRATOR)
    told = []
    async with an_app(TOWN) as app:
        guard = Guard(app)
        for caller, author in (
            (officer, ""),
            (officer, "530102001"),
            (officer, "53"),
            (officer, "530103001"),
            (owner, "53"),
            (owner, "530102001"),
        ):
            given = data.answer("530102001", "2026-11", {}, author_division=author)
            told.append(await reason(guard, SUBMIT, data.submit(given), caller))

    assert told == ["", "", "NOT_ALLOWED", "NOT_ALLOWED", "", ""]


async def test_a_division_that_is_no_code_is_an_invalid_message(an_app: AnApp) -> None:
    """Three digits pass the proto's pattern and are no division."""
    officer = a_caller("530102", Role.OFFICER)
    async with an_app(TOWN) as app:
        guard = Guard(app)
        with pytest.raises(InvalidInput):
            await guard.admit(ISSUE, letters.issue(division="530"), officer)


async def test_a_message_that_names_no_division_is_nobodys(an_app: AnApp) -> None:
    """Nothing to decide by is no reason to let it in."""
    officer = a_caller("530102001", Role.OFFICER)
    async with an_app(TOWN) as app:
        told = await reason(
            Guard(app), SUBMIT, collection.SubmitAnswersRequest(), officer
        )

    assert told == "NOT_ALLOWED"


async def test_a_keeper_keeps_the_own_province_only(an_app: AnApp) -> None:
    """At the node he keeps, of what lies within it; rows that are no codes, the action names."""
    keeper = a_caller("53", Role.KEEPER)
    county = a_caller("530102", Role.KEEPER)
    told = []
    async with an_app(ALL) as app:
        guard = Guard(app)
        for caller, codes in (
            (keeper, ["5301", "530102"]),
            (keeper, ["5301", "54"]),
            (keeper, ["5301", "bad"]),
            (county, ["530102001"]),
        ):
            rows = [division_pb2.Division(code=code) for code in codes]
            request = division.ImportDivisionsRequest(divisions=rows)
            told.append(await reason(guard, IMPORT, request, caller))

    assert told == ["", "NOT_ALLOWED", "", "NOT_ALLOWED"]


async def test_actions_ask_for_what_only_they_know(an_app: AnApp) -> None:
    """Behind the door, for the caller of the call; without walls nobody is refused."""
    rpc = "ducha.collection.v1.CollectionService/ResolveConflict"
    officer = a_caller("530102001", Role.OFFICER)
    async with an_app(TOWN) as app:
        guard = Guard(app)

        async def within_a_call() -> tuple[bool, bool]:
            CALLER.set(officer)
            await guard.admit(GET, assignment.GetItemRequest(), officer)
            must_act(rpc, [Code("530102001"), Code("530102001001")])
            with pytest.raises(NotAllowed):
                must_act(rpc, [Code("530102001"), Code("530102002")])
            return may_act(rpc, Code("530102001")), may_act(rpc, Code("530102"))

        inside = await asyncio.create_task(within_a_call())
        must_act(rpc, [Code("54")])
        outside = may_act(rpc, Code("54"))

    assert (inside, outside) == ((True, False), True)
