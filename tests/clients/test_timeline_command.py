"""`ducha item timeline`: a course in words, Beijing time, both languages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clients.cli import timeline_words
from clients.cli.main import app
from ducha.assignment.v1 import assignment_pb2
from ducha.timeline.v1 import timeline_pb2 as pb
from ducha.timeline.v1 import timeline_service_pb2 as api
from tests.clients.refusing import node
from tests.clients.test_commands import ITEM, server_info
from tier.timeline.kinds import KINDS, ROWS

NOON = 1_793_592_000  # 2026-11-02 04:00 UTC, noon in Beijing


def an_event(**other: Any) -> pb.Event:
    event = pb.Event(
        position=7,
        kind="AssignmentsReturned",
        division="530102",
        actor="甲",
        direction=pb.Event.DIRECTION_FROM_ABOVE,
        divisions=["530102001"],
        division_count=1,
        details={"reason": "附件不清", "epoch": "2"},
    )
    event.occur_time.seconds = NOON
    event.record_time.seconds = NOON
    event.MergeFrom(pb.Event(**other))
    return event


def run(*events: pb.Event, lang: str = "en", more: tuple[str, ...] = ()) -> str:
    """Return what the command prints of events."""

    def told(_request: Any, _context: Any) -> api.ListEventsResponse:
        return api.ListEventsResponse(events=events)

    with node(GetServerInfo=server_info, ListEvents=told) as address:
        result = CliRunner().invoke(
            app,
            ["item", "timeline", ITEM, "--address", address, "--lang", lang, *more],
            env={"COLUMNS": "250"},
        )
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_event_is_told_in_words_and_beijing_time() -> None:
    """Wherever the command runs; who, whence, about whom, why."""
    english = run(an_event())
    chinese = run(an_event(), lang="zh")

    assert "2026-11-02 12:00" in english
    for words in ("returned", "530102 甲", "from above", "530102001", "epoch 2"):
        assert words in english
    for words in ("退回", "上级", "理由 附件不清", "版次 2"):
        assert words in chinese


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (an_event(overdue=True, light=assignment_pb2.LIGHT_RED), ("LATE", "●red")),
        (an_event(arrived_late=True), ("arrived late, 2026-11-02 12:00",)),
        (
            an_event(kind="Things", fact_kind="ducha.future.v1.Things", unknown=True),
            ("not known to this version: ducha.future.v1.Things",),
        ),
        (an_event(details={"stopped": "5400"}), ("stopped for 1.5 h",)),
        (
            an_event(details={"outcome": "granted", "by_rule": "true"}),
            ("granted; epoch 2; by rule",),
        ),
        (an_event(details={"move": "AssignmentReported"}), ("reported",)),
        (
            an_event(details={"new_deadline_time": "2026-11-05T10:00:00Z"}),
            ("new deadline 2026-11-05 18:00",),
        ),
        (an_event(division_count=9), ("530102001 and 8",)),
    ],
    ids=["late", "came late", "unknown", "length", "flag", "move", "moment", "many"],
)  # fmt: skip
def test_what_is_special_is_said(event: pb.Event, words: tuple[str, ...]) -> None:
    """Late, late here, not known; lengths, values and moments as people write them."""
    shown = run(event)

    assert all(word in shown for word in words), shown


def test_a_decision_says_of_what() -> None:
    """The petition was told before it; of a review it is overturned or upheld."""
    filed = an_event(
        kind="PetitionsFiled", details={"petition": "review", "petition_id": "p"}
    )
    decided = an_event(
        kind="PetitionsDecided", details={"outcome": "granted", "petition_id": "p"}
    )
    opened = an_event(details={"problem": "名册不全", "rectification_id": "r"})
    closed = an_event(
        kind="RectificationsClosed", details={"rectification_id": "r", "round": "2"}
    )
    lines = {line.split("│")[2].strip(): line for line in _lines(filed, decided)}
    points = {line.split("│")[2].strip(): line for line in _lines(opened, closed)}

    assert "review; overturned" in lines["petition decided"]
    assert "名册不全" in points["point closed"]


def _lines(*events: pb.Event) -> list[str]:
    return [line for line in run(*events).splitlines() if line.startswith("│ 2026")]


def test_ids_are_for_programs() -> None:
    """People are shown none; --json has them, and the names of the proto."""
    event = an_event(details={"petition_id": "p-1"})
    shown, told = run(event), json.loads(run(event, more=("--json",)))

    assert "p-1" not in shown
    assert told["events"][0]["details"]["petition_id"] == "p-1"
    assert told["events"][0]["direction"] == "DIRECTION_FROM_ABOVE"


def test_all_pages_are_shown_up_to_the_limit() -> None:
    """The area goes with every request."""
    asked: list[api.ListEventsRequest] = []

    def page(request: api.ListEventsRequest, _context: Any) -> api.ListEventsResponse:
        asked.append(request)
        place = int(request.page_token or 0)
        return api.ListEventsResponse(
            events=[an_event(position=place)],
            next_page_token=str(place + 1) if place < 4 else "",
        )

    with node(GetServerInfo=server_info, ListEvents=page) as address:
        arguments = ["item", "timeline", ITEM, "--address", address, "--json"]
        result = CliRunner().invoke(
            app, [*arguments, "--within", "530102", "--limit", "3"]
        )

    assert len(json.loads(result.stdout)["events"]) == 3
    assert {request.within for request in asked} == {"530102"}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (lambda: {kind.rpartition(".")[2] for kind in KINDS}, timeline_words.KINDS),
        (
            lambda: (
                {name for row in ROWS for name in (*row.details, *row.of_each)}
                | {"old_deadline_time", "escalated_to", "epoch"}
            ),
            {*timeline_words.DETAILS, *timeline_words.HIDDEN},
        ),
    ],
    ids=["kinds", "details"],
)
def test_there_are_words_for_all_that_nodes_tell(
    told: Callable[[], set[str]], words: set[str]
) -> None:
    """A new kind or detail without words would be shown by its name."""
    assert set(words) == told()


def test_the_page_of_the_timeline_names_every_kind_and_detail() -> None:
    """docs/timeline.md says what integrators may expect."""
    page = (Path(__file__).parents[2] / "docs" / "timeline.md").read_text()
    lines = {
        line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")
    }

    for row in ROWS:
        name = str(row.message.DESCRIPTOR.name)
        told = {*row.details, *row.of_each}
        words = timeline_words.KINDS[name]
        assert all(f"`{detail}`" in lines[name] for detail in told)
        assert all(word in lines[name] for word in words)
