"""The command at a line at work: an item by its terms, taken back in part, ended."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE

import pytest

from tests.doors import letters, life_refusals
from tests.doors.letters import TOWNSHIPS
from tests.doors.tiers import Line

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOWN, OTHER = TOWNSHIPS[:2]
DUCHA = "from clients.cli.main import run; run()"
ISSUE = (
    *(
        "item",
        "issue",
        "--title",
        "汛期排查",
        "--basis",
        "模拟依据",
        "--content",
        "模拟",
    ),
    *("--target", TOWN, "--target", OTHER, "--skip-level-reason", "汛情紧急"),
)


async def ducha(line: Line, *words: str, code: int = 0) -> str:
    """Run the command as a process of its own; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", DUCHA, *words, "--data", str(line.data)),
        env=os.environ | {"COLUMNS": "200", "PYTHONUTF8": "1", "DUCHA_LANG": "zh"},
        stdout=PIPE,
        stderr=PIPE,
    )
    printed, problems = await process.communicate()
    assert process.returncode == code, problems.decode()
    return (problems if code else printed).decode()


async def test_an_item_is_issued_by_its_terms_and_taken_back_in_part(
    line: Line,
) -> None:
    """What was typed takes effect at every tier, and is shown in people's words."""
    told = await ducha(line, *ISSUE, "--work-within", "9wd", "--json")
    item = json.loads(told)["item"]
    item_id = item["item_id"]
    await line.settled()
    why = ("--reason", "职责不在该单位")
    said = await ducha(line, "assignment", "withdraw", item_id, OTHER, *why)
    await line.settled()
    gone = await ducha(line, "assignment", "show", item_id, OTHER)
    stays = await ducha(line, "assignment", "show", item_id, TOWN)
    moves = await ducha(line, "item", "deadline-moves", item_id)
    no = await ducha(line, "item", "archive", item_id, code=1)

    assert item["work_within"]["working_days"] == 9
    assert item["receive_within"] == item["terms"]["receive"]
    assert "已撤回 1 件" in said
    assert "已撤回" in gone
    assert "待签收" in stays
    assert "绿" in stays
    assert "18:00" in stays  # the close of work, in China
    assert "时限没有变动" in moves
    assert "尚未办结" in no


async def test_a_closed_item_is_reopened_and_a_stopped_clock_runs_again(
    line: Line,
) -> None:
    """The issuer acts unless somebody else is named."""
    closed = await life_refusals.closed(line)
    stopped = await life_refusals.suspended(line)
    stands = await ducha(line, "assignment", "show", stopped, TOWN)
    reopened = await ducha(line, "item", "reopen", closed, "--reason", "问题反弹")
    why = ("--reason", "批复已到")
    resumed = await ducha(line, "assignment", "resume", stopped, *why)
    await line.settled()
    shown = await ducha(line, "item", "show", closed)
    moved = await ducha(line, "item", "deadline-moves", stopped)
    runs = await letters.seen(line.township, stopped, TOWN)

    assert "已挂账" in stands
    assert "挂账时间" in stands
    assert "已重新办理" in reopened
    assert "已恢复 1 件" in resumed
    assert "重新办理次数" in shown
    assert "恢复" in moved
    assert not runs.HasField("suspend_time")
