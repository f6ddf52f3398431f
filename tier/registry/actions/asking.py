"""Ask for data, and take a request back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import uuid_utils

from ducha.registry.v1 import registry_facts_pb2 as facts
from ducha.registry.v1 import registry_pb2 as pb
from ducha.registry.v1 import registry_service_pb2 as service
from tier import catalogue as catalogues
from tier import division
from tier.acting import Call, Work, must_host, once
from tier.app import App
from tier.catalogue import Catalogue, Element, ElementUnknown
from tier.division import TargetsInvalid
from tier.jurisdiction import Code, Level, contains, level_of
from tier.ledger import store as ledger_store
from tier.registry import periods, reasons, request_store, rules, wire
from tier.registry.actions import desk, gate
from tier.registry.actions.gate import Judged
from tier.registry.errors import (
    AlreadyHeld,
    DataRequestEnded,
    DataRequestUnknown,
    DeadlinePast,
    LevelMayNotRequest,
    NotRequester,
    PeriodMismatch,
    RequestTooLarge,
    UseForbidden,
)
from tier.registry.model import Counted, Outcome, Period, Request, RequestState
from tier.runtime import fields
from tier.runtime.db import Tx
from tier.runtime.telemetry import current_traceparent

MOST_CELLS = 4_000_000
ITEM_REQUESTS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of whom; `field` is where it stands in the caller's request."""

    message: pb.DataRequest
    targets: division.Selection
    expect_nothing_held: bool = False
    field: str = "data_request"


async def validate(
    app: App, requester: Code, asked: Asked
) -> service.RequestDataResponse:
    """Say what the gate would decide, and change nothing.

    Raises:
        TierError: whatever would refuse it.
    """
    must_host(app, requester)
    async with app.db.reading() as tx:
        return await judge(app, tx, requester, asked)


async def judge(
    app: App, tx: Tx, requester: Code, asked: Asked
) -> service.RequestDataResponse:
    """Say what the gate decides, and write nothing."""
    catalogue = await catalogues.held(tx, app.db)
    judged, _ = await _judged(app, tx, catalogue, requester, asked)
    response = service.RequestDataResponse(data_request=asked.message)
    reasons.judged_to(response, judged, catalogue)
    return response


async def request(app: App, call: Call, asked: Asked) -> service.RequestDataResponse:
    """Pass a request through the gate: its needs, its asks, and one fact for each branch.

    Raises:
        TierError: LEVEL_MAY_NOT_REQUEST, ELEMENT_UNKNOWN, PERIOD_MISMATCH, USE_FORBIDDEN,
            TARGETS_INVALID, DEADLINE_PAST, ALREADY_HELD, REQUEST_TOO_LARGE.
    """
    response = service.RequestDataResponse()
    async with once(app, call, response) as work:
        if work is not None:
            response.CopyFrom(await ask(work, asked))
    return response


async def ask(work: Work, asked: Asked) -> service.RequestDataResponse:
    """Pass a request through the gate within a write that is under way."""
    app, tx = work.app, work.tx
    catalogue = await catalogues.held(tx, app.db)
    judged, period = await _judged(app, tx, catalogue, work.call.division, asked)
    made = _made(app, work.call.division, asked.message)
    held = wire.request_from(made, period, current_traceparent())
    await request_store.insert(tx, held)
    await gate.open_needs(tx, held, judged.splits, judged)
    tx.on_commit(lambda: gate.count(judged.groups))
    tell(work, made, judged)
    response = service.RequestDataResponse(data_request=made)
    reasons.judged_to(response, judged, catalogue)
    return response


def tell(work: Work, made: pb.DataRequest, judged: Judged) -> None:
    """Record what each branch is asked, and for the tiers above all that was decided.

    Nothing goes down for what was served.
    """
    node = work.app.node
    groups = judged.groups
    branches = wire.groups_by_branch(node, groups)
    # All that was decided: the tiers above join to it, and the ledger proves what was spared.
    everything, onward = wire.groups_to(groups), node.upward
    if list(branches.values()) == [everything]:
        # One branch has it all: one fact does for both ways.
        onward = (*branches, *onward)
        branches = {}
    for name, asked in branches.items():
        payload = facts.DataRequested(request=made, groups=asked)
        work.record(payload, subject=made.data_request_id, onward=(name,))
    payload = facts.DataRequested(request=made, groups=everything)
    work.record(payload, subject=made.data_request_id, onward=onward)


