"""Sound requests for the RPCs of the inbox, and a notice at hand for them."""

from __future__ import annotations

from uuid import uuid4

from google.protobuf.message import Message

from ducha.inbox.v1 import inbox_pb2
from ducha.inbox.v1 import inbox_service_pb2 as inbox
from ducha.inbox.v1.inbox_service_pb2_grpc import InboxServiceStub
from tests.doors.cases import Case, Met, straight
from tests.doors.held import Held, Make
from tests.doors.letters import ACTOR, TOWNSHIPS, request_id
from tests.doors.tiers import Line
from tier.inbox import errors
from tier.runtime.errors import TierError

TOWN = TOWNSHIPS[0]
KIND = inbox_pb2.NOTICE_KIND_VERDICT

# What tells a unit something is tested in its own room; here it is enough that it is told.
TELL = """
    INSERT INTO inbox_notice (notice_id, division, kind, light, item_id, source, happened_at,
                              delivered_at, details)
    VALUES (gen_random_uuid(), $1, $2, 3, gen_random_uuid(), gen_random_uuid(), now(), now(),
            '{"reason": "某"}')
    RETURNING notice_id
"""


async def told(line: Line, division: str = TOWN) -> str:
    """Put a notice into the inbox of a township; return its id."""
    return str(await line.township.db.fetchval(TELL, division, KIND))


def a_reading(*notice_ids: str) -> inbox.AcknowledgeNoticesRequest:
    """Note that a township read notices."""
    return inbox.AcknowledgeNoticesRequest(
        request_id=request_id(), division=TOWN, actor=ACTOR, notice_ids=notice_ids
    )


def _read(held: Held) -> Message:
    return a_reading(held.notice)


SAMPLES: dict[str, tuple[str, Make]] = {
    "ListNotices": (
        "township",
        lambda _: inbox.ListNoticesRequest(
            division=TOWN,
            include_below=True,
            unread_only=True,
            kinds=[KIND],
            item_id=str(uuid4()),
            page_size=1,
        ),
    ),
    "CountNotices": (
        "township",
        lambda _: inbox.CountNoticesRequest(division=TOWN, include_below=True),
    ),
    "AcknowledgeNotices": ("township", _read),
    "WatchNotices": (
        "township",
        lambda _: inbox.WatchNoticesRequest(division=TOWN, include_below=True),
    ),
}

CASES: dict[type[TierError], Case] = {
    errors.NoticesUnknown: straight(
        lambda line: Met(
            line.township,
            lambda: InboxServiceStub(line.township.channel).AcknowledgeNotices(
                a_reading(str(uuid4()))
            ),
        )
    ),
}
