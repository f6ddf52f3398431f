"""NATS loses its store, or finds it corrupted."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path

from deploy.embedded.errors import DeploymentRefused
from faults.scenario import Context, Outcome, Scenario

FLIPS = 40
"""Bytes flipped in each block of messages."""


async def _wiped(context: Context) -> Outcome:
    """Stop NATS, remove every stream, start it; the flow goes on."""
    nats = context.stage.line.nats
    assert nats is not None
    while not context.is_over:
        await context.work(context.rng.randint(20, 80))
        context.tell("NATS stopped and its store wiped")
        before = await asyncio.to_thread(messages, nats.monitor_url)
        nats.kill()
        nats.wipe()
        gone = not nats.store.exists()
        healed = await context.revive("nats")
        context.outcome.injections += gone
        context.outcome.missed += not gone
        context.outcome.saw("messages wiped", before)
        await context.recover(healed)
    return context.outcome


async def _corrupted(context: Context) -> Outcome:
    """Kill NATS, flip bytes in its blocks of messages, start it as it is."""
    nats, outcome = context.stage.line.nats, context.outcome
    assert nats is not None
    while not context.is_over:
        await context.work(context.rng.randint(20, 80))
        context.tell("NATS killed, bytes of its store flipped")
        before = await asyncio.to_thread(messages, nats.monitor_url)
        nats.kill()
        flipped = flip(context, nats.store)
        try:
            healed = await context.revive("nats")
        except DeploymentRefused:
            outcome.saw("NATS refused its store, which was then wiped")
            nats.wipe()
            healed = await context.revive("nats")
        after = await asyncio.to_thread(messages, nats.monitor_url)
        outcome.saw("messages gone after the restart", max(0, before - after))
        outcome.saw("bytes flipped", flipped)
        outcome.injections += flipped > 0
        outcome.missed += not flipped
        await context.recover(healed)
    return outcome


def flip(context: Context, store: Path) -> int:
    """Flip bytes of every block of messages; return how many."""
    flipped = 0
    for block in sorted(store.rglob("*.blk")):
        data = bytearray(block.read_bytes())
        for _ in range(min(FLIPS, len(data))):
            data[context.rng.randrange(len(data))] ^= 1 << context.rng.randrange(8)
            flipped += 1
        block.write_bytes(data)
    return flipped


def messages(monitor: str) -> int:
    """Return how many messages the server keeps, by its own account."""
    with urllib.request.urlopen(f"{monitor}/jsz", timeout=5) as answer:  # noqa: S310 - loopback
        return int(json.load(answer)["messages"])


SCENARIOS = (
    Scenario("wipe-nats", "NATS store wiped", _wiped, wanted=4, in_slice=1),
    Scenario(
        "corrupt-nats",
        "NATS store corrupted: bytes flipped in every block of messages",
        _corrupted,
        wanted=4,
        in_slice=1,
    ),
)
