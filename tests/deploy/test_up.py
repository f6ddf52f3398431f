"""`ducha up` keeps its state over everything, and `ducha doctor` tells the truth about it."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clients.cli.doctor import examine
from clients.cli.findings import Severity, worst
from clients.cli.up import kept_root
from clients.cli.words import UsageProblem
from clients.runtime import Endpoints
from ducha.division.v1 import division_service_pb2 as api
from tests.deploy.processes import is_alive

UP = "import typer; from clients.cli.up import up; typer.run(up)"
DIVISIONS = """\
code,name,level,parent
53,云南省,province,
5301,昆明市,city,53
530102,五华区,county,5301
530102001,华山街道,township,530102
"""


class Up:
    """A running `ducha up --json`."""

    def __init__(self, data: Path) -> None:
        file = data.parent / "divisions.csv"
        file.write_text(DIVISIONS)
        arguments = ["--data", str(data), "--divisions", str(file), "--json"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", UP, *arguments], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.output = self.process.stdout
        self.ready: dict[str, Any] = json.loads(self.output.readline())

    def end(self, wanted: signal.Signals) -> int:
        self.process.send_signal(wanted)
        code = self.process.wait(60)
        self.output.close()
        return code

    def pids(self) -> list[int]:
        nodes = [node for nodes in self.ready["tiers"].values() for node in nodes]
        parts = [self.ready["postgres"], self.ready["nats"], self.ready["otlp"], *nodes]
        return [int(part["pid"]) for part in parts]


async def name_of(data: Path, code: str) -> str:
    async with Endpoints.load(data).client() as client:
        answer = await client.call(
            client.divisions.GetDivision, api.GetDivisionRequest(code=code)
        )
    return answer.division.name


def test_state_survives_ctrl_c_and_kill(tmp_path: Path) -> None:
    """Start, import, Ctrl-C, start, kill -9, start: same addresses, same divisions."""
    data = tmp_path / "data"
    first = Up(data)
    name = asyncio.run(name_of(data, "530102001"))
    well = examine(data)
    code = first.end(signal.SIGINT)
    gone = examine(data)
    second = Up(data)
    second.end(signal.SIGKILL)
    third = Up(data)
    again = asyncio.run(name_of(data, "530102001"))
    third_code = third.end(signal.SIGTERM)

    assert name == again == "华山街道"
    assert code == third_code == 0
    assert addresses(first) == addresses(second) == addresses(third)
    assert not any(is_alive(pid) for up in (first, second, third) for pid in up.pids())
    assert worst(well) < Severity.FAILURE, [one for one in well if one.severity]
    assert worst(gone) == Severity.FAILURE


def addresses(up: Up) -> list[str]:
    nodes = [node["grpc"] for nodes in up.ready["tiers"].values() for node in nodes]
    return [*nodes, up.ready["nats"]["url"], str(up.ready["postgres"]["port"])]


def test_another_root_on_the_same_data_is_refused(tmp_path: Path) -> None:
    """Yunnan's databases are not turned into Guangdong's by an option."""
    assert kept_root(tmp_path, "") == "53"
    assert kept_root(tmp_path, "53") == "53"
    with pytest.raises(UsageProblem):
        kept_root(tmp_path, "44")


def test_every_problem_the_doctor_names_has_a_remedy(tmp_path: Path) -> None:
    """A finding without a fix line is a complaint; each text is in both languages."""
    (tmp_path / "endpoints.json").write_text('{"root": "53", "supervisor_pid": 0}')
    tmp_path.chmod(0o755)
    findings = [*examine(tmp_path), *examine(tmp_path / "missing")]

    assert worst(findings) == Severity.FAILURE
    for finding in findings:
        assert finding.what.english
        assert finding.what.chinese
        if finding.severity:
            assert finding.fix.english
            assert finding.fix.chinese
