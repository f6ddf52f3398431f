"""Take answers. Hot, so calls that arrive together are one batch.

Every call is judged for itself: a refused one changes nothing and hinders nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from services.township.collection import recording, rules, store, wire
from services.township.collection.batch import Batch, Drafted, Filing
from services.township.collection.errors import (
    CorrectionUnreasoned,
    PeriodLocked,
    ValuesInvalid,
)
from services.township.collection.model import Given
from services.township.collection.rules import Draft, No
from tier import approval, catalogue, division, ledger, registry
from tier.acting import must_host
from tier.app import App
from tier.jurisdiction import Code
from tier.registry import Desk, Flag, Key, parse_period, values
from tier.runtime import requests, telemetry
from tier.runtime.db import Tx
from tier.runtime.errors import InvalidInput, TierError, Violation
from tier.runtime.requests import Kept

VALUES = telemetry.counter(
    "ducha_collection_values", "Values recorded here, confirmed ones too"
)
BEIJING = timedelta(hours=8)


async def file(app: App, filings: Sequence[Filing]) -> list[bytes | TierError]:
    """Work calls together in one transaction; return each one's answer or refusal."""
    async with app.db.transaction() as tx:
        before = await requests.kept(
            tx, [filing.request.request_id for filing in filings]
        )
        batch = await _load(app, tx, filings)
        with telemetry.span(
            "collection answer",
            links=await registry.traces(tx, _waiting(batch.desk)),
            attributes={"ducha.facts": sum(len(one.answers) for one in filings)},
        ):
            outcomes = [_outcome(batch, filing, before) for filing in filings]
            await batch.desk.write(tx)
            await store.write(tx, batch.remembered)
            await requests.keep(tx, batch.answers)
            await ledger.append(tx, app.feed, batch.entries, batch.now)
    VALUES.add(batch.recorded)
    return outcomes


async def _load(app: App, tx: Tx, filings: Sequence[Filing]) -> Batch:
    """Load what the calls may touch, all at once."""
    now = app.now()
    known = await catalogue.held(tx, app.db)
    keys = list(dict.fromkeys(_keys(filings)))
    codes = list({key.division for key in keys})
    desk = await registry.load(tx, known, keys)
    confirming = {
        Key(Code(one.division), one.period)
        for filing in filings
        for one in filing.answers
        if one.unchanged or one.all_unchanged
    }
    return Batch(
        app,
        now,
        known,
        desk,
        await division.known(tx, codes, division.today(now)),
        await approval.locked(tx, keys, now),
        await store.histories(tx, codes),
        await registry.previous(tx, [key for key in keys if key in confirming]),
    )


def _waiting(desk: Desk) -> list[UUID]:
    """Return the data requests that wait for what is answered."""
    needs = (need for each in desk.needs.values() for need in each)
    return list({need.request_id for need in needs})


def _keys(filings: Sequence[Filing]) -> Iterable[Key]:
    """Yield the sheets that calls speak of; what cannot be read is refused later."""
    for filing in filings:
        for one in filing.answers:
            try:
                parse_period(one.period)
            except ValueError:
                continue
            yield Key(Code(one.division), one.period)


def _outcome(
    batch: Batch, filing: Filing, before: dict[UUID, Kept]
) -> bytes | TierError:
    """Judge one call against what stands, and take it whole or not at all."""
    known = requests.answer_to(filing.request, before)
    if known is not None:
        return known
    if "\0" in filing.actor:  # no row could keep it: the whole batch would fail
        return InvalidInput(problem="actor: holds a NUL character")
    try:
        drafted = _drafted(batch, filing)
    except TierError as refusal:
        return refusal
    response = recording.take(batch, filing, drafted).SerializeToString()
    # A retry, or a reuse of the id, may stand in the same batch as its original.
    before[filing.request.request_id] = Kept(filing.request, response)
    batch.answers.append((filing.request, response))
    return response


def _drafted(batch: Batch, filing: Filing) -> list[Drafted]:
    """Decide what each answer of a call brings.

    Raises:
        TierError: VALUES_INVALID, DIVISION_UNKNOWN, DIVISION_NOT_HOSTED, PERIOD_LOCKED,
            CORRECTION_UNREASONED.
    """
    wrong: list[Violation] = []
    drafted = []
    seen: set[Key] = set()
    for place, message in enumerate(filing.answers):
        given = wire.given_from(message, place, batch.catalogue, batch.now)
        if isinstance(given, list):
            wrong.extend(given)
            continue
        _may_answer(batch, given)
        if given.key in seen:
            where = f"answers[{place}]"
            wrong.append(Violation(where, "answers the same task again（重复作答）"))
        seen.add(given.key)
        draft = _draft(batch, given)
        _refuse(batch, given, draft, wrong)
        drafted.append(Drafted(given, draft))
    if wrong:
        raise ValuesInvalid.of(wrong)
    return drafted


def _may_answer(batch: Batch, given: Given) -> None:
    """Refuse divisions that do not stand or act elsewhere, and periods that are locked."""
    code = given.key.division
    must_host(batch.app, code)
    if code not in batch.standing:
        today = division.today(batch.now)
        raise division.DivisionUnknown(division=code, day=today)
    approver = batch.locked.get(given.key)
    if approver is not None:
        raise PeriodLocked(division=code, period=given.key.period, approver=approver)


def _draft(batch: Batch, given: Given) -> Draft:
    """Decide what an answer brings, and flag what is out of the ordinary."""
    sheet = batch.desk.sheet(given.key)
    closes = datetime.combine(parse_period(given.key.period).end, time(), UTC) - BEIJING
    previous = batch.before.get(given.key)
    filled = {} if previous is None else rules.values_in_force(previous)
    draft = rules.draft(
        given,
        sheet,
        {element: held.kept for element, held in filled.items()},
        rules.is_late(batch.now, sheet.deadline, closes),
    )
    history = batch.histories.get(given.key.division, {})
    for number, kept in draft.kept.items():
        if isinstance(kept, str):
            draft.flags[number] |= Flag.TEXT
        elif number in history:
            element = batch.catalogue.numbered(number)
            if element and rules.is_outlier(element, history[number], kept):
                draft.flags[number] |= Flag.OUTLIER
    return draft


def _refuse(batch: Batch, given: Given, draft: Draft, wrong: list[Violation]) -> None:
    """Refuse a correction without a reason; note what there is nothing to confirm of."""
    for number, no in draft.refused.items():
        element = batch.catalogue.numbered(number)
        code = element.code if element else str(number)
        if no is No.UNREASONED:
            raise CorrectionUnreasoned(
                element=code, division=given.key.division, period=given.key.period
            )
        problem = f"{code} has no earlier value to confirm（没有可确认的原值）"
        wrong.append(Violation(f"answers[{given.place}].unchanged", problem))
    if not (given.unchanged or given.all_unchanged):
        return
    for number, kept in list(draft.kept.items()):
        if not draft.flags[number] & Flag.UNCHANGED or number in given.kept:
            continue
        # It was good when it was given; the catalogue may ask for more by now.
        element = batch.catalogue.numbered(number)
        if element is None or values.is_allowed(element, kept):
            continue
        if number in given.unchanged:
            problem = f"{element.code}: {kept!r} is allowed no more（原值已不符合规则）"
            wrong.append(Violation(f"answers[{given.place}].unchanged", problem))
        else:  # no form fills it in, so that "all unchanged" does not mean it
            draft.leave(number)
