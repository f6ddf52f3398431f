"""`ducha demo`: its options, its folder, its last words."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live

from clients.cli import render
from clients.cli.command import REFUSED
from clients.cli.divisions import read_csv
from clients.cli.parse import LevelName
from clients.cli.session import Json, Session
from clients.cli.up import kept_root
from clients.cli.words import UsageProblem
from clients.demo import acts_view, life_cast, life_command
from clients.demo.acts import Once, collect_once
from clients.demo.board import Board
from clients.demo.line import running_line
from clients.demo.run import Result, Wish, main_job, spread_divisions
from clients.runtime import Endpoints
from clients.runtime.errors import ClientError
from deploy.embedded.errors import DirectoryInUse
from deploy.embedded.lock import DirectoryLock

YUNNAN = Path(__file__).parents[2] / "data" / "yunnan-divisions.csv"
HOME = Path(".ducha") / "demo"
LIFE_HOME = Path(".ducha") / "life"
MARKER = "made-by-ducha-demo"


class DemoFailed(ClientError):
    """The demonstration could not be brought to its end."""


class TargetLevel(StrEnum):
    """Who executes."""

    TOWNSHIP = "township"
    VILLAGE = "village"


LifeOption = Annotated[
    bool,
    typer.Option(
        "--life",
        help="Instead, the whole life of one item on a fast, simulated clock."
        " 一个事项的全过程（模拟时钟）",
    ),
]


async def demo(
    session: Session,
    *,
    divisions: Annotated[
        Path,
        typer.Option(exists=True, dir_okay=False, help="CSV: code,name,level,parent"),
    ] = YUNNAN,
    root: Annotated[str, typer.Option(help="The province's code. 省级代码")] = "53",
    level: Annotated[
        TargetLevel, typer.Option(help="Who executes. 承办层级")
    ] = TargetLevel.TOWNSHIP,
    pace: Annotated[
        float, typer.Option(min=0, help="Spread the answers over so many seconds. 节奏")
    ] = 0.0,
    life: LifeOption = False,
) -> None:
    """Run the main job, then collect once in two acts, and prove the numbers. 演示.

    Everything runs on this machine, in .ducha/demo (or --data), which is made
    anew each time. Exit 0 only if every number agrees with the databases of all
    four tiers. Who answers is simulated 模拟, and labelled so wherever it shows.

    With --life, in .ducha/life: one item from its issue to its archive, with all
    that may happen between, told by the timelines of all four tiers. --level and
    --pace have no part in it.
    """
    if life:
        players = life_cast.cast(read_csv(divisions, root)[0], root)
        data = fresh_folder(session.choices.data or LIFE_HOME)
        await life_command.demonstrate(session, data, players)
        return
    wire = LevelName(level.value).wire
    known, _ = read_csv(divisions, root)
    rows = [row for row in known if row.level <= wire]
    if not any(row.level == wire for row in rows):
        raise UsageProblem(
            f"{divisions} has no {level.value} within {root}. Choose another --level.",
            f"{divisions} 中 {root} 范围内没有该层级（{level.value}）。请改 --level。",
        )
    data = fresh_folder(session.choices.data or HOME)
    kept_root(data, root)  # so that `ducha up` goes on with the same root
    result, played = await _run(session, data, Wish(rows, root, wire, pace))
    if session.choices.as_json:
        whole = summary(result) | {"collect_once": acts_view.summary(played)}
        session.write_json(whole)
    else:
        acts_view.show(session, played)
        _print_next(session, result, data)
    if not (result.agrees and played.agrees):
        raise typer.Exit(REFUSED)


def fresh_folder(data: Path) -> Path:
    """Make the folder anew, if it is one that a demonstration made.

    Raises:
        UsageProblem: it holds something else, or a system runs there.
    """
    if data.exists() and any(data.iterdir()):
        if not (data / MARKER).exists():
            raise UsageProblem(
                f"{data} is not empty and no demonstration made it. "
                "Choose another --data.",
                f"{data} 不为空，且不是演示目录。请另选 --data。",
            )
        _must_rest(data)
        shutil.rmtree(data)
    data.mkdir(parents=True, exist_ok=True)
    (data / MARKER).write_text("`ducha demo` makes this folder anew each time.\n")
    return data


def _must_rest(data: Path) -> None:
    lock = DirectoryLock(data / "lock")
    try:
        lock.acquire()
    except DirectoryInUse as busy:
        raise UsageProblem(
            f"{busy} A system made by a demonstration still runs there.",
            f"{data} 中的系统仍在运行。请先停止，或另选 --data。",
        ) from busy
    lock.release()


async def _run(session: Session, data: Path, wish: Wish) -> tuple[Result, Once]:
    board = Board(session.say)
    session.write(
        f"Starting PostgreSQL, NATS and four services in {data} …",
        f"正在 {data} 启动 PostgreSQL、NATS 和四级服务…",
    )
    with running_line(data, wish.root) as endpoints:
        session.write(
            f"Loading {len(wish.rows)} divisions of {wish.root} and sending them "
            "down the tiers …",
            f"正在导入 {len(wish.rows)} 条区划并逐级下发…",
        )
        try:
            await spread_divisions(endpoints, wish)
            result = await _main_job(session, endpoints, wish, board)
            _print(session, result, data)
            board.step = session.say("Collecting once", "一次采集")
            played = await collect_once(endpoints, wish, session.write)
        except TimeoutError as late:
            raise DemoFailed(
                f"It did not finish in time while: {board.step or 'starting'}. "
                f"The logs are in {data}.",
                f"未能按时完成，停在：{board.step or '启动'}。日志见 {data}。",
            ) from late
    return result, played


async def _main_job(
    session: Session, endpoints: Endpoints, wish: Wish, board: Board
) -> Result:
    """Do the main job; show it as it goes on a terminal, and at its end elsewhere."""
    live = Live(board, console=session.out, refresh_per_second=10)
    on_screen = session.out.is_terminal and not session.choices.as_json
    with live if on_screen else nullcontext():
        result = await main_job(endpoints, wish, board, session.say)
    if not on_screen and not session.choices.as_json:
        session.out.print(board)
    return result


def summary(result: Result) -> dict[str, Json]:
    """Return what `--json` prints."""
    return {
        "root": result.root,
        "targets": result.issued,
        "received": result.told.received,
        "reported": result.told.reported,
        "verified": result.told.verified,
        "late": result.told.late,
        "seconds_to_last_target": round(result.seconds_to_last_target, 3),
        "seconds_to_complete": round(result.seconds_to_complete, 3),
        "trace_id": result.trace_id,
        "agrees": result.agrees,
    }


def _print(session: Session, result: Result, data: Path) -> None:
    if session.choices.as_json:
        return
    say = session.say
    told = result.told
    render.pairs(
        session.out,
        [
            (say("Item", "事项"), result.item),
            (say("Issued to", "下发"), result.issued),
            (say("Received", "签收"), told.received),
            (say("Reported", "反馈"), told.reported),
            (say("Sent back, reported again", "退回后重报"), result.returned),
            (say("Verified", "核查"), told.verified),
            (say("Late", "逾期"), told.late),
            (say("Problems found", "发现问题"), result.problems),
            (
                say("Seconds to the last target", "到达最后一个承办区划（秒）"),
                f"{result.seconds_to_last_target:.3f}",
            ),
            (
                say("Seconds to complete", "全部办结（秒）"),
                f"{result.seconds_to_complete:.3f}",
            ),
            (say("Trace id", "链路追踪编号"), result.trace_id),
            (say("Data", "数据目录"), data),
        ],
    )
    _print_proof(session, result)


def _print_next(session: Session, result: Result, data: Path) -> None:
    session.write("\nTry next:", "\n接下来可以试：")
    session.write(
        f"  ducha up --data {data}    # the same system again; then, beside it:",
        f"  ducha up --data {data}    # 重新启动这套系统，然后在另一终端：",
    )
    for line in (
        f"ducha item show {result.item} --level city --data {data}",
        f"ducha inbox {result.example} --data {data}",
        f"ducha audit rollups --data {data}",
        f"ducha registry requests --data {data}",
        f"ducha registry savings --level city --by-requester --data {data}",
        "ducha --help",
    ):
        session.write(f"  {line}", f"  {line}")


def _print_proof(session: Session, result: Result) -> None:
    say = session.say
    heads = [say("As held by", "数据来源"), say("Assignments", "交办单")]
    heads += [say("Received", "签收"), say("Reported", "反馈"), say("Verified", "核查")]
    heads += [say("Late", "逾期"), say("Closed", "办结")]
    sources = [(say("API", "省级 API"), result.told)]
    sources += [
        (say(f"{tier} DB", f"{session.label(tier)}级数据库"), held)
        for tier, held in result.held.items()
    ]
    rows = [
        (name, t.targets, t.received, t.reported, t.verified, t.late, t.closed)
        for name, t in sources
    ]
    session.out.print(render.table(heads, rows))
    if result.agrees:
        session.write("[green]Every number agrees.[/]", "[green]全部数字一致。[/]")
    else:
        session.write("[red]The numbers do NOT agree.[/]", "[red]数字不一致！[/]")
