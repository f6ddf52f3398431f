"""The command line: help everywhere, exit codes, plain words for refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import typer
from typer.testing import CliRunner

from clients.cli.command import first_problem
from clients.cli.main import app
from clients.cli.words import UsageProblem
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.division.v1 import division_pb2
from ducha.division.v1 import division_service_pb2 as division_api
from ducha.link.v1 import link_pb2
from ducha.link.v1 import link_service_pb2 as link_api
from ducha.reporting.v1 import reporting_pb2
from ducha.reporting.v1 import reporting_service_pb2 as reporting
from ducha.server.v1 import server_service_pb2 as server_api
from tests.clients.refusing import node, rich_status

ITEM = "0198c0de-0000-7000-8000-000000000001"
DIVISION = "530102001"


def paths(
    group: typer.Typer, before: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    for command in group.registered_commands:
        yield (*before, str(command.name))
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from paths(inner.typer_instance, (*before, str(inner.name)))


def run(*arguments: str, **environment: str) -> Any:
    return CliRunner().invoke(
        app, list(arguments), env={"COLUMNS": "200", **environment}
    )


def server_info(_request: Any, _context: Any) -> server_api.GetServerInfoResponse:
    return server_api.GetServerInfoResponse(
        version="1", node="province", tier="province", hosted_divisions=["53"]
    )


def an_item(_request: Any, _context: Any) -> api.GetItemResponse:
    return api.GetItemResponse(item=pb.Item(item_id=ITEM, title="T"), target_count=2)


def refusing(code: grpc.StatusCode, **details: Any) -> Callable[[Any, Any], None]:
    def refuse(_request: Any, context: Any) -> None:
        context.abort_with_status(rich_status(code, **details))

    return refuse


@pytest.mark.parametrize("path", list(paths(app)), ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    """A newcomer can copy a line that works, and a program finds --json."""
    result = run(*path, "--help")

    assert result.exit_code == 0
    assert "示例: ducha " + " ".join(path) in result.stdout
    assert "--json" in result.stdout


def test_the_version_is_told() -> None:
    """For a report of a fault."""
    result = run("--version")

    assert result.exit_code == 0
    assert result.stdout.startswith("ducha ")


def test_a_refusal_is_words_and_exit_code_1() -> None:
    """What and why, in the user's language, without a stack trace."""
    with node(
        GetServerInfo=server_info,
        GetItem=refusing(
            grpc.StatusCode.NOT_FOUND, fields=[("item_id", "no such item")]
        ),
    ) as address:
        english = run("item", "show", ITEM, "--address", address, "--lang", "en")
        chinese = run("item", "show", ITEM, "--address", address, LANG="zh_CN.UTF-8")

    assert english.exit_code == chinese.exit_code == 1
    assert "Refused: ITEM_UNKNOWN" in english.stderr
    assert "No such item here." in english.stderr
    assert "item_id no such item" in english.stderr
    assert "本节点没有该事项。" in chinese.stderr
    assert "Traceback" not in english.output
    assert english.stdout == ""


def test_a_refusal_for_programs_is_json() -> None:
    """With --json, standard error holds one object with the reason."""
    with node(
        GetServerInfo=server_info, GetItem=refusing(grpc.StatusCode.NOT_FOUND)
    ) as address:
        result = run("item", "show", ITEM, "--address", address, "--json")
    error = json.loads(result.stderr)["error"]

    assert error["code"] == "NOT_FOUND"
    assert error["reason"] == "ITEM_UNKNOWN"
    assert error["metadata"] == {"item_id": "i1"}
    assert result.stdout == ""


def test_a_wrong_command_line_is_exit_code_2() -> None:
    """Nothing was sent."""
    value = run("report", ITEM, DIVISION, "--value", "x", "--address", "127.0.0.1:1")
    missing = run("report", ITEM, "--address", "127.0.0.1:1")

    assert value.exit_code == missing.exit_code == 2
    assert "ELEMENT=VALUE" in value.stderr
    assert run("item", "show").exit_code == 2
    assert run("item", "fly").exit_code == 2


def test_nobody_there_is_exit_code_3(tmp_path: Path) -> None:
    """Whether nothing was started or nothing answers, the next step is said."""
    nothing = run("item", "list", "--data", str(tmp_path))
    nobody = run("info", "--address", "127.0.0.1:1")

    assert nothing.exit_code == nobody.exit_code == 3
    assert "ducha up" in nothing.stderr
    assert "ducha doctor" in nobody.stderr


