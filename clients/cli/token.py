"""`ducha token`: tokens of the embedded issuer, for the demo and for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from clients.cli import render
from clients.cli.authority import moment, store_of
from clients.cli.command import command
from clients.cli.session import Json, Session
from clients.cli.words import UsageProblem
from deploy.authority import issuer, tokens
from deploy.authority.tokens import HOURS, Person, Token

app = typer.Typer(
    no_args_is_help=True,
    help="Tokens of this site's own issuer. 令牌管理\n\n"
    "For the demo and for tests; real people have tokens of an OpenID Connect issuer "
    "(docs/identity.md). 仅供演示与测试使用。",
)


class RoleName(StrEnum):
    """What somebody is there for."""

    OFFICER = "officer"
    GRID_WORKER = "grid_worker"
    INTEGRATOR = "integrator"
    KEEPER = "keeper"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    READER = "reader"


@command(
    app,
    "issue",
    example="ducha token issue zhang.san --division 530102 --role officer --name 张三",
)
async def issue(
    session: Session,
    subject: Annotated[str, typer.Argument(help="Id that lasts. 主体标识")],
    *,
    division: Annotated[str, typer.Option(help="Where they stand. 所属区划")],
    role: Annotated[list[RoleName], typer.Option(help="What for; repeat. 角色")],
    name: Annotated[str, typer.Option(help="Name of the person. 姓名")] = "",
    hours: Annotated[
        float, typer.Option(help="Good for so many hours. 有效小时")
    ] = HOURS,
) -> None:
    """Issue a token and print it alone, so that a file or a variable can take it. 签发令牌."""
    with store_of(session) as store:
        person = Person(subject, division, tuple(map(str, role)), name)
        token = tokens.issue(store, person, hours)
    if session.choices.as_json:
        session.write_json({**_json(token), "token": token.text})
    else:
        session.out.file.write(token.text + "\n")


@command(app, "revoke", example="ducha token revoke --subject zhang.san")
async def revoke(
    session: Session,
    token_id: Annotated[
        str, typer.Argument(help="Id of a token (jti). 令牌编号", metavar="JTI")
    ] = "",
    *,
    subject: Annotated[
        str, typer.Option(help="All tokens of somebody until now. 某主体的全部令牌")
    ] = "",
) -> None:
    """Take back one token, or all that somebody has; nodes cut streams in seconds. 吊销令牌."""
    if bool(token_id) is bool(subject):
        raise UsageProblem(
            "Give the id of a token, or else --subject.",
            "请指定令牌编号或 --subject 之一。",
        )
    with store_of(session) as store:
        if subject:
            tokens.revoke_subject(store, subject)
        else:
            tokens.revoke(store, token_id)
    session.write("Taken back.", "已吊销。")
    if session.choices.as_json:
        session.write_json({"revoked": token_id, "subject": subject})


@command(app, "rotate", example="ducha token rotate")
async def rotate(
    session: Session,
    *,
    retire_old: Annotated[
        bool,
        typer.Option(
            "--retire-old",
            help="Every token until now is void. 旧密钥签发的令牌全部作废",
        ),
    ] = False,
) -> None:
    """Make a new key for tokens; those of the old one stay good until they expire. 更换密钥."""
    with store_of(session) as store:
        kid = issuer.rotate(store, retire_old=retire_old)
        file = str(store.jwks)
    session.write(f"The new key is {kid}, in {file}.", f"新密钥 {kid}，见 {file}。")
    if session.choices.as_json:
        session.write_json({"kid": kid, "jwks": file})


@command(app, "list", example="ducha token list")
async def list_(session: Session) -> None:
    """List tokens issued by `ducha token issue` that have not expired. 令牌清单."""
    with store_of(session) as store:
        found = tokens.listed(store)
    if session.choices.as_json:
        session.write_json({"tokens": [_json(one) for one in found]})
        return
    say = session.say
    heads = [say("Id", "编号"), say("Subject", "主体"), say("Name", "姓名")]
    heads += [say("Division", "区划"), say("Roles", "角色"), say("Until", "有效期至")]
    heads += [say("State", "状态")]
    rows = [
        (
            one.token_id,
            one.person.subject,
            one.person.name,
            one.person.division,
            " ".join(one.person.roles),
            moment(datetime.fromtimestamp(one.expires_at, UTC)),
            say("revoked", "已吊销") if one.is_revoked else say("good", "有效"),
        )
        for one in found
    ]
    session.out.print(render.table(heads, rows))


def _json(token: Token) -> dict[str, Json]:
    person = token.person
    roles: list[Json] = list(person.roles)
    return {
        "jti": token.token_id,
        "sub": person.subject,
        "name": person.name,
        "division": person.division,
        "roles": roles,
        "iat": token.issued_at,
        "exp": token.expires_at,
        "revoked": token.is_revoked,
    }
