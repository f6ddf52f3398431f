"""Collect once: two elements are published and asked, and the second who asks is served.

The period is an event with a name of its own, so that each run begins with nothing held.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

from clients.runtime import Client, Endpoints
from ducha.catalogue.v1 import catalogue_pb2 as elements
from ducha.catalogue.v1 import catalogue_service_pb2 as catalogue
from ducha.collection.v1 import collection_pb2 as answers
from ducha.collection.v1 import collection_service_pb2 as collection
from ducha.division.v1 import division_pb2
from ducha.division.v1.division_service_pb2 import ListDivisionsRequest
from ducha.registry.v1 import registry_pb2 as pb
from ducha.registry.v1 import registry_service_pb2 as registry
from examples.issue_and_report import new_id
from examples.place import endpoints

ACTOR = "example officer (simulated)"
SHELTERS, MOVED = "example.shelters_open", "example.people_moved"
WAIT_SECONDS = 30


def element(code: str, zh: str, en: str, unit: str, root: str) -> elements.Element:
    """Return a whole number that townships give once an event."""
    return elements.Element(
        code=code,
        name_zh=f"{zh}（模拟）",
        name_en=f"{en} (simulated)",
        definition=f"{zh}，截至填报时（模拟）",
        type=elements.VALUE_TYPE_NUMBER,
        unit=unit,
        period_type=elements.PERIOD_TYPE_EVENT,
        collect_level=division_pb2.LEVEL_TOWNSHIP,
        owner=elements.Owner(division=root, name="模拟应急部门"),
        legal_basis="模拟依据",
        sensitivity=elements.SENSITIVITY_INTERNAL,
        freshness=elements.Freshness(until_period_closes=True),
        rule="value >= 0.0",
    )


async def publish(province: Client, root: str) -> None:
    """Say what can be asked; published again, the same rows change nothing."""
    request = catalogue.PublishCatalogueRequest(
        request_id=new_id(),
        actor=ACTOR,
        elements=[
            element(SHELTERS, "开放避难场所数", "Shelters open", "处", root),
            element(MOVED, "转移群众人数", "People moved to safety", "人", root),
        ],
    )
    await province.call(province.catalogue_keeping.PublishCatalogue, request)


async def ask(asker: Client, code: str, of: str, event: str) -> pb.DataRequest:
    """Ask the townships of a county through the gate; print what it decided, and why."""
    needed = pb.DataRequest(
        requester=f"Example office of {code} (simulated)",
        title="Flood situation (simulated)",
        elements=[SHELTERS, MOVED],
        period=event,
        use="relief",
    )
    needed.deadline_time.FromDatetime(datetime.now(UTC) + timedelta(hours=6))
    request = registry.RequestDataRequest(
        request_id=new_id(),
        division=code,
        actor=ACTOR,
        data_request=needed,
        targets=division_pb2.DivisionSelection(
            level=division_pb2.LEVEL_TOWNSHIP, within=[of]
        ),
    )
    decided = await asker.call(asker.registry.RequestData, request)
    for one in decided.elements:
        print(f"{code} asks {one.element}: {one.reason_en}")
    return decided.data_request


async def answer(township: Client, county: str, event: str, count: int) -> None:
    """Wait until the tasks have come down, then answer them in one call."""
    request = collection.ListTasksRequest(within=county, period=event, page_size=2000)
    while True:
        listed = await township.call(township.collection.ListTasks, request)
        if len(listed.tasks) == count:
            break
        await asyncio.sleep(0.05)
    given = [
        answers.Answer(
            division=task.division,
            period=task.period,
            values=[pb.Value(element=one.element, number=3) for one in task.fields],
            base_revision=task.revision,  # what the author saw: nothing is overwritten
            device="example",
        )
        for task in listed.tasks
    ]
    batch = collection.SubmitAnswersRequest(
        request_id=new_id(), actor=ACTOR, answers=given
    )
    taken = await township.call(township.collection.SubmitAnswers, batch)
    print(f"{count} townships gave {taken.recorded_count} values")


async def complete(asker: Client, request_id: str) -> None:
    """Watch a request until all its values are there."""
    request = registry.WatchDataRequestRequest(data_request_id=request_id)
    async for response in asker.registry.WatchDataRequest(request):
        print(f"  still missing: {response.data_request.waiting_count}")


async def origins(asker: Client, of: str, event: str) -> None:
    """Print who gave the values of the first township."""
    request = registry.ListObservationsRequest(within=of, period=event, page_size=1)
    found = await asker.call(asker.registry.ListObservations, request)
    for one in found.observations:
        print(
            f"  {one.division} {one.value.element} = {one.value.number:g}, "
            f"by {one.author} at {one.origin}"
        )


async def main(nodes: Endpoints) -> None:
    """The province asks the townships of one county; then the county asks the same."""
    async with nodes.client() as province:
        found = await province.call(
            province.divisions.ListDivisions,
            ListDivisionsRequest(level=division_pb2.LEVEL_TOWNSHIP, page_size=1),
        )
        code = found.divisions[0].parent_code
        event = f"{datetime.now(UTC):%Y-%m-%d}/example-{uuid.uuid4().hex[:12]}"
        async with (
            asyncio.timeout(WAIT_SECONDS),
            nodes.client(code) as county,
            nodes.client(found.divisions[0].code) as township,
        ):
            await publish(province, nodes.root)
            first = await ask(province, nodes.root, code, event)
            await answer(township, code, event, first.outcomes.collect // 2)
            await complete(province, first.data_request_id)
            second = await ask(county, code, code, event)
            print(f"{second.outcomes.served} values served, nobody was asked again")
            await origins(county, code, event)


if __name__ == "__main__":
    asyncio.run(main(endpoints("Ask once, be served twice.")))
