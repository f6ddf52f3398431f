"""How data requests and values look to a person: words, values, labels, pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from clients.cli import render
from clients.cli.session import Session
from clients.cli.words import UsageProblem
from clients.runtime import Client
from clients.runtime.calling import Method
from ducha.registry.v1 import registry_pb2 as pb

WORDS: Mapping[str, tuple[str, str]] = {
    "DATA_REQUEST_STATE_OPEN": ("open", "采集中"),
    "DATA_REQUEST_STATE_COMPLETE": ("complete", "已齐"),
    "DATA_REQUEST_STATE_WITHDRAWN": ("withdrawn", "已撤回"),
    "CONFLICT_STATE_OPEN": ("open", "待裁定"),
    "CONFLICT_STATE_STANDING_KEPT": ("kept what stood", "维持原值"),
    "CONFLICT_STATE_RIVAL_TAKEN": ("took the rival", "采用另值"),
    "ASK_COLLECT": ("collect", "采集"),
    "ASK_CONFIRM": ("confirm", "确认"),
    "STAGE_TOWNSHIP": ("approved by township", "乡级已审"),
    "STAGE_COUNTY": ("approved by county", "县级已审"),
    "STAGE_CITY": ("approved by city", "市级已审"),
    "STAGE_PROVINCE": ("approved by province", "省级已审"),
}


class Paged(Protocol):
    """A request for pages."""

    page_token: str


class Page(Protocol):
    """One page."""

    @property
    def next_page_token(self) -> str:
        """Empty on the last page."""


Asked = TypeVar("Asked", bound=Paged)
Answered = TypeVar("Answered", bound=Page)
Row = TypeVar("Row")


async def rows(
    client: Client,
    method: Method[Asked, Answered],
    request: Asked,
    read: Callable[[Answered], Sequence[Row]],
    limit: int,
) -> list[Row]:
    """Return what all pages hold, at most `limit`."""
    found: list[Row] = []
    while len(found) < limit:
        page = await client.call(method, request)
        found += read(page)
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    return found[:limit]


def word(session: Session, name: str) -> str:
    """Return the user's word for a value's name; the name itself where none is."""
    return session.say(*WORDS.get(name, (name, name)))


def codes(text: str) -> list[str]:
    """Read `a,b` as the codes of elements.

    Raises:
        UsageProblem: there is none.
    """
    found = [code.strip() for code in text.split(",") if code.strip()]
    if not found:
        raise UsageProblem(
            "No element is named. Write --elements population.total,fire.patrols.",
            "没有写数据元。请写 --elements population.total,fire.patrols。",
        )
    return found


def shown(session: Session, value: pb.Value) -> str:
    """Return a value as people write it; empty where there is none."""
    match value.WhichOneof("value"):
        case "number":
            return f"{value.number:.15g}"
        case "boolean":
            return (
                session.say("yes", "是") if value.boolean else session.say("no", "否")
            )
        case "date":
            return value.date
        case _:
            return value.text


def labels(session: Session, one: pb.Observation) -> str:
    """Return everything a value is labelled with."""
    say = session.say
    found = [
        text
        for is_so, text in (
            (one.late, say("late", "逾期")),
            (one.outlier, say("outlier", "异常")),
            (one.unchanged, say("unchanged", "确认无变化")),
            (one.contested, say("contested", "有冲突")),
            (one.superseded, say("superseded", "旧版")),
        )
        if is_so
    ]
    if one.stage:
        found.append(word(session, pb.Stage.Name(one.stage)))
    return say(", ", "、").join(found)


def cells(counts: pb.Outcomes) -> tuple[int, int, int, int]:
    """Return what the gate decided, in the order in which it is shown."""
    return counts.served, counts.joined, counts.confirm, counts.collect


def outcome_heads(session: Session) -> list[str]:
    """Return the headings of `cells`."""
    say = session.say
    return [
        say("Served", "已有"),
        say("Joined", "并单"),
        say("To confirm", "待确认"),
        say("To collect", "待采集"),
    ]


def request_rows(session: Session, one: pb.DataRequest) -> list[tuple[str, object]]:
    """Return all that a data request says, one line each."""
    say = session.say
    heads = outcome_heads(session)
    return [
        (say("Data request", "用数申请"), one.data_request_id),
        (say("Title", "标题"), one.title),
        (say("State", "状态"), word(session, pb.DataRequestState.Name(one.state))),
        (say("Requester", "申请单位"), f"{one.requester_division} {one.requester}"),
        (say("Item", "事项"), one.item_id),
        (say("Elements", "数据元"), ", ".join(one.elements)),
        (say("Period", "周期"), one.period),
        (say("Used for", "用途"), one.use),
        (say("Deadline", "时限"), render.when(one.deadline_time)),
        (say("Asked", "申请时间"), render.when(one.create_time)),
        *zip(heads, cells(one.outcomes), strict=True),
        (say("Still missing", "尚缺"), one.waiting_count),
        (say("Complete", "收齐时间"), render.when(one.complete_time)),
    ]
