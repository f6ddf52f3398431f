"""`ducha nats`: what a NATS server is told about nodes, and who cuts off the revoked."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from clients.cli.command import command
from clients.cli.session import Json, Session
from clients.cli.words import UsageProblem
from deploy.embedded.errors import DeploymentRefused
from deploy.embedded.files import private_directory, write_private
from deploy.embedded.topology import Place
from deploy.nats import tree
from deploy.nats.configuration import (
    ACCOUNTS_FILE,
    Server,
    Tls,
    Uplink,
    accounts_text,
    server_text,
)
from deploy.nats.guard import Guard, Post
from deploy.nats.permissions import chained, identity
from deploy.nats.revoked import from_directory

app = typer.Typer(
    no_args_is_help=True,
    help="NATS with walls: configuration and revocation. 消息服务配置与吊销",
)
LEAF_PORT = 7422

Tree = Annotated[
    Path,
    typer.Argument(
        exists=True,
        dir_okay=False,
        help="TOML or JSON: nodes with tier, name, hosts. 节点清单",
    ),
]
Identity = Annotated[
    Path,
    typer.Option(
        help="Directory with ca.crt, nats/SERVER/tls.crt, nodes/NODE/tls.crt. 证书目录"
    ),
]
Domain = Annotated[str, typer.Option(help="Trust domain of the SPIFFE ids. 信任域")]
ServerName = Annotated[
    str,
    typer.Option("--server", help="Name of the server in its certificate. 服务器名"),
]
Own = Annotated[
    str,
    typer.Option("--node", help="In a chain: the node whose server it is. 所属节点"),
]
IDENTITY = Path("/etc/ducha/identity")
DOMAIN = "ducha.internal"


@command(app, "config", example="ducha nats config nodes.toml --out /etc/nats")
async def config(
    session: Session,
    file: Tree,
    *,
    out: Annotated[Path, typer.Option(help="Directory to write to. 输出目录")],
    chain: Annotated[
        bool, typer.Option("--chain", help="A server for each node. 每节点一台，级联")
    ] = False,
    server: ServerName = "nats",
    identity_: Annotated[
        Path, typer.Option("--identity", help="As `guard`. 证书目录")
    ] = (IDENTITY),
    store: Annotated[Path, typer.Option(help="Directory of the streams. 存储目录")] = (
        Path("/var/lib/ducha/nats")
    ),
    listen: Annotated[str, typer.Option(help="HOST:PORT for nodes. 监听地址")] = (
        "0.0.0.0:4222"
    ),
    domain: Domain = DOMAIN,
) -> None:
    """Write nats.conf and accounts.conf: exact subjects for each node. 生成配置.

    With --chain a folder for each node; in each the address of the parent's server is
    <parent>.nats.<domain>:7422 and may be changed.
    """
    places = _places(file)
    told = _Told(identity_, store, listen, domain)
    names = [f"nats-{place.spec.name}" for place in places] if chain else [server]
    if chain:
        for name, place in zip(names, places, strict=True):
            text = server_text(told.chained(name, place), chained(place))
            accounts = told.accounts(chained(place), name, place.spec.name)
            _write(out / place.spec.name, text, accounts)
    else:
        text = server_text(told.alone(server), places)
        _write(out, text, told.accounts(places, server, ""))
    session.write(
        f"Written to {out} for {len(places)} nodes. Check with `nats-server -t -c FILE`.",
        f"已写入 {out}，共 {len(places)} 个节点。可用 `nats-server -t -c 文件` 检查。",
    )
    if session.choices.as_json:
        session.write_json({"directory": str(out), "servers": list[Json](names)})


@command(
    app,
    "guard",
    example="ducha nats guard nodes.toml --accounts /etc/nats/accounts.conf "
    "--pid-file /run/nats.pid --crl /etc/ducha/crl.pem --issued /etc/ducha/issued",
)
async def guard(
    session: Session,
    file: Tree,
    *,
    accounts: Annotated[
        Path, typer.Option(help="The server's accounts.conf. 账户文件")
    ],
    pid_file: Annotated[Path, typer.Option(help="Of the server. 进程号文件")],
    crl: Annotated[Path, typer.Option(help="Revoked certificates, PEM. 吊销列表")],
    issued: Annotated[
        Path, typer.Option(help="All certificates ever issued to nodes. 已签发证书目录")
    ],
    at: Annotated[str, typer.Option(help="HOST:PORT of the server. 服务器地址")] = (
        "127.0.0.1:4222"
    ),
    server: ServerName = "nats",
    node: Own = "",
    identity_: Annotated[
        Path, typer.Option("--identity", help="As `config`. 证书目录")
    ] = (IDENTITY),
    domain: Domain = DOMAIN,
) -> None:
    """Cut off who was revoked, until stopped; run it beside each server. 断开被吊销者."""
    places = _places(file)
    if node:
        own = next((place for place in places if place.spec.name == node), None)
        if own is None:
            raise UsageProblem(
                f"{file} has no node {node}.", f"{file} 中没有节点 {node}。"
            )
        places = chained(own)
    told = _Told(identity_, Path(), "", domain)
    host, _, port = at.rpartition(":")
    post = Post(
        address=(host, int(port)),
        tls=told.server(server),
        pid=functools.partial(_pid, pid_file),
        revocations=crl,
        issued=lambda: from_directory(issued),
        sources=(issued,),
        accounts=accounts,
        text=lambda out: told.accounts(places, server, node, out),
        users={place.spec.name: str(identity(place.spec, domain)) for place in places},
    )
    watch = Guard(post, lambda text: session.write(text, text))
    watch.start()
    try:
        await asyncio.Event().wait()  # until Ctrl-C cancels
    finally:
        watch.stop()


class _Told:
    """What both commands are told, put together."""

    def __init__(self, identity_: Path, store: Path, listen: str, domain: str) -> None:
        self._identity = identity_
        self._store = store
        self._listen = listen
        self._domain = domain

    def server(self, name: str) -> Tls:
        return self._files("nats", name)

    def alone(self, name: str) -> Server:
        return Server(
            name=name,
            listen=self._listen,
            store=self._store,
            tls=self.server(name),
            monitor="127.0.0.1:8222",
            pid_file="/run/nats-server.pid",
        )

    def chained(self, name: str, place: Place) -> Server:
        uplink = None
        if place.parent is not None:
            url = f"tls://nats-{place.parent.name}.nats.{self._domain}:{LEAF_PORT}"
            uplink = Uplink(url, self._files("nodes", place.spec.name))
        return Server(
            name=name,
            listen=self._listen,
            store=self._store,
            tls=self.server(name),
            monitor="127.0.0.1:8222",
            pid_file="/run/nats-server.pid",
            leaf_listen=f"0.0.0.0:{LEAF_PORT}" if place.children else "",
            uplink=uplink,
            node=place,
        )

    def accounts(
        self,
        places: Sequence[Place],
        server: str,
        own: str,
        without: frozenset[str] = frozenset(),
    ) -> str:
        keeper = f"{server}.nats.{self._domain}"
        return accounts_text(places, self._domain, keeper, without=without, own=own)

    def _files(self, kind: str, name: str) -> Tls:
        folder = self._identity / kind / name
        return Tls(folder / "tls.crt", folder / "tls.key", self._identity / "ca.crt")


def _places(file: Path) -> tuple[Place, ...]:
    try:
        return tree.read(file)
    except DeploymentRefused as refused:
        raise UsageProblem(str(refused), f"节点清单有误：{refused}") from refused


def _write(folder: Path, server: str, accounts: str) -> None:
    private_directory(folder)
    write_private(folder / "nats.conf", server)
    write_private(folder / ACCOUNTS_FILE, accounts)


def _pid(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0
