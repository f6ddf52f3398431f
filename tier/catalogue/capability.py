"""The catalogue as every tier composes it: known everywhere, kept by the province."""

from __future__ import annotations

from pathlib import Path

from ducha.catalogue.v1 import catalogue_facts_pb2 as pb
from tier.app import Capability
from tier.catalogue import actions, facts, rpc

CAPABILITY = Capability(
    name="catalogue",
    schema=Path(__file__).parent / "schema",
    services=[rpc.add_catalogue_service],
    kinds={pb.CataloguePublished.DESCRIPTOR.full_name: facts.published},
    greet=actions.greet,
)
