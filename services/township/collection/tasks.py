"""Show open tasks: what is asked of whom, for whom, by when, and already filled in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from ducha.collection.v1 import collection_pb2 as nouns
from ducha.collection.v1 import collection_service_pb2 as pb
from ducha.registry.v1 import registry_pb2
from services.township.collection import forms
from services.township.collection.forms import Form
from tier import catalogue, division, registry
from tier.app import App
from tier.catalogue import Catalogue, Element
from tier.jurisdiction import Code
from tier.registry import Key, Sheet, parse_period, values
from tier.registry import wire as registry_wire
from tier.runtime import fields, moments
from tier.runtime.db import Tx
from tier.runtime.errors import PageTokenInvalid
from tier.runtime.pages import Page


async def list_tasks(app: App, request: pb.ListTasksRequest) -> pb.ListTasksResponse:
    """Page through open tasks, the one due first coming first."""
    page = Page.read(request.page_size, request.page_token, default=50, fields=3)
    within, period = area_and_period(request.within, request.period)
    after = _after(page) if page.after else None
    async with app.db.reading() as tx:
        known = await catalogue.held(tx, app.db)
        found = await registry.tasks(
            tx, within=within, period=period, after=after, limit=page.size + 1
        )
        shown = await filled(tx, known, found[: page.size])
        requesters = await _requesters(tx, [form.sheet.key for form in shown])
    # A page of 2,000 tasks is 40,000 fields: written beside the event loop.
    tasks = await asyncio.to_thread(
        lambda: [
            _task(form, known, requesters.get(form.sheet.key, ())) for form in shown
        ]
    )
    return pb.ListTasksResponse(
        tasks=tasks, next_page_token=page.next(found, _last(shown))
    )


def area_and_period(within: str, period: str) -> tuple[Code | None, str]:
    """Read which tasks are meant; either may be left out.

    Raises:
        InvalidInput: one of them cannot be read.
    """
    area = division.code(within, "within") if within else None
    if period:
        fields.read("period", parse_period, period)
    return area, period


def _after(page: Page) -> tuple[datetime, Key]:
    """Read the key of the last task shown."""
    try:
        due = datetime.fromisoformat(page.text(0)).astimezone(UTC)
    except (ValueError, OverflowError) as broken:
        raise PageTokenInvalid from broken
    return due, Key(Code(page.text(1)), page.text(2))


def _last(shown: Sequence[Form]) -> Sequence[str]:
    if not shown or shown[-1].sheet.deadline is None:
        return ()
    last = shown[-1].sheet
    return (shown[-1].sheet.deadline.isoformat(), last.key.division, last.key.period)


async def filled(tx: Tx, known: Catalogue, sheets: Sequence[Sheet]) -> list[Form]:
    """Fill in the forms of sheets."""
    before = await registry.previous(
        tx, [sheet.key for sheet in sheets if {*sheet.asked} - {*sheet.elements}]
    )
    stand = partial(stands, known)
    return [forms.fill(sheet, before.get(sheet.key), stand) for sheet in sheets]


def stands(known: Catalogue, number: int, kept: int | str) -> bool:
    """Whether a value that was taken once is one that its element allows today."""
    element = known.numbered(number)
    return element is not None and values.is_allowed(element, kept)


async def _requesters(tx: Tx, keys: Sequence[Key]) -> Mapping[Key, Sequence[str]]:
    """Return who waits for each sheet, whoever asked first coming first, each once."""
    needs = await registry.needs(tx, keys)
    ids = {need.request_id for found in needs.values() for need in found}
    bodies = await registry.requests(tx, ids)
    names: dict[UUID, str] = {}
    for request_id, body in bodies.items():
        message = registry_pb2.DataRequest.FromString(body)
        names[request_id] = f"{message.requester} ({message.requester_division})"
    return {
        key: list(dict.fromkeys(names[one.request_id] for one in found))
        for key, found in needs.items()
    }


def _task(form: Form, known: Catalogue, requesters: Sequence[str]) -> nouns.Task:
    sheet = form.sheet
    asked = (known.numbered(number) for number in sheet.asked)
    return nouns.Task(
        division=sheet.key.division,
        period=sheet.key.period,
        deadline_time=moments.stamp(sheet.deadline),
        fields=[_field(form, element) for element in asked if element is not None],
        revision=sheet.revision,
        requesters=requesters,
    )


def _field(form: Form, element: Element) -> nouns.Field:
    held = element.number in form.held
    field = nouns.Field(
        element=element.code,
        name_zh=element.name_zh,
        name_en=element.name_en,
        unit=element.unit,
        ask=nouns.Field.ASK_CONFIRM if held else nouns.Field.ASK_COLLECT,
    )
    found = form.filled.get(element.number)
    if found is not None:
        field.prefilled.CopyFrom(registry_wire.value_to(element, found.kept))
        field.prefilled_period = found.period
        field.prefilled_observe_time.CopyFrom(moments.stamp_of(found.observed_at))
    return field
