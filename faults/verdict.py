"""What a line at rest is found guilty of, by kind, from every checker there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import asyncpg

from faults.checkers import conservation
from faults.readers import Readers
from faults.rigs import Stage
from tests.checkers import collected, order, sets, snapshots, whole
from tests.checkers.places import Place
from tests.checkers.sets import Finding
from tests.checkers.snapshots import Snapshot

REST_SECONDS = 90.0
SHOWN = 12
ITEMS = 60
"""The newest items whose counts are held against the oracle, division by division."""
ASIDE = "SELECT count(*) FROM link_quarantine WHERE settled_at IS NULL"


@dataclass(slots=True)
class Verdict:
    """What was found; nothing, of a line that keeps its promises."""

    lost: int = 0
    doubled: int = 0
    phantom: int = 0
    order: int = 0
    """Gaps, another order, readers who saw time go backwards."""
    conservation: int = 0
    """Two accounts that must agree and do not."""
    details: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        counts = (self.lost, self.doubled, self.phantom, self.order, self.conservation)
        return not any(counts) and not self.details

    def add(self, finding: Finding) -> None:
        """Count a finding of a set checker or an audit."""
        match finding.kind:
            case "lost":
                self.lost += 1
            case "doubled":
                self.doubled += 1
            case "phantom":
                self.phantom += 1
            case "differs":
                self.conservation += 1
        self.details.append(f"{finding.kind} {finding.node}: {finding.what}")

    def disorder(self, what: str) -> None:
        """Count something that stands, or was seen, in a wrong order."""
        self.order += 1
        self.details.append(f"order: {what}")

    def differ(self, what: str) -> None:
        """Count two accounts that do not agree."""
        self.conservation += 1
        self.details.append(f"differs: {what}")


async def judged(stage: Stage, readers: Readers) -> Verdict:
    """Wait until the line rests, then hold every node against what clients remember."""
    verdict = Verdict()
    places, history = stage.running.places, stage.running.history
    for waits in await whole.rest(places, REST_SECONDS):
        verdict.disorder(waits)
    held = {name: await snapshots.take(place) for name, place in places.items()}
    for snapshot in held.values():
        for finding in sets.check(history, snapshot):
            verdict.add(finding)
    for what in (*order.check(held), *readers.regressions):
        verdict.disorder(what)
    for what in whole.differences(held):
        verdict.differ(what)
    await accounts(verdict, held, readers)
    await quarantined(verdict, places)
    for finding in await collected.findings(places, stage.collected):
        verdict.add(finding)
    return verdict


async def accounts(
    verdict: Verdict, held: Mapping[str, Snapshot], readers: Readers
) -> None:
    """Compare what nodes tell with what they hold, and with the fold of the history."""
    office = readers.office
    for name, snapshot in held.items():
        for what in await whole.by_api(snapshot):
            verdict.differ(what)
        for item in list(office.history.targets)[-ITEMS:]:
            if item not in snapshot.items:
                continue
            wanted = conservation.folded(office.history, item, snapshot.place.holds)
            told = await conservation.told(office.desks[name].reporting, item)
            for finding in conservation.compared(name, item, wanted, told):
                verdict.add(finding)


async def quarantined(verdict: Verdict, places: Mapping[str, Place]) -> None:
    """Nothing may wait aside: nobody did anything wrong."""
    for name, place in places.items():
        connection = await asyncpg.connect(place.database_url)
        try:
            waiting = await connection.fetchval(ASIDE)
        finally:
            await connection.close()
        if waiting:
            verdict.differ(f"{name}: {waiting} facts wait in quarantine")
