"""The catalogue's link door: what the keeper above published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from ducha.catalogue.v1 import catalogue_facts_pb2 as facts
from tier import ledger
from tier.app import App, Arrived, Unfit, Verdict
from tier.catalogue import store, wire
from tier.catalogue.model import Element, Indicator
from tier.runtime.db import Tx


@dataclass(frozen=True, slots=True)
class Rows:
    """What a fact says."""

    version: int
    elements: Sequence[Element]
    indicators: Sequence[Indicator]

    def pairs(self) -> set[tuple[str, int]]:
        """Return code and number of each row; an indicator's number is 0."""
        elements = {(one.code, int(one.number)) for one in self.elements}
        return elements | {(one.code, 0) for one in self.indicators}


async def published(app: App, tx: Tx, arrived: Sequence[Arrived]) -> Verdict:
    """Take the catalogue as the keeper says it is, and tell every child the same."""
    verdict = Verdict()
    children = tuple(child.name for child in app.node.children)
    for one in arrived:
        rows = _read(one)
        if not isinstance(rows, Unfit):
            rows = await _taken(tx, one, rows)
        if isinstance(rows, Unfit):
            verdict.unfit.append(rows)
            continue
        kept = ledger.keep(one.fact, one.fact_id, one.body, onward=children)
        verdict.entries.append(kept)
    return verdict


async def _taken(tx: Tx, arrived: Arrived, rows: Rows) -> Rows | Unfit:
    """Write rows, unless a code or number stands for something else here."""
    wanted = rows.pairs()
    others = await store.holders(tx, wanted) - wanted
    if others:
        code, number = min(others)
        return Unfit(arrived, "CATALOGUE_DIFFERS", f"{number} stands for {code} here")
    await store.insert(tx, rows.elements, rows.indicators)
    await store.raise_head(tx, rows.version)
    return rows


def _read(arrived: Arrived) -> Rows | Unfit:
    """Read the rows of a fact, or say why it cannot be taken."""
    if not arrived.downward:
        return Unfit(
            arrived, "WRONG_DIRECTION", "only the tier above publishes the catalogue"
        )
    try:
        payload = facts.CataloguePublished.FromString(arrived.fact.payload)
        elements = [wire.element_from(row) for row in payload.elements]
        indicators = [wire.indicator_from(row, ()) for row in payload.indicators]
    except (DecodeError, ValueError, OverflowError) as wrong:
        return Unfit(arrived, "UNREADABLE", str(wrong) or type(wrong).__name__)
    return Rows(payload.version, elements, indicators)
