"""The division tree as a tier composes it: known everywhere, kept by the province."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ducha.division.v1 import division_facts_pb2 as pb
from tier.app import Capability
from tier.division import actions, facts, rpc

CAPABILITY = Capability(
    name="division",
    schema=Path(__file__).parent / "schema",
    services=[rpc.add_division_service],
    kinds={pb.DivisionsImported.DESCRIPTOR.full_name: facts.imported},
    greet=actions.greet,
)

KEEPING = replace(
    CAPABILITY, services=[rpc.add_division_service, rpc.add_keeping_service]
)
