"""Values as they stand, as they stood, in all their versions and in conflict.

A sheet says what is in force; the fact of its answer, in the ledger, says where it came
from. What stood at a moment is folded from these facts alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as pb
from tier import catalogue as catalogues
from tier import division
from tier.app import App
from tier.catalogue import Catalogue, ElementUnknown
from tier.jurisdiction import Code, overlap
from tier.registry import history, periods, provenance, query_store, store, values
from tier.registry.history import Given, Taken
from tier.registry.model import Conflict, Key, Sheet
from tier.registry.provenance import Place, Source, Version
from tier.registry.queries import area, moment_and_id
from tier.registry.query_store import Query
from tier.runtime import fields, moments
from tier.runtime.db import Tx
from tier.runtime.pages import Page

DIVISIONS = 100
CONFLICTS = 50
PAGE_BYTES = 2 * 1024 * 1024
BREATH = 16
"""So many sheets are written before others may work."""

Versions = Iterable[tuple[int, Source, Version]]
"""Versions of values of a sheet, each with its element and where it came from."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which values are asked: of some elements or of all, at a moment or now."""

    catalogue: Catalogue
    elements: frozenset[int]
    at: datetime | None


async def list_observations(
    app: App, request: pb.ListObservationsRequest
) -> pb.ListObservationsResponse:
    """Page through values, by division and element; a page is bounded in bytes too.

    Raises:
        ElementUnknown: the catalogue has none of that code.
    """
    page = Page.read(request.page_size, request.page_token, default=DIVISIONS, fields=1)
    within = area("within", request.within)
    period = fields.read("period", periods.parse, request.period).text
    there = request.HasField("as_of_time")
    at, now = moments.optional_moment(request.as_of_time, there=there), app.now()
    at = None if at is None or at >= now else at
    response = pb.ListObservationsResponse(as_of_time=moments.stamp_of(at or now))
    async with app.db.reading() as tx:
        catalogue = await catalogues.held(tx, app.db)
        elements = frozenset(_number(catalogue, code) for code in request.elements)
        if not _is_ours(app, within):
            return response
        wanted = Wanted(catalogue, elements, at)
        query = Query(period, within, elements)
        after = page.text(0)
        while True:
            found = await query_store.held(tx, query, after, page.size + 1)
            count = await _show(tx, wanted, found[: page.size], response)
            after = found[count - 1].key.division if count else ""
            # What was recorded later than asked fills no page: go on to one with a value.
            if response.observations or len(found) <= count:
                break
    response.next_page_token = replace(page, size=count).next(found, [after])
    return response


async def _show(
    tx: Tx,
    wanted: Wanted,
    sheets: Sequence[Sheet],
    response: pb.ListObservationsResponse,
) -> int:
    """Write the values of sheets until a page is full; return how many sheets were read."""
    stand = _stand if wanted.at is None else _stood
    versions = await stand(tx, wanted, sheets)
    size = 0
    for count, sheet in enumerate(sheets, 1):
        for message in _written(wanted, versions[sheet.key]):
            size += message.ByteSize()
            response.observations.append(message)
        if size > PAGE_BYTES:
            return count
        if count % BREATH == 0:
            await asyncio.sleep(0)
    return len(sheets)


async def _stand(
    tx: Tx, wanted: Wanted, sheets: Sequence[Sheet]
) -> Mapping[Key, Versions]:
    """Return what is in force, as the sheets hold it."""
    cells = {sheet.key: list(_cells(sheet, wanted.elements)) for sheet in sheets}
    facts = {fact_id for each in cells.values() for _, fact_id, _ in each}
    sources = provenance.sources_from(await query_store.answers(tx, facts), cells)
    return {
        key: [
            (element, sources[fact_id, key], version)
            for element, fact_id, version in each
        ]
        for key, each in cells.items()
    }


def _cells(
    sheet: Sheet, elements: frozenset[int]
) -> Iterable[tuple[int, UUID, Version]]:
    """Yield the cells of a sheet: element, fact, and version in force."""
    texts = list(sheet.texts)
    for element, number, given, flag in zip(
        sheet.elements, sheet.numbers, sheet.given, sheet.flags, strict=True
    ):
        if not elements or element in elements:
            kept = values.kept_at(number, flag, texts)
            yield element, sheet.answers[given - 1], Version(given, kept, flag)


async def _stood(
    tx: Tx, wanted: Wanted, sheets: Sequence[Sheet]
) -> Mapping[Key, Versions]:
    """Return what home nodes had recorded by the moment that is asked."""
    facts = {fact_id for sheet in sheets for fact_id in sheet.answers}
    keys = {sheet.key for sheet in sheets}
    sources = provenance.sources_from(await query_store.answers(tx, facts), keys)
    conflicts = {
        conflict_id
        for source in sources.values()
        for conflict_id in source.answer.conflict_ids
    }
    decided = await query_store.decisions(tx, provenance.DECIDED, conflicts)
    taken = provenance.taken_from(decided)
    return {sheet.key: list(_past(wanted, sheet, sources, taken)) for sheet in sheets}


