"""`ducha item timeline`: what happened to an item, as one node's ledger tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, TypeAlias

import typer
from google.protobuf.timestamp_pb2 import Timestamp
from rich.table import Table
from rich.text import Text

from clients.cli import options
from clients.cli.command import command
from clients.cli.items import app
from clients.cli.registry_words import rows
from clients.cli.session import Session, as_json
from clients.cli.timeline_words import (
    DETAILS,
    HIDDEN,
    KINDS,
    REVIEWED,
    VALUES,
    Words,
)
from ducha.assignment.v1 import assignment_pb2
from ducha.timeline.v1 import timeline_pb2 as pb
from ducha.timeline.v1 import timeline_service_pb2 as api

CHINA = timezone(timedelta(hours=8))
"""Asia/Shanghai: people's times, wherever the command runs."""

PAGE = 500
NAMED = 3
"""Divisions that a line names; the rest are counted."""

STYLES: Mapping[int, str] = {
    assignment_pb2.LIGHT_GREEN: "green",
    assignment_pb2.LIGHT_YELLOW: "yellow",
    assignment_pb2.LIGHT_RED: "red",
}
LAMPS: Mapping[int, tuple[str, str]] = {
    assignment_pb2.LIGHT_GREEN: ("green", "绿灯"),
    assignment_pb2.LIGHT_YELLOW: ("yellow", "黄灯"),
    assignment_pb2.LIGHT_RED: ("red", "红灯"),
}
FIRST_SAID = {"petition_id": "petition", "rectification_id": "problem"}
"""What the first event of a petition or point says of it, and those after it do not."""

Begun: TypeAlias = Mapping[str, tuple[str, str]]
"""A detail and its text, by the id of a petition or point."""

WAYS: Mapping[int, tuple[str, str]] = {
    pb.Event.DIRECTION_HERE: ("here", "本级"),
    pb.Event.DIRECTION_FROM_ABOVE: ("↓ from above", "↓ 上级"),
    pb.Event.DIRECTION_FROM_BELOW: ("↑ from below", "↑ 下级"),
}


@command(app, "timeline", example="ducha item timeline 0198c0de-… --within 530102")
async def timeline(
    session: Session,
    item: options.Item,
    *,
    within: Annotated[
        str, typer.Option(help="Only what concerns this area. 限定区划")
    ] = "",
    limit: options.Limit = 1000,
    at: options.At = "",
) -> None:
    """Tell the course of an item, from the ledger of one node. 查看办理过程.

    Moments are Beijing time.
    """
    client = await session.at(at)
    request = api.ListEventsRequest(
        item_id=item, within=within, page_size=min(limit, PAGE)
    )
    events = await rows(
        client, client.timeline.ListEvents, request, lambda page: page.events, limit
    )
    if session.choices.as_json:
        session.write_json({"events": [as_json(event) for event in events]})
        return
    session.out.print(table(session, events))


def table(session: Session, events: Sequence[pb.Event], title: str = "") -> Table:
    """Return events as a table, in their order."""
    say = session.say
    shown = Table(title=title or None, title_justify="left", header_style="bold")
    for head in (
        say("When", "时间"),
        say("What", "事项进展"),
        say("Who", "办理单位"),
        say("Told", "来源"),
        say("About", "涉及区划"),
        say("In words", "说明"),
    ):
        shown.add_column(head, overflow="fold")
    begun = _begun(events)
    for event in events:
        shown.add_row(
            Text(when(event.occur_time)),
            _what(session, event),
            Text(f"{event.division} {event.actor}".strip()),
            Text(say(*WAYS.get(event.direction, ("", "")))),
            Text(_about(session, event)),
            Text(in_words(session, event, begun)),
        )
    return shown


def when(moment: Timestamp) -> str:
    """Return a moment in Beijing time, to the minute."""
    if not moment.seconds:
        return ""
    local = moment.ToDatetime(tzinfo=UTC).astimezone(CHINA)
    return local.strftime("%Y-%m-%d %H:%M")


def _what(session: Session, event: pb.Event) -> Text:
    style = STYLES.get(event.light, "")
    text = Text(_word(session, KINDS, event.kind))
    if style:
        lamp = session.say(*LAMPS[event.light])
        text.append(f" ●{lamp}", style=style)
    return text


def _about(session: Session, event: pb.Event) -> str:
    named = ", ".join(event.divisions[:NAMED])
    more = event.division_count - min(NAMED, len(event.divisions))
    return f"{named} {session.say(f'and {more}', f'等 +{more}')}" if more else named


def in_words(session: Session, event: pb.Event, begun: Begun) -> str:
    """Return what an event says beside who and whom: labels first, then details."""
    details = _told_before(event, begun) | dict(event.details)
    parts = [*_labels(session, event), *_details(session, details)]
    return session.say("; ", "；").join(parts)


def _begun(events: Sequence[pb.Event]) -> Begun:
    """Return what was asked or found first, by the id that later events name."""
    return {
        event.details[name]: (said, event.details[said])
        for event in events
        for name, said in FIRST_SAID.items()
        if name in event.details and said in event.details
    }


def _told_before(event: pb.Event, begun: Begun) -> dict[str, str]:
    """Return of which petition a decision is, and of which problem a point."""
    ids = (event.details.get(name, "") for name in FIRST_SAID)
    return dict(begun[one] for one in ids if one in begun)


def _labels(session: Session, event: pb.Event) -> Iterator[str]:
    if event.overdue:
        yield session.say("LATE", "逾期")
    if event.arrived_late:
        recorded = when(event.record_time)
        yield session.say(f"arrived late, {recorded}", f"补传，{recorded} 到达")
    if event.unknown:
        yield session.say(
            f"not known to this version: {event.fact_kind}",
            f"本版本不识别：{event.fact_kind}",
        )


def _details(session: Session, details: Mapping[str, str]) -> Iterator[str]:
    order = {name: place for place, name in enumerate(DETAILS)}
    for name in sorted(details, key=lambda name: (order.get(name, len(order)), name)):
        if name in HIDDEN or (name == "epoch" and details[name] == "1"):
            continue
        head = _word(session, DETAILS, name)
        value = _value(session, name, details[name])
        if name == "outcome" and details.get("petition") == "review":
            value = _word(session, REVIEWED, details[name])
        yield head if value == "" else f"{head} {value}".strip()


def _value(session: Session, name: str, value: str) -> str:
    if name.endswith("_time"):
        moment = datetime.fromisoformat(value).astimezone(CHINA)
        return moment.strftime("%Y-%m-%d %H:%M")
    if name == "stopped":
        hours = f"{int(value) / 3600:.1f}"
        return session.say(f"{hours} h", f"{hours} 小时")
    if name == "move":
        return _word(session, KINDS, value)
    if value == "true":
        return ""
    return _word(session, VALUES, value)


def _word(session: Session, words: Words, name: str) -> str:
    return session.say(*words.get(name, (name, name)))
