"""Open tasks as a township sees them: merged, filled in, the most urgent first."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from ducha.collection.v1 import collection_pb2 as nouns
from ducha.collection.v1 import collection_service_pb2 as pb
from tests.servers import AnApp
from tests.stores.collecting import (
    BEFORE,
    OTHER,
    PERIOD,
    THIRD,
    TOWN,
    Office,
    an_office,
    answer,
    refused,
)


def in_days(office: Office, days: int) -> Timestamp:
    """Return a deadline."""
    stamp = Timestamp()
    stamp.FromDatetime(office.clock.now + timedelta(days=days))
    return stamp


async def test_a_task_is_merged_over_all_who_wait(an_app: AnApp) -> None:
    """Two departments, overlapping fields: one task, each field once, the earlier deadline.

    Who has got what he asked for is not named any more.
    """
    async with an_office(an_app) as office:
        sooner = in_days(office, 2)
        await office.ask("households", "income", of=[TOWN])
        roads = {"requester": "交通局（模拟）", "deadline_time": sooner}
        await office.ask("income", "road", of=[TOWN], **roads)
        await office.ask("road", of=[TOWN], requester="交通局（模拟）")
        (task,) = await office.tasks()
        await office.submit(answer({"households": 1, "income": 1}))
        (left,) = await office.tasks()

    names = ["民政局（模拟） (530102)", "交通局（模拟） (530102)"]
    assert [one.element for one in task.fields] == ["households", "income", "road"]
    assert task.deadline_time == sooner
    assert list(task.requesters) == names
    assert list(left.requesters) == names[1:]


async def test_a_field_says_what_is_known(an_app: AnApp) -> None:
    """Names and unit from the catalogue, and the value that is known.

    What is held but old, and when it was seen; or that of the newest period before.
    """
    async with an_office(an_app) as office:
        await office.submit(answer({"households": 700}, period="2026-09"))
        await office.submit(answer({"households": 800}, period=BEFORE))
        await office.submit(answer({"wells": 3}))
        seen = in_days(office, 0)
        office.clock.now += timedelta(days=11)
        await office.ask("households", "wells", "road", of=[TOWN])
        (task,) = await office.tasks()

    households, road, wells = task.fields
    assert (task.division, task.period, task.revision) == (TOWN, PERIOD, 1)
    assert (households.name_en, households.unit) == ("Simulated households", "户")
    assert (households.prefilled.number, households.prefilled_period) == (800, BEFORE)
    assert households.ask == road.ask == nouns.Field.ASK_COLLECT
    assert not road.HasField("prefilled")
    assert wells.ask == nouns.Field.ASK_CONFIRM
    assert (wells.prefilled.number, wells.prefilled_period) == (3, PERIOD)
    assert wells.prefilled_observe_time == seen


async def test_the_task_due_first_comes_first_on_pages_of_any_size(
    an_app: AnApp,
) -> None:
    """Each task once, by deadline, division and period, whatever the page."""
    async with an_office(an_app) as office:
        await office.ask("income", of=[TOWN, OTHER], deadline_time=in_days(office, 4))
        await office.ask(
            "income", of=[OTHER], period="2026-12", deadline_time=in_days(office, 4)
        )
        await office.ask("income", of=[THIRD], deadline_time=in_days(office, 3))
        whole = await office.tasks()
        for size in (1, 2, 3):
            shown, token = [], ""
            while True:
                page = await office.door.ListTasks(
                    pb.ListTasksRequest(page_size=size, page_token=token)
                )
                shown += page.tasks
                token = page.next_page_token
                if not token:
                    break

            assert shown == whole
        december = await office.tasks(period="2026-12")
        within = await office.tasks(within=OTHER)

    keys = [(task.division, task.period) for task in whole]
    assert keys == [
        (THIRD, PERIOD),
        (TOWN, PERIOD),
        (OTHER, PERIOD),
        (OTHER, "2026-12"),
    ]
    assert december == whole[3:]
    assert within == whole[2:]


async def test_what_is_withdrawn_or_answered_is_no_task(an_app: AnApp) -> None:
    """A list of tasks holds what is open, and nothing else."""
    async with an_office(an_app) as office:
        await office.ask("income", of=[TOWN])
        await office.submit(answer({"income": 1}), answer({"income": 1}, OTHER))

        assert await office.tasks() == []


def a_token(text: str) -> pb.ListTasksRequest:
    """Return the request for the page after some token."""
    return pb.ListTasksRequest(page_token=text)


WRONG = {
    "no code": (pb.ListTasksRequest(within="53010"), "INVALID_INPUT", ["within"]),
    "no period": (pb.ListTasksRequest(period="soon"), "INVALID_INPUT", ["period"]),
    "no token": (a_token("x"), "PAGE_TOKEN_INVALID", []),
    "another's token": (
        a_token("WyJhIiwgImIiLCAiYyJd"),
        "PAGE_TOKEN_INVALID",
        [],
    ),
    "too many": (
        pb.ListTasksRequest(page_size=2001),
        "INVALID_INPUT",
        ["page_size"],
    ),
}


async def test_what_cannot_be_read_is_refused_by_name(an_app: AnApp) -> None:
    """Wrong codes, periods and tokens are named, none is taken for "all"."""
    async with an_office(an_app) as office:
        for case, (request, reason, fields) in WRONG.items():
            told = await refused(office.door.ListTasks(request))

            assert (told.reason, list(told.fields)) == (reason, fields), case
