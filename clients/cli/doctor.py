"""`ducha doctor`: looks at everything, changes nothing, and says what mends it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.markup import escape

from clients.cli import checks_identity, checks_machine, checks_nodes
from clients.cli.command import AsJson, Data, Lang
from clients.cli.findings import Finding, Severity, worst
from clients.cli.session import console
from clients.cli.words import Language, language
from clients.runtime import Endpoints
from clients.runtime.endpoints import default_data
from clients.runtime.errors import ClientError

MARKS = {
    Severity.OK: "[green]✓[/]",
    Severity.WARNING: "[yellow]![/]",
    Severity.FAILURE: "[red]✗[/]",
}


def doctor(*, data: Data = None, as_json: AsJson = False, lang: Lang = None) -> None:
    """Check the machine and what runs on it; exit code 0 well, 1 warning, 2 failure. 体检."""
    place = (data or default_data()).resolve()
    findings = examine(place)
    if as_json:
        _write_json(findings)
    else:
        _write(findings, lang or language())
    raise typer.Exit(int(worst(findings)))


def examine(data: Path) -> list[Finding]:
    """Run every check that makes sense: without a running system, those of the machine."""
    found = [checks_machine.python(), *checks_machine.programs()]
    found += checks_machine.directory(data)
    if not data.exists():
        return found
    listed, content = checks_machine.endpoints_file(data)
    found.append(listed)
    found += checks_identity.everything(data, content, datetime.now(UTC))
    if not content:
        return found
    found += checks_machine.processes(content)
    try:
        known = Endpoints.load(data)
    except ClientError:  # said above: of the list, or of the identities
        return found
    checked = checks_nodes.everything(known.nodes, content, known.credentials)
    return found + asyncio.run(checked)


def _write_json(findings: list[Finding]) -> None:
    content = {
        "worst": worst(findings).name.lower(),
        "findings": [
            {
                "check": one.check,
                "severity": one.severity.name.lower(),
                "what": one.what.english,
                "what_zh": one.what.chinese,
                "fix": one.fix.english,
                "fix_zh": one.fix.chinese,
            }
            for one in findings
        ],
    }
    typer.echo(json.dumps(content, ensure_ascii=False))


def _write(findings: list[Finding], lang: Language) -> None:
    screen = console()
    for one in findings:
        what = escape(one.what.in_language(lang))
        screen.print(f"{MARKS[one.severity]} [bold]{escape(one.check)}[/] {what}")
        if fix := one.fix.in_language(lang):
            screen.print(f"    → {escape(fix)}")
    ill = sum(one.severity > Severity.OK for one in findings)
    if lang is Language.ZH:
        screen.print(f"共 {len(findings)} 项检查，{ill} 项需要处理。")
    else:
        screen.print(f"{len(findings)} checks, {ill} to look after.")
