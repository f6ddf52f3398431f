"""The sealer: puts committed facts into the tree, beside the work, and signs what it has.

It reads facts behind the head, like any reader, and takes the writer's turn only to write
a few rows: whoever appends waits for it as for any other small write. What it missed while
the node was down, it makes up in pages.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from tier.app import App
from tier.ledger import Committed
from tier.runtime import failpoints, telemetry
from tier.runtime.db import Tx
from tier.runtime.errors import TierError
from tier.sealing import note, store, tile_store, trees
from tier.sealing.growing import Edge
from tier.sealing.model import Alarm, Life, origin_of
from tier.sealing.note import Beacon, Checkpoint, Note, NoteWrong
from tier.sealing.store import KeptBeacon, KeptCheckpoint
from tier.sealing.tree import DIGESTS, ProofWrong
from tier.sealing.trust import key_of_der, micros_of

LOG = structlog.get_logger(__name__)

BATCH: Final = 1000
PAUSE_SECONDS: Final = 1.0
ALARM_SECONDS: Final = 60.0
CHECKPOINT_EVERY: Final = timedelta(seconds=1)

SEALED = telemetry.counter("ducha_ledger_facts_sealed", "Facts put into the tree")
ALARMS = telemetry.counter("ducha_ledger_alarms", "Signs that a ledger was changed")


class Broken(Exception):
    """The own ledger is not what was sealed; an operator must look."""

    def __init__(self, reason: str, detail: str) -> None:
        """Say what is wrong."""
        super().__init__(detail)
        self.reason = reason


@dataclass(slots=True)
class _State:
    """What is held between two rounds; read again after any failure."""

    edge: Edge
    checkpointed: int
    checkpointed_at: datetime | None = None


class Sealer:
    """Seals the ledger of one node; `digest` counts when its first life begins."""

    def __init__(self, app: App, digest: str = "sha256") -> None:
        """Watch the feed of `app` for much news."""
        self._app = app
        self._digest = digest
        self._state: _State | None = None
        self._news = asyncio.Event()
        self._waiting = 0
        app.feed.listen(self._hear)

    async def run(self) -> None:
        """Seal until cancelled: each second, and at once when much has come."""
        pause = 0.0
        while True:
            try:
                async with asyncio.timeout(pause):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            self._waiting = 0
            try:
                pause = 0.0 if await self.seal() >= BATCH else PAUSE_SECONDS
            except Broken as broken:
                await self._alarm(broken)
                pause = ALARM_SECONDS
            except ValueError as wrong:
                await self._alarm(Broken("TREE_DAMAGED", str(wrong)))
                pause = ALARM_SECONDS
            except TierError as refusal:
                LOG.warning("sealing waits", error=refusal.reason)
                pause = PAUSE_SECONDS

    async def seal(self) -> int:
        """Seal the next page of facts, and sign a checkpoint if it is time; return how many.

        Raises:
            Broken: facts or tiles are not what they were.
            DatabaseAway, Contended: try again.
        """
        state, self._state = self._state or await self._load(), None
        edge = state.edge
        before = edge.frontier.size
        async with self._app.db.reading() as tx:
            is_current = await tile_store.latest_life(tx) == (edge.life, before)
            page = await tile_store.unsealed(tx, before, BATCH)
            beacon = await store.latest_beacon(tx)
        if not is_current:  # a new life was declared, or another process seals
            return await self.seal()
        for position, recorded_at, body in page:
            if position == edge.frontier.size + 1:
                edge.append(position, micros_of(recorded_at), body)
        sealed = edge.frontier.size - before
        if page and not sealed:
            raise Broken("LEDGER_GAP", f"there is no fact {before + 1}")
        now = self._app.now()
        is_due = self._is_due(state, now, is_last=len(page) < BATCH)
        if sealed or is_due:
            async with self._app.db.transaction() as tx:
                sizes = (before, edge.frontier.size)
                if not await tile_store.grow(
                    tx, edge.life.number, sizes, edge.take_changed()
                ):
                    return 0  # another process was first: the next round reads anew
                if is_due:
                    await self._checkpoint(tx, edge, now, beacon)
            SEALED.add(sealed)
        if is_due:
            failpoints.reach("ledger.sealed")
            state = _State(edge, edge.frontier.size, now)
        self._state = state
        return sealed

    def _is_due(self, state: _State, now: datetime, *, is_last: bool) -> bool:
        """Whether to sign: there is news, and either all of it is in or a second is over."""
        if self._app.identity is None or state.edge.frontier.size == state.checkpointed:
            return False
        last = state.checkpointed_at
        return is_last or last is None or abs(now - last) >= CHECKPOINT_EVERY

    async def _checkpoint(
        self, tx: Tx, edge: Edge, now: datetime, beacon: KeptBeacon | None
    ) -> None:
        """Sign what the tree is now."""
        identity = self._app.identity
        if identity is None:
            return
        signer = identity.signer
        life, digest = edge.life, DIGESTS[edge.life.digest]
        origin = origin_of(identity.spiffe, life.number)
        text = Checkpoint(
            origin=origin,
            size=edge.frontier.size,
            root=edge.frontier.root(),
            time=micros_of(now),
            digest=life.digest,
            life=life.number,
            declaration=digest(life.statement()) if life.is_declared else b"",
            beacon=_beacon(beacon, life) if beacon else None,
        ).text()
        line = note.sign(text, origin, signer, key_of_der(signer.certificate))
        fingerprint = await store.keep_certificate(tx, signer.certificate)
        written = str(Note(text, (line,)))
        made = KeptCheckpoint(life.number, edge.frontier.size, written, fingerprint)
        await store.keep_checkpoint(tx, made, beacon)

    async def _load(self) -> _State:
        """Read where sealing stands; begin the first life.

        Raises:
            Broken: the tiles are not what was signed, or facts are gone.
        """
        async with self._app.db.reading() as tx:
            begun = await tile_store.latest_life(tx)
        if begun is None:
            async with self._app.db.transaction() as tx:
                await tile_store.begin_life(tx, Life(1, self._digest))
        async with self._app.db.reading() as tx:
            found = await tile_store.latest_life(tx)
            if found is None:
                raise Broken("LEDGER_CUT", "a life that was begun is not there")
            life, size = found
            if life.digest != self._digest:
                LOG.warning(
                    "a digest counts from the first life on", in_use=life.digest
                )
            last = await tile_store.last_position(tx)
            if last < size:
                raise Broken(
                    "LEDGER_CUT", f"{size} facts were sealed, {last} are there"
                )
            try:
                edge = await trees.edge(tx, life, size)
                return await _checked(tx, edge)
            except (ProofWrong, NoteWrong) as wrong:
                raise Broken("TREE_DAMAGED", str(wrong)) from wrong

    async def _alarm(self, broken: Broken) -> None:
        """Keep an alarm about the own ledger."""
        LOG.error("the ledger is not what was sealed", reason=broken.reason)
        ALARMS.add(1, {"reason": broken.reason})
        alarm = Alarm(self._app.node.name, broken.reason, str(broken))
        try:
            async with self._app.db.transaction() as tx:
                await store.raise_alarm(tx, alarm, self._app.now())
        except TierError as refusal:
            LOG.warning("alarm not kept", error=refusal.reason)

    def _hear(self, committed: Committed) -> None:
        self._waiting += len(committed.entries)
        if self._waiting >= BATCH:
            self._news.set()


async def _checked(tx: Tx, edge: Edge) -> _State:
    """Compare the tiles with the latest checkpoint: what was signed must still follow."""
    latest = await store.latest(tx)
    if latest is None or latest.life != edge.life.number:
        return _State(edge, 0)
    said = Checkpoint.parse(Note.parse(latest.note).text)
    if said.size > edge.frontier.size:
        raise ProofWrong(f"{said.size} facts were signed, {edge.frontier.size} sealed")
    if await trees.root(tx, edge.life, said.size) != said.root:
        raise ProofWrong(f"the tiles of the first {said.size} facts were changed")
    return _State(edge, said.size)


def _beacon(kept: KeptBeacon, life: Life) -> Beacon:
    """Return a kept checkpoint of the parent as a checkpoint names it."""
    text = Note.parse(kept.note).text
    parent = Checkpoint.parse(text)
    text_hash = DIGESTS[life.digest](text.encode())
    return Beacon(parent.origin, parent.size, text_hash)
