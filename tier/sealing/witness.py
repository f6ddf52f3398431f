"""The parent as witness: cosigns a child's checkpoint if it extends the one before."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog

from ducha.ledger.v1 import ledger_service_pb2 as pb
from tier.app import App
from tier.identity.current import CALLER
from tier.identity.model import SpiffeId
from tier.identity.own import OwnIdentity, is_of
from tier.identity.signing import SignatureWrong
from tier.jurisdiction import Level
from tier.runtime.db import Tx
from tier.runtime.errors import TierError
from tier.sealing import note, rules, store, tile_store, trees
from tier.sealing.chain import life_from
from tier.sealing.errors import (
    CheckpointUnreadable,
    CheckpointUntimely,
    LedgerRewritten,
    LedgerRolledBack,
    LedgerSplit,
    LifeOver,
    LifeUndeclared,
    OriginForeign,
    SealBroken,
    SealNotOfChild,
    WitnessedSizeDiffers,
    WitnessWithoutSeal,
)
from tier.sealing.model import Alarm, name_of, origin_of
from tier.sealing.note import Checkpoint, Note, NoteWrong
from tier.sealing.rules import Refused, Step, Why
from tier.sealing.store import KeptCheckpoint, Witnessed
from tier.sealing.trust import SealWrong, Signed, Trust, at, key_of_der

LOG = structlog.get_logger(__name__)

CLOCKS: Final = timedelta(minutes=5)


async def cosign(app: App, request: pb.CosignRequest) -> pb.CosignResponse:
    """Cosign a child's checkpoint, and hand out the own latest one as a beacon.

    What was cosigned is kept before it is told; what an honest ledger never asks for is
    kept as an alarm.

    Raises:
        TierError: one of those that the proto lists.
    """
    identity = app.identity
    if identity is None:
        raise WitnessWithoutSeal(node=app.node.name)
    signed = _signed(app, identity, request)
    said, child = signed.checkpoint, signed.spiffe.name
    life = life_from(request.life) if request.HasField("life") else None
    step = Step(child, said, request.old_size, list(request.proof), life)
    async with app.db.transaction() as tx:
        outcome = await _step(app, tx, step, signed, request)
    if isinstance(outcome, TierError):
        raise outcome
    response = pb.CosignResponse(
        cosignature=str(outcome), certificate=identity.signer.certificate
    )
    await _add_beacon(app, request, response)
    return response


async def _step(
    app: App, tx: Tx, step: Step, signed: Signed, request: pb.CosignRequest
) -> note.Line | TierError:
    """Cosign a step, or return why not; either is on record then."""
    known = await _known(tx, step.child)
    refused = rules.refused(step, known)
    if refused is None:
        if known is None or step.said.life > known.life:
            await _begin_life(app, tx, step)
        return await _cosigned(app, tx, signed, request.certificate)
    error = _error(step, refused, known)
    if refused.why in rules.ALARMING:
        alarm = Alarm(step.child, error.reason, str(error), request.note)
        await store.raise_alarm(tx, alarm, app.now())
        LOG.error("a child's ledger is not what it was", error=error.reason)
    return error


def _error(step: Step, refused: Refused, known: Checkpoint | None) -> TierError:
    """Return the refusal in the words of the proto."""
    child, said, size = step.child, step.said, refused.known_size
    match refused.why:
        case Why.LIFE_OVER:
            latest = known.life if known else 0
            return LifeOver(child=child, life=said.life, latest=latest)
        case Why.LIFE_UNDECLARED:
            return LifeUndeclared(child=child, life=said.life)
        case Why.ROLLED_BACK:
            return LedgerRolledBack(child=child, size=said.size, witnessed=size)
        case Why.SPLIT:
            return LedgerSplit(child=child, size=size)
        case Why.REWRITTEN:
            return LedgerRewritten(child=child, size=size, problem=refused.problem)
        case Why.OLD_SIZE:
            return WitnessedSizeDiffers(child=child, size=size)


def _signed(app: App, identity: OwnIdentity, request: pb.CosignRequest) -> Signed:
    """Read the note and see that it is the child's own word on its own ledger."""
    try:
        written = Note.parse(request.note)
        said = Checkpoint.parse(written.text)
        made_at = at(said.time)
    except (NoteWrong, SealWrong) as wrong:
        raise CheckpointUnreadable(problem=wrong) from wrong
    try:
        seal = Trust(identity.prove).seal(request.certificate, min(made_at, app.real()))
        Trust(identity.prove).seal(request.certificate, app.real())
    except SealWrong as wrong:
        raise SealNotOfChild(problem=wrong) from wrong
    child = seal.spiffe
    if not _is_child(app, identity, child):
        raise SealNotOfChild(problem=f"{child} sealed it")
    caller = CALLER.get()
    if caller is not None and caller.principal != str(child):
        raise SealNotOfChild(problem=f"{caller.principal} brings it")
    expected = origin_of(child, said.life)
    if said.origin != expected:
        raise OriginForeign(origin=said.origin, child=child.name, expected=expected)
    try:
        written.check(expected, seal.key)
    except SignatureWrong as wrong:
        raise SealBroken(child=child.name, problem=wrong) from wrong
    if made_at > app.now() + CLOCKS:
        seconds = (made_at - app.now()).total_seconds()
        raise CheckpointUntimely(child=child.name, seconds=round(seconds))
    # The child's line alone is kept; what others wrote below is not ours to vouch for.
    own = tuple(line for line in written.lines if line.name == expected)
    return Signed(said, Note(written.text, own), child)


