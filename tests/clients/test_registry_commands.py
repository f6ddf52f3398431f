"""The commands of collect-once: what is typed arrives, what is told is shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from ducha.division.v1 import division_pb2
from ducha.registry.v1 import registry_pb2 as pb
from ducha.registry.v1 import registry_service_pb2 as api
from ducha.relief.v1 import relief_pb2
from ducha.relief.v1 import relief_service_pb2 as relief_api
from tests.clients.refusing import Handler, node
from tests.clients.test_commands import refusing, run, server_info

ID = "0198c0de-0000-7000-8000-000000000001"
TOWNSHIP = "530102001"
PERIOD = "2026-11"


def call(*arguments: str, **handlers: Handler) -> Any:
    """Run one command against a node that answers so."""
    with node(GetServerInfo=server_info, **handlers) as address:
        return run(*arguments, "--address", address)


def keeping(seen: list[Any], response: Any) -> Callable[[Any, Any], Any]:
    """Answer with `response`, and keep what was asked."""

    def answer(request: Any, _context: Any) -> Any:
        seen.append(request)
        return response

    return answer


def judged(**counts: int) -> api.RequestDataResponse:
    outcomes = pb.Outcomes(**counts)
    return api.RequestDataResponse(
        data_request=pb.DataRequest(data_request_id=ID, outcomes=outcomes),
        elements=[
            pb.ElementOutcomes(
                element="a.b", outcomes=outcomes, reason_zh="原因", reason_en="because"
            )
        ],
    )


REQUEST = (
    *("registry", "request", "--elements", "a.b, c", "--level", "township"),
    *("--within", "5301", "--exclude", "530102", "--period", PERIOD, "--title", "T"),
    *("--use", "planning", "--requester", "民政厅", "--item", ID),
)


def test_a_request_sends_what_was_typed() -> None:
    """Every option arrives in its field; the root asks by default."""
    seen: list[api.RequestDataRequest] = []
    result = call(*REQUEST, "--check", RequestData=keeping(seen, judged(collect=3)))
    sent = seen[0]

    assert result.exit_code == 0
    assert "Nothing was asked yet. Of 3 values, 3 would be asked." in result.stdout
    assert sent.division == "53"
    assert sent.validate_only
    assert not sent.expect_nothing_held
    assert list(sent.data_request.elements) == ["a.b", "c"]
    assert sent.data_request.requester == "民政厅"
    assert sent.data_request.item_id == ID
    assert sent.data_request.deadline_time.seconds
    assert sent.targets.level == division_pb2.LEVEL_TOWNSHIP
    assert list(sent.targets.within) == ["5301"]
    assert list(sent.targets.excluded) == ["530102"]


def test_a_request_shows_what_the_gate_decided_and_why() -> None:
    """In the user's language, with what to do next; for programs, all of it."""
    answer = keeping([], judged(served=5, joined=4, confirm=2, collect=1))
    english = call(*REQUEST, "--lang", "en", RequestData=answer)
    chinese = call(*REQUEST, "--lang", "zh", RequestData=answer)
    program = call(*REQUEST, "--json", RequestData=answer)

    assert "because" in english.stdout
    assert "of 12 values, 3 are asked, 9 are not asked again" in english.stdout
    assert f"ducha registry watch {ID}" in english.stdout
    assert "原因" in chinese.stdout
    assert "采集或确认 3 个，9 个不再重复采集" in chinese.stdout
    outcomes = json.loads(program.stdout)["data_request"]["outcomes"]
    assert outcomes == {"served": 5, "joined": 4, "confirm": 2, "collect": 1}


def test_a_request_without_elements_is_not_sent() -> None:
    """A command line that says nothing is exit code 2."""
    result = call(*REQUEST[:3], ",", *REQUEST[4:])

    assert result.exit_code == 2
    assert "No element is named." in result.stderr


def test_a_refused_request_is_exit_code_1() -> None:
    """Such as for what is held and fresh."""
    refuse = refusing(grpc.StatusCode.FAILED_PRECONDITION, reason="ALREADY_HELD")
    result = call(*REQUEST, "--expect-nothing-held", RequestData=refuse)

    assert result.exit_code == 1
    assert "Refused: ALREADY_HELD" in result.stderr


