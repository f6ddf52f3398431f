"""The course of an item on many nodes: a city splits facts for counties, and tells them once."""

from __future__ import annotations

from collections import Counter

from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.timeline.v1 import timeline_pb2 as nouns
from ducha.timeline.v1 import timeline_service_pb2 as api
from ducha.timeline.v1.timeline_service_pb2_grpc import TimelineServiceStub
from tests.checkers.places import Place
from tests.journeys.office import OPTIONS, Office
from tests.journeys.running import Running

REPORTED, RETURNED = pb.ASSIGNMENT_STATE_REPORTED, pb.ASSIGNMENT_STATE_RETURNED
HERE = nouns.Event.DIRECTION_HERE


async def course(place: Place, item: str) -> list[nouns.Event]:
    """Return all that a node tells of an item."""
    async with place.channel(OPTIONS) as channel:
        stub = TimelineServiceStub(channel)
        answer = await stub.ListEvents(
            api.ListEventsRequest(item_id=item, page_size=500)
        )
    assert not answer.next_page_token
    return list(answer.events)


def held(place: Place, codes: list[str]) -> list[str]:
    return [code for code in codes if place.holds(code)]


async def test_every_node_tells_each_move_once_and_of_its_own_divisions(
    many_nodes: Running, offices: Office
) -> None:
    """Issued over two cities and four counties, all reported, all returned in one call."""
    item = await offices.issue("53")
    towns = sorted(offices.history.targets[item])
    homes = {offices.home(code) for code in towns}
    for home in homes:
        own = [code for code in towns if offices.home(code) == home]
        await offices.until(home, item, own, pb.ASSIGNMENT_STATE_ISSUED)
        await offices.report(item, own)
    await offices.until("yunnan", item, towns, REPORTED)
    await offices.send_back("53", item, towns)
    for place in offices.places.values():
        await offices.until(place.name, item, held(place, towns), RETURNED)
    told = {name: await course(place, item) for name, place in offices.places.items()}

    for name, place in offices.places.items():
        own = held(place, towns)
        kinds = Counter(event.kind for event in told[name])
        assert kinds == {
            "ItemIssued": 1,
            "AssignmentReported": len(own),
            "AssignmentsReturned": 1,
        }, name
        (returned,) = (e for e in told[name] if e.kind == "AssignmentsReturned")
        assert list(returned.divisions) == own
        assert returned.division == "53"
        assert (returned.direction == HERE) == (name == "yunnan")
    assert await many_nodes.problems() == []
