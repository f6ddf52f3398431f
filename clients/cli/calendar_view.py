"""How the calendar, the table of terms and moved deadlines are shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, timedelta, timezone

from google.protobuf.timestamp_pb2 import Timestamp

from clients.cli import render
from clients.cli.session import Session
from ducha.assignment.v1 import assignment_pb2
from ducha.assignment.v1 import assignment_service_pb2 as assignments
from ducha.calendar.v1 import calendar_pb2 as pb

CHINA = timezone(timedelta(hours=8))
WEEKDAYS = (
    *(("Mon", "周一"), ("Tue", "周二"), ("Wed", "周三"), ("Thu", "周四")),
    *(("Fri", "周五"), ("Sat", "周六"), ("Sun", "周日")),
)


def print_moves(session: Session, found: assignments.ListDeadlineMovesResponse) -> None:
    """Print deadlines that moved."""
    say = session.say
    heads = [say("Item", "事项"), say("Division", "区划"), say("Before", "原时限")]
    heads += [say("After", "新时限"), say("Provisional", "暂定")]
    rows = [
        (
            one.item_id,
            one.division,
            when(one.old_deadline_time),
            when(one.new_deadline_time),
            say("yes", "是") if one.provisional else "",
        )
        for one in found.moves
    ]
    session.out.print(render.table(heads, rows))
    if found.next_page_token:
        session.write("There are more.", "还有更多，此处未列出。")


def print_days(session: Session, days: Sequence[pb.Day]) -> None:
    """Print days off and make-up days, with their weekdays."""
    say = session.say
    heads = [say("Day", "日期"), say("Weekday", "星期"), say("Is", "安排")]
    heads.append(say("Name", "名称"))
    rows = [
        (
            day.date,
            say(*WEEKDAYS[date.fromisoformat(day.date).weekday()]),
            say("worked", "上班") if day.working else say("off", "放假"),
            day.name,
        )
        for day in days
    ]
    session.out.print(render.table(heads, rows))


def print_terms(session: Session, rows: Sequence[pb.Terms]) -> None:
    """Print the table of terms."""
    say, lang = session.say, session.label
    heads = [say("Source", "来源"), say("Urgency", "缓急"), say("Receive", "签收")]
    heads += [say("Work", "办理"), say("Remind at", "提醒"), say("Ladder", "升级阶梯")]
    heads += [say("Extensions", "延期"), say("Dispute", "异议"), say("Review", "复核")]
    heads.append(say("Version", "版本"))
    shown = [
        (
            lang(assignment_pb2.SourceType.Name(_source(row))),
            lang(assignment_pb2.Urgency.Name(_urgency(row))),
            _term(session, row.receive),
            _term(session, row.work),
            f"{row.receipt_near_percent}% / {row.near_percent}%",
            " / ".join(_term(session, step) for step in row.ladder),
            f"{row.max_extensions} x {row.max_extension_days}",
            _term(session, row.dispute),
            _term(session, row.review),
            row.version,
        )
        for row in rows
    ]
    session.out.print(render.table(heads, shown))
    session.write(
        "wd: working days, to 18:00 of the last; h: hours on the clock.",
        "工作日：至最后一个工作日 18:00；小时：连续计算。",
    )


def _source(row: pb.Terms) -> assignment_pb2.SourceType.ValueType:
    return assignment_pb2.SourceType.ValueType(row.source_type)


def _urgency(row: pb.Terms) -> assignment_pb2.Urgency.ValueType:
    return assignment_pb2.Urgency.ValueType(row.urgency)


def _term(session: Session, term: pb.Term) -> str:
    if term.hours:
        return session.say(f"{term.hours} h", f"{term.hours} 小时")
    return session.say(f"{term.working_days} wd", f"{term.working_days} 工作日")


def when(moment: Timestamp) -> str:
    """Return a moment in China, where days are counted, whatever the own time zone is."""
    return f"{moment.ToDatetime(tzinfo=UTC).astimezone(CHINA):%Y-%m-%d %H:%M}"
