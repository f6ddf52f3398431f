"""The calendar as the province composes it: known, and kept."""

from __future__ import annotations

from dataclasses import replace

from services.province.calendar import rpc
from tier.calendar.capability import CAPABILITY

KEEPING = replace(CAPABILITY, services=[*CAPABILITY.services, rpc.add_keeping_service])
