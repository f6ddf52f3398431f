"""A NATS client with no manners: it says whatever it is told to, and keeps what it hears."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

SECONDS = 10.0
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that came."""

    subject: str
    reply: str
    status: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Pub:
    """Something to publish."""

    subject: str
    payload: bytes = b"{}"
    reply: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def frame(self) -> bytes:
        """Return it as the protocol writes it."""
        words = [self.subject, *([self.reply] if self.reply else ())]
        if not self.headers:
            head = f"PUB {' '.join(words)} {len(self.payload)}\r\n".encode()
            return head + self.payload + b"\r\n"
        fields = "".join(f"{name}: {text}\r\n" for name, text in self.headers.items())
        block = f"NATS/1.0\r\n{fields}\r\n".encode()
        sizes = f"{len(block)} {len(block) + len(self.payload)}"
        head = f"HPUB {' '.join(words)} {sizes}\r\n".encode()
        return head + block + self.payload + b"\r\n"


@dataclass(frozen=True, slots=True)
class Sub:
    """Something to listen to."""

    subject: str
    queue: str = ""

    def frame(self) -> bytes:
        """Return it as the protocol writes it; the number only has to be new."""
        number = abs(hash((self.subject, self.queue))) % 1_000_000
        return f"SUB {self.subject} {self.queue} {number}\r\n".encode()


class Raw:
    """One connection; everything heard is kept in order."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Use an open connection."""
        self._reader, self._writer = reader, writer
        self._pongs = 0
        self._changed = asyncio.Event()
        self.info: dict[str, object] = {}
        self.errors: list[str] = []
        self.heard: list[Heard] = []
        self.is_cut = False

    def say(self, what: Pub | Sub | bytes) -> None:
        """Send it; whether it is refused shows later."""
        self._writer.write(what if isinstance(what, bytes) else what.frame())

    async def flush(self) -> None:
        """Wait until the server has read all that was said, or hung up."""
        wanted = self._pongs + 1
        self.say(b"PING\r\n")
        with suppress(OSError):
            await self._writer.drain()
        await self.until(lambda: self._pongs >= wanted or self.is_cut)

    async def until(self, seen: object, seconds: float = SECONDS) -> bool:
        """Wait until `seen()` is true; False when it was not in time."""
        assert callable(seen)
        try:
            async with asyncio.timeout(seconds):
                while not seen():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def on(self, prefix: str) -> list[Heard]:
        """Return what came on subjects that begin so."""
        return [one for one in self.heard if one.subject.startswith(prefix)]

    def knows(self, secret: bytes) -> bool:
        """Whether a secret was heard, in whatever message."""
        return any(secret in one.body for one in self.heard)

    async def read(self) -> None:
        """Hear until the connection ends."""
        with suppress(OSError, asyncio.IncompleteReadError, ValueError):
            while line := await self._reader.readline():
                await self._take(line.decode(errors="replace").strip())
                self._changed.set()
        self.is_cut = True
        self._changed.set()

    async def _take(self, line: str) -> None:
        words = line.split()
        match words[0] if words else "":
            case "PING":
                self._writer.write(b"PONG\r\n")
            case "PONG":
                self._pongs += 1
            case "-ERR":
                self.errors.append(line)
            case "INFO":
                self.info = json.loads(line.removeprefix("INFO "))
            case "MSG" | "HMSG" as kind:
                await self._message(kind, words[1:])
            case _:
                pass

    async def _message(self, kind: str, words: list[str]) -> None:
        sizes = 2 if kind == "HMSG" else 1
        subject, reply = words[0], words[2] if len(words) == 3 + sizes else ""
        data = (await self._reader.readexactly(int(words[-1]) + 2))[:-2]
        status = ""
        if kind == "HMSG":
            status = data.split(b"\r\n", 1)[0].decode().removeprefix("NATS/1.0").strip()
            data = data[int(words[-2]) :]
        self.heard.append(Heard(subject, reply, status, data))


@asynccontextmanager
async def opened(
    address: Address,
    tls: ssl.SSLContext | None = None,
    *,
    greeting: Mapping[str, object] | None = None,
) -> AsyncIterator[Raw]:
    """Connect, say CONNECT, and hear until the end of the block.

    Raises:
        OSError: nobody is there, or the handshake fails.
    """
    host, port = address
    name = host if tls else None
    reader, writer = await asyncio.open_connection(
        host, port, ssl=tls, server_hostname=name, limit=1 << 24
    )
    raw = Raw(reader, writer)
    hearing = asyncio.create_task(raw.read())
    try:
        hello = {
            "verbose": False,
            "headers": True,
            "no_responders": True,
            "lang": "raw",
        }
        raw.say(f"CONNECT {json.dumps({**hello, **(greeting or {})})}\r\n".encode())
        await raw.flush()
        yield raw
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(2):
                await writer.wait_closed()
