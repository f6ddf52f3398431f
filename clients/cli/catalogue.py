"""`ducha catalogue list|show|indicators|publish|import|export`: what can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import Parse, ParseError

from clients.cli import options, render
from clients.cli.command import command
from clients.cli.parse import LevelName
from clients.cli.session import Json, Session, as_json
from clients.cli.words import UsageProblem
from ducha.catalogue.v1 import catalogue_pb2 as pb
from ducha.catalogue.v1 import catalogue_service_pb2 as api
from ducha.division.v1.division_pb2 import LEVEL_UNSPECIFIED, Level

app = typer.Typer(no_args_is_help=True, help="Catalogue of data elements. 指标目录")

LARGEST = 4 * 1024 * 1024
PAGE = 1000

CHINESE = {
    "VALUE_TYPE_NUMBER": "数值",
    "VALUE_TYPE_MONEY": "金额",
    "VALUE_TYPE_DATE": "日期",
    "VALUE_TYPE_CODE": "代码",
    "VALUE_TYPE_TEXT": "文本",
    "VALUE_TYPE_BOOLEAN": "是否",
    "PERIOD_TYPE_DAY": "日",
    "PERIOD_TYPE_WEEK": "周",
    "PERIOD_TYPE_MONTH": "月",
    "PERIOD_TYPE_QUARTER": "季",
    "PERIOD_TYPE_YEAR": "年",
    "PERIOD_TYPE_EVENT": "事件",
    "SENSITIVITY_PUBLIC": "公开",
    "SENSITIVITY_INTERNAL": "内部",
    "SENSITIVITY_RESTRICTED": "敏感",
}

Check = Annotated[
    bool, typer.Option("--check", help="Only check; change nothing. 仅校验")
]
Text = Annotated[
    str, typer.Argument(help="Only whose code or names contain this. 关键字")
]


@command(app, "list", example="ducha catalogue list 老人 --level township")
async def list_elements(
    session: Session,
    text: Text = "",
    *,
    level: Annotated[
        LevelName | None, typer.Option(help="Only collected at this level. 采集层级")
    ] = None,
    retired: Annotated[
        bool, typer.Option("--retired", help="Retired ones too. 含已停用")
    ] = False,
    limit: options.Limit = 200,
    at: options.At = "",
) -> None:
    """List data elements by code. 数据元列表."""
    client = await session.at(at)
    request = api.ListElementsRequest(
        text=text,
        collect_level=level.wire if level else LEVEL_UNSPECIFIED,
        include_retired=retired,
        page_size=min(limit, PAGE),
    )
    found: list[pb.Element] = []
    while len(found) < limit:
        page = await client.call(client.catalogue.ListElements, request)
        found += page.elements
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    if session.choices.as_json:
        shown: list[Json] = [as_json(one) for one in found[:limit]]
        session.write_json({"elements": shown})
        return
    _print(session, found[:limit])


@command(app, "show", example="ducha catalogue show population.elderly_alone")
async def show(
    session: Session,
    code: Annotated[str, typer.Argument(help="Code of the element. 数据元代码")],
    *,
    version: Annotated[
        int, typer.Option(min=0, help="As this version of the catalogue had it. 版本")
    ] = 0,
    at: options.At = "",
) -> None:
    """Show one data element whole. 查看数据元."""
    client = await session.at(at)
    request = api.GetElementRequest(code=code, version=version)
    response = await client.call(client.catalogue.GetElement, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    render.pairs(session.out, _fields(session, response.element))


@command(app, "indicators", example="ducha catalogue indicators safety")
async def list_indicators(
    session: Session,
    text: Text = "",
    *,
    limit: options.Limit = 200,
    at: options.At = "",
) -> None:
    """List indicators by code, with their formulas. 指标列表."""
    client = await session.at(at)
    request = api.ListIndicatorsRequest(text=text, page_size=min(limit, PAGE))
    found: list[pb.Indicator] = []
    while len(found) < limit:
        page = await client.call(client.catalogue.ListIndicators, request)
        found += page.indicators
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    if session.choices.as_json:
        shown: list[Json] = [as_json(one) for one in found[:limit]]
        session.write_json({"indicators": shown})
        return
    heads = [session.say("Code", "代码"), session.say("Name", "名称")]
    heads += [session.say("Unit", "单位"), session.say("Formula", "公式")]
    rows = [
        (one.code, _name(session, one), one.unit, one.formula) for one in found[:limit]
    ]
    session.out.print(render.table(heads, rows))


@command(app, "publish", example="ducha catalogue publish catalogue.json --check")
async def publish(
    session: Session,
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="JSON: elements, indicators"),
    ],
    *,
    check: Check = False,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Add or change elements and indicators from a JSON file; all rows or none. 发布目录."""
    request = read_json(file)
    request.request_id = options.new_request_id(request_id)
    request.actor, request.validate_only = actor, check
    client = await session.at()
    method = client.catalogue_keeping.PublishCatalogue
    _tell(session, await options.write(client, method, request), check=check)


