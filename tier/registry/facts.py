"""The link door: requests that come down, requests and values that climb.

Values are folded in runs: a bundle of hundreds of answers is one load and one write. Every
tier checks them by the rule they were entered by, and puts aside what breaks it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

from ducha.registry.v1 import registry_facts_pb2 as pb
from ducha.registry.v1 import registry_pb2 as nouns
from tier import catalogue as catalogues
from tier import ledger
from tier.app import App, Arrived, Unfit, Verdict
from tier.catalogue import Catalogue
from tier.jurisdiction import Code, Level, level_of, parse, within
from tier.ledger import Author
from tier.ledger import store as ledger_store
from tier.registry import checks, periods, request_store, store, wire
from tier.registry.actions import asking, desk, gate
from tier.registry.actions.gate import Judged
from tier.registry.model import (
    Answer,
    Conflict,
    ConflictState,
    Counted,
    Flag,
    Outcome,
    Split,
)
from tier.runtime.db import Tx
from tier.runtime.telemetry import current_traceparent

UNKNOWN_REQUEST = "UNKNOWN_DATA_REQUEST"
UNKNOWN_ANSWERS = "UNKNOWN_ANSWERS"
UNKNOWN_CONFLICT = "UNKNOWN_CONFLICT"
WRONG_JURISDICTION = "WRONG_JURISDICTION"

BREATH = 50
"""So many answers are folded before others may work: a bundle of thousands holds up nobody."""

Read = tuple[Arrived, list[Answer]]


async def apply(app: App, tx: Tx, arrived: Sequence[Arrived]) -> Verdict:
    """Apply facts of this capability, in order."""
    verdict = Verdict()
    catalogue = await catalogues.held(tx, app.db)
    run: list[Read] = []
    for one in arrived:
        if one.fact.kind == RECORDED:
            read = _read(catalogue, one)
            if isinstance(read, Unfit):
                verdict.unfit.append(read)
            else:
                run.append((one, read))
            continue
        await _fold(app, tx, catalogue, run, verdict)
        run.clear()
        await OTHERS[one.fact.kind](app, tx, one, verdict)
    await _fold(app, tx, catalogue, run, verdict)
    return verdict


def _read(catalogue: Catalogue, one: Arrived) -> list[Answer] | Unfit:
    """Read the answers of a fact, or say why it cannot be taken."""
    payload = pb.ObservationsRecorded.FromString(one.fact.payload)
    answers = []
    for recorded in payload.answers:
        code = parse(recorded.division)
        if one.downward or not within(code, one.area):
            return Unfit(one, WRONG_JURISDICTION, f"values of {code}")
        answer = wire.answer_from(one.fact_id, recorded)
        wrong = _wrong(catalogue, payload.catalogue_version, answer)
        if wrong is not None:
            return Unfit(one, *wrong)
        answers.append(answer)
    if len({answer.key for answer in answers}) < len(answers):
        return Unfit(one, checks.VALUES_INVALID, "two answers to one sheet")
    return answers


def _wrong(
    catalogue: Catalogue, version: int, answer: Answer
) -> tuple[str, str] | None:
    """Say why an answer cannot be taken, as (reason, detail)."""
    misshapen = checks.misshapen(answer) or checks.misplaced(catalogue, answer)
    if misshapen is not None:
        return checks.VALUES_INVALID, misshapen
    known = checks.good(catalogue, version)
    pairs = zip(answer.elements, answer.numbers, strict=True)
    if not answer.texts and known.issuperset(pairs):
        return None
    for element, number, flag in zip(
        answer.elements, answer.numbers, answer.flags, strict=True
    ):
        if (element, number) in known and not flag & Flag.TEXT:
            continue
        wrong = checks.check(catalogue, version, element, _kept(answer, number, flag))
        if wrong is not None:
            return wrong
    return None


def _kept(answer: Answer, number: int, flag: int) -> int | str:
    """Return a value as it is kept: a text by its place."""
    return answer.texts[number - 1] if flag & Flag.TEXT else number


async def _fold(
    app: App, tx: Tx, catalogue: Catalogue, run: Sequence[Read], verdict: Verdict
) -> None:
    """Fold a run of answers: one load, one write."""
    if not run:
        return
    keys = (answer.key for _, answers in run for answer in answers)
    work = await desk.load(tx, catalogue, keys)
    now = app.now()
    taken = 0
    for one, answers in run:
        early = next((one for one in answers if work.is_early(one)), None)
        if early is not None:
            detail = (
                f"answer {early.revision} of {early.key.division}/{early.key.period}"
            )
            verdict.unfit.append(Unfit(one, UNKNOWN_ANSWERS, detail))
            continue
        for answer in answers:
            work.take(answer, now)
        _keep(one, app.node.upward, verdict)
        taken += len(answers)
        if taken >= BREATH:
            taken = 0
            await asyncio.sleep(0)
    await work.write(tx)


async def _requested(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    """Keep a request: judged again on its way down, as it was told on its way up."""
    payload = pb.DataRequested.FromString(one.fact.payload)
    given = wire.splits_from(payload.groups)
    here = await request_store.get(tx, UUID(payload.request.data_request_id))
    wrong = _misdirected(one, payload.request, given) or _another(one, here)
    if wrong is not None:
        verdict.unfit.append(wrong)
        return
    told = given if here is None else await _not_here(tx, here, given)
    if not told and given:
        _keep(one, () if one.downward else app.node.upward, verdict)
        return
    catalogue = await catalogues.held(tx, app.db)
    wanted = gate.wanted_of(told)
    numbers = {number for elements in set(wanted.values()) for number in elements}
    unknown = next((n for n in numbers if catalogue.numbered(n) is None), None)
    if unknown is not None:
        verdict.unfit.append(Unfit(one, checks.UNKNOWN_ELEMENT, f"element {unknown}"))
        return
    period = periods.parse(payload.request.period)
    request = wire.request_from(
        payload.request, period, current_traceparent() or one.fact.traceparent
    )
    judged = await gate.judge(tx, catalogue, wanted, period.text, request.created_at)
    await request_store.insert(tx, request)
    counted = judged.splits if one.downward else told
    await gate.open_needs(tx, request, counted, judged)
    if one.downward:
        whole = len(told) == len(given)
        _pass_down(app, one, payload, (told, judged), verdict, whole=whole)
    else:
        _keep(one, app.node.upward, verdict)


def _misdirected(
    one: Arrived, request: nouns.DataRequest, told: Mapping[Code, Split]
) -> Unfit | None:
    """Refuse a request in another's name, of a tier that only collects, or for others."""
    requester = request.requester_division
    if requester != one.fact.division or level_of(parse(requester)) >= Level.TOWNSHIP:
        return Unfit(one, WRONG_JURISDICTION, f"{requester} did not ask")
    foreign = next((code for code in told if not within(code, one.area)), None)
    if foreign is None:
        return None
    return Unfit(one, WRONG_JURISDICTION, f"not the sender's: {foreign}")