def test_requests_follow_their_pages() -> None:
    """All pages up to the limit, with the filters typed."""
    seen: list[api.ListDataRequestsRequest] = []

    def page(request: Any, _context: Any) -> api.ListDataRequestsResponse:
        seen.append(request)
        place = int(request.page_token or 0)
        return api.ListDataRequestsResponse(
            data_requests=[
                pb.DataRequest(
                    data_request_id=ID, title=f"T{place}", state=request.state
                )
            ],
            next_page_token=str(place + 1) if place < 4 else "",
        )

    with node(GetServerInfo=server_info, ListDataRequests=page) as address:
        at = ("registry", "requests", "--address", address)
        whole = run(*at, "--json", "--state", "complete", "--requester", "5301")
        some = run(*at, "--json", "--limit", "2")
        table = run(*at, "--state", "open", "--lang", "zh")

    assert len(json.loads(whole.stdout)["data_requests"]) == 5
    assert len(json.loads(some.stdout)["data_requests"]) == 2
    assert seen[0].state == pb.DATA_REQUEST_STATE_COMPLETE
    assert seen[0].requester_division == "5301"
    assert "采集中" in table.stdout
    assert "T4" in table.stdout


def test_one_request_is_shown_whole() -> None:
    """What was asked, what was decided, what is missing."""
    found = pb.DataRequest(
        data_request_id=ID,
        title="T",
        state=pb.DATA_REQUEST_STATE_OPEN,
        elements=["a.b"],
        outcomes=pb.Outcomes(served=7),
        waiting_count=3,
    )
    result = call(
        *("registry", "show", ID),
        GetDataRequest=keeping([], api.GetDataRequestResponse(data_request=found)),
    )

    assert result.exit_code == 0
    assert "a.b" in result.stdout
    assert "Still missing  3" in result.stdout


def test_needs_say_who_is_waited_for() -> None:
    """Division by division, with the elements that are missing."""
    seen: list[api.ListNeedsRequest] = []
    need = pb.Need(division=TOWNSHIP, waiting=["a.b", "c"], confirmed_count=1)
    result = call(
        *("registry", "needs", ID, "--waiting", "--within", "5301"),
        ListNeeds=keeping(seen, api.ListNeedsResponse(needs=[need])),
    )

    assert seen[0].waiting_only
    assert seen[0].within == "5301"
    assert "a.b, c" in result.stdout


def test_a_withdrawal_names_its_reason() -> None:
    """It is recorded."""
    seen: list[api.WithdrawDataRequestRequest] = []
    result = call(
        *("registry", "withdraw", ID, "--reason", "R", "--actor", "A"),
        WithdrawDataRequest=keeping(seen, api.WithdrawDataRequestResponse()),
    )

    assert result.exit_code == 0
    assert (seen[0].data_request_id, seen[0].reason) == (ID, "R")
    assert (seen[0].division, seen[0].actor) == ("53", "A")


def test_a_watch_goes_on_over_a_restart_and_ends_when_complete() -> None:
    """A node that goes away is asked again; one object a line for every change."""
    calls: list[str] = []

    def stream(request: Any, context: Any) -> Iterator[api.WatchDataRequestResponse]:
        calls.append(request.data_request_id)
        waiting = len(calls) % 2
        found = pb.DataRequest(
            data_request_id=ID,
            waiting_count=waiting,
            period=PERIOD,
            state=(
                pb.DATA_REQUEST_STATE_OPEN
                if waiting
                else pb.DATA_REQUEST_STATE_COMPLETE
            ),
        )
        yield api.WatchDataRequestResponse(data_request=found)
        if waiting:
            context.abort(grpc.StatusCode.UNAVAILABLE, "draining")
        context.abort(grpc.StatusCode.INTERNAL, "asked for too much")

    lines = call("registry", "watch", ID, "--json", WatchDataRequest=stream)
    shown = call("registry", "watch", ID, WatchDataRequest=stream)
    counts = [json.loads(line)["waiting_count"] for line in lines.stdout.splitlines()]

    assert counts == [1, 0]
    assert calls[:2] == [ID, ID]
    assert lines.exit_code == shown.exit_code == 0
    assert "All values are here." in shown.stdout


def test_a_watch_of_an_unknown_request_is_refused() -> None:
    """It is not repeated."""
    refuse = refusing(grpc.StatusCode.NOT_FOUND, reason="DATA_REQUEST_UNKNOWN")
    result = call("registry", "watch", ID, WatchDataRequest=refuse)

    assert result.exit_code == 1
    assert "DATA_REQUEST_UNKNOWN" in result.stderr


