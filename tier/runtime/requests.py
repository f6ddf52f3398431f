"""Request idempotency (AIP-155): one request id, one effect, one answer.

The answer is kept in the transaction of the effect, so a caller who lost it, even
inside COMMIT, asks again and gets the same one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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


async def answered(tx: Tx, requests: Sequence[Request]) -> dict[UUID, bytes | RequestIdReused]:
    """Return the answers of those requests that were answered before.

    An id that was used for other content maps to the refusal.
    """
    rows = await tx.fetch(FIND, [request.request_id for request in requests])
    kept = {row["request_id"]: row for row in rows}
    answers: dict[UUID, bytes | RequestIdReused] = {}
    for request in requests:
        row = kept.get(request.request_id)
        if row is None:
            continue
        same = (row["method"], row["fingerprint"]) == (request.method, request.fingerprint)
        answers[request.request_id] = (
            row["response"] if same else RequestIdReused(request_id=request.request_id)
        )
    return answers


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
