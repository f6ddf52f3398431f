"""A second process of the same node, by mistake: two senders and two receivers on a link."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from deploy.embedded.ports import LOOPBACK, kept_port
from deploy.embedded.service import Program, Service
from faults.scenario import Context, Outcome, Scenario
from tests.journeys.office import Desk, open_office

TOGETHER_SECONDS = 3.0
SWITCH_SECONDS = 0.15
LEAVE_SECONDS = 2.0
"""For calls under way: who calls a process whose line we close is not answered at all."""
START_SECONDS = 60.0
NAMES = ("county", "township", "city", "province")
APPLIED = re.compile(
    r"^ducha_link_facts_applied\S*?(?:\{[^}]*\})? (\d+(?:\.\d+)?)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Twin:
    """The second process of a node, and a desk to call it by."""

    service: Service
    desk: Desk
    http: str

    async def applied(self) -> int:
        """Return how many facts it applied, by its own account."""
        text = await asyncio.to_thread(self._metrics)
        return sum(int(float(number)) for number in APPLIED.findall(text))

    def _metrics(self) -> str:
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=5) as told:
            return str(told.read().decode())


@asynccontextmanager
async def twin_of(context: Context, name: str) -> AsyncIterator[Twin]:
    """Start the same node a second time, with the same database, on other ports."""
    line, office = context.stage.line, context.flow.office
    place = office.places[name]
    ports = [kept_port(context.scratch / f"{name}.{door}") for door in ("grpc", "http")]
    address, http = (f"{LOOPBACK}:{port}" for port in ports)
    told = line.site.config_file(name).read_text()
    told = re.sub(r"(?m)^grpc_listen = .*$", f'grpc_listen = "{address}"', told)
    told = re.sub(r"(?m)^http_listen = .*$", f'http_listen = "{http}"', told)
    file = context.scratch / f"{name}.toml"
    file.write_text(told)
    first = line.services[name].program
    log = line.site.logs / f"{name}-twin.log"
    program = Program(
        f"{name}-twin", first.module, ("--config", str(file)), address, log
    )
    trusted = line.site.trusted() if line.options.walls else None
    service = Service(program, trusted=trusted)
    moved = {name: dataclasses.replace(place, grpc=address)}
    try:
        await asyncio.to_thread(service.start)
        end = time.monotonic() + START_SECONDS
        await asyncio.to_thread(service.await_serving, end)
        async with open_office(moved, office.history, office.codes) as second:
            yield Twin(service, second.desks[name], http)
    finally:
        await asyncio.to_thread(service.kill)


async def _play(context: Context) -> Outcome:
    """Run two processes of a node for a while, callers going to and fro; kill one."""
    turn, outcome = 0, context.outcome
    while not context.is_over:
        name = NAMES[turn % len(NAMES)]
        turn += 1
        context.tell(f"two processes of the {name}")
        async with twin_of(context, name) as twin:
            before = await twin.applied()
            calls = await together(context, name, twin)
            applied = await twin.applied() - before
        healed = time.monotonic()
        if calls and applied:
            outcome.injections += 1
            outcome.saw(
                f"seconds of two processes of the {name}", round(TOGETHER_SECONDS)
            )
            outcome.saw("facts applied by the second", applied)
        else:
            outcome.missed += 1
        await context.recover(healed)
    return outcome


async def together(context: Context, name: str, twin: Twin) -> int:
    """Send callers to one process and the other in turns; return how often."""
    desks, switches = context.flow.office.desks, 0
    first = desks[name]
    end = time.monotonic() + TOGETHER_SECONDS
    try:
        while time.monotonic() < end:
            desks[name] = twin.desk if desks[name] is first else first
            switches += 1
            await asyncio.sleep(SWITCH_SECONDS)
    finally:
        desks[name] = first
        await asyncio.sleep(LEAVE_SECONDS)
    return switches


SCENARIOS = (
    Scenario(
        "two-senders",
        "two senders for a link: a second process of the same node, 3 s, then kill -9 of it",
        _play,
        wanted=8,
        in_slice=1,
        seconds=150,
    ),
)
