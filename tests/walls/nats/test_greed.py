"""Who is somebody, and wants too much, harms himself only."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack, suppress

import pytest

from deploy.nats.configuration import CONNECTIONS, CONTROL_LINE
from tests.walls.nats.attacks import OWN_DOWN, OWN_UP
from tests.walls.nats.ground import Ground, of
from tests.walls.nats.raw import Pub, Raw, Sub, opened
from tier.lanes import DOWN, MESSAGE_BYTES, STREAM_BYTES

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def is_refused(raw: Raw) -> bool:
    """Whether the server complained or hung up."""
    return await raw.until(lambda: raw.is_cut or raw.errors)


async def test_a_message_larger_than_allowed(ground: Ground) -> None:
    """The server hangs up; nothing of it is kept."""
    before = await ground.snapshot()
    async with ground.connected("huashan") as raw:
        raw.say(Pub(OWN_UP.subject, b"x" * (MESSAGE_BYTES + 1)))
        refused = await is_refused(raw)

    assert refused
    assert await ground.snapshot() == before
    assert await ground.exchange()


async def test_a_line_without_end(ground: Ground) -> None:
    """Memory for a line is bounded."""
    before = await ground.snapshot()
    async with ground.connected("huashan") as raw:
        raw.say(b"PUB " + b"x" * (4 * CONTROL_LINE))
        refused = await is_refused(raw)

    assert refused
    assert await ground.snapshot() == before


async def test_words_that_are_none(ground: Ground) -> None:
    """Garbage ends the connection it came on."""
    before = await ground.snapshot()
    for words in (
        b"\x00\xff\x00\r\n",
        b"PUB a b c d e f\r\n",
        b"HPUB x 9 3\r\nabc\r\n",
    ):
        async with ground.connected("huashan") as raw:
            raw.say(words)

            assert await is_refused(raw), words
    assert await ground.snapshot() == before
    assert await ground.exchange()


async def test_more_subscriptions_than_allowed(ground: Ground) -> None:
    """An account has so many; beyond, they are refused."""
    async with ground.connected("huashan") as raw:
        for number in range(500):
            raw.say(f"SUB _INBOX.huashan.{number} {number}\r\n".encode())
        refused = await is_refused(raw)
        told = " ".join(raw.errors).lower()

    assert refused
    assert "maximum subscriptions" in told
    assert await ground.exchange()


async def test_more_connections_than_allowed(ground: Ground) -> None:
    """One account has a few; its flood takes no place from anybody else."""
    async with AsyncExitStack() as stack:
        raws = []
        for _ in range(4 * CONNECTIONS):
            with suppress(OSError):
                raws.append(
                    await stack.enter_async_context(
                        opened(ground.address("huashan"), ground.tls("huashan"))
                    )
                )
        cut = sum(raw.is_cut for raw in raws)
        secrets = await ground.exchange()

    assert len(raws) - cut <= CONNECTIONS
    assert secrets


async def test_a_flood_without_a_certificate(ground: Ground) -> None:
    """Two hundred strangers at once: honest nodes keep working."""
    tls = ssl.create_default_context(cafile=ground.site.identity / "ca.crt")

    async def knock() -> None:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(10), opened(ground.address("wuhua"), tls):
                pass

    flood = [asyncio.create_task(knock()) for _ in range(200)]
    secrets = await ground.exchange()
    await asyncio.gather(*flood)

    assert secrets
    assert await ground.exchange()


async def test_a_listener_that_never_reads(ground: Ground) -> None:
    """What waits for it is bounded; the server lets it go, others are not slowed."""
    wuhua = ground.roads["wuhua"]
    one = of(DOWN, "wuhua", "huashan")
    raw = socket.create_connection(ground.address("huashan"))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow = await asyncio.to_thread(_asking, raw, ground.tls("huashan"))
    for _ in range(24):
        await wuhua.publish(one, b"x" * (1 << 20))
    secrets = await ground.exchange()
    slow.close()
    state = (await ground.snapshot())[one.stream]

    assert secrets
    assert int(str(state["messages"])) <= STREAM_BYTES // (1 << 20)


def _asking(raw: socket.socket, tls: ssl.SSLContext) -> ssl.SSLSocket:
    """Ask for everything in the own lane, and read nothing of it."""
    slow = tls.wrap_socket(raw, server_hostname="127.0.0.1")
    sub = Sub("_INBOX.huashan.slow").frame()
    ask = b'{"batch":1000,"expires":30000000000}'
    pull = Pub(OWN_DOWN.ask, ask, "_INBOX.huashan.slow").frame()
    slow.sendall(b'CONNECT {"verbose":false}\r\n' + sub + pull)
    return slow


async def test_more_than_a_stream_holds(ground: Ground) -> None:
    """One's own lane overflows: its oldest go; the disk's share of others stays theirs."""
    before = await ground.snapshot()
    async with ground.connected("huashan") as raw:
        raw.say(Sub("_INBOX.huashan.>"))
        for number in range(80):
            raw.say(Pub(OWN_UP.subject, b"x" * (1 << 20), "_INBOX.huashan.r"))
            if number % 8 == 0:
                await raw.flush()
        await raw.until(lambda: len(raw.heard) >= 80, 30.0)
    after = await ground.snapshot()
    others = [name for name in before if name != OWN_UP.stream]

    assert [before[name] for name in others] == [after[name] for name in others]
    assert int(str(after[OWN_UP.stream]["messages"])) <= STREAM_BYTES >> 20
    assert await ground.exchange()
