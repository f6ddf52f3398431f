"""What is shown of the life of one item."""

from __future__ import annotations

from collections.abc import Sequence

from clients.cli import render, timeline
from clients.cli.session import Json, Session, as_json
from clients.demo.life import Life
from clients.demo.life_cast import RATE

HOUR = 3600


def summary(played: Life) -> dict[str, Json]:
    """Return what `--json` prints."""
    return {
        "simulated": True,
        "simulated_seconds_in_a_second": RATE,
        "item_id": played.item,
        "steps": [
            {
                "step": one.english,
                "told_at": list(one.tiers),
                "missing_at": list(one.missing),
                "seconds": round(one.seconds, 3),
            }
            for one in played.steps
        ],
        "checks": [
            {"check": one.english, "found": one.found, "passed": one.passed}
            for one in played.checks
        ],
        "timelines": {
            tier: [as_json(event) for event in events]
            for tier, events in played.courses.items()
        },
        "seconds": round(played.seconds, 3),
        "agrees": played.agrees,
    }


def announce(session: Session) -> None:
    """Say first that nothing of this is real."""
    pace = f"{RATE / HOUR:g}"
    session.write(
        f"[bold yellow]SIMULATED 模拟[/]: people, words, and time. On these nodes one second "
        f"is {pace} hours.",
        f"[bold yellow]模拟 SIMULATED[/]：人员、内容和时间均为模拟。各节点一秒等于 {pace} 小时。",
    )


def show(session: Session, played: Life) -> None:
    """Print each tier's timeline, then the steps and the checks."""
    for tier, events in played.courses.items():
        title = session.say(
            f"SIMULATED: the timeline at the {tier}",
            f"【模拟】{session.label(tier)}级办理过程",
        )
        session.out.print(timeline.table(session, events, title))
    _show_steps(session, played)
    _show_checks(session, played)
    seconds = f"{played.seconds:.1f}"
    session.write(
        f"The act took {seconds} seconds.", f"全过程用时 {seconds} 秒（真实时间）。"
    )
    if played.agrees:
        session.write(
            "[green]Every step was told at both sides.[/]",
            "[green]每一步上下级均一致。[/]",
        )
    else:
        session.write("[red]Something is missing.[/]", "[red]有步骤未达到！[/]")


def _show_steps(session: Session, played: Life) -> None:
    say = session.say
    heads = [
        say("Step (simulated)", "步骤（模拟）"),
        say("Told at", "已见于"),
        say("After, s", "用时（秒）"),
    ]
    rows = [
        (
            say(one.english, one.chinese),
            _places(session, one.tiers, one.missing),
            round(one.seconds, 2),
        )
        for one in played.steps
    ]
    session.out.print(render.table(heads, rows))


def _places(session: Session, told: Sequence[str], missing: Sequence[str]) -> str:
    """Return where a step was told, and where not."""
    names = [session.label(tier) for tier in told]
    lacking = [session.label(tier) for tier in missing]
    text = session.say(", ", "、").join(names)
    if not lacking:
        return text
    return f"{text} {session.say('NOT at', '未见于')} {', '.join(lacking)}"


def _show_checks(session: Session, played: Life) -> None:
    say = session.say
    heads = [say("Proof", "核验"), say("Found", "结果"), ""]
    rows = [
        (
            say(one.english, one.chinese),
            one.found,
            say("yes", "是") if one.passed else say("NO", "否！"),
        )
        for one in played.checks
    ]
    session.out.print(render.table(heads, rows))
