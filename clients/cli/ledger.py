"""`ducha ledger`: whether the ledger is what was sealed, and what proves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import grpc
import typer

from clients.cli import ledger_files as files
from clients.cli import options, render
from clients.cli.command import REFUSED, command
from clients.cli.ledger_view import (
    print_report,
    print_subject,
    report_json,
    subject_json,
)
from clients.cli.session import Json, Session, as_json
from clients.cli.words import UsageProblem
from clients.runtime.answers import from_rpc_error
from clients.runtime.calling import trace_metadata
from clients.runtime.client import Client
from clients.runtime.endpoints import default_data
from ducha.ledger.v1 import ledger_pb2 as pb
from ducha.ledger.v1 import ledger_service_pb2 as api
from ducha.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from tier.sealing.trust import Trust
from tier.sealing.verify import FileWrong, Verifier, verify_subject

app = typer.Typer(
    no_args_is_help=True, help="Proofs that nothing in the ledger changed. 台账存证"
)

STANDS = timedelta(minutes=10)

Where = Annotated[str, typer.Option(help="Tier or division whose node it is. 所在节点")]
Which = Annotated[
    str, typer.Option(help="Only this tier or division's node. 只查该节点")
]
Out = Annotated[Path, typer.Option("--out", help="File to write. 输出文件")]


@command(app, "status", example="ducha ledger status")
async def ledger_status(session: Session, *, at: Which = "") -> None:
    """Show how far each ledger is sealed and witnessed; exit 1 while an alarm stands. 状态."""
    found: list[tuple[str, api.GetCheckpointResponse]] = []
    for node in await session.nodes(at):
        client = await session.client_of(node)
        stub = LedgerServiceStub(client.channel)
        answer = await client.call(stub.GetCheckpoint, api.GetCheckpointRequest())
        found.append((node.node, answer))
    if session.choices.as_json:
        nodes: list[Json] = [{"node": node, **as_json(one)} for node, one in found]
        session.write_json({"nodes": nodes})
    else:
        _print_status(session, found)
    if any(_stands(alarm) for _, one in found for alarm in one.alarms):
        raise typer.Exit(REFUSED)


def _stands(alarm: pb.LedgerAlarm) -> bool:
    """Whether what raised an alarm was there lately: a node asks again each minute."""
    seen = alarm.last_time.ToDatetime(tzinfo=UTC)
    return alarm.reason != "NEW_LIFE" and datetime.now(UTC) - seen < STANDS


def _print_status(
    session: Session, found: list[tuple[str, api.GetCheckpointResponse]]
) -> None:
    say = session.say
    heads = [say("Node", "节点"), say("Facts", "条数"), say("Sealed", "已封存")]
    heads += [say("Signed", "已签"), say("Witnessed", "已见证")]
    heads += [say("Witnessed at", "见证时间"), say("Life", "期"), say("Alarms", "告警")]
    rows = [
        (
            node,
            one.head,
            one.sealed_size,
            one.latest.size,
            one.cosigned.size,
            render.when(one.cosign_time),
            one.latest.life,
            len(one.alarms),
        )
        for node, one in found
    ]
    session.out.print(render.table(heads, rows))
    heads = [say("Node", "节点"), say("About", "涉及"), say("Reason", "原因")]
    heads += [say("Detail", "说明"), say("Last seen", "最近"), say("Times", "次数")]
    alarms = [
        (node, a.node, a.reason, a.detail, render.when(a.last_time), a.count)
        for node, one in found
        for a in one.alarms
    ]
    if alarms:
        session.out.print(render.table(heads, alarms))


@command(app, "export", example="ducha ledger export --at county --out county.ledger")
async def ledger_export(
    session: Session,
    *,
    out: Out,
    at: Where = "",
    witnessed: Annotated[
        str,
        typer.Option(
            help="Instead: what the node witnessed of this child. 改为导出见证"
        ),
    ] = "",
) -> None:
    """Write a node's whole ledger with its proofs; or what it witnessed of a child. 导出."""
    client = await session.at(at)
    if witnessed:
        history = await _witnessed(client, witnessed)
        files.write_witnessed(out, history)
        count = len(history.checkpoints)
        session.write(f"{count} checkpoints in {out}.", f"{out}：{count} 个检查点。")
        return
    facts = await _export(client, out)
    if session.choices.as_json:
        session.write_json({"file": str(out), "facts": facts})
    session.write(f"{facts} entries in {out}.", f"{out}：{facts} 条。")


async def _export(client: Client, out: Path) -> int:
    """Write an export; return how many facts it has."""
    stub, facts = LedgerServiceStub(client.channel), 0
    call = stub.ExportLedger(api.ExportLedgerRequest(), metadata=trace_metadata())
    try:
        with out.open("wb") as file:
            file.write(files.EXPORT)
            async for response in call:
                for record in response.records:
                    files.write_record(file, record)
                    facts += len(record.segment.facts)
    except grpc.aio.AioRpcError as error:
        out.unlink(missing_ok=True)
        raise from_rpc_error(error, client.address) from error
    finally:
        call.cancel()
    return facts


