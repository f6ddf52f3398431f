"""Calls that arrive together are worked together, and each gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest

from tier.runtime.batch import Batcher
from tier.runtime.errors import Contended, Draining, Overloaded, TierError

Outcome = str | TierError


class Desk:
    """Works batches of words: doubles each, refuses `bad`, breaks at `broken`."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def work(self, words: Sequence[str]) -> list[Outcome]:
        self.batches.append(list(words))
        await self.open.wait()
        if "broken" in words:
            raise ValueError("broken")
        return [Contended() if word == "bad" else word * 2 for word in words]


@asynccontextmanager
async def working(
    desk: Desk, *, bound: int = 100, limit: int = 10
) -> AsyncIterator[Batcher[str, str]]:
    """Run a batcher at the desk; it ends with the block."""
    batcher: Batcher[str, str] = Batcher(desk.work, weigh=len, bound=bound, limit=limit)
    run = asyncio.create_task(batcher.run())
    try:
        yield batcher
    finally:
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run


async def submit(batcher: Batcher[str, str], *words: str) -> list[asyncio.Task[str]]:
    """Submit words as callers that arrive one after the other."""
    calls = [asyncio.create_task(batcher.submit(word)) for word in words]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return calls


async def test_a_lone_call_waits_for_nothing() -> None:
    """No timer: it is a batch of one."""
    desk = Desk()
    async with working(desk) as batcher:
        assert await batcher.submit("a") == "aa"

    assert desk.batches == [["a"]]


async def test_what_arrives_during_a_batch_is_the_next() -> None:
    """All of it, in the order of arrival."""
    desk = Desk()
    desk.open.clear()
    async with working(desk) as batcher:
        calls = await submit(batcher, "a")
        calls += await submit(batcher, "b", "c", "d")
        desk.open.set()
        answers = await asyncio.gather(*calls)

    assert desk.batches == [["a"], ["b", "c", "d"]]
    assert answers == ["aa", "bb", "cc", "dd"]


async def test_a_batch_is_bounded_by_weight_but_never_empty() -> None:
    """A call heavier than the bound goes alone; nobody overtakes it."""
    desk = Desk()
    desk.open.clear()
    async with working(desk, bound=3) as batcher:
        calls = await submit(batcher, "a", "bb", "c", "dddd", "e")
        desk.open.set()
        await asyncio.gather(*calls)

    assert desk.batches == [["a", "bb"], ["c"], ["dddd"], ["e"]]


async def test_a_refused_call_hinders_nobody() -> None:
    """Its neighbours in the batch get their answers."""
    desk = Desk()
    desk.open.clear()
    async with working(desk) as batcher:
        calls = await submit(batcher, "a", "bad", "c")
        desk.open.set()
        answers = await asyncio.gather(*calls, return_exceptions=True)

    assert [answers[0], answers[2]] == ["aa", "cc"]
    assert isinstance(answers[1], Contended)


async def test_a_failed_batch_is_told_to_all_of_it_and_to_nobody_else() -> None:
    """The next batch is worked as if nothing had been."""
    desk = Desk()
    async with working(desk) as batcher:
        calls = await submit(batcher, "a", "broken")
        failed = await asyncio.gather(*calls, return_exceptions=True)
        after = await batcher.submit("b")

    assert [type(each) for each in failed] == [ValueError, ValueError]
    assert after == "bb"


async def test_a_full_queue_refuses_at_once_and_says_when_to_come_back() -> None:
    """Never accepted and dropped (I9); those in the queue are answered."""
    desk = Desk()
    desk.open.clear()
    async with working(desk, limit=2) as batcher:
        calls = await submit(batcher, "a")
        calls += await submit(batcher, "b", "c")
        with pytest.raises(Overloaded) as refusal:
            await batcher.submit("d")
        desk.open.set()
        answers = await asyncio.gather(*calls)

    assert refusal.value.retry_after is not None
    assert refusal.value.retry_after > 0
    assert answers == ["aa", "bb", "cc"]


async def test_a_caller_who_hangs_up_takes_nobody_along() -> None:
    """In the batch or in the queue; the others are answered."""
    desk = Desk()
    desk.open.clear()
    async with working(desk) as batcher:
        calls = await submit(batcher, "a", "b")
        calls += await submit(batcher, "c", "d")
        calls[0].cancel()
        calls[2].cancel()
        desk.open.set()
        answers = await asyncio.gather(*calls, return_exceptions=True)

    assert [answers[1], answers[3]] == ["bb", "dd"]


async def test_a_node_that_stops_tells_those_who_wait() -> None:
    """In the batch and in the queue: call again. What was done shows by the request id."""
    desk = Desk()
    desk.open.clear()
    async with working(desk) as batcher:
        calls = await submit(batcher, "a")
        calls += await submit(batcher, "b")
    answers = await asyncio.gather(*calls, return_exceptions=True)

    assert [type(each) for each in answers] == [Draining, Draining]


async def test_callers_are_served_in_turn() -> None:
    """Who brings ten at once waits for itself; each one's own order stays."""
    desk = Desk()
    desk.open.clear()
    async with working(desk, bound=3, limit=100) as batcher:
        calls = await submit(batcher, "x")
        flood = [
            asyncio.create_task(batcher.submit(word, "flood")) for word in "abcdefghij"
        ]
        await asyncio.sleep(0)
        honest = asyncio.create_task(batcher.submit("z", "honest"))
        await asyncio.sleep(0)
        desk.open.set()
        await asyncio.gather(*calls, *flood, honest)

    assert desk.batches[1] == ["a", "z", "b"]
    assert [word for batch in desk.batches for word in batch if word not in "xz"] == [
        *"abcdefghij"
    ]