def _is_child(app: App, identity: OwnIdentity, spiffe: SpiffeId) -> bool:
    below = Level(app.node.level + 1)
    return spiffe.domain == identity.spiffe.domain and any(
        is_of(spiffe, child.name, below, child.hosts) for child in app.node.children
    )


async def _known(tx: Tx, child: str) -> Checkpoint | None:
    latest = await store.latest_witnessed(tx, child)
    return None if latest is None else Checkpoint.parse(Note.parse(latest.note).text)


async def _cosigned(app: App, tx: Tx, signed: Signed, certificate: bytes) -> note.Line:
    """Cosign, and keep it."""
    identity, now = app.identity, app.now()
    if identity is None:
        raise WitnessWithoutSeal(node=app.node.name)
    signer = identity.signer
    line = note.cosign(
        signed.note.text,
        name_of(identity.spiffe),
        int(now.timestamp()),
        signer,
        key_of_der(signer.certificate),
    )
    said = signed.checkpoint
    one = Witnessed(
        signed.spiffe.name,
        said.life,
        said.size,
        str(signed.note.signed(line)),
        await store.keep_certificate(tx, certificate),
        await store.keep_certificate(tx, signer.certificate),
        now,
    )
    await store.keep_witnessed(tx, one)
    return line


async def _begin_life(app: App, tx: Tx, step: Step) -> None:
    """Put a declared life on record, for good."""
    if step.life is None or not step.life.is_declared:
        return
    life = step.life
    await store.keep_witnessed_life(tx, step.child, life)
    detail = f"life {life.number} was declared by {life.actor}: {life.reason}"
    alarm = Alarm(step.child, "NEW_LIFE", detail)
    await store.raise_alarm(tx, alarm, app.now())
    LOG.warning("a child began a new life of its ledger", child=step.child)


async def _add_beacon(
    app: App, request: pb.CosignRequest, response: pb.CosignResponse
) -> None:
    """Add the own latest checkpoint, and that it extends the one the child knows."""
    async with app.db.reading() as tx:
        latest = await store.latest(tx)
        if latest is None:
            return
        (certificate,) = await store.certificates(tx, [latest.signer])
        response.beacon = _own_part(latest)
        response.beacon_certificate = certificate
        if latest.life != request.beacon_life or not request.beacon_size:
            return
        lives = await tile_store.lives(tx)
        life = next((one for one in lives if one.number == latest.life), None)
        if life is not None and request.beacon_size <= latest.size:
            response.beacon_proof.extend(
                await trees.consistency(tx, life, request.beacon_size, latest.size)
            )


def _own_part(latest: KeptCheckpoint) -> str:
    """Return a checkpoint without its cosignature: that is for this node's own records."""
    written = Note.parse(latest.note)
    return str(Note(written.text, written.lines[:1]))
