"""Every RPC there is, read off the descriptors: how to call it, and a sound request for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as pb
from ducha.calendar.v1 import calendar_service_pb2 as calendar
from ducha.division.v1 import division_pb2
from ducha.division.v1 import division_service_pb2 as division
from ducha.inbox.v1 import inbox_service_pb2 as inbox
from ducha.link.v1 import link_pb2
from ducha.link.v1 import link_service_pb2 as link
from ducha.reporting.v1 import reporting_service_pb2 as reporting
from ducha.server.v1 import server_service_pb2 as server
from ducha.timeline.v1 import timeline_service_pb2 as timeline
from ducha.timing.v1 import timing_service_pb2 as timing
from tests.doors import (
    calendar_rpcs,
    data_rpcs,
    inbox_rpcs,
    letters,
    petition_rpcs,
    supervision_rpcs,
)
from tests.doors.data_letters import COUNT, TOTAL
from tests.doors.held import Held, Make
from tests.doors.letters import ACTOR, TOWNSHIPS, request_id, soon
from tier.runtime import moments

FILES = (
    pb,
    division,
    link,
    reporting,
    server,
    inbox,
    timeline,
    timing,
    calendar,
    *petition_rpcs.FILES,
    *supervision_rpcs.FILES,
    *data_rpcs.FILES,
)
SECONDS = 20.0
CHILD = "kunming"


@dataclass(frozen=True, slots=True)
class Rpc:
    """One RPC: where it is called, and a request that nothing is wrong with."""

    method: MethodDescriptor
    tier: str
    make: Make

    @property
    def name(self) -> str:
        return str(self.method.name)

    @property
    def service(self) -> str:
        return str(self.method.containing_service.full_name)

    @property
    def shape(self) -> tuple[bool, bool]:
        """Whether the client, and whether the server, streams."""
        return self.method.client_streaming, self.method.server_streaming

    @property
    def path(self) -> str:
        return f"/{self.service}/{self.name}"

    @property
    def writes_once(self) -> bool:
        """Whether its caller gives a request id."""
        return "request_id" in self.method.input_type.fields_by_name

    def empty(self) -> Message:
        made: Message = message_factory.GetMessageClass(self.method.input_type)()
        return made

    async def call(self, channel: grpc.aio.Channel, request: Message) -> Message | None:
        """Return the (first) answer; None where a stream ends without one."""
        # As a message, so that the caller's token can be of the division that acts.
        answer = await self._send(channel, request, type(request).SerializeToString)
        if answer is None:
            return None
        made = message_factory.GetMessageClass(self.method.output_type)
        return made.FromString(answer)

    async def call_raw(self, channel: grpc.aio.Channel, body: bytes) -> bytes | None:
        """Call with bytes as they are."""
        return await self._send(channel, body, bytes)

    async def _send(
        self,
        channel: grpc.aio.Channel,
        request: object,
        write: Callable[[Any], bytes],
    ) -> bytes | None:
        wire: Any = channel  # its stubs know methods with messages only
        if self.shape == (False, False):
            method = wire.unary_unary(self.path, request_serializer=write)
            answer: bytes = await method(request, timeout=SECONDS)
            return answer
        if self.shape == (False, True):
            method = wire.unary_stream(self.path, request_serializer=write)
            call = method(request, timeout=SECONDS)
        else:
            method = wire.stream_stream(self.path, request_serializer=write)
            call = method(iter([request]), timeout=SECONDS)
        try:
            first = await call.read()
        finally:
            call.cancel()
        return None if first is grpc.aio.EOF else first


def a_row(code: str) -> division_pb2.Division:
    return division_pb2.Division(
        code=code,
        name="备用乡",
        level=division_pb2.LEVEL_TOWNSHIP,
        parent_code=code[:6],
        valid_from="2024-01-01",
    )


def an_import(held: Held) -> division.ImportDivisionsRequest:
    return division.ImportDivisionsRequest(
        request_id=request_id(), actor=ACTOR, divisions=[a_row(held.spare)]
    )


def a_retirement(held: Held) -> Message:
    return division.RetireDivisionRequest(
        request_id=request_id(),
        actor=ACTOR,
        code=held.spare,
        valid_to="2025-01-01",
        successor_codes=[TOWNSHIPS[-1]],
    )


def an_assembled_item(held: Held) -> Message:
    request = letters.issue(*TOWNSHIPS)
    request.item.data_need.CopyFrom(
        nouns.DataNeed(
            elements=[COUNT, TOTAL],
            period=held.period,
            use="planning",
            is_the_report=True,
        )
    )
    request.item.assist_units.add(division="5301", name="市督查室")
    request.targets.excluded.append(TOWNSHIPS[-1])
    return request


def a_split(held: Held) -> Message:
    request = letters.split(held.cascade, "5301", "530102")
    request.receive_by_time.FromDatetime(letters.soon(1))
    request.deadline_time.FromDatetime(letters.soon(5))
    return request


def a_full_report(held: Held) -> pb.ReportAssignmentsRequest:
    content = letters.a_report(problems=1)
    content.values.add(element="meeting.last", date="2026-11-20")
    return letters.report(held.direct, TOWNSHIPS[0], content=content)


def a_delivery(held: Held) -> Message:
    fact = link_pb2.Fact(fact_id=request_id(), kind="test.Unknown", division="5301")
    bundle = link_pb2.Bundle(
        sender=CHILD,
        receiver="province",
        epoch=1,
        first_seq=1,
        facts=[fact.SerializeToString()],
    )
    return link.DeliverRequest(bundle=bundle)


def a_sync(_: Held) -> Message:
    mark = link_pb2.Mark(epoch=1, seq=0)
    return link.SyncRequest(child=CHILD, down_applied=mark, up_head=mark)


OTHERS = (
    data_rpcs.SAMPLES
    | calendar_rpcs.SAMPLES
    | inbox_rpcs.SAMPLES
    | petition_rpcs.SAMPLES
    | supervision_rpcs.SAMPLES
)
SAMPLES: dict[str, tuple[str, Make]] = OTHERS | {
    "IssueItem": ("province", an_assembled_item),
    "GetItem": ("province", lambda held: pb.GetItemRequest(item_id=held.direct)),
    "ListItems": ("province", lambda _: pb.ListItemsRequest(issuer_division="53")),
    "SplitAssignment": ("city", a_split),
    "ReceiveAssignments": (
        "township",
        lambda held: letters.receive(held.direct, TOWNSHIPS[1]),
    ),
    "ReportAssignments": ("township", a_full_report),
    "StreamReports": (
        "township",
        lambda held: pb.StreamReportsRequest(batch=a_full_report(held)),
    ),
    "ReturnAssignments": (
        "province",
        lambda held: letters.send_back(held.direct, TOWNSHIPS[2]),
    ),
    "VerifyAssignments": (
        "province",
        lambda held: letters.verify(held.direct, TOWNSHIPS[3]),
    ),
    "ConcludeItem": ("province", lambda held: letters.conclude(held.direct)),
    "CloseItem": ("province", lambda held: letters.close(held.direct)),
    "WithdrawItem": ("province", lambda held: letters.withdraw(held.direct)),
    "ReopenItem": ("province", lambda held: letters.reopen(held.direct)),
    "ArchiveItem": ("province", lambda held: letters.archive(held.direct)),
    "ResumeAssignments": ("province", lambda held: letters.resume(held.direct)),
    "WithdrawAssignments": (
        "province",
        lambda held: letters.withdraw_from(held.direct, TOWNSHIPS[0]),
    ),
    "GetAssignment": (
        "township",
        lambda held: pb.GetAssignmentRequest(
            assignment=letters.ref(held.direct, TOWNSHIPS[0])
        ),
    ),
    "ListAssignments": (
        "county",
        lambda held: pb.ListAssignmentsRequest(
            item_id=held.direct,
            within="5301",
            states=[nouns.ASSIGNMENT_STATE_ISSUED],
            page_size=1,
        ),
    ),
    "ListDeadlineMoves": (
        "province",
        lambda held: pb.ListDeadlineMovesRequest(item_id=held.direct),
    ),
    "ListFencedWork": (
        "province",
        lambda held: pb.ListFencedWorkRequest(item_id=held.direct),
    ),
    "GetDivision": ("city", lambda _: division.GetDivisionRequest(code="5301")),
    "ListDivisions": (
        "county",
        lambda _: division.ListDivisionsRequest(
            within="5301", level=division_pb2.LEVEL_COUNTY, as_of="2025-01-01"
        ),
    ),
    "ImportDivisions": ("province", an_import),
    "RetireDivision": ("province", a_retirement),
    "ListProgress": (
        "province",
        lambda held: reporting.ListProgressRequest(
            item_id=held.direct,
            within="53",
            division_level=division_pb2.LEVEL_CITY,
            page_size=1,
        ),
    ),
    "WatchItem": (
        "province",
        lambda held: reporting.WatchItemRequest(
            item_id=held.direct, division_level=division_pb2.LEVEL_CITY
        ),
    ),
    "WatchDivision": (
        "city",
        lambda _: reporting.WatchDivisionRequest(division="5301"),
    ),
    "AuditProgress": (
        "province",
        lambda held: reporting.AuditProgressRequest(item_id=held.direct),
    ),
    "Sync": ("apart", a_sync),
    "Replay": (
        "apart",
        lambda _: link.ReplayRequest(child=CHILD, after=link_pb2.Mark(epoch=1, seq=0)),
    ),
    "Deliver": ("apart", a_delivery),
    "ListLinks": ("city", lambda _: link.ListLinksRequest()),
    "ListQuarantine": ("city", lambda _: link.ListQuarantineRequest(page_size=1)),
    "RetryQuarantine": (
        "city",
        lambda _: link.RetryQuarantineRequest(quarantine_id=2**40),
    ),
    "DropQuarantine": (
        "city",
        lambda _: link.DropQuarantineRequest(
            quarantine_id=2**40, actor=ACTOR, reason="误报"
        ),
    ),
    "ListEvents": (
        "county",
        lambda held: timeline.ListEventsRequest(
            item_id=held.direct, within="5301", page_size=1
        ),
    ),
    "ListTimers": (
        "province",
        lambda held: timing.ListTimersRequest(
            item_id=held.direct, within="5301", page_size=1
        ),
    ),
    "ListEscalations": (
        "province",
        lambda held: timing.ListEscalationsRequest(
            item_id=held.direct,
            within="5301",
            since_time=moments.stamp_of(soon(-1)),
            page_size=1,
        ),
    ),
    "GetServerInfo": ("county", lambda _: server.GetServerInfoRequest()),
}


def rpcs() -> Iterator[Rpc]:
    """Yield every RPC of a tier's server.

    Raises:
        KeyError: one has no sound request above.
    """
    for file in FILES:
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                tier, make = SAMPLES[method.name]
                yield Rpc(method, tier, make)


RPCS = list(rpcs())
