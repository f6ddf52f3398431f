"""Every RPC under random input: an answer or a refusal with its reason, never a failure.

Seconds enough to see that it works; `DUCHA_FUZZ_SECONDS=900` for a night's worth.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.message import Message

from tests.doors import data_rpcs
from tests.doors.held import Held
from tests.doors.rpcs import RPCS, Rpc
from tests.doors.test_bad_input import Place, held_by, place_of
from tests.doors.tiers import Line, read
from tests.hostile.chaos import broken, randomised
from tests.servers import AnApp

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOG = logging.getLogger(__name__)
SECONDS = float(os.environ.get("DUCHA_FUZZ_SECONDS", "15"))
SEED = int(os.environ.get("DUCHA_FUZZ_SEED", "20261123"))
AT_ONCE = 4
SHARES = (0.05, 0.2, 0.6)
OURS = "ducha"
# A refusal without our ErrorInfo is the transport's; these blame the caller.
OF_THE_TRANSPORT = {grpc.StatusCode.CANCELLED, grpc.StatusCode.RESOURCE_EXHAUSTED}


@dataclass(slots=True)
class Tally:
    """What became of the inputs of one RPC."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        return self.outcomes.total()


def an_input(rpc: Rpc, sound: Message, chance: random.Random) -> bytes:
    """Make one input: broken bytes, a changed request, or a request made of chance."""
    kind = chance.randrange(3)
    if kind == 0:
        return broken(sound.SerializeToString(), chance)
    made: Message = message_factory.GetMessageClass(rpc.method.input_type)()
    if kind == 1:
        made.CopyFrom(sound)
    randomised(made, chance, chance.choice(SHARES))
    return made.SerializeToString()


async def fuzzed(rpc: Rpc, at: Place, sound: Message, seconds: float) -> Tally:
    """Send inputs for a while, and note what each was answered."""
    tally = Tally()
    ends = time.monotonic() + seconds

    async def one(number: int) -> None:
        chance = random.Random(f"{SEED} {rpc.name} {number}")
        while time.monotonic() < ends:
            body = an_input(rpc, sound, chance)
            outcome = await outcome_of(rpc, at.channel, body)
            tally.outcomes[outcome] += 1
            if outcome.startswith("failed"):
                tally.failures.append(f"{outcome}: {body[:400]!r}")

    await asyncio.gather(*(one(number) for number in range(AT_ONCE)))
    return tally


async def outcome_of(rpc: Rpc, channel: grpc.aio.Channel, body: bytes) -> str:
    """Return the reason of a refusal, "" for an answer, "failed ..." for neither."""
    try:
        await rpc.call_raw(channel, body)
    except grpc.aio.AioRpcError as error:
        if error.code() in OF_THE_TRANSPORT:
            return error.code().name
        told = read(error) if error.trailing_metadata() else None
        if told is None or told.domain != OURS:
            return f"failed {error.code().name} {error.details()}"
        return told.refusal.reason
    return ""


@pytest.fixture(scope="module")
def at_hand() -> dict[bool, Held]:
    """What requests speak of, for those about data and for the others: made once."""
    return {}


@pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.name)
async def test_chance_brings_down_no_rpc(
    line: Line, an_app: AnApp, at_hand: dict[bool, Held], rpc: Rpc
) -> None:
    """Each input is answered or refused with a reason; where all are refused, nothing changed."""
    is_data = rpc.name in data_rpcs.SAMPLES
    if is_data not in at_hand:
        at_hand[is_data] = await held_by(line, rpc)
    held = at_hand[is_data]
    sound = rpc.make(held)
    async with place_of(rpc, line, an_app) as at:
        before = await at.footprint()
        tally = await fuzzed(rpc, at, sound, SECONDS / len(RPCS))
        after = await at.footprint()
        alive = await outcome_of(rpc, at.channel, b"")
    LOG.info("%s: %d inputs, %s", rpc.name, tally.inputs, dict(tally.outcomes))

    assert tally.inputs
    assert tally.failures == []
    assert not alive.startswith("failed")
    assert tally.outcomes[""] or after == before
