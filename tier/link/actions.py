"""What the link does: apply runs of facts, exactly once, and keep what does not fit aside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from google.protobuf.message import DecodeError

from ducha.link.v1 import link_pb2 as pb
from tier import ledger
from tier.app import App, Arrived, FactDoor, Unfit, Verdict
from tier.jurisdiction import Code, contains, parse, within
from tier.link import rules, store
from tier.link.errors import QuarantineStands, QuarantineUnknown
from tier.link.model import Mark, Quarantined, Run, Sifted, Tip
from tier.node import Node
from tier.runtime.db import LOST_CONNECTIONS, LOST_RACES, OUT_OF_ROOM, Tx
from tier.runtime.errors import Contended, DatabaseAway, TierError

Doors = Mapping[str, FactDoor]

BEGINNING = Mark()

UNREADABLE = "UNREADABLE"
UNKNOWN_KIND = "UNKNOWN_KIND"
WRONG_JURISDICTION = "WRONG_JURISDICTION"
BROKEN = "BROKEN"
OPERATOR = "operator"
EARLY_FACTS = 500
TRANSIENT = (*LOST_RACES, *LOST_CONNECTIONS, OUT_OF_ROOM)


@dataclass(frozen=True, slots=True)
class Applied:
    """How far a link is applied, how many facts were new, and whether a gap remains."""

    mark: Mark
    count: int
    gap: bool


async def apply(
    app: App,
    doors: Doors,
    neighbour: str,
    runs: Sequence[Run],
    believed: Mark = BEGINNING,
) -> Applied:
    """Apply what is new in `runs`, in one transaction, and advance the mark with it.

    `believed` is where this process thinks the link is; the database decides. A fact
    that breaks the whole run is found by applying them one by one; it alone goes to
    quarantine (I8: a poison fact blocks nobody).
    """
    try:
        return await _apply(app, doors, neighbour, runs, believed, alone=False)
    except (Contended, DatabaseAway):
        raise  # nothing is wrong with the facts: they come again
    except Exception:  # noqa: BLE001 - whatever it is, it must not stop the link
        return await _apply(app, doors, neighbour, runs, believed, alone=True)


async def _apply(
    app: App,
    doors: Doors,
    neighbour: str,
    runs: Sequence[Run],
    believed: Mark,
    *,
    alone: bool,
) -> Applied:
    """Apply `runs` together, or each fact alone in a savepoint."""
    downward = neighbour == app.node.parent
    area = app.node.area_of(neighbour)
    read = {
        body: _read(body, area, downward=downward)
        for run in runs
        for body in run.bodies
    }
    async with app.db.transaction() as tx:
        sifted, known = await _advance(tx, neighbour, runs, believed, read)
        if not sifted.fresh:
            return Applied(sifted.mark, 0, sifted.gap)
        arrived: list[Arrived] = []
        unread: list[Unfit] = []
        for _, body in sifted.fresh:
            one = read[body]
            if isinstance(one, Unfit):
                unread.append(one)
            elif one.fact_id not in known:
                known.add(one.fact_id)  # two lives of a sequence may come together
                arrived.append(one)
        verdict = await _dispatch(app, tx, doors, neighbour, arrived, alone=alone)
        await _set_aside(app, tx, neighbour, sifted, [*unread, *verdict.unfit])
        await ledger.append(tx, app.feed, verdict.entries, app.now())
    return Applied(sifted.mark, len(sifted.fresh), sifted.gap)


async def _advance(
    tx: Tx,
    neighbour: str,
    runs: Sequence[Run],
    believed: Mark,
    read: Mapping[bytes, Arrived | Unfit],
) -> tuple[Sifted, set[UUID]]:
    """Move the mark over what is new; return that, and which facts are held already.

    Usually one statement. If another process moved the mark, or what came does not fit,
    the mark is read and the runs are sifted again.
    """
    ids = [one.fact_id for one in read.values() if isinstance(one, Arrived)]
    sifted = rules.sift(believed, runs)
    if sifted.fresh:
        known = await store.advance(tx, neighbour, believed, _tip(sifted, read), ids)
        if known is not None:
            return sifted, known
    elif not sifted.gap:
        return sifted, set()
    mark = await store.locked_mark(tx, neighbour)
    sifted = rules.sift(mark, runs)
    if not sifted.fresh:
        return sifted, set()
    tip = _tip(sifted, read)
    return sifted, await store.advance(tx, neighbour, mark, tip, ids) or set()


def _tip(sifted: Sifted, read: Mapping[bytes, Arrived | Unfit]) -> Tip:
    """Return the mark after what is new, with the fact that stands there."""
    last = read[sifted.fresh[-1][1]]
    return Tip(sifted.mark, str(last.fact_id) if isinstance(last, Arrived) else "")


def _read(body: bytes, area: tuple[Code, ...], *, downward: bool) -> Arrived | Unfit:
    """Return the fact, or what is wrong with its bytes."""
    try:
        fact = pb.Fact.FromString(body)
        return Arrived(fact, UUID(fact.fact_id), body, downward, area)
    except (DecodeError, ValueError) as wrong:
        unread = Arrived(pb.Fact(), UUID(int=0), body, downward, area)
        return Unfit(unread, UNREADABLE, str(wrong) or type(wrong).__name__)


async def _dispatch(
    app: App,
    tx: Tx,
    doors: Doors,
    neighbour: str,
    arrived: Sequence[Arrived],
    *,
    alone: bool,
) -> Verdict:
    """Give facts to the capabilities they belong to, in order."""
    total = Verdict()
    fit: list[Arrived] = []
    for fact in arrived:
        wrong = _misplaced(app.node, neighbour, fact) or _unknown(doors, fact)
        if wrong is None:
            fit.append(fact)
        else:
            total.unfit.append(wrong)
    for door, run in _by_door(doors, fit, alone=alone):
        verdict = await (_guarded if alone else _plain)(app, tx, door, run)
        total.entries.extend(verdict.entries)
        total.unfit.extend(verdict.unfit)
    return total


def _by_door(
    doors: Doors, facts: Sequence[Arrived], *, alone: bool
) -> Iterable[tuple[FactDoor, list[Arrived]]]:
    """Group neighbouring facts of one capability; or each for itself."""
    if alone:
        return [(doors[fact.fact.kind], [fact]) for fact in facts]
    runs = groupby(facts, key=lambda fact: doors[fact.fact.kind])
    return [(door, list(run)) for door, run in runs]


async def _plain(app: App, tx: Tx, door: FactDoor, run: Sequence[Arrived]) -> Verdict:
    return await door(app, tx, run)


async def _guarded(app: App, tx: Tx, door: FactDoor, run: Sequence[Arrived]) -> Verdict:
    """Undo and set aside a fact that raises."""
    try:
        async with tx.savepoint():
            return await door(app, tx, run)
    except TRANSIENT:
        raise  # the database's trouble, not the fact's
    except Exception as failure:  # noqa: BLE001 - the quarantine keeps it, the link goes on
        reason = failure.reason if isinstance(failure, TierError) else BROKEN
        detail = f"{type(failure).__name__}: {failure}"[:2000]
        return Verdict(unfit=[Unfit(fact, reason, detail) for fact in run])


def _misplaced(node: Node, neighbour: str, arrived: Arrived) -> Unfit | None:
    """Refuse a fact about a division that its sender does not answer for."""
    text = arrived.fact.division
    try:
        code = parse(text)
    except ValueError as wrong:
        return Unfit(arrived, WRONG_JURISDICTION, str(wrong))
    above = arrived.downward and any(contains(code, host) for host in node.hosts)
    ours = above or within(code, arrived.area)
    return (
        None
        if ours
        else Unfit(arrived, WRONG_JURISDICTION, f"{neighbour} may not speak of {text}")
    )


def _unknown(doors: Doors, arrived: Arrived) -> Unfit | None:
    """Refuse a kind of fact that no capability here takes."""
    if arrived.fact.kind in doors:
        return None
    return Unfit(arrived, UNKNOWN_KIND, f"no capability here takes {arrived.fact.kind}")


async def _set_aside(
    app: App, tx: Tx, neighbour: str, sifted: Sifted, unfit: Sequence[Unfit]
) -> None:
    """Put facts into quarantine, each with its place in the link."""
    if not unfit:
        return
    seqs = {body: seq for seq, body in sifted.fresh}
    for one in unfit:
        fact = one.arrived.fact
        await store.set_aside(
            tx,
            Quarantined(
                0,
                neighbour,
                Mark(sifted.mark.epoch, seqs[one.arrived.body]),
                fact.fact_id,
                fact.kind,
                one.reason,
                one.detail,
                one.arrived.body,
                one.arrived.downward,
                app.now(),
            ),
        )


async def retry_early(app: App, doors: Doors) -> int:
    """Apply facts again that came before what they speak of; return how many fit now.

    A node that begins anew while its parent is away hears of work on items that it does
    not know yet. Once they come from above, nobody has to act.
    """
    async with app.db.reading() as tx:
        early = await store.early(tx, EARLY_FACTS)
    fitted = 0
    for quarantine_id in early:
        try:
            await retry(app, doors, quarantine_id, actor=app.node.name)
        except (QuarantineUnknown, QuarantineStands):
            continue
        fitted += 1
    return fitted


async def retry(
    app: App, doors: Doors, quarantine_id: int, actor: str = OPERATOR
) -> None:
    """Apply a quarantined fact again.

    Raises:
        QuarantineUnknown: no such open entry.
        QuarantineStands: it still cannot be applied.
    """
    async with app.db.transaction() as tx:
        entry = await store.entry(tx, quarantine_id)
        if entry is None:
            raise QuarantineUnknown(quarantine_id=quarantine_id)
        area = app.node.area_of(entry.neighbour)
        read = _read(entry.body, area, downward=entry.downward)
        verdict = Verdict()
        if isinstance(read, Unfit):
            verdict.unfit.append(read)
        else:
            verdict = await _dispatch(
                app, tx, doors, entry.neighbour, [read], alone=True
            )
        if verdict.unfit:
            unfit = verdict.unfit[0]
            raise QuarantineStands(
                quarantine_id=quarantine_id, cause=unfit.reason, detail=unfit.detail
            )
        await store.settle(tx, quarantine_id, app.now(), actor, "retried")
        await ledger.append(tx, app.feed, verdict.entries, app.now())


async def drop(app: App, quarantine_id: int, actor: str, reason: str) -> None:
    """Set a quarantined fact aside for good, on record.

    Raises:
        QuarantineUnknown: no such open entry.
    """
    async with app.db.transaction() as tx:
        if await store.entry(tx, quarantine_id) is None:
            raise QuarantineUnknown(quarantine_id=quarantine_id)
        await store.settle(tx, quarantine_id, app.now(), actor, f"dropped: {reason}")