@command(app, "import", example="ducha catalogue import catalogue.xlsx --check")
async def import_workbook(
    session: Session,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Excel workbook, .xlsx")
    ],
    *,
    check: Check = False,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Add or change what a workbook says; `export` gives its form. 导入工作簿."""
    if not 0 < file.stat().st_size <= LARGEST:
        raise UsageProblem(
            f"{file} is empty, or larger than 4 MiB. Split it into several.",
            f"{file} 为空或超过 4 MiB。请拆分为多个文件。",
        )
    client = await session.at()
    request = api.ImportWorkbookRequest(
        request_id=options.new_request_id(request_id),
        actor=actor,
        workbook=file.read_bytes(),
        validate_only=check,
    )
    method = client.catalogue_keeping.ImportWorkbook
    response = await options.write(client, method, request)
    _tell(session, response.result, check=check)


@command(app, "export", example="ducha catalogue export catalogue.xlsx")
async def export(
    session: Session,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="File to write, .xlsx")],
) -> None:
    """Write the whole catalogue as an Excel workbook; an empty one is the form. 导出工作簿."""
    client = await session.at()
    response = await client.call(
        client.catalogue_keeping.ExportWorkbook, api.ExportWorkbookRequest()
    )
    file.write_bytes(response.workbook)
    version, size = response.catalogue_version, len(response.workbook)
    if session.choices.as_json:
        session.write_json({"file": str(file), "catalogue_version": version})
        return
    session.write(
        f"Wrote version {version} to {file} ({size} bytes).",
        f"已将第 {version} 版写入 {file}（{size} 字节）。",
    )


def read_json(file: Path) -> api.PublishCatalogueRequest:
    """Read rows as `publish` takes them: the JSON form of the protos.

    Raises:
        UsageProblem: it is no JSON, or has fields that nobody knows.
    """
    request = api.PublishCatalogueRequest()
    try:
        Parse(file.read_text(encoding="utf-8-sig"), request)
    except (ParseError, UnicodeDecodeError) as wrong:
        raise UsageProblem(
            f"{file}: {wrong}. Write elements and indicators as the protos name them.",
            f"{file}：{wrong}。请按接口定义填写 elements 与 indicators。",
        ) from wrong
    return request


def _tell(session: Session, done: api.PublishCatalogueResponse, *, check: bool) -> None:
    """Say what was published, or would be."""
    if session.choices.as_json:
        session.write_json(done)
        return
    new, same = done.published_count, done.unchanged_count
    version = done.catalogue_version
    if check:
        session.write(
            f"Sound: {new} rows would be published as version {version}; {same} unchanged.",
            f"校验通过：将发布 {new} 行，成为第 {version} 版；{same} 行无变化。",
        )
        return
    session.write(
        f"Published {new} rows; {same} unchanged. The catalogue is at version {version}.",
        f"已发布 {new} 行；{same} 行无变化。目录现为第 {version} 版。",
    )


def _name(session: Session, one: pb.Element | pb.Indicator) -> str:
    return session.say(one.name_en, one.name_zh)


def _word(session: Session, name: str) -> str:
    """Return the user's word for an enum value: `VALUE_TYPE_NUMBER` is `number` or 数值."""
    english = name.rpartition("_")[2].lower()
    return session.say(english, CHINESE.get(name, english))


def _print(session: Session, found: Sequence[pb.Element]) -> None:
    say = session.say
    heads = [say("Code", "代码"), say("Name", "名称"), say("Type", "类型")]
    heads += [say("Unit", "单位"), say("Period", "周期"), say("Level", "采集层级")]
    heads += [say("Owner", "归口部门"), say("Version", "版本")]
    rows = [
        (
            one.code,
            _name(session, one),
            _word(session, pb.ValueType.Name(one.type)),
            one.unit,
            _word(session, pb.PeriodType.Name(one.period_type)),
            session.label(Level.Name(one.collect_level)),
            one.owner.name,
            str(one.version) + (say(" retired", " 停用") if one.retired else ""),
        )
        for one in found
    ]
    session.out.print(render.table(heads, rows))


def _fields(session: Session, one: pb.Element) -> list[tuple[str, str]]:
    """Return all that an element says, one line each."""
    say = session.say
    codes = "; ".join(f"{entry.code} {entry.name_zh}" for entry in one.codes)
    age = one.freshness.max_age.ToJsonString()
    fresh = age if one.freshness.HasField("max_age") else say("period", "周期结束")
    return [
        (say("Code", "代码"), one.code),
        (say("Number", "编号"), str(one.number)),
        (say("Version", "版本"), str(one.version)),
        (say("Chinese name", "中文名称"), one.name_zh),
        (say("English name", "英文名称"), one.name_en),
        (say("Definition", "定义"), one.definition),
        (say("Type", "类型"), _word(session, pb.ValueType.Name(one.type))),
        (say("Unit", "单位"), one.unit),
        (say("Decimals", "小数位数"), str(one.decimals)),
        (say("Codes", "代码表"), codes),
        (say("Period", "周期"), _word(session, pb.PeriodType.Name(one.period_type))),
        (say("Level", "采集层级"), session.label(Level.Name(one.collect_level))),
        (say("Owner", "归口部门"), f"{one.owner.division} {one.owner.name}"),
        (say("Legal basis", "法定依据"), one.legal_basis),
        (
            say("Sensitivity", "敏感级别"),
            _word(session, pb.Sensitivity.Name(one.sensitivity)),
        ),
        (say("Freshness", "鲜活度"), fresh),
        (say("Rule", "校验规则"), one.rule),
        (say("Not for", "禁止用途"), ", ".join(one.forbidden_uses)),
        (say("Difference", "区别说明"), one.difference),
        (say("Retired", "停用"), say("yes", "是") if one.retired else ""),
    ]
