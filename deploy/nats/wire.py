"""As much of the NATS protocol as the guard needs: ask a server, read one answer.

Our own, because the guard is a thread of a supervisor without an event loop, and because
the client library is the road's alone.
"""

from __future__ import annotations

import json
import secrets
import socket
import ssl
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from deploy.nats.configuration import Tls

SECONDS: Final = 3.0
LARGEST: Final = 64 * 1024 * 1024
"""An answer that lists all connections of a province is a few megabytes."""


class WireFailed(OSError):
    """The server gave no answer, or one that is none."""


class Wire:
    """One connection to the system account of a server, by its own certificate."""

    def __init__(self, host: str, port: int, tls: Tls, inbox: str) -> None:
        """Connect; answers come to `inbox`. Raises: OSError."""
        context = ssl.create_default_context(cafile=tls.authorities)
        context.load_cert_chain(tls.certificate, tls.key)
        raw = socket.create_connection((host, port), timeout=SECONDS)
        try:
            self._socket = context.wrap_socket(raw, server_hostname=host)
            self._file = self._socket.makefile("rb")
            self._inbox = inbox
            words = {"name": "guard", "lang": "ducha", "version": "1"}
            greeting = {
                **words,
                "verbose": False,
                "headers": True,
                "no_responders": True,
            }
            connect = f"CONNECT {json.dumps(greeting)}\r\n"
            self._socket.sendall(f"{connect}SUB {inbox}.* 1\r\nPING\r\n".encode())
            self._until("PONG")
        except BaseException:
            raw.close()
            raise

    def ask(self, subject: str, question: dict[str, object]) -> dict[str, Any]:
        """Return the answer. Raises: OSError."""
        reply = f"{self._inbox}.{secrets.token_hex(8)}"
        payload = json.dumps(question).encode()
        head = f"PUB {subject} {reply} {len(payload)}\r\n".encode()
        self._socket.sendall(head + payload + b"\r\n")
        while True:
            words, body = self._frame()
            if words[0] == "MSG" and words[1] == reply:
                answer = json.loads(body)
                return answer if isinstance(answer, dict) else {}
            if words[0] == "HMSG" and words[1] == reply:
                raise WireFailed("nobody answers")

    def close(self) -> None:
        """Hang up."""
        with suppress(OSError):
            self._file.close()
            self._socket.close()

    def __enter__(self) -> Self:
        """Use it for a while."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        self.close()

    def _until(self, wanted: str) -> None:
        while self._frame()[0][0] != wanted:
            pass

    def _frame(self) -> tuple[list[str], bytes]:
        """Read one operation and its payload; pings are answered on the way."""
        line = self._file.readline(4096 * 16)
        words = line.decode(errors="replace").split()
        if not words:
            raise WireFailed("the server hung up")
        if words[0] == "-ERR":
            raise WireFailed(" ".join(words[1:]))
        if words[0] == "PING":
            self._socket.sendall(b"PONG\r\n")
        if words[0] not in {"MSG", "HMSG"}:
            return words, b""
        size = int(words[-1])
        if size > LARGEST:
            raise WireFailed("an answer too large")
        return words, self._file.read(size + 2)[:-2]