def _past(
    wanted: Wanted, sheet: Sheet, sources: Mapping[Place, Source], taken: list[Taken]
) -> Versions:
    """Yield the versions of a sheet that stood at the moment that is asked."""
    answers = [sources[fact_id, sheet.key] for fact_id in sheet.answers]
    given = [
        Given(revision, source.when, source.answer)
        for revision, source in enumerate(answers, 1)
    ]
    at = wanted.at or max(one.when.recorded_at for one in given)
    for element, revision in history.in_force(given, taken, at).items():
        if not wanted.elements or element in wanted.elements:
            source = answers[revision - 1]
            yield element, source, provenance.as_given(source, element, revision)


def _written(wanted: Wanted, versions: Versions) -> list[registry_pb2.Observation]:
    """Write versions of one sheet, by the code of their element."""
    known = (
        (wanted.catalogue.numbered(element), source, version)
        for element, source, version in versions
    )
    messages = [
        provenance.observation_to(source, element, version)
        for element, source, version in known
        if element is not None
    ]
    return sorted(messages, key=lambda message: message.value.element)


async def list_versions(
    app: App, request: pb.ListVersionsRequest
) -> pb.ListVersionsResponse:
    """Return every version of one value, newest first.

    Raises:
        ElementUnknown: the catalogue has none of that code.
    """
    code = division.code(request.division, "division")
    key = Key(code, fields.read("period", periods.parse, request.period).text)
    async with app.db.reading() as tx:
        catalogue = await catalogues.held(tx, app.db)
        number = _number(catalogue, request.element)
        sheet = (await store.sheets(tx, [key])).get(key)
        if sheet is None:
            return pb.ListVersionsResponse()
        placed = await query_store.answers(tx, sheet.answers)
        sources = [
            source
            for source in provenance.sources_from(placed, {key}).values()
            if number in source.answer.elements
        ]
        conflicts = [one for each in sources for one in each.answer.conflict_ids]
        taken = await query_store.taken(tx, conflicts)
    versions = [
        provenance.observation_to(
            source,
            catalogue.elements[request.element],
            provenance.as_it_stands(source, number, sheet, taken),
        )
        for source in sources
    ]
    versions.sort(key=lambda one: one.revision, reverse=True)
    return pb.ListVersionsResponse(versions=versions)


async def list_conflicts(
    app: App, request: pb.ListConflictsRequest
) -> pb.ListConflictsResponse:
    """Page through conflicts, the one due first coming first."""
    page = Page.read(request.page_size, request.page_token, default=CONFLICTS, fields=2)
    within = area("within", request.within)
    after = moment_and_id(page)
    if not _is_ours(app, within):
        return pb.ListConflictsResponse()
    async with app.db.reading() as tx:
        found = await query_store.conflicts(
            tx, within=within, state=request.state, after=after, limit=page.size + 1
        )
        shown = found[: page.size]
        catalogue = await catalogues.held(tx, app.db)
        messages = await shown_conflicts(tx, catalogue, shown)
    last = [
        part
        for one in shown[-1:]
        for part in (one.due.isoformat(), str(one.conflict_id))
    ]
    return pb.ListConflictsResponse(
        conflicts=messages, next_page_token=page.next(found, last)
    )


async def shown_conflicts(
    tx: Tx, catalogue: Catalogue, conflicts: Sequence[Conflict]
) -> list[registry_pb2.Conflict]:
    """Write conflicts, each with both its observations as they stand now."""
    sheets = await store.sheets(tx, {one.key for one in conflicts})
    facts = {fact_id for one in conflicts for fact_id in (one.standing, one.rival)}
    sources = provenance.sources_from(await query_store.answers(tx, facts), sheets)
    ids = [one for each in sources.values() for one in each.answer.conflict_ids]
    taken = await query_store.taken(tx, ids)
    messages = []
    for conflict in conflicts:
        element = catalogue.numbered(conflict.element)
        if element is None:
            continue
        sheet = sheets[conflict.key]
        key = conflict.key
        sides = (sources[conflict.standing, key], sources[conflict.rival, key])
        versions = [
            provenance.observation_to(
                source,
                element,
                provenance.as_it_stands(source, element.number, sheet, taken),
            )
            for source in sides
        ]
        messages.append(provenance.conflict_to(conflict, versions))
    return messages


def _number(catalogue: Catalogue, code: str) -> int:
    """Return the number of an element.

    Raises:
        ElementUnknown: the catalogue has none of that code.
    """
    element = catalogue.elements.get(code)
    if element is None:
        raise ElementUnknown(element=code, version=catalogue.version)
    return element.number


def _is_ours(app: App, within: str) -> bool:
    """Whether an area and what this node answers for have something in common."""
    return not within or any(overlap(host, Code(within)) for host in app.node.hosts)
