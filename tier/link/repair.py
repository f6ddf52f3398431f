"""The repair road, worked by the child: ask the parent for marks, fetch and send what lacks.

Only the child dials, so that a township behind a firewall needs no open port. One call
(`Sync`) tells both sides that the other lives and how far it is; what is behind and does
not move is replayed (down) or delivered (up) from the ledger, whatever the fast road
does. It is enough by itself.
"""

from __future__ import annotations

import asyncio
import random

import grpc
import structlog

from ducha.link.v1 import link_service_pb2 as pb
from ducha.link.v1.link_service_pb2_grpc import LinkServiceStub
from tier.app import App
from tier.link import owing, rules, seals, wire
from tier.link.contact import Contacts
from tier.link.model import Mark, Tip
from tier.link.parent_line import ParentLine
from tier.link.traffic import Receiver
from tier.runtime import failpoints, telemetry
from tier.runtime.errors import TierError

LOG = structlog.get_logger(__name__)

IDLE_SECONDS = 1.0
BUSY_SECONDS = 0.25
AWAY_SECONDS = 1.0
AWAY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
SYNC_SECONDS = 5.0
PAGE_FACTS = 500
PAGE_BYTES = 4 * 1024 * 1024
"""A quarter of the largest message, so that a page fits whatever its facts are."""

REPAIRED = telemetry.counter(
    "ducha_link_facts_repaired", "Facts that went over the repair road"
)


class Repair:
    """Keeps in touch with the parent."""

    def __init__(
        self,
        app: App,
        line: ParentLine,
        parent: str,
        receiver: Receiver,
        contacts: Contacts,
    ) -> None:
        """Talk to `parent` over `line`; replayed facts go to `receiver`."""
        self._app = app
        self._line = line
        self._parent = parent
        self._receiver = receiver
        self._contact = contacts[parent]
        self._contacts = contacts
        self._before = (Mark(), Mark())

    async def run(self) -> None:
        """Sync until cancelled: often while something is under way, seldom when idle."""
        pause = 0.0
        while True:
            try:
                async with asyncio.timeout(pause * random.uniform(0.8, 1.2)):  # noqa: S311 - jitter
                    await self._contact.repair.wait()
            except TimeoutError:
                pass
            hurry = self._contact.repair.is_set() or self._contact.heard_at is None
            self._contact.repair.clear()
            try:
                pause = await self._sync(hurry=hurry)
            except grpc.aio.AioRpcError as away:
                tell = LOG.info if away.code() in AWAY else LOG.warning
                tell("sync failed", parent=self._parent, status=away.code().name)
                pause = min(max(pause, BUSY_SECONDS) * 2, AWAY_SECONDS)
            except TierError as refusal:
                LOG.warning("sync waits", parent=self._parent, error=refusal.reason)
                pause = IDLE_SECONDS

    async def _sync(self, *, hurry: bool) -> float:
        """Exchange marks, mend what does not move; return the pause until the next time.

        What did not move since the last sync is stuck; in a `hurry` (a gap was seen, or
        this is the first contact) nothing is waited for.
        """
        tip = await owing.applied(self._app, self._parent)
        head = await owing.head(self._app, self._parent)
        response = await LinkServiceStub(self._line.channel).Sync(
            pb.SyncRequest(
                child=self._app.node.name,
                down_applied=wire.tip_to(tip),
                up_head=wire.mark_to(head),
            ),
            timeout=SYNC_SECONDS,
            wait_for_ready=True,  # the moment the parent is there again, it is asked
        )
        self._contacts.heard(self._parent, self._app.real())
        applied, owed = tip.mark, wire.mark_from(response.down_head)
        self._contact.head = owed
        theirs = wire.tip_from(response.up_applied)
        head, receipt = (
            await owing.confirm(self._app, self._parent, theirs),
            theirs.mark,
        )
        self._contact.met = True
        if owed > applied and (hurry or self._before[0] == applied):
            await self._replay(tip)
        if receipt != head and (hurry or self._before[1] == receipt):
            await self._deliver(head, receipt)
        self._before = (applied, receipt)
        return BUSY_SECONDS if owed != applied or receipt != head else IDLE_SECONDS

    async def _replay(self, tip: Tip) -> None:
        """Have the parent send what this node lacks."""
        call = LinkServiceStub(self._line.channel).Replay(
            pb.ReplayRequest(child=self._app.node.name, after=wire.tip_to(tip))
        )
        try:
            async for response in call:
                seals.check(self._app, self._parent, response.bundle)
                await self._receiver.apply([response.bundle])
                self._contacts.heard(self._parent, self._app.real())
                REPAIRED.add(len(response.bundle.facts), {"neighbour": self._parent})
        finally:
            call.cancel()

    async def _deliver(self, head: Mark, receipt: Mark) -> None:
        """Send what the parent lacks, until it has all that was there at the start."""
        after = rules.owed_after(receipt, head)
        while after < head.seq:
            run = await owing.owed(
                self._app, self._parent, after, PAGE_FACTS, PAGE_BYTES
            )
            if run is None:
                return
            bundle = seals.bundle(self._app, self._parent, run)
            response = await LinkServiceStub(self._line.channel).Deliver(
                pb.DeliverRequest(bundle=bundle), timeout=60.0
            )
            failpoints.reach("link.delivered")
            applied = wire.mark_from(response.applied)
            REPAIRED.add(len(run.bodies), {"neighbour": self._parent})
            self._contacts.heard(self._parent, self._app.real())
            if applied.epoch != run.epoch or applied.seq <= after:
                return  # somebody else moves it, or nothing does: the next sync tells
            after = applied.seq
