"""Cuts off who was revoked: within seconds, and from a connection that lives.

A server asks nobody whether a certificate was revoked. So the guard does: each second it
looks whether the lists changed. A node without any good certificate loses its user, and
what it has open is cut. A node with a good and a revoked one stays; a connection with the
revoked one is cut, and if that comes back, the fast road of this node is closed for a
minute, to both: the repair road asks for each call.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from deploy.authority.errors import FileUnusable
from deploy.embedded.files import write_private
from deploy.nats.configuration import Tls
from deploy.nats.revoked import Issued, Verdict, judge, revoked_serials
from deploy.nats.wire import Wire, WireFailed

TICK_SECONDS: Final = 1.0
CLOSED_SECONDS: Final = 60.0
INBOX: Final = "_INBOX.guard"
PAGE: Final = 1024

Trouble = (OSError, ValueError, FileUnusable)
"""What a look may meet: files being written, a server that is away."""


@dataclass(frozen=True, slots=True)
class Post:
    """What a guard guards: one server, and the lists that say who is out."""

    address: tuple[str, int]
    tls: Tls
    """The server's own certificate: it opens the system account."""
    pid: Callable[[], int]
    """The server's process; 0 while it does not run."""
    revocations: Path
    issued: Callable[[], Iterable[Issued]]
    sources: Sequence[Path]
    """Files behind `issued`; they are read when one changed."""
    accounts: Path
    text: Callable[[frozenset[str]], str]
    """The text of `accounts`, without some nodes."""
    users: Mapping[str, str]
    """The user of each node that has an account here."""


@dataclass(slots=True)
class _Seen:
    """What the guard remembers of one look to the next."""

    stamps: tuple[float, ...] = ()
    verdict: Verdict = field(default_factory=Verdict)
    returned: set[str] = field(default_factory=set)
    closed_until: dict[str, float] = field(default_factory=dict)
    written: frozenset[str] = frozenset()


class Guard:
    """Looks after one server, from a thread of its own."""

    def __init__(self, post: Post, tell: Callable[[str], None]) -> None:
        """Prepare; `start` begins, `check` looks once; what happens is told to `tell`."""
        self._post = post
        self._tell = tell
        self._seen = _Seen()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="guard", daemon=True)
        self.cuts = 0
        """Connections cut so far."""

    def start(self) -> None:
        """Begin to look, each second."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; a look under way ends first."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def out(self) -> frozenset[str]:
        """Return the nodes that are not let in now."""
        now = time.monotonic()
        closed = {
            node for node, until in self._seen.closed_until.items() if until > now
        }
        return self._seen.verdict.out | closed

    def prepare(self) -> None:
        """Read the lists and write the accounts before the server starts."""
        with suppress(*Trouble):
            self._read()
        self._write()

    def check(self) -> None:
        """Look once. Raises: OSError, ValueError, FileUnusable."""
        if self._read() or self.out() != self._seen.written:
            self._reload()
        if self.out() or self._seen.verdict.watched:
            self._cut()

    def _run(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            try:
                self.check()
            except Trouble as trouble:
                self._tell(f"guard: {type(trouble).__name__}: {trouble}")

    def _read(self) -> bool:
        """Read what changed; whether anything did that the server must read, too."""
        post = self._post
        files = (post.revocations, *post.sources)
        own = (post.tls.certificate, post.tls.key, post.tls.authorities)
        stamps = tuple(map(_stamp, (*files, *own)))
        if stamps == self._seen.stamps:
            return False
        first = not self._seen.stamps
        authorities = x509.load_pem_x509_certificates(post.tls.authorities.read_bytes())
        serials: frozenset[int] = frozenset()
        if post.revocations.exists():
            serials = revoked_serials(post.revocations, authorities)
        self._seen.verdict = judge(post.issued(), serials)
        renewed = stamps[len(files) :] != self._seen.stamps[len(files) :]
        self._seen.stamps = stamps
        return renewed and not first

    def _write(self) -> None:
        out = self.out()
        write_private(self._post.accounts, self._post.text(out))
        self._seen.written = out

    def _reload(self) -> None:
        """Write who may what, and have the server read it."""
        self._write()
        if pid := self._post.pid():
            os.kill(pid, signal.SIGHUP)
        self._tell(f"accounts written; not let in: {', '.join(sorted(self.out()))}")

    def _cut(self) -> None:
        """Cut every connection that should not be; close the road of who insists."""
        verdict, post = self._seen.verdict, self._post
        looked_at = (self.out() | verdict.watched.keys()) & post.users.keys()
        if not looked_at or not post.pid():
            return
        with Wire(*post.address, post.tls, INBOX) as wire:
            server = str(wire.ask("$SYS.REQ.SERVER.PING", {})["server"]["id"])
            for node in sorted(looked_at):
                self._look_at(wire, server, node)

    def _look_at(self, wire: Wire, server: str, node: str) -> None:
        bad = self._seen.verdict.watched.get(node, frozenset())
        for connection in _connections(wire, server, self._post.users[node]):
            is_revoked = _fingerprint(connection) in bad
            if is_revoked and node in self._seen.returned:
                self._seen.closed_until[node] = time.monotonic() + CLOSED_SECONDS
            if is_revoked:
                self._seen.returned.add(node)
            if is_revoked or node in self.out():
                number = connection["cid"]
                answer = wire.ask(f"$SYS.REQ.SERVER.{server}.KICK", {"cid": number})
                self.cuts += "error" not in answer
                self._tell(f"connection of {node} cut ({connection.get('kind')})")


def _connections(wire: Wire, server: str, user: str) -> list[dict[str, Any]]:
    """Return a user's open connections, of clients and leaf nodes."""
    question: dict[str, object] = {"auth": True, "user": user, "limit": PAGE}
    answer = wire.ask(f"$SYS.REQ.SERVER.{server}.CONNZ", question)
    if "data" not in answer:
        raise WireFailed(str(answer.get("error")))
    return list(answer["data"].get("connections") or ())


def _fingerprint(connection: Mapping[str, Any]) -> str:
    shown = connection.get("tls_peer_certs") or [{}]
    return str(shown[0].get("cert_sha256", ""))


def _stamp(file: Path) -> float:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0.0