def _another(one: Arrived, here: Counted | None) -> Unfit | None:
    """Refuse to add to, or speak for, a request that another division made."""
    if here is None or here.request.requester == one.fact.division:
        return None
    detail = f"{here.request.request_id} is a request of {here.request.requester}"
    return Unfit(one, WRONG_JURISDICTION, detail)


async def _not_here(
    tx: Tx, here: Counted, told: Mapping[Code, Split]
) -> dict[Code, Split]:
    """Return what is new of a request that a tier above, begun anew, passes on again.

    Asked again, cells would stay asked with nobody waiting.
    """
    if here.withdrawn:
        return {}
    known = set(await request_store.divisions_of(tx, here.request.request_id))
    return {code: split for code, split in told.items() if code not in known}


def _pass_down(
    app: App,
    one: Arrived,
    payload: pb.DataRequested,
    decided: tuple[Mapping[Code, Split], Judged],
    verdict: Verdict,
    *,
    whole: bool,
) -> None:
    """Tell each branch what it is asked, and the tier above what was judged otherwise."""
    told, judged = decided
    branches = wire.groups_by_branch(app.node, judged.groups)
    moved = wire.rejudged_to(told, judged.splits)
    if whole and not moved and len(branches) == 1:
        # One branch has it all: the fact goes on as it is.
        verdict.entries.append(
            ledger.keep(one.fact, one.fact_id, one.body, tuple(branches))
        )
        return
    verdict.entries.append(ledger.keep(one.fact, one.fact_id, one.body, ()))
    fact = one.fact
    author = Author.at(app.now(), app.node.name, fact.actor)
    for name, groups in branches.items():
        part = pb.DataRequested(request=payload.request, groups=groups)
        verdict.entries.append(
            ledger.record(
                author,
                part,
                division=fact.division,
                subject=fact.subject,
                onward=(name,),
            )
        )
    if moved:
        told_up = pb.AsksJudged(data_request_id=fact.subject, groups=moved)
        verdict.entries.append(
            ledger.record(
                author,
                told_up,
                division=app.node.hosts[0],
                subject=fact.subject,
                onward=app.node.upward,
            )
        )


