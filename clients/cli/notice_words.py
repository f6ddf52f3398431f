"""A notice as one sentence, in English and Chinese. Pure: a message in, a text out.

Each kind has a head, and the details that its teller gives; docs/inbox.md shows them. What
a newer node tells beside them is shown by its name: nothing is hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp

from clients.cli import timeline_words
from clients.cli.words import Language
from ducha.assignment.v1 import assignment_pb2
from ducha.inbox.v1 import inbox_pb2 as pb

CHINA = ZoneInfo("Asia/Shanghai")
PREFIX = "NOTICE_KIND_"

KINDS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "REMINDER_RECEIPT_NEAR": ("To be received soon", "签收即将到期", ("due",)),
    "REMINDER_RECEIPT_OVERDUE": ("Not received in time", "签收已逾期", ("due",)),
    "REMINDER_DEADLINE_NEAR": ("The report is due soon", "办理即将到期", ("deadline",)),
    "REMINDER_OVERDUE": ("The report is overdue", "办理已逾期", ("deadline",)),
    "ESCALATION": (
        "Overdue below: escalated",
        "下级逾期，升级督办",
        ("step", "target_count", "divisions", "due", "by_division"),
    ),
    "URGE_DIGEST": (
        "Asked to hurry",
        "催办",
        ("count", "by_division", "reason", "deadline", "day"),
    ),
    "VERDICT": (
        "Work that came late was judged",
        "补传裁定",
        ("move", "done_at", "outcome", "reason", "epoch"),
    ),
    "PETITION_FILED": (
        "A petition waits for your decision",
        "申请待审",
        ("petition", "by_division", "days", "to_division", "reason", "petition_id"),
    ),
    "PETITION_DECIDED": (
        "Your petition was decided",
        "申请已答复",
        (
            "petition",
            "outcome",
            "days",
            "deadline",
            "to_division",
            "by_division",
            "reason",
            "rule",
            "petition_id",
        ),
    ),
    "WITHDRAWN": ("Withdrawn", "已撤回", ("reason",)),
    "DEADLINE_MOVED": (
        "The deadline moved",
        "办理时限变更",
        ("deadline", "old_deadline", "cause", "reason"),
    ),
    "CHILDREN_RECHECKED": (
        "Your deadline moved: those below were checked again",
        "本级时限变更，已复核下级时限",
        ("deadline", "latest", "open_children", "moved_children"),
    ),
    "SUSPENDED": ("Suspended", "已挂账", ("reason",)),
    "RESUMED": ("Goes on", "恢复办理", ("deadline", "reason")),
    "TRANSFERRED": ("Went to another unit", "已转办", ("to_division", "reason")),
    "REOPENED": ("To be worked on again", "重新办理", ("reason",)),
    "RECTIFICATION_OPENED": (
        "Points to rectify",
        "下达整改",
        ("count", "problem", "due", "by_division"),
    ),
    "RECTIFICATION_REPORTED": (
        "Points were rectified, by report",
        "整改已反馈",
        ("count", "by_division"),
    ),
    "RECTIFICATION_JUDGED": (
        "Points of rectification were judged",
        "整改已核",
        ("outcome", "count", "due", "by_division", "reason"),
    ),
    "RECTIFICATION_OVERDUE": (
        "Points of rectification are overdue",
        "整改逾期",
        ("count", "due", "by_division"),
    ),
    "ASSIST_CONTRIBUTED": (
        "An assisting unit contributed",
        "协办单位已反馈",
        ("by_division", "summary", "problems"),
    ),
}
"""What each kind tells, and by which details, in the order of the sentence."""

DETAILS: Mapping[str, tuple[str, str]] = {
    "due": ("by", "期限"),
    "deadline": ("deadline", "时限"),
    "old_deadline": ("before", "原时限"),
    "latest": ("latest for those below", "下级最迟"),
    "open_children": ("open below", "下级未办结"),
    "moved_children": ("brought forward below", "下级提前"),
    "step": ("step", "第几级"),
    "target_count": ("divisions", "涉及单位数"),
    "divisions": ("such as", "单位"),
    "by_division": ("from", "来自"),
    "to_division": ("to", "转至"),
    "count": ("count", "件数"),
    "day": ("on", "日期"),
    "reason": ("because", "理由"),
    "move": ("move", "动作"),
    "done_at": ("done", "办理时间"),
    "epoch": ("epoch", "轮次"),
    "outcome": ("outcome", "结果"),
    "petition": ("petition", "申请"),
    "petition_id": ("no.", "编号"),
    "rule": ("by rule", "依规则"),
    "days": ("working days", "工作日"),
    "cause": ("cause", "原因"),
    "problem": ("problem", "问题"),
    "problems": ("problems", "问题数"),
    "summary": ("found", "情况"),
}

VALUES: Mapping[str, tuple[str, str]] = {
    **timeline_words.KINDS,
    **timeline_words.VALUES,
    "closed": ("closed", "已核销"),
    "returned": ("returned", "退回"),
}

WRITTEN = frozenset({"reason", "summary", "problem"})
"""Details that people wrote: shown as they are."""

LIGHTS: Mapping[int, tuple[str, str, str]] = {
    int(assignment_pb2.LIGHT_GREEN): ("green", "绿", "green"),
    int(assignment_pb2.LIGHT_YELLOW): ("yellow", "黄", "yellow"),
    int(assignment_pb2.LIGHT_RED): ("red", "红", "bold red"),
}
"""English, Chinese, and the colour on a screen."""


def name_of(kind: int) -> str:
    """Return the name of a kind without its prefix; its number, if it is newer than we."""
    names = {int(number): name for name, number in pb.NoticeKind.items()}
    return names.get(kind, str(kind)).removeprefix(PREFIX)


def light(number: int, lang: Language) -> str:
    """Return a light in the user's language."""
    english, chinese, _ = LIGHTS.get(number, ("", "", ""))
    return chinese if lang is Language.ZH else english


def colour(number: int) -> str:
    """Return the style of a light on a screen."""
    return LIGHTS.get(number, ("", "", ""))[2]


def when(moment: Timestamp) -> str:
    """Return a moment in China to the minute; empty where it is not set."""
    return _written(moment.ToDatetime(tzinfo=UTC)) if moment.seconds else ""


def sentence(notice: pb.Notice, lang: Language) -> str:
    """Tell a notice in one sentence."""
    name = name_of(notice.kind)
    english, chinese, expected = KINDS.get(name, (name, name, ()))
    known = [key for key in expected if notice.details.get(key)]
    others = sorted(set(notice.details) - set(known) - {"title"})
    parts = [
        f"{_choose(DETAILS.get(key, (key, key)), lang)} {_value(key, notice.details[key], lang)}"
        for key in (*known, *others)
        if notice.details[key]
    ]
    if lang is Language.ZH:
        return f"{chinese}：{'，'.join(parts)}。" if parts else f"{chinese}。"
    return f"{english}: {', '.join(parts)}." if parts else f"{english}."


def _choose(pair: tuple[str, str], lang: Language) -> str:
    return pair[1] if lang is Language.ZH else pair[0]


def _value(key: str, text: str, lang: Language) -> str:
    """Write a detail: moments in China, words in the user's language."""
    if key in WRITTEN:
        return text
    if text in VALUES:
        return _choose(VALUES[text], lang)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if moment.tzinfo is None else _written(moment)


def _written(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
