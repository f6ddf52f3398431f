"""`ducha division list|show|import|retire`, and the import that `up` and the demo share."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from clients.cli import options, render
from clients.cli.command import command
from clients.cli.parse import LevelName
from clients.cli.session import Json, Session, as_json
from clients.cli.words import UsageProblem
from clients.runtime import Client
from ducha.division.v1 import division_pb2 as pb
from ducha.division.v1 import division_service_pb2 as api

app = typer.Typer(no_args_is_help=True, help="Administrative divisions. 行政区划")

CHUNK = 2000
COLUMNS = ["code", "name", "level", "parent"]
NAMESPACE = uuid.UUID("3f5f8c0a-8e6b-5b52-8a53-2f7a4f0f4b6d")
IMPORTER = "ducha import"

VALID_FROM = "2023-06-30"
"""First day of imported entries, unless said otherwise: the day of the national codes."""


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What an import did."""

    imported: int
    unchanged: int
    left_out: int


def read_csv(
    file: Path, root: str, valid_from: str = VALID_FROM
) -> tuple[list[pb.Division], int]:
    """Read the rows within `root`, parents first, and count those left out.

    Raises:
        UsageProblem: a row that is none, with its line number; or it is no CSV in UTF-8.
    """
    try:
        return _read_csv(file, root, valid_from)
    except (UnicodeDecodeError, csv.Error) as wrong:
        raise UsageProblem(
            f"{file} is no CSV file in UTF-8 ({wrong}). Save it as CSV UTF-8.",
            f"{file} 不是 UTF-8 编码的 CSV 文件（{wrong}）。请另存为 CSV UTF-8 格式。",
        ) from wrong


def _read_csv(file: Path, root: str, valid_from: str) -> tuple[list[pb.Division], int]:
    rows: list[pb.Division] = []
    left_out = 0
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        if reader.fieldnames != COLUMNS:
            raise UsageProblem(
                f"{file}: the first line must be {','.join(COLUMNS)}.",
                f"{file}：首行必须是 {','.join(COLUMNS)}。",
            )
        for row in reader:
            if not (row["code"] or "").startswith(root):
                left_out += 1
                continue
            entry = _row(row, f"{file}:{reader.line_num}")
            entry.valid_from = valid_from
            rows.append(entry)
    if not rows:
        raise UsageProblem(
            f"{file} has no division within {root}. Give the --root of this file.",
            f"{file} 中没有 {root} 范围内的区划。请用 --root 指定该文件的根区划。",
        )
    return sorted(rows, key=lambda one: (len(one.code), one.code)), left_out


def _row(row: dict[str, str], place: str) -> pb.Division:
    levels = [level.value for level in LevelName]
    code, level = row["code"], row["level"]
    wrong = (
        f"code {code!r} is no number"
        if not (code.isascii() and code.isdigit())
        else f"level {level!r} is none of {', '.join(levels)}"
        if level not in levels
        else "the name is missing"
        if not row["name"]
        else ""
    )
    if wrong:
        raise UsageProblem(
            f"{place}: {wrong}. Correct the row.", f"{place}：{wrong}。请改正该行。"
        )
    return pb.Division(
        code=code,
        name=row["name"],
        level=LevelName(level).wire,
        parent_code=row["parent"] or "",
    )


def requests(
    rows: Sequence[pb.Division], actor: str
) -> Iterator[api.ImportDivisionsRequest]:
    """Yield the rows in chunks; the id of each follows from what it says.

    So a second import of the same file is the same requests, and does nothing.
    """
    for start in range(0, len(rows), CHUNK):
        request = api.ImportDivisionsRequest(
            actor=actor, divisions=rows[start : start + CHUNK]
        )
        content = request.SerializeToString(deterministic=True)
        request.request_id = str(uuid.uuid5(NAMESPACE, content.hex()))
        yield request


async def import_rows(
    client: Client, rows: Sequence[pb.Division], actor: str = IMPORTER
) -> tuple[int, int]:
    """Import rows into the tree at its keeper; return how many were new, and how many stood."""
    imported = unchanged = 0
    for request in requests(rows, actor):
        response = await client.call(client.keeping.ImportDivisions, request)
        imported += response.imported_count
        unchanged += response.unchanged_count
    return imported, unchanged


