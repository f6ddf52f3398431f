"""`ducha notice`: sentences in two languages, pages, batches, a watch that goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from clients.cli import notice_words
from clients.cli.words import Language
from ducha.assignment.v1 import assignment_pb2
from ducha.inbox.v1 import inbox_pb2 as pb
from ducha.inbox.v1 import inbox_service_pb2 as api
from tests.clients.refusing import node
from tests.clients.test_commands import DIVISION, ITEM, run, server_info

DOCS = Path(__file__).parents[2] / "docs" / "inbox.md"
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \| (.*) \|$", re.MULTILINE)
RED = assignment_pb2.LIGHT_RED
OVERDUE = pb.NOTICE_KIND_REMINDER_OVERDUE
EVENING = Timestamp(seconds=1_777_543_200)  # 2026-04-30 18:00 in China


def a_notice(number: int = 1, **more: Any) -> pb.Notice:
    told: dict[str, Any] = {
        "notice_id": f"0198c0de-0000-7000-8000-{number:012}",
        "division": DIVISION,
        "division_name": "某镇",
        "kind": OVERDUE,
        "item_id": ITEM,
        "light": RED,
        "happen_time": EVENING,
        "details": {"deadline": "2026-04-30T10:00:00Z", "title": "防汛"},
    }
    return pb.Notice(**{**told, **more})


def test_every_kind_is_documented_with_its_details() -> None:
    """The page, the proto and the words of the command say the same."""
    rows = {
        name: (chinese, tuple(re.findall(r"`(\w+)`", details)))
        for name, chinese, details in ROW.findall(DOCS.read_text())
    }

    assert rows == {
        name: (chinese, details)
        for name, (_, chinese, details) in notice_words.KINDS.items()
    }
    assert [notice_words.PREFIX + name for name in notice_words.KINDS] == (
        pb.NoticeKind.keys()[1:]
    )
    expected = {key for *_, keys in notice_words.KINDS.values() for key in keys}
    assert expected == set(notice_words.DETAILS)


@pytest.mark.parametrize("lang", Language)
def test_a_notice_is_one_sentence_of_all_its_details(lang: Language) -> None:
    """Moments in China, words in the language; what is new is shown by its name."""
    notice = a_notice(
        kind=pb.NOTICE_KIND_PETITION_DECIDED,
        details={
            "petition": "extension",
            "outcome": "granted",
            "days": "5",
            "deadline": "2026-04-30T10:00:00+00:00",
            "reason": "review",
            "shade": "new",
        },
    )
    expected = {
        Language.EN: "Your petition was decided: petition extension, outcome granted,"
        " working days 5, deadline 2026-04-30 18:00, because review, shade new.",
        Language.ZH: "申请已答复：申请 延期，结果 同意，工作日 5，"
        "时限 2026-04-30 18:00，理由 review，shade new。",
    }

    assert notice_words.sentence(notice, lang) == expected[lang]


def test_a_kind_of_a_newer_node_is_shown_by_its_number() -> None:
    """An old command hides nothing."""
    notice = a_notice(kind=99, details={"reason": "x"}, light=9)

    assert notice_words.sentence(notice, Language.EN) == "99: because x."
    assert notice_words.light(notice.light, Language.EN) == ""


def test_a_list_shows_light_and_sentence_and_follows_its_pages() -> None:
    """In both languages; what is unread is marked, and the next step is said."""
    seen: list[api.ListNoticesRequest] = []

    def page(request: Any, _context: Any) -> api.ListNoticesResponse:
        seen.append(request)
        place = int(request.page_token or 0)
        return api.ListNoticesResponse(
            notices=[a_notice(place)], next_page_token="1" if place == 0 else ""
        )

    with node(GetServerInfo=server_info, ListNotices=page) as address:
        at = ("--address", address)
        english = run("notice", "list", DIVISION, *at, "--lang", "en")
        chinese = run("notice", "list", DIVISION, *at, "--lang", "zh")
        wished = run(
            *("notice", "list", DIVISION, "--unread", "--kind", "reminder-overdue"),
            *("--item", ITEM, "--below", "--limit", "1", "--json", *at),
        )
        wrong = run("notice", "list", DIVISION, "--kind", "gossip", *at)

    assert "The report is overdue: deadline 2026-04-30 18:00." in english.stdout
    assert "red" in english.stdout
    assert "●" in english.stdout
    assert "办理已逾期：时限 2026-04-30 18:00。" in chinese.stdout
    assert "红" in chinese.stdout
    assert f"ducha notice read {DIVISION} --all" in chinese.stdout
    assert len(json.loads(wished.stdout)["notices"]) == 1
    assert (seen[-1].unread_only, seen[-1].include_below) == (True, True)
    assert (list(seen[-1].kinds), seen[-1].item_id) == ([OVERDUE], ITEM)
    assert len(seen) == 5
    assert wrong.exit_code == 2
    assert "reminder-overdue" in wrong.stderr


def test_what_is_unread_is_counted() -> None:
    """By kind and light."""
    counts = [pb.NoticeCount(kind=OVERDUE, light=RED, unread_count=2)]
    response = api.CountNoticesResponse(unread_count=2, counts=counts)
    with node(GetServerInfo=server_info, CountNotices=lambda *_: response) as address:
        shown = run("notice", "count", DIVISION, "--address", address, "--lang", "zh")

    assert "办理已逾期" in shown.stdout
    assert "未读 2 条。" in shown.stdout


def test_all_that_is_unread_is_read_in_batches() -> None:
    """With the id of the first try the second is the same act; one must say what."""
    sent: list[api.AcknowledgeNoticesRequest] = []
    unread = [a_notice(number) for number in range(2001)]

    def page(_request: Any, _context: Any) -> api.ListNoticesResponse:
        return api.ListNoticesResponse(notices=unread)

    def take(request: Any, _context: Any) -> api.AcknowledgeNoticesResponse:
        sent.append(request)
        return api.AcknowledgeNoticesResponse(read_count=len(request.notice_ids))

    with node(
        GetServerInfo=server_info, ListNotices=page, AcknowledgeNotices=take
    ) as address:
        arguments = ("notice", "read", DIVISION, "--address", address, "--actor", "李")
        whole = run(*arguments, "--all", "--request-id", ITEM)
        run(*arguments, "--all", "--request-id", ITEM)
        one = run(*arguments, ITEM, "--json")
        neither = run(*arguments)
        both = run(*arguments, ITEM, "--all")

    assert "Read 2001" in whole.stdout
    assert [len(request.notice_ids) for request in sent] == [2000, 1, 2000, 1, 1]
    assert [request.request_id for request in sent[:2]] == [
        request.request_id for request in sent[2:4]
    ]
    assert len({request.request_id for request in sent}) == 3
    assert {(request.division, request.actor) for request in sent} == {(DIVISION, "李")}
    assert json.loads(one.stdout)["read_count"] == 1
    assert (neither.exit_code, both.exit_code) == (2, 2)


def response(token: str, *notices: pb.Notice) -> api.WatchNoticesResponse:
    return api.WatchNoticesResponse(resume_token=token, notices=notices)


def test_a_watch_goes_on_from_its_last_token() -> None:
    """Over a restart of the node: nothing twice, nothing missed."""
    tokens: list[str] = []

    def stream(request: Any, context: Any) -> Iterator[api.WatchNoticesResponse]:
        tokens.append(request.resume_token)
        if len(tokens) == 1:
            yield response("t1", a_notice(1))
            context.abort(grpc.StatusCode.UNAVAILABLE, "restart")
        yield response("t2", a_notice(2))
        context.abort(grpc.StatusCode.INTERNAL, "the end of the test")

    with node(GetServerInfo=server_info, WatchNotices=stream) as address:
        shown = run("notice", "watch", DIVISION, "--resume", "t0", "--address", address)
        tokens.clear()
        lines = run("notice", "watch", DIVISION, "--json", "--address", address)

    assert tokens == ["", "t1"]
    assert shown.stdout.count("The report is overdue: deadline 2026-04-30 18:00.") == 2
    assert [json.loads(line)["resume_token"] for line in lines.stdout.splitlines()] == [
        "t1",
        "t2",
    ]