def _made(app: App, requester: Code, message: pb.DataRequest) -> pb.DataRequest:
    made = pb.DataRequest()
    made.CopyFrom(message)
    for name in ("state", "outcomes", "waiting_count", "complete_time"):
        made.ClearField(name)
    made.data_request_id = str(uuid_utils.uuid7())
    made.requester_division = requester
    made.create_time.FromDatetime(app.now())
    return made


async def _judged(
    app: App, tx: Tx, catalogue: Catalogue, requester: Code, asked: Asked
) -> tuple[Judged, Period]:
    """Check everything about a request, and pass its cells through the gate."""
    if level_of(requester) >= Level.TOWNSHIP:
        raise LevelMayNotRequest(division=requester)
    now = app.now()
    message = asked.message
    if message.item_id:
        fields.read_uuid(f"{asked.field}.item_id", message.item_id)
    period = fields.read(f"{asked.field}.period", periods.parse, message.period)
    elements = _elements(catalogue, message, period)
    deadline = wire.deadline_of(message)
    if deadline <= now:
        raise DeadlinePast(deadline=deadline.isoformat())
    wanted = await _wanted(tx, requester, elements, asked.targets, now)
    judged = await gate.judge(tx, catalogue, wanted, period.text, now)
    if asked.expect_nothing_held:
        await _expect_nothing(tx, catalogue, judged, period)
    return judged, period


def _elements(
    catalogue: Catalogue, message: pb.DataRequest, period: Period
) -> list[Element]:
    """Return the elements that are asked; each must be there, and fit period and use."""
    found = []
    for code in message.elements:
        element = catalogue.elements.get(code)
        if element is None or element.retired:
            raise ElementUnknown(version=catalogue.version, element=code)
        if element.period_type is not period.type:
            wanted = element.period_type.name.lower()
            raise PeriodMismatch(element=code, wanted=wanted, period=period.text)
        if message.use in element.forbidden_uses:
            raise UseForbidden(element=code, use=message.use, owner=element.owner.name)
        found.append(element)
    return found


async def _wanted(
    tx: Tx,
    requester: Code,
    elements: list[Element],
    selection: division.Selection,
    now: datetime,
) -> dict[Code, tuple[int, ...]]:
    """Return what is wanted of each division that collects: a wider area stands for all below."""
    areas = await division.resolve(tx, requester, selection, now)
    outside = next((code for code in areas if not contains(requester, code)), None)
    if outside is not None:
        raise TargetsInvalid(
            problem=f"outside the one that asks: {outside}", division=outside
        )
    excluded = division.codes(selection.excluded, "targets.excluded")
    wanted: dict[Code, tuple[int, ...]] = {}
    for level in {element.collect_level for element in elements}:
        numbers = tuple(sorted(e.number for e in elements if e.collect_level is level))
        below = next((code for code in areas if level_of(code) > level), None)
        if below is not None:
            problem = (
                f"{below} lies below the level of {level.name.lower()}, which collects"
            )
            raise TargetsInvalid(problem=problem, division=below)
        codes = [code for code in areas if level_of(code) is level]
        above = [code for code in areas if level_of(code) < level]
        if above:
            codes += await division.select_codes(
                tx, level, above, excluded, division.today(now)
            )
        wanted |= dict.fromkeys(codes, numbers)
    if not wanted:
        raise TargetsInvalid(problem="no division there collects this", division="")
    cells = sum(map(len, wanted.values()))
    if cells > MOST_CELLS:
        raise RequestTooLarge(cells=cells, most=MOST_CELLS)
    return wanted


