"""The catalogue as the province composes it: known, and kept."""

from __future__ import annotations

from dataclasses import replace

from services.province.catalogue import rpc
from tier.catalogue.capability import CAPABILITY

KEEPING = replace(CAPABILITY, services=[*CAPABILITY.services, rpc.add_keeping_service])
