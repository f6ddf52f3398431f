"""Thieves at work: with a stolen certificate, as a client or by a leaf node of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.walls.nats.ground import Ground, of
from tests.walls.nats.raw import Address, Heard, Pub, Raw, Sub, opened
from tier.lanes import DOWN

TRIES = 200
ROGUE = b'"name":"rogue"'
"""The thief's own server talks of itself."""
PEEK = b'{"batch":1,"no_wait":true}'


class Thief:
    """A node's certificate in the wrong hands.

    On one server it is one connection. On a chain there are two into a server that the
    thief administers: `far` speaks as that server itself speaks to the hub, and `near`
    through imports like those of an honest one, which brings it answers.
    """

    def __init__(self, node: str, parent: str, near: Raw, far: Raw) -> None:
        """Use open connections; the same twice on one server."""
        self._ask = of(DOWN, parent, node).ask
        self._inbox = f"_INBOX.{node}"
        self._both = (near,) if near is far else (near, far)
        self.near = near
        self._numbers = iter(range(1_000_000))

    def say(self, what: Pub | Sub) -> None:
        """Say it every way there is."""
        for raw in self._both:
            raw.say(what)

    async def settled(self) -> None:
        """Wait until the parent's server has heard all that was said: it answers in order.

        Raises:
            AssertionError: the thief's own lane does not carry; the attack proves nothing.
        """
        for raw in self._both:
            await raw.flush()
        for _ in range(TRIES):
            if await self._is_heard(f"{self._inbox}.settled.{next(self._numbers)}"):
                return
            await self.near.until(lambda: False, 0.05)
        raise AssertionError("the thief's own lane does not carry; nothing is proved")

    async def _is_heard(self, inbox: str) -> bool:
        self.near.say(Pub(self._ask, PEEK, inbox))
        await self.near.flush()
        await self.near.until(lambda: self.near.on(inbox), 2.0)
        told = self.near.on(inbox)
        return bool(told) and told[0].status[:3] != "503"

    @property
    def heard(self) -> list[Heard]:
        """Everything that came."""
        return [one for raw in self._both for one in raw.heard]

    @property
    def errors(self) -> list[str]:
        """Everything that was refused in words."""
        return [one for raw in self._both for one in raw.errors]

    def knows(self, secret: bytes) -> bool:
        """Whether a secret was heard."""
        return any(raw.knows(secret) for raw in self._both)

    def answers(self, inbox: str) -> list[Heard]:
        """Return what somebody, not the own server, answered; refusals do not count."""
        told = [one for one in self.heard if one.subject.startswith(inbox)]
        told = [one for one in told if one.status[:3] != "503"]
        return [
            one for one in told if ROGUE not in one.body and b'"error"' not in one.body
        ]


@asynccontextmanager
async def thief(
    ground: Ground, node: str, parent: str, rogue: Address | None
) -> AsyncIterator[Thief]:
    """Connect with the certificate of `node`, and wait until its own lane carries."""
    async with AsyncExitStack() as stack:
        if rogue is None:
            own = opened(ground.address(node), ground.tls(node))
            near = far = await stack.enter_async_context(own)
        else:
            ways = (opened(rogue, greeting=login(name)) for name in ("near", "far"))
            near, far = [await stack.enter_async_context(way) for way in ways]
        one = Thief(node, parent, near, far)
        one.say(Sub(f"_INBOX.{node}.>"))
        await one.settled()
        yield one


def login(name: str) -> dict[str, str]:
    """Return what a user of the thief's own server says."""
    return {"user": name, "pass": name}
