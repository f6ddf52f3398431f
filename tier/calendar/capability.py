"""The calendar as every tier composes it: known everywhere, kept by the province."""

from __future__ import annotations

from pathlib import Path

from ducha.calendar.v1 import calendar_facts_pb2 as pb
from tier.app import Capability
from tier.calendar import actions, facts, rpc

CAPABILITY = Capability(
    name="calendar",
    schema=Path(__file__).parent / "schema",
    services=[rpc.add_calendar_service],
    kinds={
        pb.CalendarPublished.DESCRIPTOR.full_name: facts.calendar_published,
        pb.TermsPublished.DESCRIPTOR.full_name: facts.terms_published,
    },
    greet=actions.greet,
)