async def import_divisions(keeper: Client, file: Path, root: str) -> ImportCounts:
    """Import a CSV (code, name, level, parent) at the province's node.

    Rows outside `root` are left out. Importing again changes nothing.

    Raises:
        UsageProblem: a row of the file is wrong.
        Refused: rows do not fit the tree.
        Unreachable: the node gave no answer.
    """
    rows, left_out = read_csv(file, root)
    imported, unchanged = await import_rows(keeper, rows)
    return ImportCounts(imported, unchanged, left_out)


@command(app, "import", example="ducha division import divisions.csv --root 53")
async def import_file(
    session: Session,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV of four columns")
    ],
    *,
    root: Annotated[
        str, typer.Option(help="Only within this; the root by default. 根区划")
    ] = "",
    valid_from: Annotated[
        str, typer.Option(help="First day the entries hold. 生效日")
    ] = VALID_FROM,
    actor: options.Actor = options.ACTOR,
) -> None:
    """Import divisions from a CSV with the columns code, name, level, parent. 导入区划."""
    top = root or await session.root()
    rows, left_out = read_csv(file, top, valid_from)
    imported, unchanged = await import_rows(await session.at(top[:2]), rows, actor)
    counts: dict[str, Json] = {
        "imported": imported,
        "unchanged": unchanged,
        "left_out": left_out,
    }
    if session.choices.as_json:
        session.write_json(counts)
        return
    session.write(
        f"Imported {imported}; {unchanged} stood already; {left_out} lie outside {top}.",
        f"已导入 {imported}；{unchanged} 条无变化；{left_out} 条不在 {top} 范围内。",
    )


@command(app, "list", example="ducha division list 5301 --level county")
async def list_divisions(
    session: Session,
    within: Annotated[str, typer.Argument(help="Only within this. 上级区划")] = "",
    *,
    level: Annotated[
        LevelName | None, typer.Option(help="Only this level. 层级")
    ] = None,
    as_of: Annotated[str, typer.Option(help="As it stood on a day. 日期")] = "",
    limit: options.Limit = 200,
    at: options.At = "",
) -> None:
    """List divisions by code. 区划列表."""
    client = await session.at(at)
    request = api.ListDivisionsRequest(
        within=within,
        level=level.wire if level else pb.LEVEL_UNSPECIFIED,
        as_of=as_of,
        page_size=min(limit, 2000),
    )
    found: list[pb.Division] = []
    while len(found) < limit:
        page = await client.call(client.divisions.ListDivisions, request)
        found += page.divisions
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    _print(session, found[:limit])


@command(app, "show", example="ducha division show 530102001")
async def show(
    session: Session,
    code: Annotated[str, typer.Argument(help="Division code. 区划代码")],
    *,
    as_of: Annotated[str, typer.Option(help="As it stood on a day. 日期")] = "",
    at: options.At = "",
) -> None:
    """Show one division. 查看区划."""
    client = await session.at(at)
    request = api.GetDivisionRequest(code=code, as_of=as_of)
    response = await client.call(client.divisions.GetDivision, request)
    if session.choices.as_json:
        session.write_json(response)
    else:
        _print(session, [response.division])


@command(
    app,
    "retire",
    example="ducha division retire 530199 --valid-to 2026-12-01 --successor 530112",
)
async def retire(
    session: Session,
    code: Annotated[str, typer.Argument(help="Division to end. 区划代码")],
    *,
    valid_to: Annotated[str, typer.Option(help="First day it no longer holds. 失效日")],
    successor: Annotated[
        list[str] | None, typer.Option(help="What carries on. 承接区划")
    ] = None,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """End a division on a day, naming what carries on. 撤并区划."""
    client = await session.at()
    request = api.RetireDivisionRequest(
        request_id=options.new_request_id(request_id),
        actor=actor,
        code=code,
        valid_to=valid_to,
        successor_codes=successor or (),
    )
    response = await options.write(client, client.keeping.RetireDivision, request)
    if session.choices.as_json:
        session.write_json(response)
    else:
        _print(session, [response.division])


def _print(session: Session, found: Sequence[pb.Division]) -> None:
    if session.choices.as_json:
        session.write_json({"divisions": [as_json(one) for one in found]})
        return
    say = session.say
    heads = [say("Code", "代码"), say("Name", "名称"), say("Level", "层级")]
    heads += [say("Within", "上级"), say("From", "生效"), say("Until", "失效")]
    rows = [
        (
            one.code,
            one.name,
            session.label(pb.Level.Name(one.level)),
            one.parent_code,
            one.valid_from,
            one.valid_to,
        )
        for one in found
    ]
    session.out.print(render.table(heads, rows))
