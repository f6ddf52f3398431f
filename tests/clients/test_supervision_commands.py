"""`ducha urge`, `ducha digest`, `ducha rectification`: what is sent, and what is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from ducha.assignment.v1 import assignment_pb2
from ducha.assignment.v1 import assignment_service_pb2 as assignment_api
from ducha.rectification.v1 import rectification_pb2 as points
from ducha.rectification.v1 import rectification_service_pb2 as points_api
from ducha.urging.v1 import urging_pb2 as urges
from ducha.urging.v1 import urging_service_pb2 as urges_api
from tests.clients.refusing import node
from tests.clients.test_commands import DIVISION, ITEM, run, server_info

EVENING = Timestamp(seconds=1_777_543_200)  # 2026-04-30 18:00 in China
POINT = "0198c0de-0000-7000-8000-000000000001"


def keeping(seen: list[Any], answer: Message) -> Callable[[Any, Any], Message]:
    """Return a handler that keeps what it is asked."""

    def handler(request: Any, _: Any) -> Message:
        seen.append(request)
        return answer

    return handler


def an_item(_: object, __: object) -> assignment_api.GetItemResponse:
    item = assignment_pb2.Item(item_id=ITEM, issuer_division="53")
    return assignment_api.GetItemResponse(item=item)


def call(*arguments: str, **handlers: Any) -> Any:
    with node(GetServerInfo=server_info, GetItem=an_item, **handlers) as address:
        return run(*arguments, "--address", address)


def a_point(**more: Any) -> points.Rectification:
    told: dict[str, Any] = {
        "rectification_id": POINT,
        "division": DIVISION,
        "state": points.RECTIFICATION_STATE_OPEN,
        "round": 2,
        "deadline_time": EVENING,
        "problem": "台账不全",
        "requirement": "补齐台账",
        "return_reason": "佐证不足",
        "overdue": True,
        "deadline_provisional": True,
    }
    return points.Rectification(**{**told, **more})


def test_the_issuer_urges_unless_another_is_named() -> None:
    """All who did not report, or those that are named."""
    seen: list[urges_api.UrgeAssignmentsRequest] = []
    answer = urges_api.UrgeAssignmentsResponse(urged_count=3)
    everybody = call("urge", ITEM, UrgeAssignments=keeping(seen, answer))
    named = call(
        *("urge", ITEM, "--division", DIVISION, "--division", "530102002"),
        *("--as", "5301", "--message", "请抓紧", "--lang", "zh"),
        UrgeAssignments=keeping(seen, answer),
    )

    assert "Urged 3." in everybody.stdout
    assert "已催办 3 件" in named.stdout
    assert (seen[0].division, list(seen[0].divisions)) == ("53", [])
    assert (seen[1].division, seen[1].message) == ("5301", "请抓紧")
    assert list(seen[1].divisions) == [DIVISION, "530102002"]


@pytest.mark.parametrize(
    ("lang", "words"), [("en", ["red", "received"]), ("zh", ["红", "已签收"])]
)
def test_a_digest_shows_who_urged_and_how_it_stands(
    lang: str, words: list[str]
) -> None:
    """Day, light, state, how often; people's times are those of China."""
    line = urges.DigestLine(
        division=DIVISION,
        day="2026-04-30",
        item_id=ITEM,
        title="防汛",
        urge_count=3,
        by_divisions=["53", "5301"],
        last_urge_time=EVENING,
        message="请抓紧",
        state=assignment_pb2.ASSIGNMENT_STATE_RECEIVED,
        light=assignment_pb2.LIGHT_RED,
    )
    seen: list[urges_api.ListDigestsRequest] = []
    answer = urges_api.ListDigestsResponse(lines=[line])
    shown = call(
        *("digest", "list", "--within", "5301", "--from-day", "2026-04-01"),
        *("--lang", lang),
        ListDigests=keeping(seen, answer),
    )
    listed = call("digest", "list", "--json", ListDigests=keeping(seen, answer))

    assert (seen[0].within, seen[0].from_day) == ("5301", "2026-04-01")
    for word in ("2026-04-30", "18:00", "防汛", "53, 5301", "请抓紧", *words):
        assert word in shown.stdout
    assert json.loads(listed.stdout)["lines"][0]["urge_count"] == 3


def test_urges_are_listed_with_who_made_them() -> None:
    """A person, or the rule."""
    by_hand = urges.Urge(division=DIVISION, by_division="53", actor="甲")
    by_rule = urges.Urge(division=DIVISION, by_division="53", actor="n", by_rule=True)
    seen: list[urges_api.ListUrgesRequest] = []
    answer = urges_api.ListUrgesResponse(urges=[by_hand, by_rule])
    shown = call("digest", "urges", ITEM, ListUrges=keeping(seen, answer))

    assert seen[0].item_id == ITEM
    assert "甲" in shown.stdout
    assert "by rule" in shown.stdout


