"""What happened to an item, in words: kinds of events, their details, and the values of these."""

from __future__ import annotations

from collections.abc import Mapping

Words = Mapping[str, tuple[str, str]]

KINDS: Words = {
    "ItemIssued": ("issued", "下发"),
    "AssignmentSplit": ("split", "分解下达"),
    "AssignmentsReceived": ("received", "签收"),
    "AssignmentReported": ("reported", "反馈"),
    "AssignmentsReturned": ("returned", "退回"),
    "AssignmentsVerified": ("verified", "核查通过"),
    "DeadlinesMoved": ("deadline moved", "调整时限"),
    "AssignmentsSuspended": ("suspended", "挂账"),
    "AssignmentsResumed": ("resumed", "恢复"),
    "AssignmentsWithdrawn": ("taken back", "收回"),
    "ItemConcluded": ("concluded", "作出结论"),
    "ItemClosed": ("closed", "办结"),
    "ItemWithdrawn": ("withdrawn", "撤回"),
    "ItemReopened": ("reopened", "重新办理"),
    "ItemArchived": ("archived", "归档"),
    "AssistContributed": ("assist handed over", "协办意见转主办"),
    "MovesJudged": ("verdict", "补传裁定"),
    "PetitionsFiled": ("petition filed", "提出申请"),
    "PetitionsDecided": ("petition decided", "申请决定"),
    "PetitionsWithdrawn": ("petition taken back", "撤回申请"),
    "RemindersRaised": ("reminder", "提醒"),
    "AssignmentsEscalated": ("escalated", "升级督办"),
    "AssignmentsUrged": ("urged", "催办"),
    "RectificationsOpened": ("to be put right", "列入整改"),
    "RectificationsReported": ("put right, reported", "报告整改"),
    "RectificationsReturned": ("returned, not put right", "整改退回"),
    "RectificationsClosed": ("point closed", "整改销号"),
    "RectificationsOverdue": ("point overdue", "整改逾期"),
}

DETAILS: Words = {
    "title": ("", ""),
    "petition": ("", ""),
    "step": ("", ""),
    "problem": ("problem", "问题"),
    "move": ("", ""),
    "outcome": ("", ""),
    "verdict": ("", ""),
    "cause": ("cause", "原因"),
    "epoch": ("epoch", "版次"),
    "round": ("round", "轮次"),
    "rung": ("step of the ladder", "升级级次"),
    "escalated_to": ("to", "升级至"),
    "days": ("working days", "工作日"),
    "work_days": ("working days", "工作日"),
    "times": ("times", "次数"),
    "stopped": ("stopped for", "停计时长"),
    "old_deadline_time": ("old deadline", "原时限"),
    "new_deadline_time": ("new deadline", "新时限"),
    "deadline_time": ("deadline", "时限"),
    "receive_by_time": ("receive by", "签收时限"),
    "due_time": ("due", "到期"),
    "move_time": ("done", "办理时间"),
    "transfer_to": ("to", "转交"),
    "assist_division": ("assisting", "协办区划"),
    "rule": ("by rule", "依规则"),
    "by_rule": ("by rule", "依规则"),
    "superseded": ("nobody was told: later steps were due", "未发出：后续节点已到"),
    "late_arrival": ("filed in time, arrived late", "按时提出、迟到送达"),
    "provisional": ("provisional", "暂定"),
    "problems": ("problems", "问题数"),
    "reason": ("reason", "理由"),
    "message": ("message", "内容"),
    "note": ("note", "说明"),
    "summary": ("summary", "概述"),
    "instructions": ("instructions", "要求"),
    "skip_level_reason": ("why tiers are skipped", "越级理由"),
    "requirement": ("required", "整改要求"),
    "action": ("done", "整改措施"),
}
"""What a detail is called, in the order in which details are shown."""

HIDDEN = {"petition_id", "rectification_id"}
"""Details for programs."""

VALUES: Words = {
    "extension": ("extension", "延期"),
    "suspension": ("suspension", "挂账"),
    "resumption": ("resumption", "恢复"),
    "dispute": ("dispute", "转办异议"),
    "review": ("review", "复核"),
    "calendar": ("calendar", "日历调整"),
    "issuer": ("issuer", "发起单位决定"),
    "granted": ("granted", "同意"),
    "refused": ("refused", "不同意"),
    "accepted": ("accepted", "采纳"),
    "accepted_late": ("accepted, late", "采纳（逾期）"),
    "satisfied": ("satisfied", "已落实"),
    "partly_satisfied": ("partly satisfied", "部分落实"),
    "not_satisfied": ("not satisfied", "未落实"),
    "receipt_near": ("receipt is due soon", "签收临期"),
    "receipt_overdue": ("receipt is overdue", "签收逾期"),
    "deadline_near": ("deadline is near", "反馈临期"),
    "overdue": ("overdue", "反馈逾期"),
    "urge": ("urge by rule", "自动催办"),
    "escalation": ("escalation", "升级督办"),
}

REVIEWED: Words = {
    "granted": ("overturned", "推翻原结论"),
    "refused": ("upheld", "维持原结论"),
}
"""What the outcome of a review is called."""
