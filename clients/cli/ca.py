"""`ducha ca`: the certificates of a site, for embedded and test use.

A real deployment has a certificate authority of its own: see `docs/identity.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from clients.cli import render
from clients.cli.authority import moment, store_of
from clients.cli.command import command
from clients.cli.session import Json, Session
from clients.cli.words import UsageProblem
from deploy.authority import actions, wishes
from deploy.authority.certificates import DAYS, Reason, certificate_pem
from deploy.authority.register import Entry, Kind
from deploy.authority.store import DOMAIN
from deploy.authority.wishes import Wish

app = typer.Typer(
    no_args_is_help=True,
    help="Certificates of this site: issue, revoke, rotate. 证书管理\n\n"
    "For the embedded system and for tests; a real deployment brings its own authority "
    "(docs/identity.md). 仅供内置系统与测试使用。",
)


class Holder(StrEnum):
    """Who has certificates."""

    NODE = "node"
    CLIENT = "client"
    NATS = "nats"

    @property
    def kind(self) -> Kind:
        """The kind in the register."""
        return Kind(self.value)


WORDS = {
    Kind.AUTHORITY: ("CA", "根证书"),
    Kind.NODE: ("node", "节点"),
    Kind.SEAL: ("node's seal", "节点签章"),
    Kind.CLIENT: ("client program", "客户端程序"),
    Kind.NATS: ("NATS server", "NATS 服务器"),
}

NameOrSerial = Annotated[
    str, typer.Argument(help="Name, or a serial number. 名称或序列号", metavar="NAME")
]
Days = Annotated[float, typer.Option(help="Good for so many days. 有效天数")]
RevokeOld = Annotated[
    bool, typer.Option("--revoke-old", help="Revoke the old ones. 同时吊销旧证书")
]
RetireOld = Annotated[
    bool,
    typer.Option(
        "--retire-old", help="With --ca: trust the newest alone. 停用旧根证书"
    ),
]
OfKind = Annotated[
    Holder | None, typer.Option("--kind", help="Where a name is two's. 主体类别")
]


@command(app, "init", example="ducha ca init --data .ducha")
async def init(
    session: Session,
    *,
    domain: Annotated[str, typer.Option(help="Trust domain. 信任域")] = DOMAIN,
) -> None:
    """Make a CA and an issuer of tokens in DIR/identity; `ducha up` does it by itself. 初始化."""
    with store_of(session) as store:
        actions.begin(store, domain)
    session.write(
        f"Made in {store.directory}: CA, revocation list, issuer of tokens ({domain}).",
        f"已在 {store.directory} 建立：根证书、吊销列表、令牌签发者（{domain}）。",
    )
    if session.choices.as_json:
        session.write_json({"directory": str(store.directory), "domain": domain})


@command(
    app,
    "issue",
    example="ducha ca issue node wuhua --tier county --host 530102 --san h1",
)
async def issue(
    session: Session,
    holder: Annotated[Holder, typer.Argument(help="What it is for. 主体类别")],
    name: Annotated[str, typer.Argument(help="Its name. 名称")],
    *,
    tier: Annotated[str, typer.Option(help="Tier of a node. 节点层级")] = "",
    host: Annotated[
        list[str] | None, typer.Option(help="Division a node hosts; repeat. 承载区划")
    ] = None,
    area: Annotated[
        str, typer.Option(help="Where a client program's people come from. 程序的区划")
    ] = "",
    san: Annotated[
        list[str] | None,
        typer.Option(help="Further DNS name or address; repeat. 其他域名或地址"),
    ] = None,
    days: Days = DAYS,
) -> None:
    """Issue the certificates of a node, a client program or a NATS server. 签发证书."""
    _refuse_foreign_options(holder, tier=tier, host=host, area=area, san=san)
    with store_of(session) as store:
        wish = _wish(holder, name, (tier, host or [], area), san or [])
        made = actions.issue(store, replace(wish, days=days))
        _told(session, made, [str(store.files(one.kind, name)[0]) for one in made])


@command(app, "revoke", example="ducha ca revoke wuhua --reason key-compromise")
async def revoke(
    session: Session,
    name: NameOrSerial,
    *,
    reason: Annotated[Reason, typer.Option(help="Why; in the list. 吊销原因")],
    kind: OfKind = None,
) -> None:
    """Revoke all certificates of a name, or one by its serial number. 吊销.

    Nodes read the list within a second and cut live connections.
    """
    with store_of(session) as store:
        struck = actions.revoke(store, name, reason, kind.kind if kind else None)
        _told(session, struck)
    session.write(
        f"Revoked; the list is {store.revocations}. `ducha ca rotate` lets it in again.",
        f"已吊销，吊销列表：{store.revocations}。如需恢复，请用 `ducha ca rotate`。",
    )


@command(app, "rotate", example="ducha ca rotate wuhua --revoke-old")
async def rotate(
    session: Session,
    name: Annotated[
        str, typer.Argument(help="Name, or a serial number. 名称或序列号")
    ] = "",
    *,
    kind: OfKind = None,
    revoke_old: RevokeOld = False,
    days: Days = DAYS,
    ca: Annotated[
        bool, typer.Option("--ca", help="A new CA beside the old. 更换根证书")
    ] = False,
    everybody: Annotated[
        bool, typer.Option("--all", help="Everybody's certificates. 更换全部证书")
    ] = False,
    retire_old: RetireOld = False,
) -> None:
    """Make new keys and certificates; nodes take them within a second. 更换密钥与证书.

    The old ones stay good until they expire. After `--ca`, rotate `--all`, then
    `--ca --retire-old`.
    """
    if [bool(name), ca, everybody].count(True) != 1 or (retire_old and not ca):
        raise UsageProblem(
            "Give one of: a name, --all, --ca; --retire-old goes with --ca only.",
            "请指定其一：名称、--all、--ca；--retire-old 只与 --ca 同用。",
        )
    with store_of(session) as store:
        if ca and retire_old:
            _told(session, actions.retire_authorities(store))
        elif ca:
            _told(session, [actions.rotate_authority(store)], [str(store.bundle)])
        else:
            wanted = kind.kind if kind else None
            made = (
                actions.rotate_all(store, revoke_old=revoke_old, days=days)
                if everybody
                else actions.rotate(
                    store, name, wanted, revoke_old=revoke_old, days=days
                )
            )
            files = [str(store.files(one.kind, one.name)[0]) for one in made]
            _told(session, made, files)


@command(app, "list", example="ducha ca list --all")
async def list_(
    session: Session,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also revoked and expired. 含已吊销与过期")
    ] = False,
) -> None:
    """List what was issued. 证书清单."""
    with store_of(session) as store:
        now = datetime.now(UTC)
        known = actions.entries(store).entries
        _told(session, [one for one in known if everything or one.is_in_force(now)])


@command(app, "show", example="ducha ca show wuhua")
async def show(session: Session, name: NameOrSerial, *, kind: OfKind = None) -> None:
    """Show every certificate of a name, or one by its serial number, with its PEM. 证书详情."""
    with store_of(session) as store:
        found = actions.find(store, name, kind.kind if kind else None)
        if session.choices.as_json:
            pems = [certificate_pem(one.load()) for one in found]
            _told(session, found, pems, key="pem")
            return
        for one in found:
            render.pairs(
                session.out,
                [
                    (session.say("Kind", "类别"), session.say(*WORDS[one.kind])),
                    (session.say("Name", "名称"), one.name),
                    (session.say("Identity", "身份"), one.identity),
                    (session.say("Serial", "序列号"), one.number),
                    (session.say("Until", "有效期至"), moment(one.not_after)),
                    (session.say("State", "状态"), _state(session, one)),
                ],
            )
            session.out.print(certificate_pem(one.load()), markup=False)


def _refuse_foreign_options(holder: Holder, **given: object) -> None:
    """Refuse what another kind of holder would need.

    Raises:
        UsageProblem: an option is missing, or does not go with the kind.
    """
    needed = {
        Holder.NODE: {"tier", "host"},
        Holder.CLIENT: {"area"},
        Holder.NATS: set[str](),
    }[holder]
    free = set() if holder is Holder.CLIENT else {"san"}
    has = {option for option, value in given.items() if value}
    if needed <= has <= needed | free:
        return
    told = " ".join(f"--{option}" for option in sorted(needed)) or "-"
    also = " [--san]" if free else ""
    raise UsageProblem(
        f"A {holder} takes these options: {told}{also}.",
        f"{holder} 应使用的选项：{told}{also}。",
    )


def _wish(
    holder: Holder,
    name: str,
    where: tuple[str, Sequence[str], str],
    names: Sequence[str],
) -> Wish:
    tier, hosts, area = where
    match holder:
        case Holder.NODE:
            return wishes.node(name, tier, hosts, names)
        case Holder.CLIENT:
            return wishes.client(name, area)
        case Holder.NATS:
            return Wish(Kind.NATS, name, names=tuple(names))


def _told(
    session: Session,
    entries: Sequence[Entry],
    more: Sequence[str] = (),
    *,
    key: str = "file",
) -> None:
    """Show certificates; `more` is what belongs to each, called `key` for programs."""
    if session.choices.as_json:
        shown: list[Json] = [_json(one) for one in entries]
        for value, text in zip(shown, more, strict=False):
            if isinstance(value, dict):
                value[key] = text
        session.write_json({"certificates": shown})
        return
    say = session.say
    heads = [say("Kind", "类别"), say("Name", "名称"), say("Identity", "身份")]
    heads += [say("Serial", "序列号"), say("Until", "有效期至"), say("State", "状态")]
    heads += [say("File", "文件")] if more else []
    rows = [
        (
            say(*WORDS[one.kind]),
            one.name,
            one.identity,
            one.number,
            moment(one.not_after),
            _state(session, one),
            *more[place : place + 1],
        )
        for place, one in enumerate(entries)
    ]
    session.out.print(render.table(heads, rows))


def _state(session: Session, entry: Entry) -> str:
    if entry.revoked_at:
        told = session.say("revoked", "已吊销")
        return f"{told} {moment(entry.revoked_at)} ({entry.reason})"
    if entry.retired_at:
        return session.say("retired", "已停用")
    if not entry.is_in_force(datetime.now(UTC)):
        return session.say("expired", "已过期")
    return session.say("good", "有效")


def _json(entry: Entry) -> dict[str, Json]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "identity": entry.identity,
        "serial": entry.number,
        "issued_at": entry.issued_at.isoformat(),
        "not_after": entry.not_after.isoformat(),
        "revoked_at": entry.revoked_at.isoformat() if entry.revoked_at else None,
        "reason": entry.reason if entry.revoked_at else None,
        "retired_at": entry.retired_at.isoformat() if entry.retired_at else None,
    }
