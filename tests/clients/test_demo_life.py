"""The life of one item in the demonstration: simulated, and honest about what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from typer.testing import CliRunner

from clients.cli.divisions import read_csv
from clients.cli.main import app
from clients.cli.words import UsageProblem
from clients.demo import life_cast, life_command, life_view
from clients.demo.command import YUNNAN
from clients.demo.life import Life
from clients.demo.life_cast import Cast
from clients.demo.life_stage import Step, Told
from clients.demo.once import Check
from ducha.division.v1 import division_pb2
from ducha.timeline.v1 import timeline_pb2

STEP = Step("done", "已办", ("province", "city"), (), 0.1)
CHECK = Check("same", "一致", "6", passed=True)


@pytest.fixture(scope="module")
def rows() -> list[division_pb2.Division]:
    """The divisions of Yunnan."""
    return read_csv(YUNNAN, "53")[0]


@pytest.fixture(scope="module")
def players(rows: list[division_pb2.Division]) -> Cast:
    """Those who play."""
    return life_cast.cast(rows, "53")


def a_life(players: Cast, **other: Any) -> Life:
    event = timeline_pb2.Event(kind="ItemClosed", division="53")
    made = Life("i", players, [STEP], [CHECK], {"province": [event]}, 12.3)
    return replace(made, **other)


def texts(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        if isinstance(value, str):
            yield value
        elif field.type == field.TYPE_MESSAGE and not field.is_repeated:
            yield from texts(value)


def test_those_who_play_are_one_line_down_to_four_townships(players: Cast) -> None:
    """Each of its own; those above come first, so that they can be imported."""
    codes = [row.code for row in players.rows]

    assert len(set(codes)) == len(codes) == 7
    assert all(
        above.code == below.parent_code
        for above, below in zip(players.rows[:2], players.rows[1:3], strict=True)
    )
    assert {row.parent_code for row in players.townships} == {players.county.code}


def test_without_enough_townships_there_is_no_act(
    rows: list[division_pb2.Division],
) -> None:
    """Said before anything is started."""
    few = [row for row in rows if row.level < division_pb2.LEVEL_TOWNSHIP]

    with pytest.raises(UsageProblem, match="townships"):
        life_cast.cast(few, "53")


def test_everything_simulated_says_so(players: Cast) -> None:
    """Nobody can take the act's words for an officer's."""
    item = life_cast.item(players)
    said = [text for text in texts(item) if not text.isdecimal()]

    assert [text for text in said if "模拟" not in text] == []
    assert "simulated" in item.title
    for who in (
        life_cast.KEEPER,
        life_cast.SUPERVISOR,
        life_cast.REVIEWER,
        life_cast.OFFICER,
    ):
        assert "simulated" in who
        assert "模拟" in who


def test_the_act_waits_for_hours_and_never_for_working_days() -> None:
    """It takes as long on a Friday evening, and before a holiday."""
    terms = life_cast.terms()
    waited = [terms.receive, terms.dispute, terms.review, *terms.ladder]

    assert {term.WhichOneof("length") for term in waited} == {"hours"}
    assert [term.hours for term in terms.ladder] == sorted(
        {term.hours for term in terms.ladder}
    )
    until_archived = life_cast.WORK_HOURS["late"] + terms.ladder[-1].hours
    until_archived += terms.review.hours
    assert until_archived * 3600 / life_cast.RATE <= 30


@pytest.mark.parametrize(
    ("told", "is_there"),
    [
        (Told("AssignmentReported", "530102001"), True),
        (Told("AssignmentReported", "530102001", "530102001"), True),
        (Told("AssignmentReported", "530102001", details={"epoch": "2"}), True),
        (Told("AssignmentReported", "530102001", details={"epoch": "1"}), False),
        (Told("AssignmentReported", "530102002"), False),
        (Told("AssignmentReported", "530102001", "530102002"), False),
        (Told("AssignmentsReturned", "530102001"), False),
    ],
)
def test_a_step_is_told_if_all_of_it_is(told: Told, *, is_there: bool) -> None:
    """Kind, who, about whom, and the details that matter."""
    event = timeline_pb2.Event(
        kind="AssignmentReported",
        division="530102001",
        divisions=["530102001"],
        details={"epoch": "2", "summary": "…"},
    )

    assert told.is_in([event]) is is_there


def test_agreement_needs_every_step_and_every_check(players: Cast) -> None:
    """One tier that did not tell, or one check that failed, is no agreement."""
    played = a_life(players)
    silent = replace(STEP, missing=("city",))
    failed = replace(CHECK, passed=False)

    assert played.agrees
    assert not replace(played, steps=[STEP, silent]).agrees
    assert not replace(played, checks=[CHECK, failed]).agrees
    assert not replace(played, steps=[]).agrees


def played_as(monkeypatch: pytest.MonkeyPatch, played: Life) -> None:
    """Have the command show this, instead of starting servers."""

    async def play(*_: Any) -> Life:
        return played

    monkeypatch.setattr(life_command, "_play", play)


def test_what_is_missing_is_shown_and_is_exit_code_1(
    players: Cast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Which step, and where; everything under SIMULATED."""
    silent = replace(STEP, tiers=("province",), missing=("city",))
    arguments = ["demo", "--life", "--data", str(tmp_path / "life"), "--lang", "en"]
    played_as(monkeypatch, a_life(players))
    right = CliRunner().invoke(app, arguments)
    played_as(monkeypatch, a_life(players, steps=[silent]))
    wrong = CliRunner().invoke(app, arguments)

    assert right.exit_code == 0
    assert right.output.startswith("SIMULATED")
    assert "SIMULATED: the timeline at the province" in right.output
    assert wrong.exit_code == 1
    assert "NOT at city" in wrong.output
    assert "Something is missing." in wrong.output


def test_the_summary_is_for_programs(
    players: Cast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One line of JSON that says that it is simulated."""
    played_as(monkeypatch, a_life(players))
    result = CliRunner().invoke(
        app, ["demo", "--life", "--data", str(tmp_path / "life"), "--json"]
    )
    told = json.loads(result.stdout)

    assert list(told) == list(life_view.summary(a_life(players)))
    assert told["simulated"] is True
    assert told["timelines"]["province"][0]["kind"] == "ItemClosed"
