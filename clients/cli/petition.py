"""`ducha petition file|list|show|decide|withdraw`: what executors ask of who assigned."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clients.cli import options, render
from clients.cli.command import command
from clients.cli.registry_words import rows
from clients.cli.session import Json, Session, as_json
from clients.cli.timeline import when
from clients.cli.words import UsageProblem
from ducha.petition.v1 import petition_pb2 as pb
from ducha.petition.v1 import petition_service_pb2 as api

app = typer.Typer(no_args_is_help=True, help="Petitions of executors. 申请")

PAGE = 500

WORDS: Mapping[str, tuple[str, str]] = {
    "PETITION_KIND_EXTENSION": ("extension", "延期"),
    "PETITION_KIND_SUSPENSION": ("suspension", "挂账"),
    "PETITION_KIND_RESUMPTION": ("resumption", "恢复"),
    "PETITION_KIND_DISPUTE": ("dispute", "转办异议"),
    "PETITION_KIND_REVIEW": ("review", "复核"),
    "PETITION_STATE_PENDING": ("waits", "待定"),
    "PETITION_STATE_GRANTED": ("granted", "同意"),
    "PETITION_STATE_REFUSED": ("refused", "不同意"),
    "PETITION_STATE_WITHDRAWN": ("withdrawn", "已撤回"),
}


class KindName(StrEnum):
    """What is asked."""

    EXTENSION = "extension"
    SUSPENSION = "suspension"
    RESUMPTION = "resumption"
    DISPUTE = "dispute"
    REVIEW = "review"

    @property
    def wire(self) -> pb.PetitionKind.ValueType:
        """The kind as the API names it."""
        return pb.PetitionKind.Value(f"PETITION_KIND_{self.name}")


Division = Annotated[str, typer.Argument(help="Who executes and asks. 承办区划")]
Petition = Annotated[str, typer.Argument(help="Petition id. 申请编号")]
Petitions = Annotated[
    list[str], typer.Argument(metavar="PETITION...", help="Ids. 申请编号")
]
Evidence = Annotated[
    list[str] | None, typer.Option(help="What supports it; repeat. 佐证说明")
]
EvidenceFile = Annotated[
    list[Path] | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="A file that supports it: its name and SHA-256 are sent, not the file; repeat. "
        "佐证文件（仅登记文件名与摘要）",
    ),
]


@command(
    app,
    "file",
    example="ducha petition file 0198c0de-… 530102001 --kind extension --days 3"
    " --reason 暴雨道路中断",
)
async def file_petition(
    session: Session,
    item: options.Item,
    division: Division,
    *,
    kind: Annotated[KindName, typer.Option(help="What is asked. 申请类型")],
    reason: Annotated[str, typer.Option(help="Why; they see it. 理由")],
    days: Annotated[
        int, typer.Option(min=0, help="Working days, of an extension. 延期工作日数")
    ] = 0,
    evidence: Evidence = None,
    evidence_file: EvidenceFile = None,
    to: Annotated[
        str, typer.Option(help="Who should have it, of a dispute. 建议承办区划")
    ] = "",
    epoch: Annotated[
        int, typer.Option(min=0, help="Epoch you looked at; 0: what stands. 版次")
    ] = 0,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Ask who assigned for more time, a pause, its end, a transfer, or a review. 提出申请.

    An extension is asked before the deadline; a suspension needs evidence; a dispute comes
    before the report; a review is decided by another person than who concluded.
    """
    draft = api.PetitionDraft(
        item_id=item,
        kind=kind.wire,
        reason=reason,
        days=days,
        evidence=[
            *(pb.Evidence(text=one) for one in evidence or ()),
            *map(_digested, evidence_file or ()),
        ],
        transfer_to=to,
        epoch=epoch,
    )
    request = api.FilePetitionsRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        petitions=[draft],
    )
    client = await session.at(division)
    response = await options.write(client, client.petition.FilePetitions, request)
    _say_filed(session, response)


def _say_filed(session: Session, response: api.FilePetitionsResponse) -> None:
    if session.choices.as_json:
        session.write_json(response)
        return
    one = response.petitions[0]
    session.write(
        f"Filed {one.petition_id}; {one.decider_division} decides.",
        f"已提出申请 {one.petition_id}，由 {one.decider_division} 决定。",
    )