OBSERVATION = pb.Observation(
    division=TOWNSHIP,
    period=PERIOD,
    value=pb.Value(element="a.b", number=12.5),
    author="张三（模拟）",
    author_division=TOWNSHIP,
    revision=2,
    late=True,
    unchanged=True,
    stage=pb.STAGE_COUNTY,
    superseded=True,
    reason="笔误",
)


def test_values_carry_their_labels() -> None:
    """Who, when, how good: nothing is shown without it."""
    seen: list[api.ListObservationsRequest] = []
    result = call(
        *("registry", "values", "--period", PERIOD, "--elements", "a.b"),
        *("--within", "5301", "--as-of", "2026-11-20T18:00+08:00"),
        ListObservations=keeping(
            seen, api.ListObservationsResponse(observations=[OBSERVATION])
        ),
    )

    assert seen[0].as_of_time.ToJsonString() == "2026-11-20T10:00:00Z"
    assert list(seen[0].elements) == ["a.b"]
    assert "12.5" in result.stdout
    assert "张三（模拟）" in result.stdout
    assert "late, unchanged" in result.stdout


def test_versions_of_one_value_say_why_they_changed() -> None:
    """Newest first, as the node tells them."""
    seen: list[api.ListVersionsRequest] = []
    answer = keeping(seen, api.ListVersionsResponse(versions=[OBSERVATION]))
    command = ("registry", "versions", "a.b", TOWNSHIP, PERIOD)
    table = call(*command, "--lang", "zh", ListVersions=answer)
    program = call(*command, "--json", ListVersions=answer)
    nothing = call(*command, ListVersions=keeping([], api.ListVersionsResponse()))

    assert (seen[0].element, seen[0].division, seen[0].period) == command[2:]
    assert "笔误" in table.stdout
    assert json.loads(program.stdout)["versions"][0]["revision"] == 2
    assert "It was never given." in nothing.stdout


def test_conflicts_show_both_values() -> None:
    """And when they are decided by default."""
    conflict = pb.Conflict(
        conflict_id=ID,
        division=TOWNSHIP,
        standing=OBSERVATION,
        rival=pb.Observation(value=pb.Value(element="a.b", number=7), author="李四"),
        state=pb.CONFLICT_STATE_OPEN,
    )
    seen: list[api.ListConflictsRequest] = []
    result = call(
        *("registry", "conflicts", "--state", "open"),
        ListConflicts=keeping(seen, api.ListConflictsResponse(conflicts=[conflict])),
    )

    assert seen[0].state == pb.CONFLICT_STATE_OPEN
    assert "7 (李四)" in result.stdout


def test_an_audit_that_finds_a_difference_is_exit_code_1() -> None:
    """Every node is asked; one wrong count fails the command."""
    wrong = api.RegistryDifference(subject="total 530102", kept="1", computed="2")
    sound = keeping([], api.AuditRegistryResponse(compared_count=3))
    found = keeping([], api.AuditRegistryResponse(differences=[wrong]))
    right = call("registry", "audit", AuditRegistry=sound)
    failed = call("registry", "audit", AuditRegistry=found)

    assert right.exit_code == 0
    assert "Every count agrees." in right.stdout
    assert failed.exit_code == 1
    assert "total 530102" in failed.stdout


def test_savings_are_summed_as_typed_and_audited() -> None:
    """Rows and their total; with --audit a planted difference is exit code 1."""
    seen: list[relief_api.ListSavingsRequest] = []
    one = relief_pb2.Saving(division="5301", served_count=4, saved_minutes=8.04)
    page = relief_api.ListSavingsResponse(savings=[one], total=one)
    shown = call(
        *("registry", "savings", "--level", "city", "--by-requester"),
        *("--since", "2026-01", "--within", "53"),
        ListSavings=keeping(seen, page),
    )
    difference = relief_api.SavingDifference(kept=one, computed=relief_pb2.Saving())
    failed = call(
        *("registry", "savings", "--audit"),
        AuditSavings=keeping(
            [], relief_api.AuditSavingsResponse(differences=[difference])
        ),
    )

    assert seen[0].level == division_pb2.LEVEL_CITY
    assert not seen[0].sum_requesters
    assert seen[0].sum_months
    assert seen[0].from_month == "2026-01"
    assert "8.0" in shown.stdout
    assert failed.exit_code == 1
    assert "5301" in failed.stdout


def test_savings_explain_the_estimate() -> None:
    """Nobody has to believe a number without its rule."""
    result = run("registry", "savings", "--help")

    assert "estimate" in result.stdout
    assert "0.25" in result.stdout