def test_a_lost_answer_tells_how_to_repeat_safely() -> None:
    """The request_id is shown, so that the second try is the same act."""
    with node(
        GetServerInfo=server_info,
        ReceiveAssignments=refusing(grpc.StatusCode.UNAVAILABLE),
    ) as address:
        result = run(
            "receive", ITEM, DIVISION, "--address", address, "--request-id", ITEM
        )

    assert result.exit_code == 3
    assert f"--request-id {ITEM}" in result.stderr


def test_issue_sends_what_was_typed() -> None:
    """Every option arrives in its field; the root issues by default."""
    seen: list[api.IssueItemRequest] = []

    def issue(request: Any, _context: Any) -> api.IssueItemResponse:
        seen.append(request)
        return api.IssueItemResponse(item=pb.Item(item_id=ITEM), target_count=7)

    options = "--title T --basis B --content C --level township --within 5301"
    options += " --exclude 530102 --urgency urgent --justification J --mode cascade"
    options += " --closing quorum:80 --skip-level-reason S --assist 53:财政厅 --check"
    options += " --receive-by +1d --deadline +3d"
    with node(GetServerInfo=server_info, IssueItem=issue) as address:
        result = run("item", "issue", *options.split(), "--address", address, "--json")

    assert json.loads(result.stdout)["target_count"] == 7
    sent = seen[0]
    assert sent.division == "53"
    assert sent.validate_only
    assert list(sent.targets.within) == ["5301"]
    assert list(sent.targets.excluded) == ["530102"]
    assert sent.item.mode == pb.MODE_CASCADE
    assert sent.item.closing_rule.quorum_percent == 80
    assert sent.item.lead_unit.division == "53"
    assert sent.item.assist_units[0].name == "财政厅"
    assert sent.item.deadline_time.seconds > sent.item.receive_by_time.seconds


def test_report_sends_values_and_problems() -> None:
    """Typed values and problems, and the epoch worked under."""
    seen: list[api.ReportAssignmentsRequest] = []

    def take(request: Any, _context: Any) -> api.ReportAssignmentsResponse:
        seen.append(request)
        return api.ReportAssignmentsResponse(reported_count=len(request.reports))

    with node(GetServerInfo=server_info, ReportAssignments=take) as address:
        result = run(
            *("report", ITEM, DIVISION, "--summary", "done", "--epoch", "2"),
            *("--value", "a.b=3.5", "--value", "c=true"),
            *("--problem", "safety:major:x", "--address", address),
        )
    sent = seen[0].reports[0]

    assert result.exit_code == 0
    assert (sent.assignment.item_id, sent.assignment.division) == (ITEM, DIVISION)
    assert sent.epoch == 2
    assert [value.element for value in sent.report.values] == ["a.b", "c"]
    assert sent.report.problems[0].description == "x"


def test_a_file_of_reports_is_sent_in_batches(tmp_path: Path) -> None:
    """With the id of the first try the second is the same; without it, another."""
    sent: list[api.ReportAssignmentsRequest] = []

    def take(request: Any, _context: Any) -> api.ReportAssignmentsResponse:
        sent.append(request)
        return api.ReportAssignmentsResponse(reported_count=len(request.reports))

    file = tmp_path / "reports.json"
    one = {"assignment": {"item_id": ITEM, "division": DIVISION}, "report": {}}
    file.write_text(json.dumps({"reports": [one] * 2001}))
    with node(GetServerInfo=server_info, ReportAssignments=take) as address:
        arguments = ("report", "--file", str(file), "--address", address, "--json")
        first = run(*arguments, "--request-id", ITEM)
        run(*arguments, "--request-id", ITEM)
        run(*arguments)
    ids = [request.request_id for request in sent]

    assert json.loads(first.stdout)["reported_count"] == 2001
    assert [len(request.reports) for request in sent[:2]] == [2000, 1]
    assert ids[0:2] == ids[2:4]
    assert len(set(ids)) == 4


