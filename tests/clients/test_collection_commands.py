"""The commands of giving, approving and computing: what is typed arrives, what is told is shown."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from ducha.approval.v1 import approval_pb2
from ducha.approval.v1 import approval_service_pb2 as approval_api
from ducha.catalogue.v1 import catalogue_pb2
from ducha.collection.v1 import collection_pb2
from ducha.collection.v1 import collection_service_pb2 as collection_api
from ducha.division.v1 import division_pb2
from ducha.indicator.v1 import indicator_pb2
from ducha.indicator.v1 import indicator_service_pb2 as indicator_api
from ducha.registry.v1 import registry_pb2 as pb
from tests.clients.test_registry_commands import ID, PERIOD, TOWNSHIP, call, keeping


def test_tasks_show_what_is_filled_in() -> None:
    """Field by field, with who waits for it."""
    field = collection_pb2.Field(
        element="a.b",
        name_zh="甲",
        ask=collection_pb2.Field.ASK_CONFIRM,
        prefilled=pb.Value(element="a.b", boolean=True),
        prefilled_period="2026-10",
    )
    task = collection_pb2.Task(division=TOWNSHIP, fields=[field], requesters=["民政厅"])
    seen: list[collection_api.ListTasksRequest] = []
    result = call(
        *("collection", "tasks", TOWNSHIP, "--period", PERIOD, "--lang", "zh"),
        ListTasks=keeping(seen, collection_api.ListTasksResponse(tasks=[task])),
    )

    assert (seen[0].within, seen[0].period) == (TOWNSHIP, PERIOD)
    assert "确认" in result.stdout
    assert "是 (2026-10)" in result.stdout
    assert "民政厅" in result.stdout


ANSWERED = collection_api.SubmitAnswersResponse(
    recorded_count=2,
    remarks=[collection_pb2.AnswerRemark(index=0, late=["a.b"], conflict_ids=[ID])],
)


def test_an_answer_sends_typed_values() -> None:
    """Numbers, words and days, what is unchanged, and the revision worked from."""
    seen: list[collection_api.SubmitAnswersRequest] = []
    result = call(
        *("collection", "answer", TOWNSHIP, PERIOD, "--value", "a.b=3.5"),
        *("--value", "day=2026-11-02", "--value", "word=text:7", "--value", "yes=true"),
        *("--unchanged", "x,y", "--base-revision", "0", "--reason", "R"),
        SubmitAnswers=keeping(seen, ANSWERED),
    )
    sent = seen[0].answers[0]
    kinds = [one.WhichOneof("value") for one in sent.values]

    assert result.exit_code == 0
    assert kinds == ["number", "date", "text", "boolean"]
    assert sent.values[2].text == "7"
    assert list(sent.unchanged) == ["x", "y"]
    assert sent.HasField("base_revision")
    assert sent.reason == "R"
    assert f"{TOWNSHIP}: late: a.b" in result.stdout
    assert f"{TOWNSHIP}: conflicts to decide: {ID}" in result.stdout


def test_an_answer_without_a_revision_meets_whatever_stands() -> None:
    """Zero is a revision; nothing typed is none."""
    seen: list[collection_api.SubmitAnswersRequest] = []
    call(
        *("collection", "answer", TOWNSHIP, PERIOD, "--all-unchanged"),
        SubmitAnswers=keeping(seen, ANSWERED),
    )
    nobody = call("collection", "answer", TOWNSHIP)

    assert seen[0].answers[0].all_unchanged
    assert not seen[0].answers[0].HasField("base_revision")
    assert nobody.exit_code == 2


def test_a_file_of_answers_is_sent_in_batches(tmp_path: Path) -> None:
    """With the id of the first try the second is the same; remarks name their division."""
    seen: list[collection_api.SubmitAnswersRequest] = []
    file = tmp_path / "answers.json"
    one = {"division": TOWNSHIP, "period": PERIOD}
    file.write_text(json.dumps({"answers": [one] * 2001}))
    command = ("collection", "answer", "--file", str(file), "--request-id", ID)
    first = call(*command, "--json", SubmitAnswers=keeping(seen, ANSWERED))
    call(*command, SubmitAnswers=keeping(seen, ANSWERED))
    both = call(*command, "--all-unchanged")
    told = json.loads(first.stdout)
    ids = [request.request_id for request in seen]

    assert told["recorded_count"] == 4
    assert [remark["index"] for remark in told["remarks"]] == [0, 2000]
    assert [len(request.answers) for request in seen[:2]] == [2000, 1]
    assert ids[:2] == ids[2:]
    assert len(set(ids)) == 2
    assert both.exit_code == 2


def test_a_workbook_goes_out_and_comes_back(tmp_path: Path) -> None:
    """The bytes are the node's own; an empty file is not sent."""
    file, empty = tmp_path / "tasks.xlsx", tmp_path / "empty.xlsx"
    empty.touch()
    seen: list[collection_api.ImportAnswersRequest] = []
    exported = collection_api.ExportTasksResponse(workbook=b"PK..", task_count=3)
    imported = collection_api.ImportAnswersResponse(result=ANSWERED)
    out = call(
        *("collection", "export", str(file), "--period", PERIOD),
        ExportTasks=keeping([], exported),
    )
    back = call(
        *("collection", "import", str(file), "--observed", "2026-11-20T18:00+08:00"),
        ImportAnswers=keeping(seen, imported),
    )
    nothing = call("collection", "import", str(empty))

    assert "Wrote 3 tasks" in out.stdout
    assert seen[0].workbook == b"PK.."
    assert seen[0].observe_time.seconds
    assert "Recorded 2 values" in back.stdout
    assert nothing.exit_code == 2