def _digested(path: Path) -> pb.Evidence:
    """Return what is sent of a file: its name and digest."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return pb.Evidence(text=path.name, sha256=digest.hexdigest())


@command(app, "list", example="ducha petition list --decider 530102 --pending")
async def list_petitions(
    session: Session,
    *,
    within: Annotated[str, typer.Option(help="Only who asks within this. 范围")] = "",
    decider: Annotated[
        str, typer.Option(help="Only what this division decides. 由谁决定")
    ] = "",
    item: Annotated[str, typer.Option(help="Only about this item. 督查事项")] = "",
    kind: Annotated[
        list[KindName] | None, typer.Option(help="Only these; repeat. 申请类型")
    ] = None,
    pending: Annotated[
        bool, typer.Option("--pending", help="Only what waits. 只看待定")
    ] = False,
    limit: options.Limit = 100,
    at: options.At = "",
) -> None:
    """List petitions, newest first. 申请列表.

    Moments are Beijing time; * was filed in time and came when the time was over.
    """
    client = await session.at(at or decider or within)
    request = api.ListPetitionsRequest(
        within=within,
        decider_division=decider,
        item_id=item,
        kinds=[one.wire for one in kind or ()],
        pending_only=pending,
        page_size=min(limit, PAGE),
    )
    method = client.petition.ListPetitions
    found = await rows(client, method, request, lambda page: page.petitions, limit)
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        session.write_json({"petitions": listed})
        return
    say = session.say
    heads = [say("Petition", "申请编号"), say("Asks", "申请"), say("By", "申请单位")]
    heads += [say("State", "状态"), say("Decides", "决定单位")]
    heads += [say("Filed", "提出时间"), say("Decided", "决定时间"), say("Why", "理由")]
    session.out.print(render.table(heads, [_row(session, one) for one in found]))


def _row(session: Session, one: pb.Petition) -> Sequence[object]:
    return (
        one.petition_id,
        _asked(session, one),
        one.division,
        word(session, pb.PetitionState.Name(one.state)),
        one.decider_division,
        when(one.file_time) + (" *" if one.late_arrival else ""),
        when(one.decision.decide_time),
        one.decision.reason or one.reason,
    )


def word(session: Session, name: str) -> str:
    """Return the user's word for a kind or state; its name where there is none."""
    return session.say(*WORDS.get(name, (name, name)))


def _asked(session: Session, one: pb.Petition) -> str:
    """Return what is asked, with how much of it."""
    kind = word(session, pb.PetitionKind.Name(one.kind))
    if one.days:
        kind += session.say(f", {one.days} working days", f" {one.days} 个工作日")
    return kind


