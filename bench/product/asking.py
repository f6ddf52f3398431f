"""What the load driver sends to ask for data and to answer, built before the clock starts."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench import elements
from bench.product.requests import ACTOR
from bench.product.sent import Sent
from ducha.collection.v1 import collection_pb2
from ducha.collection.v1 import collection_service_pb2 as collection
from ducha.division.v1 import division_pb2
from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as api

BATCH_ANSWERS = 500
DEADLINE_DAYS = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """Elements of all divisions of a level, for a period."""

    elements: tuple[str, ...]
    level: str
    period: str


def monthly(period: str) -> Wanted:
    """Return the month's values of all townships."""
    return Wanted(elements.MONTHLY, "township", period)


def daily(period: str) -> Wanted:
    """Return the day's values of all grids."""
    return Wanted(elements.DAILY, "grid", period)


def request(
    requester: str, wanted: Wanted, *, only_checked: bool = False
) -> api.RequestDataRequest:
    """Return a request of a division for all that lies below it."""
    deadline = dt.datetime.now(dt.UTC) + dt.timedelta(days=DEADLINE_DAYS)
    made = registry_pb2.DataRequest(
        requester="省政府督查室（模拟）",
        title="压力测试（模拟）",
        elements=wanted.elements,
        period=wanted.period,
        use="planning",
    )
    made.deadline_time.FromDatetime(deadline)
    level = division_pb2.Level.Value(f"LEVEL_{wanted.level.upper()}")
    return api.RequestDataRequest(
        request_id=str(uuid.uuid4()),
        division=requester,
        actor=ACTOR,
        data_request=made,
        targets=division_pb2.DivisionSelection(level=level),
        validate_only=only_checked,
    )


def batches(
    wanted: Wanted, divisions: Sequence[str], size: int = BATCH_ANSWERS
) -> Iterator[collection.SubmitAnswersRequest]:
    """Yield the answers of divisions, so many a call."""
    for start in range(0, len(divisions), size):
        yield collection.SubmitAnswersRequest(
            request_id=str(uuid.uuid4()),
            actor=ACTOR,
            answers=[_answer(code, wanted) for code in divisions[start : start + size]],
        )


def streamed(wanted: Wanted, divisions: Sequence[str]) -> list[bytes]:
    """Return the same as what a stream of batches carries, as bytes."""
    return [
        collection.StreamAnswersRequest(batch=batch).SerializeToString()
        for batch in batches(wanted, divisions)
    ]


def single(wanted: Wanted, divisions: Sequence[str]) -> list[Sent]:
    """Return a call for each division, as its own worker would send it, as bytes."""
    return [
        Sent.by(batch.answers[0].division, batch.SerializeToString())
        for batch in batches(wanted, divisions, 1)
    ]


def _answer(division: str, wanted: Wanted) -> collection_pb2.Answer:
    answer = collection_pb2.Answer(division=division, period=wanted.period)
    for code, number in zip(wanted.elements, elements.numbers(division), strict=True):
        answer.values.add(element=code, number=float(number))
    return answer
