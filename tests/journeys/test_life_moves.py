"""Every move from every state by every party, through the door of a real node.

A move that the table allows is made; any other is refused with the reason that the table says,
and leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import grpc
import pytest

from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.petition.v1 import petition_pb2
from tests import life
from tests import life_moves as moves
from tests.doors.tiers import footprint
from tests.life import ALONE, CITY, COUNTY, FAR_CITY, OTHER_TOWN, TOWN, VILLAGE, Desk
from tests.registry import Clock
from tests.servers import AnApp, refusal
from tier.assignment.model import ENDED, ItemState, State
from tier.assignment.moves import ITEM_LAWS, LAWS, ItemMove, Move, Party
from tier.jurisdiction import Code, contains
from tier.petition import settling
from tier.petition.model import Kind
from tier.petition.rules import OPEN

PROVINCE = Code("53")
PARTIES: Mapping[str, Code] = {
    "issuer": PROVINCE,
    "above": CITY,
    "assigner": COUNTY,
    "executor": TOWN,
    "sibling": OTHER_TOWN,
    "below": VILLAGE,
    "stranger": FAR_CITY,
}
RPCS = {
    Move.RETURN: "ReturnAssignments",
    Move.VERIFY: "VerifyAssignments",
    Move.RESUME: "ResumeAssignments",
    Move.WITHDRAW: "WithdrawAssignments",
}
ITEM_RPCS = {move: f"{move.name.title()}Item" for move in ItemMove}
WITHOUT_A_CALL = {Move.PUT_OFF, Move.SUSPEND}
"""What a granted petition does; from where is asked by the petition."""

Try: TypeAlias = Callable[[], Awaitable[object]]
Step: TypeAlias = Callable[["Node", str], Awaitable[object]]


@dataclass
class Node:
    """One node that acts for all four tiers, and its clock."""

    desk: Desk
    clock: Clock

    async def issued(self) -> str:
        """Issue an item in cascade, down to both townships."""
        desk = self.desk
        issued = await moves.issue_item(desk, self.clock.now(), PROVINCE, CITY)
        item_id = issued.item.item_id
        await moves.split(desk, item_id, CITY, COUNTY)
        await moves.split(desk, item_id, COUNTY, TOWN, OTHER_TOWN)
        return item_id

    async def judge(self, move: Move, item_id: str) -> None:
        await moves.judge(self.desk, RPCS[move], item_id, COUNTY, TOWN)

    async def verified_to_the_top(self, item_id: str) -> None:
        """Let everybody report and verify, so that the issuer may conclude."""
        desk, way = self.desk, (PROVINCE, CITY, COUNTY)
        towns = [
            town for town in (TOWN, OTHER_TOWN) if await self.state(item_id, town) < 3
        ]
        await moves.report(desk, item_id, *towns)
        await moves.judge(desk, RPCS[Move.VERIFY], item_id, COUNTY)
        for above, below in zip(way[-2::-1], way[:0:-1], strict=True):
            await moves.report(desk, item_id, below)
            await moves.judge(desk, RPCS[Move.VERIFY], item_id, above, below)

    async def ended(self, item_id: str, *ends: str) -> None:
        """Make moves of the issuer."""
        for end in ends:
            await moves.end(self.desk, end, item_id, PROVINCE)

    async def state(self, item_id: str, division: Code = TOWN) -> int:
        """Return where an assignment stands."""
        rows = await self.desk.fetch(
            "SELECT state FROM assignment WHERE item_id = $1::uuid AND division = $2",
            item_id,
            division,
        )
        return int(rows[0]["state"])

    async def refused(self, call: Try) -> str:
        """Return the reason of a refusal; empty if there was none."""
        try:
            await call()
        except grpc.aio.AioRpcError as no:
            return refusal(no).reason
        return ""

    async def at_rest(self) -> Mapping[str, tuple[int, str]]:
        """Return what the tables hold, once nothing moves by itself any more."""
        await settling.settle(self.desk.app)
        return await footprint(self.desk.fetch)


async def _suspended(node: Node, item_id: str) -> None:
    kind = petition_pb2.PETITION_KIND_SUSPENSION
    filed = await moves.ask(node.desk, item_id, TOWN, kind)
    await moves.decide(node.desk, filed.petitions[0])


async def _received(node: Node, item_id: str) -> None:
    await moves.receive(node.desk, item_id, TOWN)


async def _reported(node: Node, item_id: str) -> None:
    await moves.report(node.desk, item_id, TOWN)


async def _returned(node: Node, item_id: str) -> None:
    await node.judge(Move.RETURN, item_id)


async def _verified(node: Node, item_id: str) -> None:
    await node.judge(Move.VERIFY, item_id)


async def _withdrawn(node: Node, item_id: str) -> None:
    await node.judge(Move.WITHDRAW, item_id)


async def _closed(node: Node, item_id: str) -> None:
    await node.verified_to_the_top(item_id)
    await node.ended(item_id, "ConcludeItem", "CloseItem")


WAYS: Mapping[State, Sequence[Step]] = {
    State.ISSUED: (),
    State.RECEIVED: (_received,),
    State.REPORTED: (_reported,),
    State.RETURNED: (_reported, _returned),
    State.VERIFIED: (_reported, _verified),
    State.CLOSED: (_closed,),
    State.WITHDRAWN: (_withdrawn,),
    State.SUSPENDED: (_suspended,),
}
"""How an assignment comes to each state."""


@asynccontextmanager
async def a_node(an_app: AnApp) -> AsyncIterator[Node]:
    """Make the node."""
    clock = Clock()
    async with life.a_desk(an_app, ALONE, clock) as desk:
        yield Node(desk, clock)


async def brought(node: Node, state: State) -> str:
    """Return an item whose assignment at the township stands so."""
    item_id = await node.issued()
    for step in WAYS[state]:
        await step(node, item_id)
    assert await node.state(item_id) == state
    return item_id


def judged(move: Move, state: State, acting: Code) -> str:
    """Return the reason that the table says for a move of an assigner; empty if allowed."""
    if acting in {FAR_CITY, VILLAGE}:
        return "ITEM_UNKNOWN"  # nothing of it is theirs to know
    if state is State.CLOSED:
        return "ITEM_ENDED"
    if not contains(acting, TOWN):
        return "ASSIGNMENT_UNKNOWN"
    if acting != COUNTY:
        return "NOT_ASSIGNER"
    return "" if state in LAWS[move].states else "MOVE_NOT_ALLOWED"


def executed(move: Move, state: State, acting: Code) -> str:
    """Return the reason that the table says for a move of an executor; empty if allowed."""
    if acting != TOWN:
        return "ASSIGNMENT_UNKNOWN"
    if state is State.CLOSED:
        return "ITEM_ENDED"
    return "" if state in LAWS[move].states else "MOVE_NOT_ALLOWED"


def asked(kind: Kind, state: State) -> str:
    """Return the reason that the table says for a petition; empty if it may be filed."""
    if kind is Kind.REVIEW:
        if state is State.WITHDRAWN:
            return "PETITION_NOT_OPEN"
        return "" if state is State.CLOSED else "REVIEW_NOT_OPEN"
    if state is State.CLOSED:
        return "ITEM_ENDED"
    return "" if state in OPEN[kind] else "PETITION_NOT_OPEN"


def tries(desk: Desk, item_id: str, state: State) -> dict[str, tuple[Try, str]]:
    """Return every move by every party, each with the reason that it must be refused for."""
    found: dict[str, tuple[Try, str]] = {}
    for move, rpc in RPCS.items():
        for party, acting in PARTIES.items():
            call: Try = partial(moves.judge, desk, rpc, item_id, acting, TOWN)
            found[f"{move} by {party}"] = call, judged(move, state, acting)
    executors: Mapping[Move, Callable[[Code], Try]] = {
        Move.RECEIVE: lambda code: partial(moves.receive, desk, item_id, code),
        Move.REPORT: lambda code: partial(moves.report, desk, item_id, code),
        Move.SPLIT: lambda code: partial(moves.split, desk, item_id, code, VILLAGE),
    }
    for move, make in executors.items():
        for party in ("executor", "below", "stranger"):
            code = PARTIES[party]
            found[f"{move} by {party}"] = make(code), executed(move, state, code)
    for kind in Kind:
        wanted = petition_pb2.PetitionKind.ValueType(kind)
        call = partial(moves.ask, desk, item_id, TOWN, wanted)
        found[f"ask {kind.name}"] = call, asked(kind, state)
    return found


@pytest.mark.parametrize("state", State, ids=lambda state: state.name)
async def test_what_the_table_forbids_is_refused_so_and_changes_nothing(
    an_app: AnApp, state: State
) -> None:
    """By everybody who may not, of an assignment in this state."""
    async with a_node(an_app) as node:
        item_id = await brought(node, state)
        forbidden = {
            name: one
            for name, one in tries(node.desk, item_id, state).items()
            if one[1]
        }
        before = await node.at_rest()
        told = {name: await node.refused(call) for name, (call, _) in forbidden.items()}

        assert told == {name: reason for name, (_, reason) in forbidden.items()}
        assert await node.at_rest() == before
        assert len(told) > 30


@pytest.mark.parametrize("state", State, ids=lambda state: state.name)
async def test_what_the_table_allows_is_done(an_app: AnApp, state: State) -> None:
    """Each allowed move, of an item of its own; it changes what is held."""
    async with a_node(an_app) as node:
        template = tries(node.desk, "", state)
        allowed = [name for name, (_, reason) in template.items() if not reason]
        for name in allowed:
            item_id = await brought(node, state)
            before = await node.at_rest()
            call, _ = tries(node.desk, item_id, state)[name]

            assert await node.refused(call) == "", name
            assert await node.at_rest() != before, name
        by_table = {move for move, law in LAWS.items() if state in law.states}

        assert len(allowed) >= len(by_table - WITHOUT_A_CALL)


ENDINGS: Mapping[ItemState, Sequence[str]] = {
    ItemState.ISSUED: (),
    ItemState.CONCLUDED: ("ConcludeItem",),
    ItemState.CLOSED: ("ConcludeItem", "CloseItem"),
    ItemState.WITHDRAWN: ("WithdrawItem",),
    ItemState.ARCHIVED: ("ConcludeItem", "CloseItem", "ArchiveItem"),
}


async def ending(node: Node, state: ItemState) -> str:
    """Return an item that stands so, with nothing in the way of any move."""
    item_id = await node.issued()
    await node.verified_to_the_top(item_id)
    for end in ENDINGS[state]:
        if end == "ArchiveItem":
            node.clock.wait(days=60)
        await node.ended(item_id, end)
    if state is ItemState.CLOSED:
        node.clock.wait(days=60)
    return item_id


def moved(move: ItemMove, state: ItemState, acting: Code) -> str:
    """Return the reason that the table says for a move of an item; empty if allowed."""
    if acting in {FAR_CITY, VILLAGE}:
        return "ITEM_UNKNOWN"
    if acting != PROVINCE:
        return "NOT_ISSUER"
    law = ITEM_LAWS[move]
    if state in law.states:
        return ""
    ended = state in ENDED and not (
        # what is closed may be followed by something: then the table names what is missing
        state is ItemState.CLOSED and ItemState.CLOSED in law.states
    )
    return "ITEM_ENDED" if ended else law.otherwise


@pytest.mark.parametrize("state", ItemState, ids=lambda state: state.name)
async def test_an_item_is_moved_as_the_table_says(
    an_app: AnApp, state: ItemState
) -> None:
    """Every move by every party: refused with its reason, and nothing changed; or made."""
    async with a_node(an_app) as node:
        item_id = await ending(node, state)
        expected, told = {}, {}
        before = await node.at_rest()
        for move, rpc in ITEM_RPCS.items():
            for party, acting in PARTIES.items():
                if reason := moved(move, state, acting):
                    call = partial(moves.end, node.desk, rpc, item_id, acting)
                    expected[f"{move} by {party}"] = reason
                    told[f"{move} by {party}"] = await node.refused(call)

        assert told == expected
        assert await node.at_rest() == before
        for move in (move for move, law in ITEM_LAWS.items() if state in law.states):
            fresh = await ending(node, state)
            call = partial(moves.end, node.desk, ITEM_RPCS[move], fresh, PROVINCE)
            assert await node.refused(call) == "", move
            answer = await node.desk.items.GetItem(api.GetItemRequest(item_id=fresh))
            assert int(answer.item.state) == ITEM_LAWS[move].leads_to


def test_every_move_is_tried() -> None:
    """A move that is added to the table is added here."""
    executors = {move for move, law in LAWS.items() if law.party is Party.EXECUTOR}

    assert set(LAWS) == {*RPCS, *executors, *WITHOUT_A_CALL}
    assert set(WAYS) == set(State)
    assert set(ENDINGS) == set(ItemState)