def test_a_conflict_is_decided_with_a_reason() -> None:
    """What stands stays unless the rival is taken."""
    seen: list[collection_api.ResolveConflictRequest] = []
    decided = collection_api.ResolveConflictResponse(
        conflict=pb.Conflict(state=pb.CONFLICT_STATE_RIVAL_TAKEN)
    )
    command = ("collection", "resolve", ID, "--reason", "R")
    taken = call(*command, "--take-rival", ResolveConflict=keeping(seen, decided))
    call(*command, ResolveConflict=keeping(seen, decided))

    assert [one.take_rival for one in seen] == [True, False]
    assert seen[0].reason == "R"
    assert "took the rival" in taken.stdout


def test_approval_and_unlocking_act_for_a_division() -> None:
    """The unlocking covers the division itself unless said otherwise."""
    approved: list[approval_api.ApprovePeriodRequest] = []
    unlocked: list[approval_api.UnlockPeriodRequest] = []
    first = call(
        *("approval", "approve", "530102", PERIOD),
        ApprovePeriod=keeping(
            approved, approval_api.ApprovePeriodResponse(approved_count=20)
        ),
    )
    second = call(
        *("approval", "unlock", "530102", PERIOD, "--reason", "R", "--expire", "+1d"),
        UnlockPeriod=keeping(unlocked, approval_api.UnlockPeriodResponse()),
    )

    assert "Approved 20 values" in first.stdout
    assert (approved[0].division, approved[0].period) == ("530102", PERIOD)
    assert second.exit_code == 0
    assert unlocked[0].within == "530102"
    assert unlocked[0].expire_time.seconds


def test_approvals_and_unlockings_are_listed() -> None:
    """Two lists of one period."""
    one = approval_pb2.Approval(division="530102", actor="王五", approved_count=9)
    other = approval_pb2.Unlocking(within=TOWNSHIP, reason="笔误")
    approvals = call(
        *("approval", "list", PERIOD),
        ListApprovals=keeping([], approval_api.ListApprovalsResponse(approvals=[one])),
    )
    unlockings = call(
        *("approval", "list", PERIOD, "--unlockings", "--json"),
        ListUnlockings=keeping(
            [], approval_api.ListUnlockingsResponse(unlockings=[other])
        ),
    )

    assert "王五" in approvals.stdout
    assert json.loads(unlockings.stdout)["unlockings"][0]["reason"] == "笔误"


def test_an_indicator_shows_how_far_to_trust_it() -> None:
    """Completeness, age, who is missing; or why there is no result."""
    good = indicator_pb2.IndicatorValue(
        division="530102",
        value=87.25,
        completeness=0.5,
        missing_count=9,
        missing_divisions=[f"53010200{n}" for n in range(1, 6)],
    )
    good.mean_age.FromTimedelta(timedelta(hours=3))
    bad = indicator_pb2.IndicatorValue(division="530103", problem="division by zero")
    seen: list[indicator_api.ListIndicatorValuesRequest] = []
    page = indicator_api.ListIndicatorValuesResponse(values=[good, bad])
    result = call(
        *("indicators", "a.share", "--period", PERIOD, "--recast"),
        ListIndicatorValues=keeping(seen, page),
    )

    assert seen[0].indicator == "a.share"
    assert seen[0].level == division_pb2.LEVEL_COUNTY
    assert seen[0].recast
    assert "87.25" in result.stdout
    assert "50.0%" in result.stdout
    assert "and 6 more" in result.stdout
    assert "division by zero" in result.stdout


def test_one_element_is_aggregated_as_typed() -> None:
    """With --aggregate the code is an element's."""
    seen: list[indicator_api.ListIndicatorValuesRequest] = []
    page = indicator_api.ListIndicatorValuesResponse()
    result = call(
        *("indicators", "a.b", "--period", PERIOD, "--aggregate", "mean", "--json"),
        ListIndicatorValues=keeping(seen, page),
    )

    assert json.loads(result.stdout) == {"values": []}
    assert seen[0].aggregate.element == "a.b"
    assert seen[0].aggregate.aggregation == catalogue_pb2.AGGREGATION_MEAN
