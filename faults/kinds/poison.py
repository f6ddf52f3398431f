"""Facts that nobody can apply, from a child gone wrong; and bundles that it never sent."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from uuid import uuid4

import grpc

from ducha.assignment.v1 import assignment_facts_pb2
from ducha.link.v1 import link_pb2
from ducha.link.v1 import link_service_pb2 as links
from faults import forging
from faults.scenario import Context, Outcome, Scenario
from tests.faults.test_poison import append, poisons, quarantine, told
from tests.journeys.office import eventually
from tier.ledger import Entry

FORGER = "township"
VICTIM = "county"


def unreadable() -> Entry:
    """Return a fact whose bytes are no fact: its id is none."""
    entry = told(assignment_facts_pb2.ItemClosed())
    return dataclasses.replace(
        entry,
        body=link_pb2.Fact(
            fact_id=f"no id {uuid4()}", kind=entry.kind
        ).SerializeToString(),
    )


def worst() -> dict[str, Entry]:
    """Return facts of every kind of wrong, by the reason they are set aside for."""
    return {**poisons(), "UNREADABLE": unreadable()}


async def _poisoned(context: Context) -> Outcome:
    """Have the township record facts that its county cannot apply, in mid-flow."""
    office, outcome = context.flow.office, context.outcome
    while not context.is_over:
        await context.work(context.rng.randint(5, 40))
        planted = worst()
        context.tell(f"{len(planted)} poison facts in the township's ledger")
        began = time.monotonic()
        await append(office, list(planted.values()))
        await context.recover(began)
        await eventually(
            partial(_aside, context, list(planted)), "the poison in quarantine"
        )
        aside = await quarantine(office)
        reasons = Counter(one.reason for one in aside)
        for reason in planted:
            bit = reasons[reason] > 0
            outcome.injections += bit
            outcome.missed += not bit
            outcome.saw(f"set aside as {reason}", reasons[reason])
        await drop(context, [one.quarantine_id for one in aside])
    return outcome


async def _aside(context: Context, reasons: Sequence[str]) -> bool:
    """Whether the county set aside something for every reason."""
    aside = await quarantine(context.flow.office)
    return set(reasons) <= {one.reason for one in aside}


async def drop(context: Context, quarantine_ids: Sequence[int]) -> None:
    """Settle what an operator looked at."""
    office = context.flow.office
    for number in quarantine_ids:
        await office.insist(
            VICTIM,
            office.desks[VICTIM].links.DropQuarantine,
            links.DropQuarantineRequest(
                quarantine_id=number, actor="运维（模拟）", reason="模拟数据"
            ),
        )


async def _forged(context: Context) -> Outcome:
    """Send bundles in the township's name, with its stolen TLS key, without its seal."""
    outcome, stage = context.outcome, context.stage
    item = next(iter(stage.running.history.targets))
    while not context.is_over:
        await context.work(context.rng.randint(5, 30))
        began = time.monotonic()
        run = await forging.next_run(
            stage, FORGER, VICTIM, closing(item, stage.towns[0])
        )
        forged = forging.bundles(stage, FORGER, VICTIM, run)
        context.tell(f"{len(forged)} forged bundles, by both roads")
        log = stage.line.site.logs / f"{VICTIM}.log"
        before = log.read_text(errors="replace").count(forging.REFUSED)
        sent = await forging.publish(stage, FORGER, VICTIM, list(forged.values()))
        for name, bundle in forged.items():
            code = await forging.deliver(stage, FORGER, VICTIM, bundle)
            if code is grpc.StatusCode.PERMISSION_DENIED:
                outcome.injections += 1
                outcome.saw(f"refused over gRPC: {name}")
            else:
                outcome.problems.append(f"a forged bundle ({name}) was answered {code}")
        await asyncio.sleep(
            1
        )  # long enough to be read; what is not read is not counted
        after = log.read_text(errors="replace").count(forging.REFUSED)
        outcome.saw("published on NATS", sent)
        outcome.saw("refused from NATS", after - before)
        outcome.injections += min(after - before, sent)
        await context.recover(began)
    return outcome


def closing(item: str, division: str) -> bytes:
    """Return a fact that would end an item, had anybody of the right sent it."""
    fact = link_pb2.Fact(
        fact_id=str(uuid4()),
        kind=assignment_facts_pb2.ItemClosed.DESCRIPTOR.full_name,
        division=division,
        subject=item,
        origin=FORGER,
        payload=assignment_facts_pb2.ItemClosed().SerializeToString(),
    )
    return fact.SerializeToString()


SCENARIOS = (
    Scenario(
        "poison",
        "poison facts in the link: unreadable, unknown, of another jurisdiction, of the "
        "wrong direction, broken",
        _poisoned,
        wanted=28,
        in_slice=7,
    ),
    Scenario(
        "forge",
        "forged bundles on both roads: unsealed, sealed by another, changed, of another "
        "sender",
        _forged,
        wanted=24,
        in_slice=8,
    ),
)