def test_points_are_opened_for_each_division_or_from_a_file(tmp_path: Path) -> None:
    """A moment or a term; a list of its own for many."""
    seen: list[points_api.OpenRectificationsRequest] = []
    answer = points_api.OpenRectificationsResponse(rectifications=[a_point()])
    handler = keeping(seen, answer)
    base = ("rectification", "open", ITEM)
    what = ("--problem", "P", "--requirement", "R", "--division", DIVISION)
    shown = call(*base, *what, "--working-days", "5", OpenRectifications=handler)
    call(*base, *what, "--deadline", "+7d", OpenRectifications=handler)
    file = tmp_path / "points.json"
    within = {"working_days": 3}
    one = {"division": DIVISION, "problem": "a", "requirement": "b", "within": within}
    file.write_text(json.dumps({"rectifications": [one, one]}))
    call(*base, "--file", str(file), "--as", "5301", OpenRectifications=handler)

    assert [len(one.rectifications) for one in seen] == [1, 1, 2]
    assert seen[0].rectifications[0].within.working_days == 5
    assert seen[1].rectifications[0].deadline_time.seconds
    assert [one.division for one in seen] == ["53", "53", "5301"]
    assert "2026-04-30 18:00 (provisional)" in " ".join(shown.stdout.split())


@pytest.mark.parametrize(
    "given",
    [
        (),
        ("--division", DIVISION, "--deadline", "+1d", "--working-days", "2"),
        ("--file", "FILE"),
    ],
)
def test_a_wrong_list_of_points_is_not_sent(
    given: tuple[str, ...], tmp_path: Path
) -> None:
    """Nobody named, two deadlines, a file with something else."""
    file = tmp_path / "other.json"
    file.write_text('{"points": []}')
    arguments = [str(file) if one == "FILE" else one for one in given]
    seen: list[Any] = []
    answer = points_api.OpenRectificationsResponse()
    result = call(
        *("rectification", "open", ITEM, *arguments),
        OpenRectifications=keeping(seen, answer),
    )

    assert (result.exit_code, seen) == (2, [])


def test_points_are_reported_with_evidence() -> None:
    """Words, and the digest of a file after a `#`."""
    seen: list[points_api.ReportRectificationsRequest] = []
    answer = points_api.ReportRectificationsResponse(reported_count=2, late_count=1)
    digest = "AB" * 32
    shown = call(
        *("rectification", "report", DIVISION, POINT, ITEM, "--action", "已补齐"),
        *("--evidence", f"照片#{digest}", "--evidence", "台账#3", "--round", "2"),
        ReportRectifications=keeping(seen, answer),
    )
    (first, second) = seen[0].reports

    assert "Reported 2, of these 1 late" in shown.stdout
    assert (seen[0].division, first.rectification_id) == (DIVISION, POINT)
    assert (second.rectification_id, second.round) == (ITEM, 2)
    told = [(one.text, one.sha256) for one in first.report.evidence]
    assert told == [("照片", digest.lower()), ("台账#3", "")]


def test_points_are_closed_or_sent_back() -> None:
    """With a note; with a reason, and a new deadline if one is given."""
    closed: list[points_api.CloseRectificationsRequest] = []
    returned: list[points_api.ReturnRectificationsRequest] = []
    one = call(
        *("rectification", "close", "53", POINT, "--note", "同意"),
        CloseRectifications=keeping(
            closed, points_api.CloseRectificationsResponse(closed_count=1)
        ),
    )
    answer = points_api.ReturnRectificationsResponse(returned_count=1)
    other = call(
        *("rectification", "return", "53", POINT, "--reason", "R"),
        *("--working-days", "2", "--lang", "zh"),
        ReturnRectifications=keeping(returned, answer),
    )
    call(
        *("rectification", "return", "53", POINT, "--reason", "R"),
        ReturnRectifications=keeping(returned, answer),
    )

    assert "Closed 1." in one.stdout
    assert "已退回 1 项" in other.stdout
    assert (closed[0].note, list(closed[0].rectification_ids)) == ("同意", [POINT])
    assert returned[0].within.working_days == 2
    assert returned[1].WhichOneof("due") is None


def test_a_rectification_list_shows_state_round_and_why() -> None:
    """In both languages; filters are passed on."""
    seen: list[points_api.ListRectificationsRequest] = []
    late = a_point(overdue=False, late=True, state=points.RECTIFICATION_STATE_REPORTED)
    answer = points_api.ListRectificationsResponse(rectifications=[a_point(), late])
    handler = keeping(seen, answer)
    base = ("rectification", "list", "--item", ITEM)
    english = call(*base, "--state", "open", "--overdue", ListRectifications=handler)
    chinese = call(*base, "--lang", "zh", ListRectifications=handler)
    listed = call(*base, "--json", ListRectifications=handler)
    empty = points_api.ListRectificationsResponse()
    nothing = call(*base, ListRectifications=keeping(seen, empty))

    assert list(seen[0].states) == [points.RECTIFICATION_STATE_OPEN]
    assert (seen[0].overdue_only, seen[0].item_id) == (True, ITEM)
    for word in ("to put right (overdue)", "reported (late)", "佐证不足"):
        assert word in " ".join(english.stdout.split())
    for word in ("整改中", "（逾期）", "已报整改", "（暂定）"):
        assert word in chinese.stdout
    assert len(json.loads(listed.stdout)["rectifications"]) == 2
    assert "Nothing is to be put right" in nothing.stdout
