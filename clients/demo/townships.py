"""Simulated township officers (模拟干部): they see what is asked, and give it."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from clients.cli.registry_words import rows
from clients.demo import things
from clients.demo.officers import AT_ONCE, PAGE
from clients.demo.plan import COUNTY_DIGITS, OFFICER
from clients.runtime import Client
from ducha.collection.v1 import collection_pb2 as pb
from ducha.collection.v1 import collection_service_pb2 as api

DEVICE = "demo"
ALL = 1_000_000


async def open_tasks(client: Client, period: str) -> list[pb.Task]:
    """Return everything that is asked for a period at the townships' node."""
    request = api.ListTasksRequest(period=period, page_size=PAGE)
    method = client.collection.ListTasks
    return await rows(client, method, request, lambda page: page.tasks, ALL)


async def answer(client: Client, tasks: Sequence[pb.Task]) -> int:
    """Give exactly what is asked; return how many values were recorded."""
    return await give(client, [answer_to(task) for task in tasks])


def answer_to(task: pb.Task) -> pb.Answer:
    """Return what a simulated officer says: new values, or that the old ones still hold.

    What came filled in is confirmed by nine townships of ten.
    """
    moved = things.has_moved(task.division, task.period)
    unchanged: list[str] = []
    given: list[str] = []
    for field in task.fields:
        same = field.HasField("prefilled") and field.element in HELD and not moved
        (unchanged if same else given).append(field.element)
    return pb.Answer(
        division=task.division,
        period=task.period,
        values=things.values(given, task.division, task.period),
        unchanged=unchanged,
        device=DEVICE,
        base_revision=task.revision,
    )


HELD = frozenset({*things.STEADY, *things.AGED})


def unasked(
    divisions: Sequence[str],
    codes: Sequence[str],
    period: str,
    observed: datetime,
) -> list[pb.Answer]:
    """Return what townships give of their own accord, as seen at a moment."""
    made = []
    for division in divisions:
        one = pb.Answer(
            division=division,
            period=period,
            values=things.values(codes, division, period),
            device=DEVICE,
        )
        one.observe_time.FromDatetime(observed)
        made.append(one)
    return made


async def give(client: Client, answers: Sequence[pb.Answer]) -> int:
    """Send answers, a batch for each county, several counties at a time."""
    groups: dict[str, list[pb.Answer]] = defaultdict(list)
    for one in answers:
        groups[one.division[:COUNTY_DIGITS]].append(one)
    gate = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as offices:
        sent = [
            offices.create_task(_office(client, county, groups[county], gate))
            for county in sorted(groups)
        ]
    return sum(task.result() for task in sent)


async def _office(
    client: Client, county: str, answers: Sequence[pb.Answer], gate: asyncio.Semaphore
) -> int:
    request = api.SubmitAnswersRequest(
        request_id=str(uuid.uuid4()), actor=f"{OFFICER} {county}", answers=answers
    )
    async with gate:
        response = await client.call(client.collection.SubmitAnswers, request)
    return response.recorded_count


def past(
    townships: Sequence[str],
    own: Sequence[str],
    now: datetime,
    periods: tuple[str, str],
) -> list[pb.Answer]:
    """Return last month's steady values of all, and what `own` gave this month too early."""
    this, before = periods
    long_ago = now - timedelta(days=things.AGED_DAYS)
    return [
        *unasked(townships, things.STEADY, before, now),
        *unasked(own, things.AGED, this, long_ago),
    ]