async def _witnessed(client: Client, child: str) -> pb.WitnessedHistory:
    stub = LedgerServiceStub(client.channel)
    history = pb.WitnessedHistory(child=child)
    request = api.ListWitnessedRequest(child=child, page_size=500)
    certificates = set[bytes]()
    while True:
        page = await client.call(stub.ListWitnessed, request)
        history.checkpoints.extend(page.checkpoints)
        certificates |= {one.der for one in page.certificates}
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    history.lives.extend(page.lives)
    history.certificates.extend(pb.Certificate(der=der) for der in certificates)
    return history


@command(app, "verify", example="ducha ledger verify county.ledger --ca ca.crt")
async def ledger_verify(
    session: Session,
    file: Annotated[Path, typer.Argument(help="An export or a proof. 导出文件或证明")],
    *,
    ca: Annotated[
        Path | None,
        typer.Option(help="Authorities, PEM; else those of the data directory. 根证书"),
    ] = None,
    crl: Annotated[
        Path | None, typer.Option(help="Revoked certificates, PEM. 吊销列表")
    ] = None,
    witness: Annotated[
        Path | None,
        typer.Option(help="What the parent witnessed, from its export. 上级见证文件"),
    ] = None,
    tolerance: Annotated[
        int, typer.Option(min=0, help="Minutes that clocks may differ. 时钟容差（分）")
    ] = 5,
) -> None:
    """Check an export or a proof offline, and name the first thing that is wrong. 核验."""
    place = ca or (session.choices.data or default_data()) / "identity" / "ca.crt"
    trust = files.read_trust(place, crl)
    history = files.read_witnessed(witness) if witness else None
    verifier = Verifier(trust, history, timedelta(minutes=tolerance))
    try:
        with file.open("rb") as content:
            match content.readline(100):
                case files.EXPORT:
                    for record in files.records(content):
                        verifier.add(record)
                case files.PROOF:
                    _verify_subject(session, files.read_proof(content), trust)
                    return
                case _:
                    raise _no_file(file, "`ducha ledger export` writes one")
        report = verifier.report()
    except (OSError, FileWrong) as wrong:
        raise _no_file(file, str(wrong)) from wrong
    if session.choices.as_json:
        session.write_json(report_json(report))
    else:
        print_report(session, report)
    if not report.is_whole:
        raise typer.Exit(REFUSED)


def _no_file(file: Path, problem: str) -> UsageProblem:
    return UsageProblem(
        f"{file} is no whole export and no proof: {problem}.",
        f"{file} 不是完整的导出或证明文件：{problem}。",
    )


def _verify_subject(session: Session, proof: pb.SubjectProof, trust: Trust) -> None:
    report = verify_subject(proof, trust)
    if session.choices.as_json:
        session.write_json(subject_json(report))
    else:
        print_subject(session, report)
    if report.problems:
        raise typer.Exit(REFUSED)


@command(
    app, "prove", example="ducha ledger prove 0198c0de-… --at county --out it.proof"
)
async def ledger_prove(
    session: Session, subject: options.Item, *, out: Out, at: Where = ""
) -> None:
    """Write a proof of all entries about one item, to be checked offline. 取证."""
    client = await session.at(at)
    stub = LedgerServiceStub(client.channel)
    request = api.ProveSubjectRequest(subject=subject)
    proof = (await client.call(stub.ProveSubject, request)).proof
    files.write_proof(out, proof)
    if session.choices.as_json:
        count: Json = {"file": str(out), "facts": len(proof.facts)}
        session.write_json(count)
    session.write(
        f"{len(proof.facts)} entries in {out}; {proof.later_count} later ones are not.",
        f"{out}：{len(proof.facts)} 条；另有 {proof.later_count} 条尚未封存。",
    )


@command(
    app,
    "new-life",
    example="ducha ledger new-life --at county --reason '从 11 月 20 日备份恢复'",
)
async def ledger_new_life(
    session: Session,
    *,
    at: Where,
    reason: Annotated[str, typer.Option(help="Why; recorded for good. 理由")],
    actor: options.Actor = options.ACTOR,
    digest: Annotated[
        str, typer.Option(help="sha256 or sm3; as before by default. 摘要算法")
    ] = "",
    request_id: options.RequestId = "",
) -> None:
    """Let sealing go on after a restore; on record for good, here and at the parent. 声明新一期."""
    client = await session.at(at)
    stub = LedgerServiceStub(client.channel)
    request = api.DeclareNewLifeRequest(
        request_id=options.new_request_id(request_id),
        actor=actor,
        reason=reason,
        digest=digest,
    )
    response = await options.write(client, stub.DeclareNewLife, request)
    if session.choices.as_json:
        session.write_json(response)
    number = response.life.life
    session.write(f"Life {number} begins.", f"台账第 {number} 期开始。")
