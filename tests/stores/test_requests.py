"""Request ids on a real PostgreSQL: one id, one effect, one answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from ducha.assignment.v1 import assignment_service_pb2 as pb
from tier.runtime import requests
from tier.runtime.db import Database
from tier.runtime.errors import Contended, RequestIdReused
from tier.runtime.requests import Kept, Request

AGE = "UPDATE request SET recorded_at = $2 WHERE request_id = $1"


def a_request(request_id: UUID, content: str = "x", method: str = "m") -> Request:
    return Request(request_id, method, content.encode())


async def keep(db: Database, request: Request, answer: bytes = b"answer") -> None:
    async with db.transaction() as tx:
        await requests.keep(tx, [(request, answer)])


async def test_a_retry_finds_its_answer(database: Database) -> None:
    """An empty answer is one too; what was never asked has none."""
    first, empty, new = (a_request(uuid4()) for _ in range(3))
    await keep(database, first)
    await keep(database, empty, b"")
    async with database.reading() as tx:
        answers = await requests.answered(tx, [first, empty, new])

    assert answers == {first.request_id: b"answer", empty.request_id: b""}


@pytest.mark.parametrize(("content", "method"), [("y", "m"), ("x", "n")])
async def test_an_id_is_not_used_for_other_content(
    database: Database, content: str, method: str
) -> None:
    """Nor for another method that happens to say the same."""
    request_id = uuid4()
    await keep(database, a_request(request_id))
    other = a_request(request_id, content, method)
    async with database.reading() as tx:
        answers = await requests.answered(tx, [other])

    refusal = answers[request_id]
    assert isinstance(refusal, RequestIdReused)
    assert str(request_id) in str(refusal)


async def test_a_retry_and_a_reuse_that_come_together_are_told_apart(
    database: Database,
) -> None:
    """Calls of one batch are looked up together, and each is answered for itself."""
    request_id = uuid4()
    retry, reuse = a_request(request_id), a_request(request_id, "y")
    await keep(database, retry)
    async with database.reading() as tx:
        known = await requests.kept(tx, [request_id, request_id, uuid4()])

    assert known == {request_id: Kept(retry, b"answer")}
    assert requests.answer_to(retry, known) == b"answer"
    assert isinstance(requests.answer_to(reuse, known), RequestIdReused)
    assert requests.answer_to(a_request(uuid4()), known) is None


async def test_two_writers_with_one_id_have_one_effect(database: Database) -> None:
    """The second is told to ask again, and finds the first one's answer."""
    request = a_request(uuid4())
    await keep(database, request)
    with pytest.raises(Contended):
        await keep(database, request, b"another")
    async with database.reading() as tx:
        answers = await requests.answered(tx, [request])

    assert answers == {request.request_id: b"answer"}


async def test_answers_are_kept_a_month(database: Database) -> None:
    """The table stays bounded; nobody retries after that."""
    fresh, old = a_request(uuid4()), a_request(uuid4())
    month = timedelta(days=requests.KEEP_DAYS)
    now = datetime.now(UTC)
    for request, age in (
        (fresh, month - timedelta(hours=1)),
        (old, month + timedelta(hours=1)),
    ):
        await keep(database, request)
        async with database.transaction() as tx:
            await tx.execute(AGE, request.request_id, now - age)
    async with database.transaction() as tx:
        await requests.prune(tx)
        answers = await requests.answered(tx, [fresh, old])

    assert set(answers) == {fresh.request_id}


def test_a_request_is_identified_by_all_it_says() -> None:
    """The method by its message; the content by every field; the id however it is written."""
    request_id = str(uuid4())
    asked = pb.CloseItemRequest(request_id=request_id, actor="甲")
    other = pb.CloseItemRequest(request_id=request_id, actor="乙")
    told = requests.identify(asked, request_id)

    assert told == requests.identify(asked, request_id.upper())
    assert told != requests.identify(other, request_id)
    assert told.method == "ducha.assignment.v1.CloseItemRequest"
