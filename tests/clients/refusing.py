"""A node that answers as a test says, over real gRPC."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from ducha.approval.v1 import approval_service_pb2_grpc as approval_grpc
from ducha.assignment.v1 import assignment_service_pb2_grpc as assignment_grpc
from ducha.calendar.v1 import calendar_service_pb2_grpc as calendar_grpc
from ducha.collection.v1 import collection_service_pb2_grpc as collection_grpc
from ducha.division.v1 import division_service_pb2_grpc as division_grpc
from ducha.inbox.v1 import inbox_service_pb2_grpc as inbox_grpc
from ducha.indicator.v1 import indicator_service_pb2_grpc as indicator_grpc
from ducha.link.v1 import link_service_pb2_grpc as link_grpc
from ducha.petition.v1 import petition_service_pb2_grpc as petition_grpc
from ducha.rectification.v1 import rectification_service_pb2_grpc as rectification_grpc
from ducha.registry.v1 import registry_service_pb2_grpc as registry_grpc
from ducha.relief.v1 import relief_service_pb2_grpc as relief_grpc
from ducha.reporting.v1 import reporting_service_pb2_grpc as reporting_grpc
from ducha.server.v1 import server_service_pb2_grpc as server_grpc
from ducha.statistics.v1 import statistics_service_pb2_grpc as statistics_grpc
from ducha.timeline.v1 import timeline_service_pb2_grpc as timeline_grpc
from ducha.timing.v1 import timing_service_pb2_grpc as timing_grpc
from ducha.urging.v1 import urging_service_pb2_grpc as urging_grpc

Handler = Callable[[Any, Any], Any]

ADDERS: Mapping[str, tuple[type, Callable[[Any, Any], None]]] = {
    "assignments": (
        assignment_grpc.AssignmentServiceServicer,
        assignment_grpc.add_AssignmentServiceServicer_to_server,
    ),
    "approval": (
        approval_grpc.ApprovalServiceServicer,
        approval_grpc.add_ApprovalServiceServicer_to_server,
    ),
    "collection": (
        collection_grpc.CollectionServiceServicer,
        collection_grpc.add_CollectionServiceServicer_to_server,
    ),
    "inbox": (
        inbox_grpc.InboxServiceServicer,
        inbox_grpc.add_InboxServiceServicer_to_server,
    ),
    "indicators": (
        indicator_grpc.IndicatorServiceServicer,
        indicator_grpc.add_IndicatorServiceServicer_to_server,
    ),
    "petition": (
        petition_grpc.PetitionServiceServicer,
        petition_grpc.add_PetitionServiceServicer_to_server,
    ),
    "rectification": (
        rectification_grpc.RectificationServiceServicer,
        rectification_grpc.add_RectificationServiceServicer_to_server,
    ),
    "urging": (
        urging_grpc.UrgingServiceServicer,
        urging_grpc.add_UrgingServiceServicer_to_server,
    ),
    "registry": (
        registry_grpc.RegistryServiceServicer,
        registry_grpc.add_RegistryServiceServicer_to_server,
    ),
    "statistics": (
        statistics_grpc.StatisticsServiceServicer,
        statistics_grpc.add_StatisticsServiceServicer_to_server,
    ),
    "calendar": (
        calendar_grpc.CalendarServiceServicer,
        calendar_grpc.add_CalendarServiceServicer_to_server,
    ),
    "calendar_keeping": (
        calendar_grpc.CalendarKeepingServiceServicer,
        calendar_grpc.add_CalendarKeepingServiceServicer_to_server,
    ),
    "relief": (
        relief_grpc.ReliefServiceServicer,
        relief_grpc.add_ReliefServiceServicer_to_server,
    ),
    "divisions": (
        division_grpc.DivisionServiceServicer,
        division_grpc.add_DivisionServiceServicer_to_server,
    ),
    "keeping": (
        division_grpc.DivisionKeepingServiceServicer,
        division_grpc.add_DivisionKeepingServiceServicer_to_server,
    ),
    "links": (
        link_grpc.LinkOperationServiceServicer,
        link_grpc.add_LinkOperationServiceServicer_to_server,
    ),
    "reporting": (
        reporting_grpc.ReportingServiceServicer,
        reporting_grpc.add_ReportingServiceServicer_to_server,
    ),
    "server": (
        server_grpc.ServerServiceServicer,
        server_grpc.add_ServerServiceServicer_to_server,
    ),
    "timeline": (
        timeline_grpc.TimelineServiceServicer,
        timeline_grpc.add_TimelineServiceServicer_to_server,
    ),
    "timing": (
        timing_grpc.TimingServiceServicer,
        timing_grpc.add_TimingServiceServicer_to_server,
    ),
}


def add_services(server: Any, handlers: Mapping[str, Handler]) -> None:
    """Serve every method: as the test says, or UNIMPLEMENTED."""
    for base, adder in ADDERS.values():
        own = {
            name: staticmethod(handler)
            for name, handler in handlers.items()
            if hasattr(base, name)
        }
        adder(type(base.__name__, (base,), own)(), server)


@contextmanager
def node(**handlers: Handler) -> Iterator[str]:
    """Serve these methods in threads; the value is the address."""
    server = grpc.server(ThreadPoolExecutor(4))
    add_services(server, handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def rich_status(
    code: grpc.StatusCode,
    reason: str = "ITEM_UNKNOWN",
    *,
    retry_after: float | None = None,
    fields: Sequence[tuple[str, str]] = (),
) -> Any:
    """Return a status with every detail that nodes send."""
    details: list[Message] = [
        error_details_pb2.ErrorInfo(
            reason=reason, domain="ducha", metadata={"item_id": "i1"}
        ),
        error_details_pb2.LocalizedMessage(
            locale="zh-CN", message="本节点没有该事项。"
        ),
        error_details_pb2.LocalizedMessage(locale="en", message="No such item here."),
    ]
    if fields:
        details.append(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(field=f, description=d)
                    for f, d in fields
                ]
            )
        )
    if retry_after is not None:
        delay = Duration(nanos=int(retry_after * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        wrapped = AnyMessage()
        wrapped.Pack(detail)
        packed.append(wrapped)
    number: int = code.value[0]
    return rpc_status.to_status(
        status_pb2.Status(code=number, message="No such item here.", details=packed)
    )
