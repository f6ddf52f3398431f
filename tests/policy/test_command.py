"""`ducha access decisions` shows the record to a person and to a program."""

from __future__ import annotations

import asyncio
import json
import sys

import grpc

from tests.policy.test_record import a_decision
from tests.policy.walls import TOWN
from tests.servers import AnApp
from tier.info import add_info_service
from tier.policy import rpc
from tier.policy.recorder import Recorder

DUCHA = "from clients.cli.main import run; run()"
SECONDS = 60.0


async def ducha(address: str, *words: str) -> str:
    """Run the command as a person does; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", DUCHA, *words, "--address", address),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SECONDS):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_decisions_are_shown_in_both_languages_and_as_json(an_app: AnApp) -> None:
    """One allowed, one denied: all of them, those denied, those of somebody, the newest."""
    async with an_app(TOWN) as app:
        recording = Recorder(app)
        recording.note(a_decision("zhang"))
        recording.note(a_decision("wang", is_allowed=False, reason="NOT_ALLOWED"))
        await recording.flush()
        server = grpc.aio.server()
        rpc.add_service(app, server)
        add_info_service(app.node, [], server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        address, show = f"127.0.0.1:{port}", ("access", "decisions")
        english = await ducha(address, *show, "--lang", "en", "--since=-1d")
        chinese = await ducha(address, *show, "--lang", "zh", "--denied")
        of_one = json.loads(await ducha(address, *show, "--json", "--of", "zhang"))
        newest = json.loads(await ducha(address, *show, "--json", "--limit", "1"))
        await server.stop(None)

    assert "AssignmentService/GetItem" in english
    assert "DENIED NOT_ALLOWED" in english
    assert "拒绝 NOT_ALLOWED" in chinese
    assert "zhang" not in chinese
    assert [one["principal"] for one in of_one["decisions"]] == ["zhang"]
    assert len(newest["decisions"]) == 1
