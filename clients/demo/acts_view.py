"""What is shown of the two acts of collect-once."""

from __future__ import annotations

from clients.cli import render
from clients.cli.registry_words import outcome_heads
from clients.cli.session import Json, Session
from clients.demo.acts import Once


def summary(played: Once) -> dict[str, Json]:
    """Return what `--json` prints of the acts."""
    names = ("served", "joined", "confirm", "collect")
    return {
        "period": played.period,
        "recorded": played.recorded,
        "requests": [
            {
                "requester": act.name,
                "division": act.division,
                "data_request_id": act.data_request,
                "elements": act.elements,
                **dict(zip(names, act.decided, strict=True)),
                "seconds_to_complete": round(act.seconds, 3),
            }
            for act in played.acts
        ],
        "saved_minutes_estimate": round(played.total.saved_minutes, 1),
        "checks": [
            {"check": one.english, "found": one.found, "passed": one.passed}
            for one in played.checks
        ],
        "seconds": round(played.seconds, 3),
        "agrees": played.agrees,
    }


def show(session: Session, played: Once) -> None:
    """Print who asked what, what was spared, and the proof."""
    say = session.say
    heads = [
        say("Who asked (simulated)", "申请单位（模拟）"),
        say("Elements", "数据元"),
    ]
    heads += [*outcome_heads(session), say("Complete after, s", "收齐（秒）")]
    rows = [
        (act.name, act.elements, *act.decided, round(act.seconds, 2))
        for act in played.acts
    ]
    title = say("Collect once: what the gate decided", "一次采集：闸口判定")
    session.out.print(render.table(heads, rows, title))
    _show_savings(session, played)
    _show_checks(session, played)


def _show_savings(session: Session, played: Once) -> None:
    total = played.total
    spared = total.served_count + total.joined_count
    minutes = round(total.saved_minutes)
    session.write(
        f"Of {total.needed_count} values needed, {spared} were not asked again; "
        f"{total.confirmed_count} were confirmed in one act. Saved by estimate: "
        f"{minutes} minutes (`ducha registry savings --help` explains it).",
        f"共需 {total.needed_count} 个数据，其中 {spared} 个未重复采集，"
        f"{total.confirmed_count} 个一键确认。估算节省 {minutes} 分钟"
        "（算法见 `ducha registry savings --help`）。",
    )
    for one in played.spared:
        session.write(
            f"  {one.requester_division}: {round(one.saved_minutes)} minutes",
            f"  {one.requester_division}：{round(one.saved_minutes)} 分钟",
        )
    seconds = f"{played.seconds:.1f}"
    session.write(
        f"{played.recorded} values recorded; both acts took {seconds} seconds.",
        f"共登记 {played.recorded} 个数据值；两幕用时 {seconds} 秒。",
    )


def _show_checks(session: Session, played: Once) -> None:
    say = session.say
    heads = [say("Proof", "核验")]
    heads += [say("Found", "结果"), ""]
    rows = [
        (
            say(one.english, one.chinese),
            one.found,
            say("yes", "是") if one.passed else say("NO", "否！"),
        )
        for one in played.checks
    ]
    session.out.print(render.table(heads, rows))
    if played.agrees:
        session.write("[green]Nobody was asked twice.[/]", "[green]没有重复采集。[/]")
    else:
        session.write(
            "[red]Collect-once did NOT hold.[/]", "[red]一次采集未得到满足！[/]"
        )
