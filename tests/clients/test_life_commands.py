"""The command line for the rarer moves of an item's life, and for its moments."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.reporting.v1 import reporting_service_pb2 as reporting
from tests.clients.refusing import node
from tests.clients.test_commands import DIVISION, ITEM, run, server_info

EVENING = Timestamp(seconds=1777543200)  # 2026-04-30 18:00 in China
NOON = Timestamp(seconds=1776484800)  # 2026-04-18 12:00 in China


def an_item(_request: Any, _context: Any) -> api.GetItemResponse:
    return api.GetItemResponse(item=pb.Item(item_id=ITEM, issuer_division="53"))


def keeping(seen: list[Any], answer: Message) -> Callable[[Any, Any], Message]:
    def keep(request: Any, _context: Any) -> Message:
        seen.append(request)
        return answer

    return keep


def call(*arguments: str, **handlers: Any) -> Any:
    """Run a command against a node that answers so."""
    with node(GetServerInfo=server_info, GetItem=an_item, **handlers) as address:
        return run(*arguments, "--address", address)


WHY = ("--reason", "情况有变")
MOVES: dict[str, tuple[tuple[str, ...], str, Message, tuple[str, str]]] = {
    "reopen": (
        ("item", "reopen", ITEM, *WHY),
        "ReopenItem",
        api.ReopenItemResponse(),
        ("Reopened.", "已重新办理"),
    ),
    "archive": (
        ("item", "archive", ITEM),
        "ArchiveItem",
        api.ArchiveItemResponse(),
        ("Archived.", "已归档"),
    ),
    "resume": (
        ("assignment", "resume", ITEM, *WHY),
        "ResumeAssignments",
        api.ResumeAssignmentsResponse(resumed_count=2),
        ("Resumed 2.", "已恢复 2 件"),
    ),
    "withdraw": (
        ("assignment", "withdraw", ITEM, DIVISION, *WHY),
        "WithdrawAssignments",
        api.WithdrawAssignmentsResponse(withdrawn_count=1),
        ("Withdrawn: 1.", "已撤回 1 件"),
    ),
}


@pytest.mark.parametrize("name", MOVES)
def test_a_move_is_the_issuers_unless_another_acts(name: str) -> None:
    """What was typed is sent; what was done is said, in the user's language."""
    arguments, method, answer, (english, chinese) = MOVES[name]
    seen: list[Any] = []
    handler = {method: keeping(seen, answer)}
    own = call(*arguments, "--lang", "en", **handler)
    other = call(*arguments, "--as", "5301", "--lang", "zh", **handler)
    told = call(*arguments, "--json", **handler)

    assert [own.exit_code, other.exit_code, told.exit_code] == [0, 0, 0]
    assert english in own.stdout
    assert chinese in other.stdout
    assert json.loads(told.stdout) is not None
    assert [one.division for one in seen] == ["53", "5301", "53"]
    assert {one.item_id for one in seen} == {ITEM}
    assert len({one.request_id for one in seen}) == 3
    if "--reason" in arguments:
        assert seen[0].reason == "情况有变"
    if DIVISION in arguments:
        assert list(seen[0].divisions) == [DIVISION]


def test_only_named_clocks_run_again() -> None:
    """All that stand, or those that are named."""
    seen: list[api.ResumeAssignmentsRequest] = []
    handler = keeping(seen, api.ResumeAssignmentsResponse())
    both = (DIVISION, "530102002")
    call("assignment", "resume", ITEM, *WHY, ResumeAssignments=handler)
    call("assignment", "resume", ITEM, *both, *WHY, ResumeAssignments=handler)

    assert [list(one.divisions) for one in seen] == [[], [*both]]


ISSUE = ("item", "issue", "--title", "T", "--basis", "B", "--content", "C")


def issued(*more: str) -> pb.Item:
    """Return the item that a command line sends."""
    seen: list[api.IssueItemRequest] = []
    answer = api.IssueItemResponse(item=pb.Item(item_id=ITEM))
    result = call(*ISSUE, "--level", "county", *more, IssueItem=keeping(seen, answer))
    assert result.exit_code == 0, result.output
    return seen[0].item


def test_an_item_without_moments_leaves_them_to_its_type() -> None:
    """Neither a moment nor a term is sent."""
    item = issued()
    unset = ("receive_by_time", "deadline_time", "receive_within", "work_within")

    assert not {field.name for field, _ in item.ListFields()} & {*unset}


def test_moments_and_terms_are_sent_as_they_were_typed() -> None:
    """Working days, hours, or moments; those without an offset are China's."""
    terms = issued("--receive-within", "4h", "--work-within", "10wd")
    mixed = issued("--work-within", "24h", "--receive-by", "2026-04-18T12:00")

    assert (terms.receive_within.hours, terms.work_within.working_days) == (4, 10)
    assert not terms.HasField("deadline_time")
    assert mixed.work_within.hours == 24
    assert mixed.receive_by_time == NOON


@pytest.mark.parametrize("text", ["10", "wd", "0h", "-1h", "3d", "1.5h", "10 wd"])
def test_another_term_is_refused(text: str) -> None:
    """The text shows how to write it; nothing is sent."""
    seen: list[Any] = []
    handlers = {
        "IssueItem": keeping(seen, api.IssueItemResponse()),
        "SplitAssignment": keeping(seen, api.SplitAssignmentResponse()),
    }
    wrong = call(*ISSUE, f"--work-within={text}", "--lang", "en", **handlers)
    split = ("item", "split", ITEM, "5301", f"--receive-within={text}")
    other = call(*split, "--lang", "zh", **handlers)

    assert (wrong.exit_code, other.exit_code) == (2, 2)
    assert "Write 10wd for working days" in wrong.stderr
    assert "不是期限" in other.stderr
    assert seen == []


