"""`ducha catalogue` against a province: what is shown, published, exported and imported."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from google.protobuf.json_format import MessageToDict

from services.province.catalogue.capability import KEEPING
from tests.catalogue import element, held, indicator, publish
from tests.divisions import PROVINCE
from tests.servers import AnApp
from tier.app import App
from tier.info import add_info_service
from tier.runtime.server import OPTIONS, Door

TOTAL = element("people.total", name_zh="常住人口", name_en="Residents", unit="人")
OLD = element("people.old", name_zh="老年人口", unit="人", rule="value >= 0.0")
SHARE = indicator("people.share", "people.old / people.total * 100.0")


SAMPLE = Path(__file__).parents[2] / "data" / "catalogue-simulated.json"
DUCHA = "from clients.cli.main import run; run()"


class Desk:
    """A command line at a province that serves its catalogue."""

    def __init__(self, app: App, address: str) -> None:
        self.app = app
        self.address = address

    async def run(self, *arguments: str, code: int = 0) -> str:
        """Run `ducha catalogue` as a process of its own; return what it printed."""
        words = ["catalogue", *arguments, "--address", self.address]
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


@asynccontextmanager
async def desk(an_app: AnApp) -> AsyncIterator[Desk]:
    """Serve a province with two elements and an indicator."""
    async with an_app(PROVINCE) as app:
        await publish(app, TOTAL, OLD, indicators=[SHARE])
        server = grpc.aio.server(interceptors=[Door()], options=OPTIONS)
        for add in KEEPING.services:
            add(app, server)
        add_info_service(app.node, [KEEPING.name], server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield Desk(app, f"127.0.0.1:{port}")
        finally:
            await server.stop(None)


async def test_what_can_be_asked_is_shown(an_app: AnApp) -> None:
    """In the user's language, or for a program."""
    async with desk(an_app) as here:
        english = await here.run("list", "--lang", "en")
        chinese = await here.run("list", "老年", "--lang", "zh")
        whole = await here.run("show", "people.old", "--lang", "zh")
        first = json.loads(await here.run("list", "--limit", "1", "--json"))
        one = json.loads(await here.run("show", "people.old", "--json"))
        indicators = await here.run("indicators", "--lang", "en")

        assert "Residents" in english
        assert "老年人口" in chinese
        assert "常住人口" not in chinese
        assert "value >= 0.0" in whole
        assert [each["code"] for each in first["elements"]] == ["people.old"]
        assert one["element"]["number"] == 2
        assert SHARE.formula in indicators


async def test_rows_are_published_from_a_file(an_app: AnApp, tmp_path: Path) -> None:
    """First checked, then done."""
    file = tmp_path / "catalogue.json"
    rows = [MessageToDict(each) for each in (element("roads.length"), TOTAL)]
    file.write_text(json.dumps({"elements": rows}), encoding="utf-8")
    async with desk(an_app) as here:
        checked = await here.run("publish", str(file), "--check", "--lang", "en")
        before = (await held(here.app)).version
        done = await here.run("publish", str(file), "--lang", "zh")

        assert "1 rows would be published as version 2; 1 unchanged" in checked
        assert before == 1
        assert "已发布 1 行；1 行无变化。目录现为第 2 版" in done


async def test_the_sample_is_sound(an_app: AnApp) -> None:
    """Simulated rows to begin with: every rule, formula and name stands the test."""
    async with desk(an_app) as here:
        done = json.loads(await here.run("publish", str(SAMPLE), "--json"))

        assert done["published_count"] == 12


async def test_the_workbook_goes_out_and_comes_back(
    an_app: AnApp, tmp_path: Path
) -> None:
    """An export imports as it is."""
    file = tmp_path / "catalogue.xlsx"
    async with desk(an_app) as here:
        out = await here.run("export", str(file), "--lang", "en")
        back = json.loads(await here.run("import", str(file), "--json"))

        assert "Wrote version 1" in out
        assert back["unchanged_count"] == 3
        assert (await held(here.app)).version == 1


async def test_a_refused_workbook_names_its_cells(
    an_app: AnApp, tmp_path: Path
) -> None:
    """Words and exit code 1."""
    file = tmp_path / "catalogue.xlsx"
    file.write_bytes(b"no workbook")
    async with desk(an_app) as here:
        said = await here.run("import", str(file), "--lang", "zh", code=1)

        assert "不是有效的 .xlsx 文件" in said


async def test_a_file_that_cannot_be_sent_is_refused_here(
    an_app: AnApp, tmp_path: Path
) -> None:
    """Nothing was sent: exit code 2."""
    large, empty, odd = (tmp_path / name for name in ("large", "empty", "odd"))
    large.write_bytes(b"0" * (4 * 1024 * 1024 + 1))
    empty.write_bytes(b"")
    odd.write_text('{"rows": []}', encoding="utf-8")
    async with desk(an_app) as here:
        said = [
            await here.run("import", str(large), "--lang", "en", code=2),
            await here.run("import", str(empty), "--lang", "en", code=2),
            await here.run("publish", str(odd), "--lang", "en", code=2),
        ]

        assert "larger than 4 MiB" in said[0]
        assert "empty" in said[1]
        assert "as the protos name them" in said[2]
