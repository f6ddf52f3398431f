"""`ducha up`: the whole system on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from clients.cli.command import AsJson, Data, Lang, tell
from clients.cli.divisions import ImportCounts, import_divisions
from clients.cli.session import Choices, console
from clients.cli.words import Language, UsageProblem, label, language
from clients.runtime import Client, ClientError, Endpoints
from clients.runtime.endpoints import default_data
from clients.runtime.errors import Refused
from deploy.embedded.errors import DeploymentRefused
from deploy.embedded.files import private_directory, write_private
from deploy.embedded.keeper import Event
from deploy.embedded.line import Line, Options
from ducha.division.v1 import division_service_pb2 as api

YUNNAN = "53"
DIVISIONS = Path(__file__).parents[2] / "data" / "yunnan-divisions.csv"

Root = Annotated[
    str,
    typer.Option(
        metavar="CODE",
        help="Division at the top; kept with the data. 53 at first. 根区划",
    ),
]
DivisionsFile = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="CSV of divisions (code, name, level, parent). 区划文件",
    ),
]
NoWalls = Annotated[
    bool,
    typer.Option(
        "--no-walls",
        help="No certificates, no tokens: whoever is on this machine may do everything. "
        "To try things out only. 关闭身份与权限",
    ),
]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asked for."""

    data: Path
    root: str
    divisions: Path | None
    as_json: bool
    lang: Language
    walls: bool = True


class Screen:
    """What `up` tells: to people in their language, to programs as JSON lines."""

    def __init__(self, wish: Wish) -> None:
        """Write to standard output."""
        self._wish = wish
        self._out = console()

    def say(self, english: str, chinese: str) -> None:
        """Tell people; programs are not told."""
        if not self._wish.as_json:
            self._out.print(self._choose(english, chinese))

    def event(self, event: Event) -> None:
        """Tell that something died or came back."""
        if self._wish.as_json:
            entry = {"component": event.component, "event": event.happened}
            self._write(entry | {"detail": event.detail})
            return
        colour = "green" if event.happened == "restarted" else "yellow"
        told = f"{event.component} {event.happened}: {event.detail}"
        self._out.print(f"[{colour}]●[/] {escape(told)}")

    def ready(self, line: Line, imported: ImportCounts | None) -> None:
        """Show where everything is, and what to try next."""
        if self._wish.as_json:
            self._write({"event": "ready", **line.endpoints()})
            return
        if imported is not None:
            self.say(
                f"Divisions: {imported.imported} imported, {imported.unchanged} stood "
                "already; the links carry them down.",
                f"区划：新导入 {imported.imported}，已有 {imported.unchanged}；"
                "将沿链路逐级下发。",
            )
        self._out.print(Panel.fit(self._addresses(line), title="Ducha 督查"))
        self._out.print(self._persisted(line))
        self._out.print(self._identities(line))
        self._out.print(self._next(line))

    def _addresses(self, line: Line) -> Table:
        table = Table(box=None, pad_edge=False)
        for english, chinese in (
            ("Node", "节点"),
            ("Hosts", "承载区划"),
            ("gRPC", "gRPC"),
            ("Health, metrics", "健康与指标"),
        ):
            table.add_column(self._choose(english, chinese))
        for place in line.places:
            spec, own = place.spec, line.site.addresses[place.spec.name]
            tier = label(spec.tier, self._wish.lang)
            name = tier if spec.name == spec.tier else f"{spec.name} ({tier})"
            hosts = ", ".join(spec.hosts)
            table.add_row(name, hosts, own.grpc, f"http://{own.http}/readyz")
        return table

    def _persisted(self, line: Line) -> str:
        postgres = line.data / "postgres" if line.postgres else "DUCHA_*_DATABASE_URL"
        nats = line.data / "nats" if line.nats else "DUCHA_NATS_URL"
        return self._choose(
            f"Kept over restarts: databases in {postgres}, messages under way in {nats}."
            f"\nNot kept: traces (recent ones in memory). Logs: {line.site.logs}. "
            f"Addresses for programs: {line.site.endpoints_file}.",
            f"重启后保留：数据库 {postgres}；在途消息 {nats}。\n"
            f"不保留：链路追踪（仅内存）。日志：{line.site.logs}。"
            f"程序用地址清单：{line.site.endpoints_file}。",
        )

    def _identities(self, line: Line) -> str:
        """Say who may call, and how they prove who they are."""
        if not self._wish.walls:
            return self._choose(
                "[bold yellow]Without walls: whoever can reach 127.0.0.1 may read and do "
                "everything, in anybody's name. Never with real data.[/]",
                "[bold yellow]身份与权限已关闭：本机任何人都可以任何名义读写全部数据。"
                "切勿用于真实数据。[/]",
            )
        kept = line.site.identity
        return self._choose(
            f"Every caller proves who they are: certificates and tokens of {kept}, which "
            "only you may read.\nWho reads it speaks for anybody: for others issue "
            "`ducha ca issue` and `ducha token issue`. All servers listen on 127.0.0.1.",
            f"每个调用方都须证明身份：证书与令牌在 {kept}（仅本用户可读）。\n"
            "能读取该目录即可代表任何人：请用 `ducha ca issue`、`ducha token issue` "
            "为他人签发。所有服务仅监听 127.0.0.1。",
        )

    def _next(self, line: Line) -> str:
        data = f"--data {line.data}"
        return self._choose(
            f"Try next, in another terminal:\n"
            f"  ducha doctor {data}\n  ducha item issue --help\n"
            f"  ducha inbox --help\nCtrl-C drains and stops everything.",
            f"接下来可在另一终端尝试：\n"
            f"  ducha doctor {data}\n  ducha item issue --help\n"
            f"  ducha inbox --help\n按 Ctrl-C 排空并停止全部服务。",
        )

    def _choose(self, english: str, chinese: str) -> str:
        return chinese if self._wish.lang is Language.ZH else english

    def _write(self, content: object) -> None:
        self._out.file.write(json.dumps(content, ensure_ascii=False) + "\n")
        self._out.file.flush()