@command(app, "show", example="ducha petition show 0198c0de-…")
async def show(session: Session, petition: Petition, *, at: options.At = "") -> None:
    """Show a petition and what was decided. 查看申请."""
    client = await session.at(at)
    request = api.GetPetitionRequest(petition_id=petition)
    response = await client.call(client.petition.GetPetition, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    render.pairs(session.out, _pairs(session, response.petition))


def _pairs(session: Session, one: pb.Petition) -> list[tuple[str, object]]:
    say, decision = session.say, one.decision
    late = say("yes, filed in time", "是（按期提出）") if one.late_arrival else ""
    evidence = [f"{each.text} {each.sha256}".strip() for each in one.evidence]
    return [
        (say("Petition", "申请编号"), one.petition_id),
        (say("Asks", "申请"), _asked(session, one)),
        (say("State", "状态"), word(session, pb.PetitionState.Name(one.state))),
        (say("Item", "事项"), one.item_id),
        (say("By", "申请单位"), f"{one.division} {one.actor}"),
        (say("Why", "理由"), one.reason),
        (say("Evidence", "佐证"), say("; ", "；").join(evidence)),
        (say("Suggested to", "建议承办区划"), one.transfer_to),
        (say("Deadline then", "当时时限"), when(one.deadline_time)),
        (say("Filed", "提出时间"), when(one.file_time)),
        (say("Heard of here", "本级收到时间"), when(one.record_time)),
        (say("Came late", "逾期送达"), late),
        (say("Withdrawn", "撤回时间"), when(one.withdraw_time)),
        (say("Decides", "决定单位"), one.decider_division),
        (say("Decided", "决定时间"), when(decision.decide_time)),
        (say("Decided by", "决定人"), decision.actor),
        (say("By rule", "依规则"), decision.rule),
        (say("Because", "决定理由"), decision.reason),
        (say("Days granted", "批准工作日"), decision.days or ""),
        (say("New deadline", "新时限"), _new_deadline(session, decision)),
        (say("Transferred to", "转办至"), decision.transfer_to),
    ]


def _new_deadline(session: Session, decision: pb.Decision) -> str:
    """Return the new deadline, and whether its year has an official calendar."""
    is_open = decision.provisional and session.say(" (provisional)", "（暂定）")
    return when(decision.deadline_time) + (is_open or "")


@command(
    app,
    "decide",
    example="ducha petition decide 0198c0de-… --grant --reason 情况属实 --days 2",
)
async def decide(
    session: Session,
    petitions: Petitions,
    *,
    grant: Annotated[
        bool, typer.Option("--grant/--refuse", help="同意或不同意", show_default=False)
    ],
    reason: Annotated[str, typer.Option(help="Why; they see it. 理由")],
    days: Annotated[
        int,
        typer.Option(min=0, help="Working days; as asked by default. 批准工作日数"),
    ] = 0,
    to: Annotated[
        str,
        typer.Option(help="Who has it now, of a dispute; nobody by default. 转办至"),
    ] = "",
    acting: Annotated[
        str,
        typer.Option("--as", help="Who decides; read off by default. 以哪个区划决定"),
    ] = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Grant or refuse petitions: all of them, or none. 决定申请.

    What is granted takes effect at once. Who concluded may not decide about a review:
    granted, it reopens the item.
    """
    division = acting or await _same(session, petitions, "decider_division")
    request = api.DecidePetitionsRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        decisions=[
            api.DecisionDraft(
                petition_id=one,
                outcome=pb.OUTCOME_GRANTED if grant else pb.OUTCOME_REFUSED,
                reason=reason,
                days=days,
                transfer_to=to,
            )
            for one in petitions
        ],
    )
    client = await session.at(division)
    response = await options.write(client, client.petition.DecidePetitions, request)
    _say_decided(session, response)


def _say_decided(session: Session, response: api.DecidePetitionsResponse) -> None:
    if session.choices.as_json:
        session.write_json(response)
        return
    for one in response.petitions:
        state = pb.PetitionState.Name(one.state)
        until = _new_deadline(session, one.decision)
        to_when = session.say(f"; new deadline {until}", f"，新时限 {until}")
        session.write(
            f"{one.petition_id} {WORDS[state][0]}{to_when if until else ''}.",
            f"{one.petition_id} {WORDS[state][1]}{to_when if until else ''}。",
        )


@command(app, "withdraw", example="ducha petition withdraw 0198c0de-…")
async def withdraw(
    session: Session,
    petitions: Petitions,
    *,
    acting: Annotated[
        str,
        typer.Option("--as", help="Who filed them; read off by default. 申请区划"),
    ] = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Take petitions back that nobody decided: all of them, or none. 撤回申请."""
    division = acting or await _same(session, petitions, "division")
    request = api.WithdrawPetitionsRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        petition_ids=petitions,
    )
    client = await session.at(division)
    response = await options.write(client, client.petition.WithdrawPetitions, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    count = len(petitions)
    session.write(f"Withdrew {count}.", f"已撤回 {count} 份申请。")


async def _same(session: Session, petitions: Sequence[str], field: str) -> str:
    """Return the division that all petitions name in a field.

    Raises:
        UsageProblem: they name several.
    """
    client = await session.at()
    found = set()
    for one in petitions:
        request = api.GetPetitionRequest(petition_id=one)
        response = await client.call(client.petition.GetPetition, request)
        found.add(str(getattr(response.petition, field)))
    if len(found) > 1:
        codes = ", ".join(sorted(found))
        raise UsageProblem(
            f"These petitions are of several divisions: {codes}. Send those of one at a time.",
            f"这些申请分属 {codes}，请按区划分别办理。",
        )
    return found.pop()
