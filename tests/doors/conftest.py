"""One running line of four tiers for all tests of the doors, with divisions and a catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.embedded.line import Line as RunningLine
from deploy.embedded.line import Options
from ducha.division.v1 import division_pb2
from ducha.division.v1 import division_service_pb2 as service
from tests.doors.data_letters import ELEMENTS, SHARE, publish
from tests.doors.letters import ACTOR, ROWS, request_id
from tests.doors.tiers import Line, opened
from tier.jurisdiction import level_of, parent_of, parse

QUICK = {"shared_buffers": "32MB"}


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Start the line once, import the tree, and give its data directory."""
    options = Options(auto_restart=False, log_level="warning", postgres_settings=QUICK)
    with RunningLine(tmp_path_factory.mktemp("doors"), options=options) as line:
        asyncio.run(_populate(line.data))
        yield line.data


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def reached(running: Path) -> AsyncIterator[Line]:
    """Open channels and connections once; those who use them share one loop."""
    async with opened(running) as ready:
        yield ready


@pytest_asyncio.fixture(loop_scope="session")
async def line(reached: Line) -> Line:
    """Give the line at rest: everything told has arrived."""
    await reached.settled()
    return reached


async def _populate(data: Path) -> None:
    """Import a tree of two cities, three counties, six townships, some villages; a catalogue."""
    rows = [
        division_pb2.Division(
            code=code,
            name=name,
            level=division_pb2.Level.ValueType(level_of(parse(code))),
            parent_code=parent_of(parse(code)) or "",
            valid_from="2023-06-30",
        )
        for code, name in ROWS
    ]
    async with opened(data) as line:
        await line.province.keeping.ImportDivisions(
            service.ImportDivisionsRequest(
                request_id=request_id(), actor=ACTOR, divisions=rows
            )
        )
        await line.settled()
        await line.province.publishing.PublishCatalogue(
            publish(*ELEMENTS, indicators=[SHARE])
        )
        await line.settled()
