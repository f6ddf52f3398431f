"""All checks of a whole line: wait until it rests, then hold every node against the history."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping

import asyncpg
import grpc

from ducha.assignment.v1 import assignment_service_pb2 as work
from ducha.assignment.v1 import assignment_service_pb2_grpc as work_grpc
from ducha.reporting.v1 import reporting_service_pb2 as reporting
from ducha.reporting.v1 import reporting_service_pb2_grpc as reporting_grpc
from tests.checkers import books, order, sets, snapshots
from tests.checkers.history import History, Key
from tests.checkers.places import Place
from tests.checkers.snapshots import MARKS, Snapshot

OPTIONS = (("grpc.max_receive_message_length", 16 << 20),)
PAGE = 2000
REST_SECONDS = 60.0
SHOWN = 10
WITHDRAWN = 7


async def problems(places: Mapping[str, Place], history: History) -> list[str]:
    """Wait until the line rests; return everything that is wrong, shortened."""
    waited = await rest(places)
    if waited:
        return waited
    held = {name: await snapshots.take(place) for name, place in places.items()}
    found = [str(one) for name in held for one in sets.check(history, held[name])]
    found += order.check(held)
    found += differences(held)
    for snapshot in held.values():
        found += await by_api(snapshot)
    return [*found[:SHOWN], f"{len(found)} in all"] if found else []


async def rest(places: Mapping[str, Place], seconds: float = REST_SECONDS) -> list[str]:
    """Wait until all that was sent is applied and confirmed; say what is not."""
    end = time.monotonic() + seconds
    before: object = None
    while True:
        marks = {name: await _marks(place) for name, place in places.items()}
        open_links = list(_unsettled(marks))
        if not open_links and marks == before:
            return []
        if time.monotonic() > end:
            return [f"not at rest after {seconds:.0f} s: {open_links}"]
        before = marks
        await asyncio.sleep(0.3)


Marks = Mapping[str, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]]
"""By neighbour: (sent, confirmed, applied)."""


async def _marks(place: Place) -> Marks:
    connection = await asyncpg.connect(place.database_url)
    try:
        lanes = await connection.fetch("SELECT neighbour, epoch, seq FROM ledger_lane")
        heads = {row["neighbour"]: (row["epoch"], row["seq"]) for row in lanes}
        return {
            row["neighbour"]: (
                heads[row["neighbour"]],
                (row["receipt_epoch"], row["receipt_seq"]),
                (row["epoch"], row["seq"]),
            )
            for row in await connection.fetch(MARKS)
        }
    finally:
        await connection.close()


def _unsettled(marks: Mapping[str, Marks]) -> Iterator[str]:
    for name, neighbours in marks.items():
        for neighbour, (sent, confirmed, _) in neighbours.items():
            applied = marks[neighbour][name][2]
            if sent[1] and (applied != sent or confirmed != sent):
                yield f"{name} to {neighbour}: {sent}, {confirmed}, applied {applied}"


def differences(held: Mapping[str, Snapshot]) -> list[str]:
    """Return where a parent's rows and its child's are not the same."""
    found = []
    for child in held.values():
        if child.place.parent is None:
            continue
        above = {
            key: row
            for key, row in held[child.place.parent].rows.items()
            if child.place.holds(key[1])
        }
        found += [
            f"{child.place.name} and {child.place.parent} differ: "
            f"{child.rows.get(key)} and {above.get(key)}"
            for key in child.rows.keys() | above.keys()
            if child.rows.get(key) != above.get(key)
        ]
        parent = held[child.place.parent]
        found += [
            f"{child.place.name} and {child.place.parent} differ: {what}"
            for what in books.differing(child.books, parent.books, child.place.holds)
        ]
    return found


async def by_api(snapshot: Snapshot) -> list[str]:
    """Return where a node's gRPC answers differ from its database."""
    name = snapshot.place.name
    async with snapshot.place.channel(OPTIONS) as channel:
        told = await listed(channel)
        counts = reporting_grpc.ReportingServiceStub(channel)
        audit = await counts.AuditProgress(reporting.AuditProgressRequest())
        found = [f"{name}: {one}" for one in audit.differences]
        for item in snapshot.items:
            found += await _miscounted(counts, snapshot, item)
    held = {key: (row.state, row.epoch) for key, row in snapshot.rows.items()}
    found += [
        f"{name}: {key} is {held.get(key)}, told {told.get(key)}"
        for key in held.keys() | told.keys()
        if held.get(key) != told.get(key)
    ]
    return found


async def listed(channel: grpc.aio.Channel) -> dict[Key, tuple[int, int]]:
    """Return (state, epoch) of every assignment, page by page."""
    stub = work_grpc.AssignmentServiceStub(channel)
    told: dict[Key, tuple[int, int]] = {}
    token = ""
    while True:
        page = await stub.ListAssignments(
            work.ListAssignmentsRequest(page_size=PAGE, page_token=token)
        )
        for one in page.assignments:
            told[one.item_id, one.division] = (int(one.state), one.epoch)
        token = page.next_page_token
        if not token:
            return told


async def _miscounted(
    counts: reporting_grpc.ReportingServiceAsyncStub, snapshot: Snapshot, item: str
) -> list[str]:
    """Compare the counts of an item at its divisions of the top with the rows."""
    rows = [
        row
        for key, row in snapshot.rows.items()
        if key[0] == item and row.state != WITHDRAWN
    ]
    if not rows:
        return []
    answer = await counts.ListProgress(
        reporting.ListProgressRequest(item_id=item, within=snapshot.place.hosts[0][:2])
    )
    top = [one for one in answer.progress if len(one.division) == len("53")]
    told = [
        sum(one.expected_count for one in top),
        sum(one.received_count for one in top),
        sum(one.reported_count for one in top),
        sum(one.verified_count for one in top),
    ]
    held = [
        len(rows),
        sum(row.received_at is not None for row in rows),
        sum(row.reported_at is not None for row in rows),
        sum(row.verified_at is not None for row in rows),
    ]
    if told == held:
        return []
    return [f"{snapshot.place.name}: {item} counts {told}, rows say {held}"]
