"""English and Chinese: which one, and the names of what users see."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum

from clients.runtime.errors import ClientError


class Language(StrEnum):
    """A language of the command."""

    EN = "en"
    ZH = "zh"


class UsageProblem(ClientError):
    """The command line itself is wrong; nothing was sent."""


def language(environment: Mapping[str, str] = os.environ) -> Language:
    """Return the language that the environment asks for, as gettext reads it."""
    for name in ("DUCHA_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name):
            return Language.ZH if value.lower().startswith("zh") else Language.EN
    return Language.EN


LABELS: Mapping[str, tuple[str, str]] = {
    "ITEM_STATE_ISSUED": ("issued", "进行中"),
    "ITEM_STATE_CONCLUDED": ("concluded", "已结论"),
    "ITEM_STATE_CLOSED": ("closed", "已办结"),
    "ITEM_STATE_WITHDRAWN": ("withdrawn", "已撤回"),
    "ITEM_STATE_ARCHIVED": ("archived", "已归档"),
    "ASSIGNMENT_STATE_ISSUED": ("to receive", "待签收"),
    "ASSIGNMENT_STATE_RECEIVED": ("received", "已签收"),
    "ASSIGNMENT_STATE_REPORTED": ("reported", "已反馈"),
    "ASSIGNMENT_STATE_RETURNED": ("returned", "已退回"),
    "ASSIGNMENT_STATE_VERIFIED": ("verified", "已核查"),
    "ASSIGNMENT_STATE_CLOSED": ("closed", "已办结"),
    "ASSIGNMENT_STATE_WITHDRAWN": ("withdrawn", "已撤回"),
    "ASSIGNMENT_STATE_SUSPENDED": ("suspended", "已挂账"),
    "PART_LEAD": ("leads", "主办"),
    "PART_ASSIST": ("assists", "协办"),
    "CAUSE_EXTENSION": ("extension", "延期"),
    "CAUSE_RESUMPTION": ("resumption", "恢复"),
    "CAUSE_CALENDAR": ("calendar", "日历调整"),
    "CAUSE_REVIEW": ("review", "复核"),
    "CAUSE_ISSUER": ("issuer", "发起单位决定"),
    "LEVEL_PROVINCE": ("province", "省"),
    "LEVEL_CITY": ("city", "市"),
    "LEVEL_COUNTY": ("county", "县"),
    "LEVEL_TOWNSHIP": ("township", "乡"),
    "LEVEL_VILLAGE": ("village", "村"),
    "LEVEL_GRID": ("grid", "网格"),
    "MODE_DIRECT": ("direct", "直达"),
    "MODE_CASCADE": ("cascade", "逐级"),
    "URGENCY_ROUTINE": ("routine", "平件"),
    "URGENCY_URGENT": ("urgent", "急件"),
    "URGENCY_EMERGENCY": ("emergency", "特急"),
    "SOURCE_TYPE_PLAN_LINE": ("plan line", "年度督查计划"),
    "SOURCE_TYPE_ONE_OFF_APPROVAL": ("one-off approval", "一事一审"),
    "SOURCE_TYPE_LEADER_INSTRUCTION": ("leader's instruction", "领导批示"),
    "SOURCE_TYPE_MEETING_DECISION": ("meeting decision", "会议决定"),
    "SOURCE_TYPE_PUBLIC_REPORT": ("public report", "群众反映"),
    "OUTCOME_SATISFIED": ("satisfied", "已落实"),
    "OUTCOME_PARTLY_SATISFIED": ("partly satisfied", "部分落实"),
    "OUTCOME_NOT_SATISFIED": ("not satisfied", "未落实"),
    "CATEGORY_POLICY": ("policy", "政策落实"),
    "CATEGORY_FUNDS": ("funds", "资金"),
    "CATEGORY_PROGRESS": ("progress", "项目进度"),
    "CATEGORY_SAFETY": ("safety", "安全"),
    "CATEGORY_SERVICE": ("service", "民生服务"),
    "CATEGORY_OTHER": ("other", "其他"),
    "SEVERITY_MINOR": ("minor", "一般"),
    "SEVERITY_MAJOR": ("major", "较重"),
    "SEVERITY_CRITICAL": ("critical", "严重"),
    "DIRECTION_SENDING": ("to", "发往"),
    "DIRECTION_RECEIVING": ("from", "来自"),
    "KIND_ALL": ("all verified", "全部核查"),
    "KIND_QUORUM": ("quorum verified", "按比例核查"),
    "KIND_LEAD": ("lead unit verified", "主办单位核查"),
    "province": ("province", "省"),
    "city": ("city", "市"),
    "county": ("county", "县"),
    "township": ("township", "乡"),
}


def label(name: str, lang: Language) -> str:
    """Return the word users know for a value's name; the name itself where none is."""
    english, chinese = LABELS.get(name, (name, name))
    return chinese if lang is Language.ZH else english