def test_an_inbox_follows_its_pages() -> None:
    """All pages up to the limit, as one answer."""

    def page(request: Any, _context: Any) -> api.ListAssignmentsResponse:
        place = int(request.page_token or 0)
        return api.ListAssignmentsResponse(
            assignments=[pb.Assignment(division=f"{place:09}", item_id=ITEM)],
            next_page_token=str(place + 1) if place < 4 else "",
        )

    with node(GetServerInfo=server_info, ListAssignments=page) as address:
        whole = run("inbox", "53", "--address", address, "--json")
        some = run("inbox", "53", "--address", address, "--json", "--limit", "2")
        table = run("inbox", "53", "--address", address)

    assert len(json.loads(whole.stdout)["assignments"]) == 5
    assert len(json.loads(some.stdout)["assignments"]) == 2
    assert ITEM in table.stdout


def test_watch_ends_when_all_have_reported() -> None:
    """With --json one object a line; the token to go on from is in each."""

    def stream(_request: Any, context: Any) -> Iterator[reporting.WatchItemResponse]:
        for done in (0, 1, 2):
            yield reporting.WatchItemResponse(
                resume_token=f"t{done}",
                progress=[
                    reporting_pb2.Progress(
                        division="53", expected_count=2, reported_count=done
                    )
                ],
            )
        context.abort(grpc.StatusCode.INTERNAL, "asked for too much")

    with node(GetServerInfo=server_info, GetItem=an_item, WatchItem=stream) as address:
        lines = run("item", "watch", ITEM, "--address", address, "--json")
        shown = run("item", "watch", ITEM, "--address", address)

    assert [json.loads(line)["resume_token"] for line in lines.stdout.splitlines()] == [
        "t0",
        "t1",
        "t2",
    ]
    assert lines.exit_code == shown.exit_code == 0
    assert "--resume t2" in shown.stdout


def test_an_audit_that_finds_a_difference_is_exit_code_1() -> None:
    """Every node is asked; one wrong count fails the command."""
    wrong = reporting.AuditProgressResponse.Difference(
        item_id=ITEM, division="53", held="1", recomputed="2"
    )

    def audit(*differences: Any) -> Callable[[Any, Any], Any]:
        return lambda _request, _context: reporting.AuditProgressResponse(
            compared_count=3, differences=differences
        )

    with node(GetServerInfo=server_info, AuditProgress=audit()) as address:
        right = run("audit", "rollups", "--address", address)
    with node(GetServerInfo=server_info, AuditProgress=audit(wrong)) as address:
        found = run("audit", "rollups", "--address", address)

    assert right.exit_code == 0
    assert "Every count agrees." in right.stdout
    assert found.exit_code == 1
    assert ITEM in found.stdout


def test_operators_commands_speak_json() -> None:
    """Links, quarantine and nodes, each with the node that told it."""
    with node(
        GetServerInfo=server_info,
        ListLinks=lambda *_: link_api.ListLinksResponse(
            links=[link_pb2.LinkStatus(neighbour="city")]
        ),
        ListQuarantine=lambda *_: link_api.ListQuarantineResponse(
            facts=[link_pb2.QuarantinedFact(quarantine_id=7)]
        ),
        ListDivisions=lambda *_: division_api.ListDivisionsResponse(
            divisions=[division_pb2.Division(code="53", name="云南省")]
        ),
    ) as address:
        at = ("--address", address, "--json")
        links = json.loads(run("link", "status", *at).stdout)
        held = json.loads(run("quarantine", "list", *at).stdout)
        nodes = json.loads(run("info", *at).stdout)
        known = json.loads(run("division", "list", *at).stdout)

    assert links["links"][0]["node"] == "province"
    assert links["links"][0]["neighbour"] == "city"
    assert held["facts"][0]["quarantine_id"] == "7"
    assert nodes["nodes"][0]["hosted_divisions"] == ["53"]
    assert known["divisions"][0]["name"] == "云南省"


def test_problems_side_by_side_are_told_as_one() -> None:
    """Concurrent work fails in several places; the first is told, a fault is not hidden."""
    problem, fault = UsageProblem("a", "甲"), ValueError("a bug")
    nested = ExceptionGroup("outer", [ExceptionGroup("inner", [problem])])

    assert first_problem(nested) is problem
    with pytest.raises(ExceptionGroup):
        first_problem(ExceptionGroup("mixed", [problem, fault]))
