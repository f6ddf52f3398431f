"""The connection to PostgreSQL lost inside COMMIT, five times in a hundred."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.embedded.line import Line
from deploy.embedded.postgres import Postgres
from faults.commit_wire import CommitWire
from faults.rigs import Rig, Stage, options
from faults.scenario import Context, Outcome, Scenario
from tests.journeys.running import SMALL, Running

SEED = 20200501
ODDS = 0.05
WIRE = "commit wire"
EACH = 6
"""Cuts between two looks at how fast new work crosses."""


class DetouredPostgres(Postgres):
    """The embedded PostgreSQL, whose services reach it over a wire."""

    wire: CommitWire | None = None

    def dsn(self, database: str) -> str:
        """Return the URL of a database; an administrator's goes straight."""
        url = super().dsn(database)
        if self.wire is None or database == "postgres":
            return url
        return url.replace(f":{self.port}/", f":{self.wire.port}/")


@contextmanager
def _over_a_wire(data: Path) -> Iterator[Stage]:
    line = Line(data / "line", options=options())
    log = line.site.logs / "postgres.log"
    server = DetouredPostgres(line.data / "postgres", settings=SMALL, log=log)
    line.postgres = server
    with CommitWire(lambda: server.port, SEED) as wire:
        server.wire = wire
        with line:
            yield Stage(Running(line), around={WIRE: wire})


CUT_RIG = Rig("commit-wire", _over_a_wire)
"""One node a tier; every statement of every service goes over the commit wire."""


async def _play(context: Context) -> Outcome:
    """Cut commits at the odds while work flows; now and then heal, and look."""
    wire, outcome = context.stage.around[WIRE], context.outcome
    assert isinstance(wire, CommitWire)
    while not context.is_over:
        before, committed = wire.fates.copy(), wire.committed
        goal = wire.cuts + min(EACH, context.wanted - outcome.injections)
        context.tell(f"cutting {ODDS:.0%} of all commits, {wire.cuts} so far")
        wire.odds = ODDS
        while wire.cuts < goal and time.monotonic() < context.deadline:
            await asyncio.sleep(0.05)
        wire.odds = 0.0
        healed = time.monotonic()
        for fate in ("cut before", "cut after"):
            outcome.injections += wire.fates[fate] - before[fate]
            outcome.saw(f"COMMIT {fate}", wire.fates[fate] - before[fate])
        outcome.saw("carried whole", wire.fates["carried"] - before["carried"])
        outcome.saw("committed and never told", wire.committed - committed)
        await context.recover(healed)
    return outcome


SCENARIOS = (
    Scenario(
        "cut-commits",
        "connection to PostgreSQL lost inside COMMIT, 5% of all commits, before the server "
        "has it or after",
        _play,
        wanted=60,
        in_slice=24,
        rig=CUT_RIG,
    ),
)
