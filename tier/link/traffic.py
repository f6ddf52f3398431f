"""The traffic of one neighbour on the fast road: what goes out, what comes in.

Outgoing facts are taken from memory right after the commit that made them; whatever
memory drops, the road loses or a restart forgets, the repair sends from the ledger.
Both loops batch by what arrived meanwhile, without a timer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog
from google.protobuf.message import DecodeError

from ducha.link.v1 import link_pb2 as pb
from tier.app import App
from tier.lanes import Lane
from tier.ledger import Committed
from tier.link import actions, seals, wire
from tier.link.actions import Doors
from tier.link.contact import Contact, Contacts
from tier.link.errors import BundleForged
from tier.link.model import Run
from tier.link.pull import Message
from tier.link.road import Road
from tier.runtime import failpoints, telemetry
from tier.runtime.errors import TierError
from tier.runtime.telemetry import Kind

LOG = structlog.get_logger(__name__)

BUNDLE_FACTS = 256
MOST_FACTS = 1000
"""Taken from a neighbour in one bundle, as the proto says; more would be none of ours."""
BUNDLE_BYTES = 768 * 1024
QUEUE_BYTES = 32 * 1024 * 1024
APPLY_BYTES = 384 * 1024
APPLY_MESSAGES = 32
RETRY_SECONDS = 0.2
STREAM_BATCHES = 8
STREAM_SECONDS = 0.01
SMALL_FACTS = 16
GATHER_SECONDS = 0.02
"""In a stream, so many small batches on end that soon after each other, let some gather: a fact
in company costs a third of a fact alone. What comes now and then waits for nothing."""

APPLIED = telemetry.counter(
    "ducha_link_facts_applied", "Facts applied from a neighbour"
)
FAILED = telemetry.counter(
    "ducha_link_apply_failures", "Batches that raised while applied"
)
FORGED = telemetry.counter(
    "ducha_link_bundles_forged", "Bundles refused for their seal or their sender"
)
LATENCY = telemetry.histogram(
    "ducha_link_apply_duration", "Time to apply a batch of facts", "s"
)


@dataclass(frozen=True, slots=True)
class Pending:
    """A run committed and not yet published."""

    run: Run
    traceparent: str


class Sender:
    """Publishes what is committed for one neighbour."""

    def __init__(
        self, app: App, road: Road, lane: Lane, neighbour: str, contact: Contact
    ) -> None:
        """Send to `neighbour` over `lane`, once it was met."""
        self._contact = contact
        self._app = app
        self._road = road
        self._lane = lane
        self._neighbour = neighbour
        self._queue: deque[Pending] = deque()
        self._queued = 0
        self._arrived = asyncio.Event()

    def offer(self, committed: Committed) -> None:
        """Take what a commit holds for this neighbour.

        What comes before it was met, or when the queue is full, is left to the repair.
        """
        if not self._contact.met:
            return
        for lane in committed.lanes:
            if lane.neighbour != self._neighbour or self._queued > QUEUE_BYTES:
                continue
            bodies = [
                entry.body
                for entry in committed.entries
                if self._neighbour in entry.onward
            ]
            first = lane.before + 1
            for part in _parts(bodies):
                run = Run(lane.epoch, first, part)
                self._queue.append(Pending(run, committed.traceparent))
                self._queued += sum(map(len, part))
                first += len(part)
            self._arrived.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._queue:
                await self._publish(self._take())

    def _take(self) -> list[Pending]:
        """Take neighbouring runs of one sequence, up to a bundle."""
        taken = [self._queue.popleft()]
        facts = len(taken[0].run.bodies)
        size = sum(map(len, taken[0].run.bodies))
        while self._queue:
            run, last = self._queue[0].run, taken[-1].run
            facts += len(run.bodies)
            size += sum(map(len, run.bodies))
            follows = (run.epoch, run.first) == (
                last.epoch,
                last.first + len(last.bodies),
            )
            if not follows or facts > BUNDLE_FACTS or size > BUNDLE_BYTES:
                break
            taken.append(self._queue.popleft())
        return taken

    async def _publish(self, taken: list[Pending]) -> None:
        """Publish one bundle; a failure is the repair's to mend."""
        bodies = tuple(body for pending in taken for body in pending.run.bodies)
        self._queued -= sum(map(len, bodies))
        with telemetry.span(
            f"publish {self._lane.way}",
            links=[pending.traceparent for pending in taken],
            kind=Kind.PRODUCER,
            attributes={"ducha.link": self._neighbour, "ducha.facts": len(bodies)},
        ):
            run = Run(taken[0].run.epoch, taken[0].run.first, bodies)
            bundle = seals.bundle(
                self._app, self._neighbour, run, telemetry.current_traceparent()
            )
            await self._road.publish(self._lane, bundle.SerializeToString())
            failpoints.reach("link.published")


