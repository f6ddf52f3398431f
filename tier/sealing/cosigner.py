"""The child's side of witnessing: asks the parent to cosign, and checks what it gets.

Only the child dials, as on the repair road. While the parent is away, sealing goes on
without it; the next checkpoint it cosigns covers everything since.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final, Protocol

import grpc
import structlog
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from ducha.ledger.v1 import ledger_service_pb2 as pb
from ducha.ledger.v1.ledger_service_pb2_grpc import WitnessServiceStub
from tier.app import App
from tier.identity.own import OwnIdentity
from tier.runtime.db import Tx
from tier.runtime.errors import TierError
from tier.sealing import store, tile_store, trees, wire
from tier.sealing.chain import WRONG
from tier.sealing.errors import WitnessedSizeDiffers
from tier.sealing.model import Alarm, Life
from tier.sealing.note import Line
from tier.sealing.sealer import ALARM_SECONDS, ALARMS
from tier.sealing.store import KeptBeacon, KeptCheckpoint
from tier.sealing.tree import DIGESTS, ProofWrong, check_consistency
from tier.sealing.trust import SealWrong, Signed, Trust

LOG = structlog.get_logger(__name__)

PAUSE_SECONDS: Final = 1.0
AWAY_SECONDS: Final = 5.0
RPC_SECONDS: Final = 10.0
UNALARMING: Final = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED,
     grpc.StatusCode.ABORTED, grpc.StatusCode.RESOURCE_EXHAUSTED}
)  # fmt: skip


class ParentLine(Protocol):
    """A line to the parent that may be dialled again."""

    @property
    def channel(self) -> grpc.aio.Channel:
        """The channel as it is now."""


class Unbelievable(Exception):
    """The parent's word does not hold."""

    def __init__(self, reason: str, detail: str) -> None:
        """Say what is wrong with it."""
        super().__init__(detail)
        self.reason = reason


