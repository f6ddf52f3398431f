"""`ducha statistics`: what is typed arrives, what is told is shown."""

from __future__ import annotations

import json
from typing import Any

import grpc

from ducha.assignment.v1 import assignment_pb2
from ducha.division.v1 import division_pb2
from ducha.reporting.v1 import reporting_pb2
from ducha.statistics.v1 import statistics_pb2 as pb
from ducha.statistics.v1 import statistics_service_pb2 as api
from tests.clients.test_commands import refusing
from tests.clients.test_registry_commands import ID, call, keeping

CITY = pb.Statistic(
    division="5301",
    division_name="昆明市",
    issuer_division="53",
    lead_unit="民政厅",
    source_type=assignment_pb2.SOURCE_TYPE_PLAN_LINE,
    urgency=assignment_pb2.URGENCY_URGENT,
    month="2026-11",
    counts=pb.Counts(
        assigned=12,
        received_on_time=9,
        received_late=2,
        finished_on_time=7,
        finished_late=1,
        suspended=2,
        stopped_seconds=5400,
        escalated=3,
        escalations_overtaken=4,
    ),
    completeness=2 / 3,
    timeliness=0.5,
)
PAGE = api.ListStatisticsResponse(
    statistics=[CITY],
    total=pb.Statistic(counts=pb.Counts(assigned=99)),
    out_of_contact=[reporting_pb2.OutOfContact(node="qujing", divisions=["5303"])],
)


def test_every_option_arrives_in_its_field() -> None:
    """What counts, and what it is told apart by."""
    seen: list[api.ListStatisticsRequest] = []
    result = call(
        *("statistics", "list", "--level", "city", "--by", "division", "--by", "month"),
        *("--within", "53", "--since", "2026-10", "--until", "2026-11"),
        *("--executing", "township", "--issuer", "5301", "--source", "plan-line"),
        *("--urgency", "urgent", "--limit", "7"),
        ListStatistics=keeping(seen, PAGE),
    )

    assert result.exit_code == 0, result.output
    assert seen == [
        api.ListStatisticsRequest(
            within="53",
            level=division_pb2.LEVEL_CITY,
            executing_level=division_pb2.LEVEL_TOWNSHIP,
            issuer_division="5301",
            from_month="2026-10",
            to_month="2026-11",
            group_by=[pb.GROUPING_DIVISION, pb.GROUPING_MONTH],
            source_type=assignment_pb2.SOURCE_TYPE_PLAN_LINE,
            urgency=assignment_pb2.URGENCY_URGENT,
            page_size=7,
        )
    ]


def test_a_row_says_whose_and_how_it_went_in_both_languages() -> None:
    """Group, counts in pairs, shares; the sum; who is out of contact."""
    english = call(
        "statistics", "list", "--lang", "en", ListStatistics=keeping([], PAGE)
    )
    chinese = call(
        "statistics", "list", "--lang", "zh", ListStatistics=keeping([], PAGE)
    )

    for told in ("9/2", "7/1", "66.6%", "50.0%", "1.5", "3/4", "99", "qujing"):
        assert told in english.stdout
        assert told in chinese.stdout
    for word in (
        "plan line",
        "urgent",
        "2026-11",
        "Total",
        "Escalated",
        "Out of contact",
    ):
        assert word in english.stdout.replace("\n", " ")
    assert "Urged" not in english.stdout
    for word in ("昆明市", "民政厅", "年度督查计划", "急件", "合计", "失联"):
        assert word in chinese.stdout


def test_a_program_gets_rows_total_and_moment() -> None:
    """As JSON, all pages as one list."""
    more = "there is more"
    first = api.ListStatisticsResponse(next_page_token=more)
    first.MergeFrom(PAGE)
    pages = [first, api.ListStatisticsResponse(statistics=[CITY])]

    def answer(request: Any, _context: Any) -> Any:
        return pages.pop(0)

    result = call("statistics", "list", "--json", ListStatistics=answer)
    told = json.loads(result.stdout)

    assert [one["division"] for one in told["statistics"]] == ["5301", "5301"]
    assert told["total"]["counts"]["assigned"] == "99"
    assert told["out_of_contact"][0]["node"] == "qujing"
    assert not told.get("next_page_token")


def test_an_audit_that_agrees_ends_with_success() -> None:
    """How many facts were read, and how many groups compared."""
    clean = api.AuditStatisticsResponse(compared_count=41, fact_count=307)
    result = call("statistics", "audit", AuditStatistics=keeping([], clean))

    assert result.exit_code == 0
    assert "307" in result.stdout
    assert "41" in result.stdout
    assert "Every count agrees." in result.stdout


def test_an_audit_that_differs_names_what_and_exits_with_one() -> None:
    """Only the counts that differ are shown of a group; a missing side is all zero."""
    wrong = api.AuditStatisticsResponse(
        compared_count=1,
        differences=[
            api.StatisticDifference(
                item_id=ID,
                served=CITY,
                computed=pb.Statistic(counts=pb.Counts(assigned=12, urged=2)),
            ),
            api.StatisticDifference(item_id=ID, computed=CITY),
        ],
    )
    result = call("statistics", "audit", AuditStatistics=keeping([], wrong))
    flat = " ".join(result.stdout.split())

    assert result.exit_code == 1
    assert ID[:8] in flat
    assert "urged=2" in flat
    assert "urged=0" in flat
    assert "extended" not in flat


def test_a_refusal_is_told_as_everywhere() -> None:
    """Exit code 1 and the reason."""
    no = refusing(grpc.StatusCode.INVALID_ARGUMENT, reason="PAGE_TOKEN_INVALID")
    result = call("statistics", "list", ListStatistics=no)

    assert result.exit_code == 1
    assert "PAGE_TOKEN_INVALID" in result.stderr
