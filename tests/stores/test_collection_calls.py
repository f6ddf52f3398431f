"""Calls at a township's door: refused whole and by name, done once, alone in their batch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest

from ducha.collection.v1 import collection_pb2 as nouns
from ducha.collection.v1 import collection_service_pb2 as pb
from services.township.collection import actions
from services.township.collection.batch import Filing
from tests.divisions import a_request
from tests.servers import AnApp
from tests.stores.collecting import (
    ACTOR,
    GRID,
    NOWHERE,
    OTHER,
    TOWN,
    an_office,
    answer,
    refused,
)


def a_filing(*answers: nouns.Answer, actor: str = ACTOR) -> Filing:
    """Return one call, as the batcher has it."""
    return Filing(a_request(str(answers)), actor, answers)


WRONG: dict[str, tuple[str, list[str], dict[str, Any]]] = {
    "a rule": ("VALUES_INVALID", ["answers[0].values[0]"], {"households": -1.0}),
    "decimals": ("VALUES_INVALID", ["answers[0].values[0]"], {"income": 1.234}),
    "a type": ("VALUES_INVALID", ["answers[0].values[0]"], {"households": "many"}),
    "a code": ("VALUES_INVALID", ["answers[0].values[0]"], {"road": "03"}),
    "no such day": (
        "VALUES_INVALID",
        ["answers[0].values[0]"],
        {"inspected": "date:2026-02-30"},
    ),
    "too large": ("VALUES_INVALID", ["answers[0].values[0]"], {"income": 1e308}),
    "nobody knows it": (
        "VALUES_INVALID",
        ["answers[0].values[0].element"],
        {"nothing": 1.0},
    ),
    "two at once": (
        "VALUES_INVALID",
        ["answers[0].values[0]", "answers[0].values[1]"],
        {"households": -1.0, "road": "03"},
    ),
}
OTHERS: dict[str, tuple[nouns.Answer, Sequence[Any]]] = {
    "another level": (
        answer({"households": 1}, GRID),
        ("VALUES_INVALID", ["answers[0].values[0].element"]),
    ),
    "another type of period": (
        answer({"households": 1}, period="2026"),
        ("VALUES_INVALID", ["answers[0].values[0].element"]),
    ),
    "no period": (
        answer({"households": 1}, period="someday"),
        ("INVALID_INPUT", ["answers[0].period"]),
    ),
    "no code": (
        answer({"households": 1}, "5301020010"),
        ("INVALID_INPUT", ["answers[0].division"]),
    ),
    "elsewhere": (answer({"households": 1}, "530103001"), ("DIVISION_NOT_HOSTED", [])),
    "unknown": (answer({"households": 1}, NOWHERE), ("DIVISION_UNKNOWN", [])),
}


async def test_a_refused_call_changes_nothing_and_says_what_is_wrong(
    an_app: AnApp,
) -> None:
    """A sound answer beside a wrong one is not taken either: all, or none."""
    cases = OTHERS | {
        case: (answer(given), told) for case, (*told, given) in WRONG.items()
    }
    async with an_office(an_app) as office:
        await office.ask("households", "income", "road")
        before = await office.footprint()
        for case, (wrong, (reason, fields)) in cases.items():
            told = await refused(office.submit(wrong, answer({"households": 1}, OTHER)))

            assert (told.reason, list(told.fields)) == (reason, fields), case
        assert await office.footprint() == before


async def test_what_will_be_seen_tomorrow_is_refused(an_app: AnApp) -> None:
    """A ledger is not filled in ahead."""
    seen = answer({"households": 1})
    async with an_office(an_app) as office:
        seen.observe_time.FromDatetime(office.clock.now + timedelta(hours=1))
        told = await refused(office.submit(seen))

    assert told.fields == ["answers[0].observe_time"]


async def test_a_retry_has_one_effect_and_the_same_answer(an_app: AnApp) -> None:
    """Sent five times at once and once more: one fact; with other content: refused."""
    request_id = str(uuid4())
    async with an_office(an_app) as office:
        sound = answer({"households": 9})
        told = await asyncio.gather(
            *(office.submit(sound, request_id=request_id) for _ in range(5))
        )
        before = await office.footprint()
        again = await office.submit(sound, request_id=request_id)
        other = await refused(
            office.submit(answer({"households": 8}), request_id=request_id)
        )

        assert told == [again] * 5
        assert other.reason == "REQUEST_ID_REUSED"
        assert await office.footprint() == before


async def test_calls_of_one_batch_do_not_hinder_each_other(an_app: AnApp) -> None:
    """In one transaction, each is judged as if it came alone after those before it.

    A sound call, its retry, its id for other content, wrong values, a name that no database
    keeps, the same value again, and one who had not seen it.
    """
    async with an_office(an_app) as office:
        first = a_filing(answer({"households": 1}))
        reused = Filing(
            first.request.__class__(first.request.request_id, "test", b"other"),
            ACTOR,
            [answer({"households": 3})],
        )
        outcomes = await actions.file(
            office.town,
            [
                first,
                first,
                reused,
                a_filing(answer({"households": -1})),
                a_filing(answer({"income": 1}), actor="\0"),
                a_filing(answer({"households": 1})),
                a_filing(answer({"households": 2}, base_revision=0)),
            ],
        )
        values = await office.values()

    reasons = [getattr(one, "reason", "") for one in outcomes]
    assert reasons == [
        "",
        "",
        "REQUEST_ID_REUSED",
        "VALUES_INVALID",
        "INVALID_INPUT",
        "",
        "",
    ]
    assert outcomes[0] == outcomes[1]
    told = [
        pb.SubmitAnswersResponse.FromString(one)
        for one in outcomes
        if isinstance(one, bytes)
    ]
    assert [one.recorded_count for one in told] == [1, 1, 0, 1]
    assert [len(remark.conflict_ids) for remark in told[3].remarks] == [1]
    assert values == {"households": 1}


async def test_one_call_answers_a_task_once(an_app: AnApp) -> None:
    """Twice the same task in one call says two things at once."""
    async with an_office(an_app) as office:
        twice = (answer({"households": 1}), answer({"income": 1}))
        told = await refused(office.submit(*twice))

    assert told.fields == ["answers[1]"]


async def _drain(stream: Any, told: list[Any]) -> None:
    """Keep what a stream says, until it ends."""
    async for one in stream:
        told.append(one)  # noqa: PERF401 - kept also where it ends in a refusal


async def test_a_stream_answers_each_batch(an_app: AnApp) -> None:
    """Three batches on one call are three answers; the refusal of the last ends it."""
    batches = [
        pb.SubmitAnswersRequest(request_id=str(uuid4()), actor=ACTOR, answers=[one])
        for one in (
            answer({"households": 1}),
            answer({"households": 2}, OTHER),
            answer({"households": -1}),
        )
    ]
    told: list[Any] = []
    async with an_office(an_app) as office:
        stream = office.door.StreamAnswers(
            iter([pb.StreamAnswersRequest(batch=one) for one in batches])
        )
        with pytest.raises(grpc.aio.AioRpcError):
            await _drain(stream, told)
        values = [await office.values(each) for each in (TOWN, OTHER)]

    assert [one.request_id for one in told] == [one.request_id for one in batches[:2]]
    assert values == [{"households": 1}, {"households": 2}]
