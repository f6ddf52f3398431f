"""Request idempotency (AIP-155): one request id, one effect, one answer.

The answer is kept in the transaction of the effect, so a caller who lost it, even
inside COMMIT, asks again and gets the same one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from google.protobuf.message import Message

from tier.runtime.db import Tx
from tier.runtime.errors import RequestIdReused

KEEP_DAYS = 30

FIND = """
    SELECT request_id, method, fingerprint, response
      FROM request
     WHERE request_id = ANY($1)
"""

KEEP = """
    INSERT INTO request (request_id, method, fingerprint, response)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[])
"""

# A bounded table: nobody retries after a month.
PRUNE = "DELETE FROM request WHERE recorded_at < now() - make_interval(days => $1)"


@dataclass(frozen=True, slots=True)
class Request:
    """What identifies a write: its id, its method and what it said."""

    request_id: UUID
    method: str
    fingerprint: bytes


def identify(message: Message, request_id: str) -> Request:
    """Return the identity of `message`, whose `request_id` was checked at the door."""
    content = message.SerializeToString(deterministic=True)
    return Request(
        UUID(request_id), message.DESCRIPTOR.full_name, hashlib.sha256(content).digest()
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """A request that was answered, and how."""

    request: Request
    response: bytes


async def kept(tx: Tx, request_ids: Sequence[UUID]) -> dict[UUID, Kept]:
    """Return what was answered to these ids, for whatever content."""
    rows = await tx.fetch(FIND, request_ids)
    requests = [
        Request(row["request_id"], row["method"], row["fingerprint"]) for row in rows
    ]
    return {
        request.request_id: Kept(request, row["response"])
        for request, row in zip(requests, rows, strict=True)
    }


def answer_to(
    request: Request, known: Mapping[UUID, Kept]
) -> bytes | RequestIdReused | None:
    """Return the answer of a request, or that its id has other content; None if it is new."""
    before = known.get(request.request_id)
    if before is None:
        return None
    if before.request != request:
        return RequestIdReused(request_id=request.request_id)
    return before.response


async def answered(
    tx: Tx, requests: Sequence[Request]
) -> dict[UUID, bytes | RequestIdReused]:
    """Return the answers of those requests, each with an id of its own, that had one.

    An id that was used for other content maps to the refusal.
    """
    known = await kept(tx, [request.request_id for request in requests])
    answers = ((request.request_id, answer_to(request, known)) for request in requests)
    return {request_id: answer for request_id, answer in answers if answer is not None}


async def keep(tx: Tx, answers: Sequence[tuple[Request, bytes]]) -> None:
    """Keep the answers of new requests."""
    if answers:
        await tx.execute(
            KEEP,
            [request.request_id for request, _ in answers],
            [request.method for request, _ in answers],
            [request.fingerprint for request, _ in answers],
            [response for _, response in answers],
        )


async def prune(tx: Tx) -> None:
    """Forget what nobody will retry."""
    await tx.execute(PRUNE, KEEP_DAYS)
