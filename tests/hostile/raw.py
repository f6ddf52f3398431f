"""A client that speaks HTTP/2 as it likes: half a header, no window, streams by the thousand."""

from __future__ import annotations

import asyncio
import ssl
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import hpack
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    Event,
    PingReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA_FRAME, HEADERS_FRAME, RESET_FRAME, SETTINGS_FRAME = 0, 1, 3, 4
END_STREAM, END_HEADERS = 1, 4
BURST = 50
DRAIN_SECONDS = 3.0
SETTLED_SECONDS = 10.0
CANCEL = struct.pack(">I", 8)
CHUNK = 1 << 16
TICK = 0.2


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and what a caller shows it."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    token: str = ""

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect as far as TLS."""
        name = "localhost" if self.tls else None
        return await asyncio.open_connection(
            self.host, self.port, ssl=self.tls, server_hostname=name
        )


def tls(ca: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what a caller with a certificate offers."""
    made = ssl.create_default_context(cafile=str(ca))
    made.load_cert_chain(certificate, key)
    made.set_alpn_protocols(["h2"])
    return made


def headers(target: Target, path: str) -> list[tuple[str, str]]:
    """Return the headers of a call."""
    told = [
        (":method", "POST"),
        (":scheme", "https" if target.tls else "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
    if target.token:
        told.append(("authorization", f"Bearer {target.token}"))
    return told


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """Write one frame."""
    return (
        struct.pack(">I", len(body))[1:]
        + struct.pack(">BBI", kind, flags, stream)
        + body
    )


def message(body: bytes) -> bytes:
    """Frame a message as gRPC does."""
    return struct.pack(">BI", 0, len(body)) + body


async def hung_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection without a goodbye, and let the loop forget it."""
    writer.transport.abort()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def closed_after(reader: asyncio.StreamReader, most: float) -> float:
    """Return the seconds until the server hung up; `inf` if it did not within `most`."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(most):
            while await reader.read(CHUNK):
                pass
    except TimeoutError:
        return float("inf")
    except OSError:
        pass
    return time.monotonic() - began


class Raw:
    """One connection that answers pings, and otherwise does what a test says."""

    def __init__(
        self,
        target: Target,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._target, self._reader, self._writer = target, reader, writer
        self._h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self._h2.initiate_connection()
        self.events: list[Event] = []
        self.is_closed = False
        self._is_settled = False

    @classmethod
    async def open(cls, target: Target, *, window: int | None = None) -> Raw:
        """Connect and greet; `window` is how much of an answer may come at first."""
        raw = cls(target, *await target.connect())
        if window is not None:
            raw._h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        await raw.flush()
        # A server's limits hold from when they are acknowledged; who does not, goes soon.
        await raw.pump(SETTLED_SECONDS, lambda: raw._is_settled)
        return raw

    async def flush(self) -> None:
        """Send what is to be sent."""
        self._writer.write(self._h2.data_to_send())
        await self._writer.drain()

    async def call(
        self,
        path: str,
        body: bytes,
        *,
        end: bool = True,
        extra: Sequence[tuple[str, str]] = (),
    ) -> int:
        """Begin a call with these bytes, message framing included; return its stream."""
        stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(stream, [*headers(self._target, path), *extra])
        self._h2.send_data(stream, body, end_stream=end)
        await self.flush()
        return stream

    async def reset(self, stream: int) -> None:
        """Take a call back."""
        self._h2.reset_stream(stream, 8)
        await self.flush()

    async def pump(self, seconds: float, until: Callable[[], bool]) -> float:
        """Read and answer pings for a while, or `until`; return how long it took."""
        began = time.monotonic()
        while not self.is_closed and not until():
            if time.monotonic() - began > seconds:
                return float("inf")
            try:
                async with asyncio.timeout(TICK):
                    data = await self._reader.read(CHUNK)
            except TimeoutError:
                continue
            except OSError:
                data = b""
            self._heard(data)
            if not self.is_closed:
                await self.flush()
        return time.monotonic() - began

    def _heard(self, data: bytes) -> None:
        if not data:
            self.is_closed = True
            return
        self.events += self._h2.receive_data(data)
        self._is_settled |= any(
            isinstance(one, RemoteSettingsChanged) for one in self.events
        )
        if any(isinstance(one, ConnectionTerminated) for one in self.events):
            self.is_closed = True

    def pings(self) -> int:
        """Return how often the server asked whether we live."""
        return sum(isinstance(one, PingReceived) for one in self.events)

    def is_over(self, stream: int) -> bool:
        """Whether a call has ended."""
        return any(
            isinstance(one, StreamEnded | StreamReset) and one.stream_id == stream
            for one in self.events
        )

    def trailers(self, stream: int) -> dict[str, str]:
        """Return what a call ended with."""
        found = [
            one
            for one in self.events
            if isinstance(one, TrailersReceived | ResponseReceived)
            and one.stream_id == stream
        ]
        told = found[-1].headers if found else []
        return {str(key): str(value) for key, value in told or ()}

    async def close(self) -> None:
        """Hang up, at once: the other side may be past saying goodbye."""
        await hung_up(self._writer)


async def flood(target: Target, path: str, seconds: float, *, reset: bool) -> int:
    """Open calls as fast as the line takes them, and take each back at once if `reset`.

    Written by hand, for h2 is slower than the server. Returns how many were opened; less
    than a thousand is no flood.
    """
    count = 0
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        reader, writer = await target.connect()
        swallowing = asyncio.ensure_future(_swallow(reader))
        try:
            count += await _pour(target, path, writer, ends, reset=reset)
        except (OSError, TimeoutError):
            pass  # the server had enough of this connection: the next one
        finally:
            await hung_up(writer)
            await swallowing
    return count


async def _swallow(reader: asyncio.StreamReader) -> None:
    """Read what comes, and leave every ping unanswered."""
    try:
        while await reader.read(CHUNK):
            pass
    except OSError:
        pass


async def _pour(
    target: Target, path: str, writer: asyncio.StreamWriter, ends: float, *, reset: bool
) -> int:
    """Write calls until it is time, and return how many."""
    settings = frame(SETTINGS_FRAME, 0, 0, b"") + frame(SETTINGS_FRAME, 1, 0, b"")
    writer.write(PREFACE + settings)
    coder = hpack.Encoder()
    asked = headers(target, path)
    count = 0
    while time.monotonic() < ends and not writer.is_closing():
        for _ in range(BURST):
            stream = 2 * count + 1
            block = coder.encode(asked)
            writer.write(frame(HEADERS_FRAME, END_HEADERS, stream, block))
            if reset:
                writer.write(frame(RESET_FRAME, 0, stream, CANCEL))
            else:
                writer.write(frame(DATA_FRAME, END_STREAM, stream, message(b"")))
            count += 1
        async with asyncio.timeout(DRAIN_SECONDS):
            await writer.drain()
        await asyncio.sleep(0)
    return count
