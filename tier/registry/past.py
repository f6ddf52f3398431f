"""Sheets as they stood at a moment, folded anew from the facts of their answers.

Everything is read that was ever answered there: a question about the past is rare, and its
price is that of the answers it looks at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from ducha.registry.v1 import registry_pb2 as pb
from tier.catalogue import Catalogue
from tier.jurisdiction import Code, Level, level_of
from tier.registry import history, provenance, query_store, total_store
from tier.registry.history import Given, Moment, Taken
from tier.registry.model import Answer, Flag, Sheet
from tier.registry.provenance import Place
from tier.registry.total_store import Stretch
from tier.runtime.db import Tx

BATCH = 200
"""So many sheets are read before others may work."""

Asked = Mapping[Code, Sequence[int]]


async def sheets_as_of(
    tx: Tx, catalogue: Catalogue, period: str, stretch: Stretch, at: datetime
) -> list[Sheet]:
    """Return the sheets of a period as home nodes had recorded them by a moment.

    Asked is what requests of that time asked that nobody took back since. Deadlines and
    texts are left out: of a text only the flag says that it was there.
    """
    asked = await _asked(tx, catalogue, period, stretch, at)
    sheets = await total_store.sheets_within(tx, period, stretch)
    found = []
    for start in range(0, len(sheets), BATCH):
        part = sheets[start : start + BATCH]
        answers = await _answers(tx, part)
        taken = await _taken(tx, answers)
        for sheet in part:
            given = [
                Given(revision, *answers[fact_id, sheet.key])
                for revision, fact_id in enumerate(sheet.answers, 1)
            ]
            found.append(_then(sheet, asked, given, taken, at))
        await asyncio.sleep(0)
    return found


async def _asked(
    tx: Tx, catalogue: Catalogue, period: str, stretch: Stretch, at: datetime
) -> Asked:
    """Return the elements that each division had been asked for."""
    bodies = await total_store.requests_by(tx, period, at)
    elements = {
        request_id: _by_level(catalogue, pb.DataRequest.FromString(body))
        for request_id, body in bodies.items()
    }
    asked: dict[Code, set[int]] = {}
    for division, request_id in await total_store.needs_by(tx, period, stretch, at):
        if request_id in elements:
            numbers = elements[request_id].get(level_of(division), ())
            asked.setdefault(division, set()).update(numbers)
    return {division: sorted(numbers) for division, numbers in asked.items()}


def _by_level(
    catalogue: Catalogue, request: pb.DataRequest
) -> Mapping[Level, list[int]]:
    """Return the elements of a request by the level that collects them."""
    numbers: dict[Level, list[int]] = {}
    for code in request.elements:
        element = catalogue.elements.get(code)
        if element is not None:
            numbers.setdefault(element.collect_level, []).append(element.number)
    return numbers


Answers = Mapping[Place, tuple[Moment, Answer]]


async def _answers(tx: Tx, sheets: Sequence[Sheet]) -> Answers:
    """Read the answers of sheets off their facts."""
    wanted = {fact_id for sheet in sheets for fact_id in sheet.answers}
    keys = {sheet.key for sheet in sheets}
    placed = await query_store.answers(tx, wanted)
    sources = provenance.sources_from(placed, keys)
    return {place: (source.when, source.answer) for place, source in sources.items()}


async def _taken(tx: Tx, answers: Answers) -> list[Taken]:
    """Return which conflicts of these answers were decided for the rival."""
    conflicts = [
        conflict_id
        for _, answer in answers.values()
        for conflict_id in answer.conflict_ids
    ]
    facts = await query_store.decisions(tx, provenance.DECIDED, conflicts)
    return provenance.taken_from(facts)


def _then(
    sheet: Sheet,
    asked: Asked,
    given: Sequence[Given],
    taken: Sequence[Taken],
    at: datetime,
) -> Sheet:
    """Return a sheet as it stood then, by its answers."""
    stands = history.in_force(given, taken, at)
    elements = sorted(stands)
    numbers, flags = [], []
    for element in elements:
        answer = given[stands[element] - 1].answer
        place = answer.elements.index(element)
        numbers.append(answer.numbers[place])
        flags.append(answer.flags[place] & ~Flag.CONTESTED)
    return Sheet(
        sheet.key,
        sheet.start,
        asked=asked.get(sheet.key.division, ()),
        elements=elements,
        numbers=numbers,
        given=[stands[element] for element in elements],
        flags=flags,
        answers=sheet.answers,
        observed=[one.answer.observed_at for one in given],
    )