async def _judged(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    """Correct what a request counts: a tier below knew better."""
    payload = pb.AsksJudged.FromString(one.fact.payload)
    request_id = UUID(payload.data_request_id)
    groups = [(group, wire.codes_of(group)) for group in payload.groups]
    foreign = [c for _, codes in groups for c in codes if not within(c, one.area)]
    if one.downward or foreign:
        detail = f"not the sender's: {foreign[0] if foreign else one.fact.division}"
        verdict.unfit.append(Unfit(one, WRONG_JURISDICTION, detail))
        return
    if await request_store.get(tx, request_id) is None:
        verdict.unfit.append(Unfit(one, UNKNOWN_REQUEST, payload.data_request_id))
        return
    for group, codes in groups:
        moved = {
            Outcome(group.before): -len(group.elements),
            Outcome(group.outcome): len(group.elements),
        }
        await request_store.rejudge(tx, request_id, codes, moved)
    _keep(one, app.node.upward, verdict)


async def _withdrawn(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    """Stop waiting for a request that was taken back."""
    payload = pb.DataRequestWithdrawn.FromString(one.fact.payload)
    request_id = UUID(payload.data_request_id)
    here = await request_store.get(tx, request_id)
    if here is None:
        verdict.unfit.append(Unfit(one, UNKNOWN_REQUEST, payload.data_request_id))
        return
    wrong = _another(one, here)
    if wrong is not None:
        verdict.unfit.append(wrong)
        return
    await asking.close_needs(app, tx, request_id)
    onward = app.node.upward
    if one.downward:
        onward = await asking.branches_of(app, tx, request_id)
    _keep(one, onward, verdict)


async def _resolved(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    """Decide a conflict as its home did."""
    payload = pb.ConflictResolved.FromString(one.fact.payload)
    conflict = await store.conflict(tx, UUID(payload.conflict_id))
    if conflict is None:
        verdict.unfit.append(Unfit(one, UNKNOWN_CONFLICT, payload.conflict_id))
        return
    division = conflict.key.division
    if one.downward or not within(division, one.area):
        verdict.unfit.append(Unfit(one, WRONG_JURISDICTION, f"values of {division}"))
        return
    rival = await _rival(tx, conflict, verdict)
    if rival is None:
        verdict.unfit.append(Unfit(one, UNKNOWN_CONFLICT, f"rival {conflict.rival}"))
        return
    state = ConflictState(payload.state)
    settled = await store.settle_conflict(
        tx, conflict.conflict_id, state, one.fact.actor, payload.reason
    )
    if settled and state is ConflictState.RIVAL_TAKEN:
        catalogue = await catalogues.held(tx, app.db)
        work = await desk.load(tx, catalogue, [conflict.key])
        work.resolve(conflict, rival)
        await work.write(tx)
    _keep(one, app.node.upward, verdict)


async def _rival(tx: Tx, conflict: Conflict, verdict: Verdict) -> Answer | None:
    """Return the rival of a conflict: from the ledger, or of this very batch, not yet in it."""
    bodies = await ledger_store.bodies(tx, [conflict.rival])
    bodies |= {entry.fact_id: entry.body for entry in verdict.entries}
    body = bodies.get(conflict.rival)
    return None if body is None else wire.answer_of(body, conflict.key)


def _keep(one: Arrived, onward: tuple[str, ...], verdict: Verdict) -> None:
    verdict.entries.append(ledger.keep(one.fact, one.fact_id, one.body, onward))


RECORDED = pb.ObservationsRecorded.DESCRIPTOR.full_name
OTHERS: dict[str, Callable[[App, Tx, Arrived, Verdict], Awaitable[None]]] = {
    pb.DataRequested.DESCRIPTOR.full_name: _requested,
    pb.AsksJudged.DESCRIPTOR.full_name: _judged,
    pb.DataRequestWithdrawn.DESCRIPTOR.full_name: _withdrawn,
    pb.ConflictResolved.DESCRIPTOR.full_name: _resolved,
}
KINDS = dict.fromkeys([RECORDED, *OTHERS], apply)