def test_a_split_may_be_given_in_terms() -> None:
    """As an item may."""
    seen: list[api.SplitAssignmentRequest] = []
    answer = api.SplitAssignmentResponse(target_count=2, deadline_time=EVENING)
    shown = call(
        *("item", "split", ITEM, "5301", "--level", "county"),
        *("--receive-within", "1wd", "--work-within", "48h"),
        SplitAssignment=keeping(seen, answer),
    )

    assert seen[0].receive_within.working_days == 1
    assert seen[0].work_within.hours == 48
    assert not seen[0].HasField("deadline_time")
    assert "2026-04-30 18:00" in shown.stdout


def an_assignment(**more: Any) -> pb.Assignment:
    told: dict[str, Any] = {
        "item_id": ITEM,
        "division": DIVISION,
        "assigner_division": "530102",
        "epoch": 1,
        "state": pb.ASSIGNMENT_STATE_SUSPENDED,
        "assign_time": NOON,
        "deadline_time": EVENING,
        "original_deadline_time": EVENING,
        "light": pb.LIGHT_YELLOW,
        "title": "防汛",
    }
    return pb.Assignment(**{**told, **more})


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ["suspended", "yellow", "leads", "(provisional)", "Stood still for"]),
        ("zh", ["已挂账", "黄", "主办", "（暂定）", "累计挂账"]),
    ],
)
def test_an_assignment_is_shown_with_its_clock(lang: str, words: list[str]) -> None:
    """Its light, what it was given first, how often it was extended, how long it stood."""
    one = an_assignment(
        original_deadline_time=NOON,
        suspend_time=NOON,
        stopped=Duration(seconds=7200),
        extension_count=2,
        part=pb.PART_LEAD,
        provisional=True,
    )
    answer = api.GetAssignmentResponse(assignment=one)
    asked = ("assignment", "show", ITEM, DIVISION)
    handler = keeping([], answer)
    shown = call(*asked, "--lang", lang, GetAssignment=handler).stdout
    told = call(*asked, "--json", GetAssignment=handler).stdout

    for word in ("2026-04-30 18:00", "2026-04-18 12:00", "2:00:00", "防汛", *words):
        assert word in shown
    assert json.loads(told)["assignment"]["extension_count"] == 2


def test_a_clock_as_it_was_given_says_nothing_more() -> None:
    """What did not happen is not told."""
    answer = api.GetAssignmentResponse(assignment=an_assignment())
    asked = ("assignment", "show", ITEM, DIVISION, "--lang", "en")
    shown = call(*asked, GetAssignment=keeping([], answer)).stdout

    for word in ("Given first", "Extensions", "Stood", "provisional", "Transferred"):
        assert word not in shown


def test_an_inbox_shows_the_light() -> None:
    """So that what is overdue is seen first."""
    answer = api.ListAssignmentsResponse(assignments=[an_assignment(light=3)])
    shown = call("inbox", "53", "--lang", "en", ListAssignments=keeping([], answer))

    assert "red" in shown.stdout


def test_an_item_is_shown_with_how_often_it_was_reopened() -> None:
    """And whether its deadline rests on a guess."""
    item = pb.Item(
        item_id=ITEM, reopen_count=3, provisional=True, deadline_time=EVENING
    )

    def reopened(_request: Any, _context: Any) -> api.GetItemResponse:
        return api.GetItemResponse(item=item)

    with node(
        GetServerInfo=server_info, GetItem=reopened, ListProgress=nothing
    ) as address:
        shown = run("item", "show", ITEM, "--address", address, "--lang", "en")

    assert "2026-04-30 18:00 (provisional)" in shown.stdout
    assert "Reopened" in shown.stdout


def nothing(_request: Any, _context: Any) -> Message:
    return reporting.ListProgressResponse()


def test_moved_deadlines_are_listed_with_why() -> None:
    """Page after page up to the limit."""
    causes = [pb.CAUSE_EXTENSION, pb.CAUSE_CALENDAR, pb.CAUSE_RESUMPTION]
    seen: list[api.ListDeadlineMovesRequest] = []

    def page(request: Any, _context: Any) -> api.ListDeadlineMovesResponse:
        kept = api.ListDeadlineMovesRequest()
        kept.CopyFrom(request)
        seen.append(kept)
        place = int(request.page_token or 0)
        move = pb.DeadlineMove(
            item_id=ITEM,
            division=DIVISION,
            old_deadline_time=NOON,
            new_deadline_time=EVENING,
            cause=causes[place],
            reason="道路中断",
        )
        token = str(place + 1) if place < 2 else ""
        return api.ListDeadlineMovesResponse(moves=[move], next_page_token=token)

    asked = ("item", "deadline-moves", ITEM)
    shown = call(*asked, "--within", "5301", "--lang", "zh", ListDeadlineMoves=page)
    some = call(*asked, "--limit", "1", "--json", ListDeadlineMoves=page)
    answer = api.ListDeadlineMovesResponse()
    none = call(*asked, "--lang", "en", ListDeadlineMoves=keeping([], answer))

    for word in ("延期", "日历调整", "恢复", "道路中断", "2026-04-30 18:00"):
        assert word in shown.stdout
    assert {(one.item_id, one.within) for one in seen[:3]} == {(ITEM, "5301")}
    assert [one["cause"] for one in json.loads(some.stdout)["moves"]] == [
        "CAUSE_EXTENSION"
    ]
    assert "No deadline moved." in none.stdout
