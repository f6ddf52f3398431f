"""One node, with a stub for each of its services."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from clients.runtime import calling
from clients.runtime.calling import Answered, Asked, Limits, Method
from clients.runtime.credentials import Credentials
from ducha.access.v1.access_service_pb2_grpc import AccessServiceStub
from ducha.approval.v1.approval_service_pb2_grpc import ApprovalServiceStub
from ducha.assignment.v1.assignment_service_pb2_grpc import AssignmentServiceStub
from ducha.calendar.v1.calendar_service_pb2_grpc import (
    CalendarKeepingServiceStub,
    CalendarServiceStub,
)
from ducha.catalogue.v1.catalogue_service_pb2_grpc import (
    CatalogueKeepingServiceStub,
    CatalogueServiceStub,
)
from ducha.collection.v1.collection_service_pb2_grpc import CollectionServiceStub
from ducha.division.v1.division_service_pb2_grpc import (
    DivisionKeepingServiceStub,
    DivisionServiceStub,
)
from ducha.inbox.v1.inbox_service_pb2_grpc import InboxServiceStub
from ducha.indicator.v1.indicator_service_pb2_grpc import IndicatorServiceStub
from ducha.link.v1.link_service_pb2_grpc import LinkOperationServiceStub
from ducha.petition.v1.petition_service_pb2_grpc import PetitionServiceStub
from ducha.rectification.v1.rectification_service_pb2_grpc import (
    RectificationServiceStub,
)
from ducha.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from ducha.relief.v1.relief_service_pb2_grpc import ReliefServiceStub
from ducha.reporting.v1.reporting_service_pb2_grpc import ReportingServiceStub
from ducha.server.v1.server_service_pb2_grpc import ServerServiceStub
from ducha.statistics.v1.statistics_service_pb2_grpc import StatisticsServiceStub
from ducha.timeline.v1.timeline_service_pb2_grpc import TimelineServiceStub
from ducha.timing.v1.timing_service_pb2_grpc import TimingServiceStub
from ducha.urging.v1.urging_service_pb2_grpc import UrgingServiceStub

MESSAGE_BYTES = 16 * 1024 * 1024

OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    # A dead line is noticed in 8 seconds; nodes allow a ping each 4.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Repeats are ours: they keep the request_id and honour RetryInfo.
    ("grpc.enable_retries", 0),
)


class Client:
    """A channel to one node; an async context manager that closes it."""

    def __init__(
        self,
        address: str,
        credentials: Credentials | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Prepare to call `address`; the first call connects. Needs a running event loop.

        Without `credentials` only a node without walls answers, on loopback.
        """
        self.address = address
        self.limits = limits or Limits()
        self.channel = (credentials or Credentials()).channel(address, OPTIONS)
        self.access = AccessServiceStub(self.channel)
        self.approval = ApprovalServiceStub(self.channel)
        self.assignments = AssignmentServiceStub(self.channel)
        self.calendar = CalendarServiceStub(self.channel)
        self.calendar_keeping = CalendarKeepingServiceStub(self.channel)
        self.catalogue = CatalogueServiceStub(self.channel)
        self.catalogue_keeping = CatalogueKeepingServiceStub(self.channel)
        self.collection = CollectionServiceStub(self.channel)
        self.divisions = DivisionServiceStub(self.channel)
        self.inbox = InboxServiceStub(self.channel)
        self.indicators = IndicatorServiceStub(self.channel)
        self.keeping = DivisionKeepingServiceStub(self.channel)
        self.links = LinkOperationServiceStub(self.channel)
        self.petition = PetitionServiceStub(self.channel)
        self.rectification = RectificationServiceStub(self.channel)
        self.registry = RegistryServiceStub(self.channel)
        self.relief = ReliefServiceStub(self.channel)
        self.reporting = ReportingServiceStub(self.channel)
        self.server = ServerServiceStub(self.channel)
        self.statistics = StatisticsServiceStub(self.channel)
        self.timeline = TimelineServiceStub(self.channel)
        self.timing = TimingServiceStub(self.channel)
        self.urging = UrgingServiceStub(self.channel)

    async def call(
        self, method: Method[Asked, Answered], request: Asked, *, repeat: bool = True
    ) -> Answered:
        """Send one request to a method of one of the stubs; see `calling.call`."""
        return await calling.call(
            method, request, address=self.address, limits=self.limits, repeat=repeat
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.channel.close()
