"""What the division tree does: import, end, and tell each branch what concerns it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from ducha.division.v1 import division_pb2
from ducha.division.v1 import division_service_pb2 as pb
from tier import ledger
from tier.app import App
from tier.division import rules, store, wire
from tier.division.errors import DivisionRowsInvalid, DivisionUnknown
from tier.division.model import Division, Fault, Imported, Row
from tier.jurisdiction import Code, parse
from tier.ledger import Author, Entry
from tier.node import Node
from tier.runtime import requests
from tier.runtime.db import Tx
from tier.runtime.errors import RequestIdReused
from tier.runtime.requests import Request

SUBJECT = "divisions"
FACT_ROWS = 2000  # about 150 KB: many fit a bundle, and one fits any


async def import_divisions(
    app: App, request: Request, actor: str, rows: Sequence[Row]
) -> Imported:
    """Take all rows into the tree, or none.

    Raises:
        DivisionRowsInvalid: rows that do not fit, each named.
        RequestIdReused: the id was used for other content.
    """
    divisions, faults = rules.read(rows, today=rules.today(app.now()))
    if faults:
        raise DivisionRowsInvalid.of(faults)
    async with app.db.transaction() as tx:
        answer = await _answered(tx, request)
        if answer is not None:
            return wire.counts_from(pb.ImportDivisionsResponse.FromString(answer))
        await store.keep_others_out(tx)
        known = await store.entries(tx, rules.mentioned(divisions))
        given = rules.dated(rows, divisions, known)
        plan, faults = rules.plan(given, known, app.node.hosts)
        if faults:
            raise DivisionRowsInvalid.of(faults)
        done = Imported(plan.imported, plan.unchanged)
        response = wire.counts_to(done).SerializeToString()
        await _write(app, tx, actor, plan.writes, (request, response))
    return done


async def retire(
    app: App,
    request: Request,
    actor: str,
    code: Code,
    ending: tuple[date, Sequence[str]],
) -> Division:
    """End a division on a day, naming what carries on.

    Its history stays under its code. Divisions below it are ended one by one.

    Raises:
        DivisionUnknown: no such division stands.
        DivisionRowsInvalid: a successor does not stand on that day, or the day is
            not after the division's first.
        RequestIdReused: the id was used for other content.
    """
    last, texts = ending
    successors = _successors(texts)
    async with app.db.transaction() as tx:
        answer = await _answered(tx, request)
        if answer is not None:
            return _retired(answer)
        await store.keep_others_out(tx)
        known = await store.entries(tx, [code, *successors])
        open_ones = (e for e in known if e.code == code and e.valid_to is None)
        standing = next(open_ones, None)
        if standing is None:
            raise DivisionUnknown(division=code, day=last)
        ended, faults = rules.end(standing, last, successors, known)
        if faults:
            raise DivisionRowsInvalid.of(faults)
        message = pb.RetireDivisionResponse(division=wire.division_to(ended))
        await _write(app, tx, actor, [ended], (request, message.SerializeToString()))
    return ended


def _successors(texts: Sequence[str]) -> list[Code]:
    """Read the codes that carry on."""
    codes: list[Code] = []
    faults: list[Fault] = []
    for place, text in enumerate(texts):
        try:
            codes.append(parse(text))
        except ValueError as wrong:
            problem = f"{wrong}（不是行政区划代码）"
            faults.append(Fault(f"successor_codes[{place}]", problem))
    if faults:
        raise DivisionRowsInvalid.of(faults)
    return codes


def _retired(answer: bytes) -> Division:
    """Read the division that an answer given before holds."""
    message: division_pb2.Division = pb.RetireDivisionResponse.FromString(
        answer
    ).division
    divisions, _ = rules.read([wire.row_from(message)])
    return divisions[0]


async def _answered(tx: Tx, request: Request) -> bytes | None:
    """Return what the same request was answered before, if it was."""
    answer = (await requests.answered(tx, [request])).get(request.request_id)
    if isinstance(answer, RequestIdReused):
        raise answer
    return answer


async def _write(
    app: App,
    tx: Tx,
    actor: str,
    divisions: Sequence[Division],
    answer: tuple[Request, bytes],
) -> None:
    """Write entries, keep the answer, and record the facts; the last of a transaction."""
    now = app.now()
    author = Author.at(now, app.node.name, actor)
    await store.upsert(tx, divisions)
    await requests.keep(tx, [answer])
    facts = [
        *passed_on(app.node, author, divisions),
        *_kept(app.node, author, divisions),
    ]
    await ledger.append(tx, app.feed, facts, now)


def passed_on(
    node: Node, author: Author, divisions: Sequence[Division]
) -> Iterator[Entry]:
    """Make the facts that tell each child of its branches and the paths above them."""
    for child in node.children:
        for area in child.hosts:
            concerned = rules.concerning(area, divisions)
            yield from _facts(author, concerned, area, (child.name,))


def _kept(node: Node, author: Author, divisions: Sequence[Division]) -> Iterator[Entry]:
    """Make facts of what no child is told, so that nothing is done unrecorded."""
    areas = [area for child in node.children for area in child.hosts]
    told = {entry for area in areas for entry in rules.concerning(area, divisions)}
    for area in node.hosts:
        rest = [e for e in rules.concerning(area, divisions) if e not in told]
        told.update(rest)
        yield from _facts(author, rest, area, ())


def _facts(
    author: Author, divisions: Sequence[Division], area: Code, onward: tuple[str, ...]
) -> Iterator[Entry]:
    """Make facts of `divisions`, a bounded number in each, parents first."""
    rows = sorted(divisions, key=lambda entry: (entry.code, entry.valid_from))
    for start in range(0, len(rows), FACT_ROWS):
        payload = wire.imported_to(rows[start : start + FACT_ROWS])
        yield ledger.record(
            author, payload, division=area, subject=SUBJECT, onward=onward
        )


async def greet(app: App, tx: Tx, neighbour: str) -> list[Entry]:
    """Return the facts that a child with a new link needs first: the tree it lies in."""
    author = Author.at(app.now(), app.node.name, app.node.name)
    entries: list[Entry] = []
    for child in app.node.children:
        if child.name == neighbour:
            for area in child.hosts:
                concerned = await store.concerning(tx, area)
                entries += _facts(author, concerned, area, (neighbour,))
    return entries
