"""`ducha calendar` against a province: what is shown, reckoned and published."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import grpc

from ducha.assignment.v1 import assignment_pb2
from ducha.assignment.v1 import assignment_service_pb2 as assignments
from ducha.assignment.v1.assignment_service_pb2_grpc import (
    AssignmentServiceServicer,
    add_AssignmentServiceServicer_to_server,
)
from services.province.calendar.capability import KEEPING
from tests.calendar import held, terms_held
from tests.divisions import PROVINCE
from tests.servers import AnApp
from tier.app import App
from tier.calendar.model import CHINA, Term
from tier.info import add_info_service
from tier.runtime.server import OPTIONS, Door

NOW = datetime(2026, 11, 23, 9, tzinfo=CHINA)
SAMPLE = Path(__file__).parents[2] / "data" / "calendar-2027-simulated.toml"
DUCHA = "from clients.cli.main import run; run()"
ITEM = "0198c0de-0000-7000-8000-000000000001"


class Desk:
    """A command line at a province that keeps the calendar."""

    def __init__(self, app: App, address: str) -> None:
        self.app = app
        self.address = address

    async def run(self, *arguments: str, code: int = 0) -> str:
        """Run `ducha calendar` as a process of its own; return what it printed."""
        words = ["calendar", *arguments, "--address", self.address]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", DUCHA, *words),
            env=os.environ | {"COLUMNS": "200", "PYTHONUTF8": "1"},
            stdout=PIPE,
            stderr=STDOUT,
        )
        printed, _ = await process.communicate()
        output = printed.decode()
        assert process.returncode == code, output
        return output


class Moving(AssignmentServiceServicer):
    """Assignments of which a calendar moved one deadline."""

    async def ListDeadlineMoves(
        self, request: assignments.ListDeadlineMovesRequest, context: object
    ) -> assignments.ListDeadlineMovesResponse:
        """Return the move, if the calendar's first version is asked for."""
        move = assignment_pb2.DeadlineMove(item_id=ITEM, division="530102001")
        move.old_deadline_time.FromDatetime(datetime(2027, 1, 29, 10))  # noqa: DTZ001 - UTC
        move.new_deadline_time.FromDatetime(datetime(2027, 2, 1, 10))  # noqa: DTZ001 - UTC
        asked = (request.cause, request.calendar_version)
        meant = asked == (assignment_pb2.CAUSE_CALENDAR, 1)
        return assignments.ListDeadlineMovesResponse(moves=[move] if meant else [])


@asynccontextmanager
async def desk(an_app: AnApp, *, moving: bool = False) -> AsyncIterator[Desk]:
    """Serve a province in November 2026."""
    async with an_app(PROVINCE, lambda: NOW) as app:
        server = grpc.aio.server(interceptors=[Door()], options=OPTIONS)
        for add in KEEPING.services:
            add(app, server)
        if moving:
            moves = Moving()  # type: ignore[abstract] # the rest is not asked for
            add_AssignmentServiceServicer_to_server(moves, server)
        add_info_service(app.node, [KEEPING.name], server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield Desk(app, f"127.0.0.1:{port}")
        finally:
            await server.stop(None)


async def test_a_year_and_the_terms_are_shown(an_app: AnApp) -> None:
    """In the user's language, or for a program."""
    async with desk(an_app) as here:
        this = await here.run("show", "--lang", "en")
        estimated = await here.run("show", "2027", "--lang", "zh")
        table = await here.run("terms", "--lang", "zh")
        year = json.loads(await here.run("show", "2026", "--json"))
        rows = json.loads(await here.run("terms", "--json"))["rows"]

        assert "2026 official" in this
        assert "2026-02-14" in this
        assert "2027 暂定" in estimated
        assert "除夕" in estimated
        assert "年度督查计划" in table
        assert "1 工作日 / 3 工作日 / 5 工作日" in table
        assert "24 小时" in table
        assert len(year["days"]) == 25
        assert len(rows) == 15


async def test_an_end_is_reckoned_in_beijing_time(an_app: AnApp) -> None:
    """From now, or from a moment; provisional ends say so."""
    async with desk(an_app) as here:
        soon = await here.run("due", "--working-days", "1", "--lang", "en")
        start = ("--start", "2026-09-30T10:00+08:00")
        over = await here.run("due", *start, "--working-days", "1", "--lang", "zh")
        hours = await here.run("due", *start, "--hours", "30", "--lang", "en")
        late = await here.run("due", "--working-days", "60", "--lang", "zh")
        neither = await here.run("due", "--lang", "en", code=2)

        assert "2026-11-24 18:00" in soon
        assert "Provisional" not in soon
        assert "2026-10-08 18:00" in over
        assert "国庆节" in over
        assert "2026-10-01 16:00" in hours
        assert "passed over" not in hours
        assert "暂定" in late
        assert "one of them" in neither


async def test_a_calendar_is_published_and_what_it_moved_is_shown(
    an_app: AnApp,
) -> None:
    """First checked, then done; the new moments in Beijing time."""
    async with desk(an_app, moving=True) as here:
        checked = await here.run("publish", str(SAMPLE), "--check", "--lang", "en")
        before = (await held(here.app)).version
        done = await here.run("publish", str(SAMPLE), "--lang", "en")
        again = await here.run("publish", str(SAMPLE), "--lang", "zh")
        moved = await here.run("moved", "--version", "1", "--lang", "zh")
        year = await here.run("show", "2027", "--lang", "en")

        assert "1 would be published as version 1" in checked
        assert before == 0
        assert "Published 1; 0 unchanged. Now at version 1." in done
        assert ITEM in done
        assert "2027-02-01 18:00" in done
        assert "ducha calendar moved --version 1" in done
        assert "1 项无变化" in again
        assert ITEM not in again
        assert "2027-01-29 18:00" in moved
        assert "2027 official" in year


async def test_a_publication_stands_where_moves_cannot_be_shown(an_app: AnApp) -> None:
    """A keeper need not be allowed to see assignments."""
    async with desk(an_app) as here:
        done = await here.run("publish", str(SAMPLE), "--lang", "zh")

        assert "现为第 1 版" in done
        assert "ducha calendar moved --version 1" in done


async def test_terms_are_changed_by_their_csv(an_app: AnApp, tmp_path: Path) -> None:
    """Written out, edited, checked, published."""
    file = tmp_path / "terms.csv"
    async with desk(an_app) as here:
        form = await here.run("terms", "--csv")
        head, first, *_ = form.splitlines()
        file.write_text(f"{head}\n{first.replace('20wd', '25wd')}\n", encoding="utf-8")
        checked = await here.run("publish-terms", str(file), "--check", "--lang", "zh")
        done = json.loads(await here.run("publish-terms", str(file), "--json"))

        assert "将发布 1 项，成为第 1 版" in checked
        assert done == {"published_count": 1, "unchanged_count": 0, "terms_version": 1}
        assert (await terms_held(here.app)).work == Term(25)


async def test_a_calendar_that_cannot_be_taken_is_refused_in_words(
    an_app: AnApp, tmp_path: Path
) -> None:
    """Exit code 1, with the field; nothing is published."""
    file = tmp_path / "calendar.toml"
    file.write_text("[2027]\nofficial = true\nwhole = false\n", encoding="utf-8")
    async with desk(an_app) as here:
        said = await here.run("publish", str(file), "--lang", "zh", code=1)

        assert "不符合工作日历要求" in said
        assert "years[0].whole" in said
        assert (await held(here.app)).version == 0