def up(
    *,
    data: Data = None,
    root: Root = "",
    divisions: DivisionsFile = None,
    no_walls: NoWalls = False,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Start the whole system on this machine and keep it running. 启动整套系统."""
    place = private_directory((data or default_data()).resolve())
    chosen = Choices(data=place, lang=lang or language(), as_json=as_json)
    try:
        wish = Wish(
            data=place,
            root=kept_root(place, root),
            divisions=divisions,
            as_json=as_json,
            lang=chosen.lang,
            walls=not no_walls,
        )
        run(wish, Screen(wish))
    except DeploymentRefused as refused:
        tell(ClientError(str(refused)), chosen)
        raise typer.Exit(1) from None
    except ClientError as problem:
        tell(problem, chosen)
        raise typer.Exit(1) from None


def run(wish: Wish, screen: Screen) -> None:
    """Start the line, import divisions the first time, and wait for Ctrl-C or SIGTERM."""
    screen.say("Starting …", "正在启动……")
    options = Options(on_event=screen.event, walls=wish.walls)
    with _interruptible(), Line(wish.data, root=wish.root, options=options) as line:
        imported = asyncio.run(import_once(Endpoints.load(wish.data), wish))
        screen.ready(line, imported)
        while True:
            signal.pause()


async def import_once(endpoints: Endpoints, wish: Wish) -> ImportCounts | None:
    """Import the file of divisions, unless this very file was imported already.

    What people changed since, such as a retired division, is not undone.
    """
    file = wish.divisions or (DIVISIONS if wish.root.startswith(YUNNAN) else None)
    if file is None or not file.exists():
        return None
    mark = wish.data / "divisions.sha256"
    digest = hashlib.sha256(wish.root.encode() + file.read_bytes()).hexdigest()
    is_same = mark.exists() and mark.read_text() == digest
    async with endpoints.client() as keeper:
        if is_same and await _stands(keeper, wish.root):
            return None
        counts = await import_divisions(keeper, file, wish.root)
    write_private(mark, digest)
    return counts


async def _stands(client: Client, root: str) -> bool:
    """Whether the node knows the root; a database may have been replaced."""
    try:
        request = api.GetDivisionRequest(code=root)
        await client.call(client.divisions.GetDivision, request)
    except Refused:
        return False
    return True


def kept_root(data: Path, asked: str) -> str:
    """Return the root that this data directory was made for, remembering the first.

    Raises:
        UsageProblem: another root is asked for than the data have.
    """
    file = data / "root"
    kept = file.read_text() if file.exists() else ""
    if kept and asked and kept != asked:
        raise UsageProblem(
            f"{data} holds the data of {kept}, not of {asked}. Give another --data.",
            f"{data} 中是 {kept} 的数据，不是 {asked}。请另选 --data 目录。",
        )
    root = kept or asked or YUNNAN
    if not kept:
        write_private(file, root)
    return root


@contextmanager
def _interruptible() -> Iterator[None]:
    """End the body quietly on SIGINT or SIGTERM; a hang-up counts as one."""
    for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(wanted, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(wanted, signal.SIG_DFL)


def _interrupt(_number: int, _frame: object) -> None:
    """Interrupt once; while everything drains, further signals change nothing."""
    for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(wanted, signal.SIG_IGN)
    raise KeyboardInterrupt