async def _expect_nothing(
    tx: Tx, catalogue: Catalogue, judged: Judged, period: Period
) -> None:
    """Refuse to ask again for what is fresh, and name who gave it.

    Raises:
        AlreadyHeld: use the value that is held.
    """
    counts = wire.outcomes_of(judged.groups)
    found = ((code, split) for code, split in judged.splits.items() if split.served)
    place, split = next(found, ("", None))
    if split is None:
        return
    number = split.served[0]
    sheet = (await request_store.sheets_on(tx, period.text, [Code(place)]))[Code(place)]
    given = sheet.given[list(sheet.elements).index(number)] - 1
    bodies = await ledger_store.bodies(tx, [sheet.answers[given]])
    element = catalogue.numbered(number)
    raise AlreadyHeld(
        held=counts[Outcome.SERVED],
        cells=counts.total(),
        element=element.code if element else number,
        division=place,
        holder=wire.holder_of(bodies[sheet.answers[given]], sheet.key),
        observed=sheet.observed[given].isoformat(timespec="minutes"),
    )


async def withdraw(
    app: App, call: Call, request_id: UUID, reason: str
) -> service.WithdrawDataRequestResponse:
    """Take a request back. What others wait for stays asked.

    Raises:
        DataRequestUnknown: it is not here, or nothing of the acting division's.
        NotRequester: another division made it.
        DataRequestEnded: it is complete or withdrawn.
    """
    response = service.WithdrawDataRequestResponse()
    async with once(app, call, response) as work:
        if work is not None:
            counted = await _withdrawable(work, request_id)
            await take_back(work, counted, reason)
            after = await request_store.get(work.tx, request_id)
            response.data_request.CopyFrom(wire.counted_to(after or counted))
    return response


async def take_back(work: Work, counted: Counted, reason: str) -> None:
    """Stop waiting for a request, and tell everybody who holds it."""
    app, request = work.app, counted.request
    await close_needs(app, work.tx, request.request_id)
    below = await branches_of(app, work.tx, request.request_id)
    payload = facts.DataRequestWithdrawn(
        data_request_id=str(request.request_id), reason=reason
    )
    work.record(
        payload,
        subject=request.request_id,
        onward=(*below, *app.node.upward),
        traceparent=request.traceparent,
    )


async def of_item(tx: Tx, item_id: UUID) -> list[Counted]:
    """Return the data requests of an item, newest first."""
    return await request_store.page(
        tx, requester="", item_id=item_id, state=0, after=None, limit=ITEM_REQUESTS
    )


async def not_needed_any_more(work: Work, item_id: UUID, reason: str) -> None:
    """Take back what an item that ends still waits for."""
    for counted in await of_item(work.tx, item_id):
        mine = counted.request.requester == work.call.division
        if mine and counted.state is RequestState.OPEN:
            await take_back(work, counted, reason)


async def _withdrawable(work: Work, request_id: UUID) -> Counted:
    counted = await request_store.locked(work.tx, request_id)
    if counted is None or not await _is_seen(work, counted.request):
        raise DataRequestUnknown(data_request_id=request_id)
    if counted.request.requester != work.call.division:
        raise NotRequester(
            requester=counted.request.requester, division=work.call.division
        )
    if counted.state is not RequestState.OPEN:
        raise DataRequestEnded(data_request_id=request_id)
    return counted


async def _is_seen(work: Work, request: Request) -> bool:
    """Whether the acting division may know of a request: made in its area, or asking there."""
    acting = work.call.division
    return contains(acting, request.requester) or await request_store.reaches(
        work.tx, request.request_id, acting
    )


async def close_needs(app: App, tx: Tx, request_id: UUID) -> None:
    """Stop waiting: what nobody else waits for is asked no more."""
    keys = await request_store.withdraw(tx, request_id)
    catalogue = await catalogues.held(tx, app.db)
    work = await desk.load(tx, catalogue, keys)
    for key in keys:
        asked, deadline = rules.waited_for(work.needs.get(key, []))
        work.put(rules.reask(work.sheet(key), asked, deadline))
    await work.write(tx)


async def branches_of(app: App, tx: Tx, request_id: UUID) -> tuple[str, ...]:
    """Return the child nodes on the way to what a request asked of divisions."""
    codes = await request_store.asked_of(tx, request_id)
    return tuple(app.node.branches(codes))