class Cosigner:
    """Has the parent witness this node's ledger."""

    def __init__(self, app: App, line: ParentLine, parent: str) -> None:
        """Ask `parent` over `line`."""
        self._app = app
        self._line = line
        self._parent = parent
        self._told: tuple[int, int] | None = None
        """(life, size) from where the witness wants the next proof."""

    async def run(self) -> None:
        """Ask whenever there is a new checkpoint, until cancelled."""
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            try:
                await self.cosign()
                pause = PAUSE_SECONDS
            except grpc.aio.AioRpcError as failed:
                pause = await self._failed(failed, pause)
            except Unbelievable as wrong:
                await self._alarm(self._parent, wrong.reason, str(wrong))
                pause = ALARM_SECONDS
            except (TierError, ValueError) as waits:
                LOG.warning("cosigning waits", error=str(waits))
                pause = PAUSE_SECONDS

    async def cosign(self) -> bool:
        """Have the latest checkpoint cosigned; False if there is none that is not.

        Raises:
            AioRpcError: the parent is away, or refuses.
            Unbelievable: what the parent says does not hold; nothing of it is kept.
            ValueError: the own tiles or checkpoints are damaged.
        """
        identity = self._app.identity
        if identity is None:
            return False
        async with self._app.db.reading() as tx:
            latest = await store.latest(tx)
            if latest is None or latest.witness is not None:
                return False
            beacon = await store.latest_beacon(tx)
            (certificate,) = await store.certificates(tx, [latest.signer])
            request = await self._request(tx, latest, certificate, beacon)
        response = await self._ask(request, latest.life)
        signed = Trust(identity.authorities.prove).signed(latest.note, certificate)
        await self._keep(identity, signed, beacon, response)
        return True

    async def _request(
        self,
        tx: Tx,
        latest: KeptCheckpoint,
        certificate: bytes,
        beacon: KeptBeacon | None,
    ) -> pb.CosignRequest:
        lives = await tile_store.lives(tx)
        life = next(one for one in lives if one.number == latest.life)
        old_size = min(await self._old_size(tx, life), latest.size)
        proof = await trees.consistency(tx, life, old_size, latest.size)
        return pb.CosignRequest(
            note=latest.note,
            certificate=certificate,
            old_size=old_size,
            proof=proof,
            life=wire.life_to(life) if life.is_declared else None,
            beacon_life=beacon.life if beacon else 0,
            beacon_size=beacon.size if beacon else 0,
        )

    async def _old_size(self, tx: Tx, life: Life) -> int:
        """Return from where to prove: as the witness said, or as it cosigned last."""
        if self._told is not None and self._told[0] == life.number:
            return self._told[1]
        cosigned = await store.latest_cosigned(tx)
        return cosigned.size if cosigned and cosigned.life == life.number else 0

    async def _ask(self, request: pb.CosignRequest, life: int) -> pb.CosignResponse:
        """Ask the parent; what it says of its own records counts for the next time."""
        stub = WitnessServiceStub(self._line.channel)
        try:
            response = await stub.Cosign(request, timeout=RPC_SECONDS)
        except grpc.aio.AioRpcError as failed:
            reason, size = _reason(failed)
            if reason == WitnessedSizeDiffers.reason and size.isdigit():
                self._told = (life, int(size))
            raise
        self._told = None
        return response

    async def _keep(
        self,
        identity: OwnIdentity,
        signed: Signed,
        known: KeptBeacon | None,
        response: pb.CosignResponse,
    ) -> None:
        """Check the parent's word, and keep it."""
        said = signed.checkpoint
        trust = Trust(identity.prove)
        try:
            line = Line.parse(response.cosignature)
            cosigned = Signed(said, signed.note.signed(line), signed.spiffe)
            trust.cosigned(cosigned, response.certificate)
            beacon = self._beacon(trust, signed, response) if response.beacon else None
        except WRONG as wrong:
            raise Unbelievable("WITNESS_UNBELIEVABLE", str(wrong)) from wrong
        async with self._app.db.transaction() as tx:
            if beacon is not None:
                await _extends(tx, trust, known, beacon, response)
                fingerprint = await store.keep_certificate(
                    tx, response.beacon_certificate
                )
                at_parent = beacon.checkpoint
                kept = KeptBeacon(
                    at_parent.life, at_parent.size, response.beacon, fingerprint
                )
                await store.keep_beacon(tx, kept)
            witness = await store.keep_certificate(tx, response.certificate)
            place = (said.life, said.size)
            await store.cosign(tx, place, response.cosignature, witness)

    def _beacon(
        self, trust: Trust, signed: Signed, response: pb.CosignResponse
    ) -> Signed:
        beacon = trust.beacon(signed, response.beacon, response.beacon_certificate)
        if beacon.spiffe.name != self._parent:
            raise SealWrong(f"{beacon.spiffe} is not {self._parent}")
        return beacon

    async def _failed(self, failed: grpc.aio.AioRpcError, pause: float) -> float:
        """Say why there is no cosignature; return how long to wait."""
        reason, _ = _reason(failed)
        if failed.code() in UNALARMING:
            LOG.info("the witness waits", status=failed.code().name, reason=reason)
            if reason == WitnessedSizeDiffers.reason:
                return 0.0 if pause else PAUSE_SECONDS
            return min(max(pause, PAUSE_SECONDS) * 2, AWAY_SECONDS)
        LOG.error("the witness refuses", status=failed.code().name, reason=reason)
        text = failed.details() or failed.code().name
        await self._alarm(self._app.node.name, reason or failed.code().name, text)
        return ALARM_SECONDS

    async def _alarm(self, node: str, reason: str, detail: str) -> None:
        ALARMS.add(1, {"reason": reason})
        now: datetime = self._app.now()
        try:
            async with self._app.db.transaction() as tx:
                await store.raise_alarm(tx, Alarm(node, reason, detail), now)
        except TierError as refusal:
            LOG.warning("alarm not kept", error=refusal.reason)


async def _extends(
    tx: Tx,
    trust: Trust,
    known: KeptBeacon | None,
    beacon: Signed,
    response: pb.CosignResponse,
) -> None:
    """See that the parent's ledger only grew since the beacon that is known.

    Raises:
        Unbelievable: it shrank, or is another.
    """
    said = beacon.checkpoint
    if known is None or known.life < said.life:
        return
    if (said.life, said.size) < (known.life, known.size):
        detail = f"the parent had {known.size} facts, and now has {said.size}"
        raise Unbelievable("BEACON_SHRANK", detail)
    try:
        (certificate,) = await store.certificates(tx, [known.signer])
        before = trust.signed(known.note, certificate).checkpoint
        old, new = (before.size, before.root), (said.size, said.root)
        proof = list(response.beacon_proof)
        check_consistency(DIGESTS[said.digest], old, new, proof)
    except (ProofWrong, *WRONG) as wrong:
        raise Unbelievable("BEACON_SPLIT", str(wrong)) from wrong


def _reason(failed: grpc.aio.AioRpcError) -> tuple[str, str]:
    """Return the reason of a refusal, and the size it names; empty where there is none."""
    status = rpc_status.from_call(failed)  # type: ignore[arg-type] # it has what is read
    info = error_details_pb2.ErrorInfo()
    for detail in status.details if status is not None else ():
        if detail.Unpack(info):
            break
    return info.reason, info.metadata.get("size", "")
