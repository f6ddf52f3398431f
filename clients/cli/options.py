"""Options that several commands take, and how a write is sent."""

from __future__ import annotations

import getpass
import os
import uuid
from dataclasses import replace
from typing import Annotated, Protocol, TypeVar

import typer

from clients.cli.parse import LevelName
from clients.cli.words import UsageProblem
from clients.runtime import Client, Unreachable
from clients.runtime.calling import Answered, Method
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.division.v1.division_pb2 import LEVEL_UNSPECIFIED


def _actor() -> str:
    try:
        return os.environ.get("DUCHA_ACTOR") or getpass.getuser()
    except (KeyError, OSError):  # no entry for this user id
        return "unknown"


Item = Annotated[str, typer.Argument(help="Item id. 事项编号", metavar="ITEM")]
Actor = Annotated[
    str,
    typer.Option(
        help="Who acts; recorded. 操作人", envvar="DUCHA_ACTOR", show_default=False
    ),
]
ACTOR = _actor()
RequestId = Annotated[
    str, typer.Option(help="Id of a request sent before, to repeat it safely. 请求编号")
]
Acting = Annotated[
    str,
    typer.Option(
        "--as", help="Division that acts; the issuer by default. 以哪个区划办理"
    ),
]
At = Annotated[
    str,
    typer.Option(
        help="Tier or division whose node is asked; the top by default. 查询的节点"
    ),
]
Limit = Annotated[
    int, typer.Option(min=1, max=100_000, help="At most this many. 条数上限")
]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", help="A division that executes; repeat. 承办区划"),
]
TargetLevel = Annotated[
    LevelName | None,
    typer.Option("--level", help="Or all divisions of a level. 承办层级"),
]
Within = Annotated[
    list[str] | None, typer.Option(help="That lie within this; repeat. 限定范围")
]
Exclude = Annotated[
    list[str] | None, typer.Option(help="But not within this; repeat. 排除范围")
]

ReceiveWithin = Annotated[
    str, typer.Option(help="Or within: 2wd working days, 4h hours. 签收期限")
]
WorkWithin = Annotated[
    str, typer.Option(help="Or within: 10wd working days, 24h hours. 办理期限")
]


class Identified(Protocol):
    """A request with an id for repeats."""

    @property
    def request_id(self) -> str:
        """A UUID."""


Asked = TypeVar("Asked", bound=Identified)


def new_request_id(given: str = "") -> str:
    """Return the id to send: the one given, or a new one.

    Raises:
        UsageProblem: what is given is no UUID.
    """
    try:
        return str(uuid.UUID(given)) if given else str(uuid.uuid4())
    except ValueError as wrong:
        raise UsageProblem(
            f"{given!r} is no request id. Give the UUID of the first try.",
            f"{given!r} 不是请求编号。请使用首次请求的 UUID。",
        ) from wrong


async def write(
    client: Client, method: Method[Asked, Answered], request: Asked, *, again: str = ""
) -> Answered:
    """Send a request that changes something; `again` names it, if not its own id.

    Raises:
        Unreachable: with the `request_id`, for it may have been done.
    """
    try:
        return await client.call(method, request)
    except Unreachable as lost:
        name = f"--request-id {again or request.request_id}"
        answer = replace(
            lost.answer,
            english=f"{lost.english} It may have been done: repeat it with {name}.",
            chinese=f"{lost.chinese} 操作可能已生效：请加 {name} 重试，不会重复办理。",
        )
        raise Unreachable(answer, lost.address) from lost


def selection(
    divisions: list[str] | None,
    level: LevelName | None,
    within: list[str] | None,
    exclude: list[str] | None,
) -> pb.TargetSelection:
    """Return the targets that the options name."""
    return pb.TargetSelection(
        divisions=divisions or (),
        level=level.wire if level else LEVEL_UNSPECIFIED,
        within=within or (),
        excluded=exclude or (),
    )