def _parts(bodies: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    """Cut facts into runs that fit a message; one too big for any is left to the repair."""
    part: list[bytes] = []
    size = 0
    for body in bodies:
        if part and (len(part) == BUNDLE_FACTS or size + len(body) > BUNDLE_BYTES):
            yield tuple(part)
            part, size = [], 0
        part.append(body)
        size += len(body)
    if part:
        yield tuple(part)


class Receiver:
    """Applies what comes from one neighbour."""

    def __init__(
        self,
        app: App,
        doors: Doors,
        road: Road,
        lane: Lane,
        neighbour: str,
        *,
        contacts: Contacts,
    ) -> None:
        """Receive from `neighbour` over `lane`."""
        self._app = app
        self._doors = doors
        self._road = road
        self._lane = lane
        self._neighbour = neighbour
        self._contacts = contacts
        self._arrived: asyncio.Queue[Message] = asyncio.Queue(maxsize=APPLY_MESSAGES)
        self._streak = 0
        """Small batches on end, each soon after the one before."""
        self._ended = 0.0

    async def pull(self) -> None:
        """Take messages from the road until cancelled; a full queue slows the pull."""
        async for message in self._road.messages(self._lane):
            await self._arrived.put(message)

    async def run(self) -> None:
        """Apply until cancelled."""
        while True:
            messages = [await self._arrived.get()]
            await self._gather()
            size = len(messages[0].data)
            while size < APPLY_BYTES and not self._arrived.empty():
                messages.append(self._arrived.get_nowait())
                size += len(messages[-1].data)
            bundles = [
                bundle for bundle in map(self._read, messages) if bundle is not None
            ]
            try:
                await self.apply(bundles)
            except TierError as away:  # not acknowledged: the repair brings them again
                LOG.warning(
                    "facts not applied yet",
                    neighbour=self._neighbour,
                    error=away.reason,
                )
                await self._later()
                continue
            except Exception:  # house: excepts - one batch must not end the link
                LOG.exception("facts not applied", neighbour=self._neighbour)
                FAILED.add(1, {"neighbour": self._neighbour})
                await self._later()
                continue
            for message in messages:
                await message.ack()
            self._note(sum(len(bundle.facts) for bundle in bundles))

    async def _gather(self) -> None:
        """Wait a moment if this is one of a stream of small batches."""
        if asyncio.get_running_loop().time() - self._ended > STREAM_SECONDS:
            self._streak = 0
        elif self._streak >= STREAM_BATCHES:
            await asyncio.sleep(GATHER_SECONDS)

    def _note(self, facts: int) -> None:
        """Note how large the last batch was, and when it ended."""
        self._streak = self._streak + 1 if facts <= SMALL_FACTS else 0
        self._ended = asyncio.get_running_loop().time()

    async def _later(self) -> None:
        """Leave what came to the repair, after a pause."""
        await asyncio.sleep(RETRY_SECONDS)
        self._contacts.gap(self._neighbour)

    async def apply(self, bundles: list[pb.Bundle]) -> actions.Applied | None:
        """Apply bundles in one transaction and note what they show of the neighbour."""
        if not bundles:
            return None
        facts = sum(len(bundle.facts) for bundle in bundles)
        started = asyncio.get_running_loop().time()
        with telemetry.span(
            f"apply {self._lane.way}",
            links=[bundle.traceparent for bundle in bundles],
            kind=Kind.CONSUMER,
            attributes={"ducha.link": self._neighbour, "ducha.facts": facts},
        ):
            runs = [wire.run_from(bundle) for bundle in bundles]
            contact = self._contacts[self._neighbour]
            applied = await actions.apply(
                self._app, self._doors, self._neighbour, runs, contact.applied
            )
            failpoints.reach("link.applied")
            contact.applied = applied.mark
        self._contacts.heard(self._neighbour, self._app.real())
        if applied.count:
            contact.news.set()
        if applied.gap:
            self._contacts.gap(self._neighbour)
        labels = {"neighbour": self._neighbour}
        APPLIED.add(applied.count, labels)
        LATENCY.record(asyncio.get_running_loop().time() - started, labels)
        return applied

    def _read(self, message: Message) -> pb.Bundle | None:
        """Return the bundle, if it is one from this neighbour to us."""
        try:
            bundle = pb.Bundle.FromString(message.data)
        except DecodeError:
            LOG.warning("not a bundle", neighbour=self._neighbour)
            return None
        if len(bundle.facts) > MOST_FACTS:
            LOG.warning("bundle of too many facts", neighbour=self._neighbour)
            return None
        try:
            seals.check(self._app, self._neighbour, bundle)
        except BundleForged as forged:
            LOG.warning("bundle refused", neighbour=self._neighbour, error=str(forged))
            FORGED.add(1, {"neighbour": self._neighbour})
            return None
        return bundle
