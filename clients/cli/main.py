"""The `ducha` command: its table of contents."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from clients.cli import (
    access,
    approval,
    assignments,
    ca,
    calendar,
    catalogue,
    collection,
    divisions,
    items,
    ledger,
    moves,
    nats,
    notices,
    operation,
    petition,
    rectification,
    registry,
    registry_proofs,
    registry_values,
    registry_watch,
    statistics,
    timeline,
    timers,
    token,
    urging,
    watching,
    work,
)
from clients.cli.command import command
from clients.cli.doctor import doctor
from clients.cli.indicators import indicators
from clients.cli.trace import trace
from clients.cli.up import up
from clients.demo.command import demo

__all__ = [
    "app",
    "moves",
    "registry_proofs",
    "registry_values",
    "registry_watch",
    "run",
    "timeline",
    "watching",
]

app = typer.Typer(
    name="ducha",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Ducha 督查: supervision items down four tiers and their results back up.\n\n"
    "Exit codes: 0 done, 1 refused, 2 wrong command line, 3 no answer. "
    "退出码：0 成功，1 被拒绝，2 用法有误，3 无应答。",
)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        try:
            number = version("ducha")
        except PackageNotFoundError:
            number = "(not installed)"
        typer.echo(f"ducha {number}")
        raise typer.Exit


@app.callback(epilog="Example 示例: ducha demo")
def main(
    *,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version. 版本",
        ),
    ] = False,
) -> None:
    """Ducha 督查."""


app.command("up", epilog="Example 示例: ducha up --data .ducha")(up)
command(app, "demo", example="ducha demo --lang zh")(demo)
work.register(app)
app.add_typer(items.app, name="item")
app.add_typer(assignments.app, name="assignment")
app.add_typer(divisions.app, name="division")
app.add_typer(calendar.app, name="calendar")
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(registry.app, name="registry")
app.add_typer(collection.app, name="collection")
app.add_typer(approval.app, name="approval")
app.add_typer(petition.app, name="petition")
app.add_typer(statistics.app, name="statistics")
command(
    app,
    "indicators",
    example="ducha indicators safety.hazards_settled_share --period 2026-11",
)(indicators)
app.add_typer(notices.app, name="notice")
command(app, "urge", example="ducha urge 0198c0de-… --message 请抓紧办理")(urging.urge)
app.add_typer(urging.app, name="digest")
app.add_typer(rectification.app, name="rectification")
app.add_typer(timers.timers, name="timer")
app.add_typer(timers.escalations, name="escalation")
app.add_typer(operation.links, name="link")
app.add_typer(nats.app, name="nats")
app.add_typer(operation.quarantine, name="quarantine")
app.add_typer(operation.audit, name="audit")
app.add_typer(access.app, name="access")
app.add_typer(ledger.app, name="ledger")
app.add_typer(ca.app, name="ca")
app.add_typer(token.app, name="token")
app.command("doctor", epilog="Example 示例: ducha doctor")(doctor)
command(app, "trace", example="ducha trace 0198c0de-…")(trace)
command(app, "info", example="ducha info")(operation.info)


def run() -> None:
    """Run the command; the entry point of the package."""
    app()
