"""What every write has in common: who acts, where, and that it happens once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from google.protobuf.message import Message

from tier import ledger
from tier.app import App
from tier.jurisdiction import Code, parse
from tier.ledger import Author, Entry
from tier.runtime import fields, requests
from tier.runtime.db import Tx
from tier.runtime.errors import DivisionNotHosted, RequestIdReused
from tier.runtime.requests import Request

R = TypeVar("R", bound=Message)


@dataclass(frozen=True, slots=True)
class Call:
    """One write: its identity, the division that acts, and who acts for it."""

    request: Request
    division: Code
    actor: str


def call_of(request: Any) -> Call:
    """Read what every write of an acting division has.

    Raises:
        InvalidInput: `division` is no code.
    """
    acting = fields.read("division", parse, request.division)
    return Call(requests.identify(request, request.request_id), acting, request.actor)


@dataclass(slots=True)
class Work:
    """A write under way: its transaction, and what it leaves behind."""

    app: App
    tx: Tx
    call: Call
    entries: list[Entry] = field(default_factory=list)

    def record(
        self,
        payload: Message,
        *,
        subject: object,
        onward: tuple[str, ...],
        traceparent: str | None = None,
    ) -> None:
        """Record a fact of the acting division about a subject."""
        author = Author.at(
            self.app.now(), self.app.node.name, self.call.actor, traceparent
        )
        entry = ledger.record(
            author,
            payload,
            division=self.call.division,
            subject=str(subject),
            onward=onward,
        )
        self.entries.append(entry)


def must_host(app: App, division: Code) -> None:
    """Refuse to act for a division that acts elsewhere.

    Raises:
        DivisionNotHosted: call the node that hosts it.
    """
    if not app.node.acts_for(division):
        raise DivisionNotHosted(division=division, node=app.node.name)


@asynccontextmanager
async def once(app: App, call: Call, response: R) -> AsyncIterator[Work | None]:
    """Open the transaction of a write; None if it was done before.

    Done before, `response` is filled with the answer of that time; done now, what the
    caller puts into `response` is kept with the request id.

    Raises:
        DivisionNotHosted: the division does not act here.
        RequestIdReused: the id was used for other content.
    """
    must_host(app, call.division)
    async with app.db.transaction() as tx:
        answers = await requests.answered(tx, [call.request])
        before = answers.get(call.request.request_id)
        if isinstance(before, RequestIdReused):
            raise before
        if before is not None:
            response.ParseFromString(before)
            yield None
            return
        work = Work(app, tx, call)
        yield work
        await requests.keep(tx, [(call.request, response.SerializeToString())])
        await ledger.append(tx, app.feed, work.entries, app.now())
