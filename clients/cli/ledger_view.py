"""How `ducha ledger verify` tells what it found."""

from __future__ import annotations

from datetime import datetime

from clients.cli import render
from clients.cli.session import Json, Session
from tier.sealing.findings import Finding, Kind, Reached, Report, Text
from tier.sealing.verify import SubjectReport

SHOWN = 20
KINDS = {
    Kind.ALTERED: "内容被改",
    Kind.BACK_DATED: "时间被改",
    Kind.MISSING: "缺失",
    Kind.INSERTED: "被插入",
    Kind.REORDERED: "次序被改",
    Kind.REWRITTEN: "被改写",
    Kind.INDEX: "索引被改",
    Kind.ROLLED_BACK: "被回退",
    Kind.SPLIT: "两份台账",
    Kind.CHECKPOINT: "检查点",
    Kind.COSIGNATURE: "副署",
    Kind.BEACON: "信标",
    Kind.LIFE: "期次声明",
    Kind.TILE: "留存哈希",
    Kind.UNSEALED: "未封存",
    Kind.FILE: "文件不全",
}


def print_report(session: Session, report: Report) -> None:
    """Print what the check of an export came to."""
    say = session.say
    render.pairs(
        session.out,
        [
            (say("Ledger of", "台账"), report.node),
            (say("Entries", "条数"), report.facts),
            (say("Signed up to", "签署至"), _reached(report.signed)),
            (say("Witnessed up to", "见证至"), _reached(report.cosigned)),
        ],
    )
    for notice in report.notices:
        session.out.print(_said(session, notice), soft_wrap=True)
    if report.signed.size > report.cosigned.size:
        count = report.signed.size - report.cosigned.size
        session.write(
            f"The last {count} entries rest on the node's own word alone.",
            f"最后 {count} 条仅凭本节点自己的签署。",
        )
    first = report.first
    if first is None:
        session.write("Nothing was changed.", "未发现任何改动。")
        return
    heads = [say("What", "类别"), say("Where", "位置"), say("In words", "说明")]
    rows = [_row(session, one) for one in report.findings[:SHOWN]]
    session.out.print(render.table(heads, rows))
    session.write(
        f"{len(report.findings)} findings; the first: {_where(first)}. {first.text.en}.",
        f"共 {len(report.findings)} 处；最早一处：{_where(first)}。{first.text.zh}。",
    )


def print_subject(session: Session, report: SubjectReport) -> None:
    """Print what the check of one subject's proof came to."""
    say = session.say
    render.pairs(
        session.out,
        [
            (say("Ledger of", "台账"), report.node),
            (say("Subject", "事项"), report.subject),
            (say("Entries proved", "已证条数"), report.count - len(report.problems)),
            (say("Later entries", "其后条数"), report.later),
            (say("Signed", "签署"), _moment(report.signed_at)),
            (say("Witnessed", "见证"), _moment(report.cosigned_at)),
        ],
    )
    for problem in report.problems:
        session.write(f"Not proved: {problem}.", f"证明不成立：{problem}。")
    if not report.problems:
        session.write("All of it is proved.", "全部成立。")


def report_json(report: Report) -> Json:
    """Return a report as JSON."""
    return {
        "node": report.node,
        "whole": report.is_whole,
        "facts": report.facts,
        "signed_size": report.signed.size,
        "cosigned_size": report.cosigned.size,
        "notices": [one.en for one in report.notices],
        "findings": [
            {
                "kind": str(one.kind),
                "first": one.first,
                "last": one.last,
                "exact": one.is_exact,
                "english": one.text.en,
                "chinese": one.text.zh,
            }
            for one in report.findings
        ],
    }


def subject_json(report: SubjectReport) -> Json:
    """Return a subject's report as JSON."""
    return {
        "node": report.node,
        "subject": report.subject,
        "whole": not report.problems,
        "facts": report.count,
        "later": report.later,
        "signed_at": _moment(report.signed_at),
        "cosigned_at": _moment(report.cosigned_at),
        "problems": list(report.problems),
    }


def _row(session: Session, one: Finding) -> tuple[str, str, str]:
    kind = session.say(str(one.kind), KINDS[one.kind])
    return kind, _where(one), _said(session, one.text)


def _where(one: Finding) -> str:
    return str(one.first) if one.is_exact else f"{one.first}–{one.last}"


def _said(session: Session, text: Text) -> str:
    return session.say(text.en, text.zh)


def _reached(reached: Reached) -> str:
    return f"{reached.size}  {_moment(reached.at)}".rstrip()


def _moment(moment: datetime | None) -> str:
    return moment.astimezone().isoformat(timespec="seconds") if moment else ""
