"""Connections that are slow, half open or greedy: dropped in ten seconds, felt by nobody."""

from __future__ import annotations

import asyncio
from base64 import b64decode

import pytest

from ducha.reporting.v1 import reporting_service_pb2 as reporting
from tests.hostile.raw import (
    END_HEADERS,
    HEADERS_FRAME,
    PREFACE,
    SETTINGS_FRAME,
    Raw,
    Target,
    closed_after,
    frame,
    hung_up,
    message,
)
from tier.runtime import http

pytestmark = pytest.mark.asyncio(loop_scope="session")

DROPPED_SECONDS = 10.0
PATIENCE = 30.0
INFO = "/ducha.server.v1.ServerService/GetServerInfo"
WATCH = "/ducha.reporting.v1.ReportingService/WatchDivision"
HELLO = PREFACE + frame(SETTINGS_FRAME, 0, 0, b"")

# What a connection says before it falls silent: inside TLS, or instead of it.
SILENT: dict[str, tuple[bool, bytes]] = {
    "nothing": (False, b""),
    "half a TLS hello": (False, b"\x16\x03\x01\x02\x00\x01"),
    "no TLS at all": (False, b"GET / HTTP/1.1\r\n"),
    "TLS, then nothing": (True, b""),
    "half a preface": (True, PREFACE[:10]),
    "no settings": (True, PREFACE),
    "settings, and no answer to a ping": (True, HELLO),
    "half a header": (
        True,
        HELLO + frame(HEADERS_FRAME, END_HEADERS, 1, bytes(99))[:20],
    ),
    "headers that never end": (True, HELLO + frame(HEADERS_FRAME, 0, 1, b"\x83")),
}


async def test_a_connection_that_falls_silent_is_dropped(wire: Target) -> None:
    """Whatever it said before, or did not."""

    async def silence(encrypted: bool, words: bytes) -> float:  # noqa: FBT001 - a row above
        target = wire if encrypted else Target(wire.host, wire.port)
        reader, writer = await target.connect()
        writer.write(words)
        took = await closed_after(reader, PATIENCE)
        await hung_up(writer)
        return took

    times = await asyncio.gather(*(silence(*said) for said in SILENT.values()))

    late = [
        name
        for name, took in zip(SILENT, times, strict=True)
        if took >= DROPPED_SECONDS
    ]
    assert late == []


async def test_half_a_message_is_not_waited_for(wire: Target) -> None:
    """It answers every ping, and sends one byte of two: refused, and the call is over."""
    raw = await Raw.open(wire)
    stream = await raw.call(INFO, message(b"\0\0")[:-1], end=False)
    took = await raw.pump(PATIENCE, lambda: raw.is_over(stream))
    await raw.close()

    assert took < DROPPED_SECONDS
    assert raw.trailers(stream)["grpc-status"] == "4"
    details = raw.trailers(stream)["grpc-status-details-bin"]
    told = b64decode(details + "=" * (-len(details) % 4))
    assert b"CALLER_TOO_SLOW" in told


async def test_who_stops_reading_a_stream_is_hung_up_on(wire: Target) -> None:
    """It answers every ping, and takes no byte of the answer: the connection is closed."""
    raw = await Raw.open(wire, window=0)
    asked = reporting.WatchDivisionRequest(division="53").SerializeToString()
    await raw.call(WATCH, message(asked))
    took = await raw.pump(PATIENCE, lambda: False)
    await raw.close()

    assert raw.pings()
    assert took < DROPPED_SECONDS


async def test_who_does_not_take_an_answer_is_hung_up_on(wire: Target) -> None:
    """The same for a call that has one answer."""
    raw = await Raw.open(wire, window=0)
    await raw.call(INFO, message(b""))
    took = await raw.pump(PATIENCE, lambda: False)
    await raw.close()

    assert raw.pings()
    assert took < DROPPED_SECONDS


async def test_who_reads_slowly_but_reads_is_served(wire: Target) -> None:
    """A window of one byte at a time is odd, and lawful."""
    raw = await Raw.open(wire)
    stream = await raw.call(INFO, message(b""))
    took = await raw.pump(PATIENCE, lambda: raw.is_over(stream))
    await raw.close()

    assert took < DROPPED_SECONDS
    assert raw.trailers(stream)["grpc-status"] == "0"


async def test_too_much_metadata_is_refused(wire: Target) -> None:
    """16 KB of headers are enough for everybody; the connection's other calls go on."""
    raw = await Raw.open(wire)
    large = [(f"x-{number}", "y" * 2000) for number in range(20)]
    stream = await raw.call(INFO, message(b""), extra=large)
    await raw.pump(PATIENCE, lambda: raw.is_over(stream))
    after = await raw.call(INFO, message(b""))
    await raw.pump(PATIENCE, lambda: raw.is_over(after))
    await raw.close()

    assert raw.trailers(stream)["grpc-status"] == "8"
    assert raw.trailers(after)["grpc-status"] == "0"


HALVES: dict[str, bytes] = {
    "nothing": b"",
    "half a line": b"GET /li",
    "half the headers": b"GET /livez HTTP/1.1\r\nHost: x\r\n",
    "an answer, then nothing": b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
}


async def test_the_operators_port_keeps_no_connection() -> None:
    """Probes and scrapes are short; whoever stays is sent away."""

    async def ready() -> dict[str, str]:
        return {"database": "ok"}

    async def says(words: bytes) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(words)
        took = await closed_after(reader, PATIENCE)
        await hung_up(writer)
        return took

    runner = await http.serve("127.0.0.1:0", ready=ready)
    try:
        port = runner.addresses[0][1]
        times = await asyncio.gather(*map(says, HALVES.values()))
    finally:
        await runner.cleanup()

    assert max(times) < DROPPED_SECONDS


async def test_the_operators_port_has_so_many_places() -> None:
    """Beyond them a connection is closed at once; a place given back is a place."""

    async def ready() -> dict[str, str]:
        return {"database": "ok"}

    async def says() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        try:
            return await reader.read()
        except OSError:
            return b""
        finally:
            await hung_up(writer)

    runner = await http.serve("127.0.0.1:0", ready=ready)
    try:
        port = runner.addresses[0][1]
        silent = [
            (await asyncio.open_connection("127.0.0.1", port))[1]
            for _ in range(http.CONNECTIONS)
        ]
        full = await says()
        await hung_up(silent.pop())
        await asyncio.sleep(0.1)
        again = await says()
        for writer in silent:
            await hung_up(writer)
    finally:
        await runner.cleanup()

    assert full == b""
    assert again.endswith(b"ok\n")
