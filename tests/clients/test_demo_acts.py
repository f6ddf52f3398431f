"""Collect-once in the demonstration: simulated, repeatable, and proved by what is stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from clients.demo import acts_view, once, things, townships
from clients.demo.acts import Act, Once, cast
from clients.demo.once import Check
from clients.demo.registry_store import Held
from ducha.catalogue.v1 import catalogue_pb2
from ducha.collection.v1 import collection_pb2
from ducha.division.v1 import division_pb2
from ducha.link.v1 import link_pb2
from ducha.registry.v1 import registry_facts_pb2 as facts
from ducha.registry.v1 import registry_pb2 as pb
from ducha.relief.v1 import relief_pb2
from services.province.catalogue.plan import Rows, plan
from tier.catalogue.model import Catalogue
from tier.division import set_to
from tier.jurisdiction import Code
from tier.registry import values as registry_values

THIS, BEFORE = "2026-11", "2026-10"
TOWNSHIP = "530102001"
CODES = st.from_regex(r"53[0-9]{4}([0-9]{3})?([0-9]{6})?", fullmatch=True)


def published() -> Catalogue:
    """Return the catalogue of the acts as its keeper would take it."""
    rows = Rows(list(things.elements("53")), [things.indicator("53")])
    empty = Catalogue(0, {}, {})
    done = plan(rows, empty)
    return empty.grown(done.version, done.elements, done.indicators)


def test_the_catalogue_is_sound_and_says_that_it_is_simulated() -> None:
    """The keeper takes every row: rules compile, and no two mean the same."""
    catalogue = published()
    messages = [
        catalogue_pb2.Element.FromString(one.body)
        for one in catalogue.elements.values()
    ]

    assert len(messages) == 15
    assert things.INDICATOR in catalogue.indicators
    assert all("模拟" in one.name_zh and "simulated" in one.name_en for one in messages)
    assert "simulated" in things.KEEPER


def test_what_is_said_is_allowed_and_the_same_in_each_run() -> None:
    """A value of every element for a hundred townships, by the catalogue's own rules."""
    catalogue = published()
    for division in (f"5301020{n:02}" for n in range(100)):
        for code, element in catalogue.elements.items():
            said = things.value(code, division, THIS)
            kind = said.WhichOneof("value") or ""
            told = getattr(said, kind)
            kept = registry_values.keep(
                element, date.fromisoformat(told) if kind == "date" else told
            )

            assert not isinstance(kept, registry_values.Wrong), (code, kept)
            assert said == things.value(code, division, THIS)


def test_no_more_hazards_are_settled_than_found() -> None:
    """A share of more than 100% would not be believed."""
    for number in range(100):
        found, settled = (
            things.value(f"safety.hazards_{word}", f"5301020{number:02}", THIS).number
            for word in ("found", "settled")
        )

        assert settled <= found


def test_the_acts_overlap_as_the_story_says() -> None:
    """Ten elements, then eight, five of them among the ten; one of each is held but old."""
    assert len(things.FIRST) == 10
    assert len(things.SECOND) == 8
    assert set(things.SHARED) == set(things.FIRST) & set(things.SECOND)
    assert len(things.SHARED) == 5
    assert len(set(things.AGED) & set(things.FIRST)) == 1
    assert len(set(things.AGED) & set(things.NEW)) == 1


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 40), st.integers(0, 2))
def test_every_cell_has_one_outcome(
    cities: int, counties: int, towns: int, empty: int
) -> None:
    """What the gate must decide adds up to what is asked, whatever the province's shape."""
    rows = [division_pb2.Division(code="53", level=division_pb2.LEVEL_PROVINCE)]
    for city in range(1, cities + empty + 1):
        code = f"53{city:02}"
        rows.append(division_pb2.Division(code=code, level=division_pb2.LEVEL_CITY))
        rows += [
            division_pb2.Division(
                code=f"{code}{county:02}{town:03}", level=division_pb2.LEVEL_TOWNSHIP
            )
            for county in range(1, counties + 1)
            for town in range(1, towns + 1)
            if city > empty
        ]
    players = cast(rows, "53")
    own = len(players.own)
    late = [code for code in players.everybody if players.answers_late(code)]

    assert own == counties * towns
    assert players.city.code == f"53{empty + 1:02}"
    assert sum(players.must_first()) == len(players.everybody) * 10
    assert sum(players.must_second()) == own * 8
    assert len(late) == own - len(players.early)


def test_officers_give_exactly_what_is_asked() -> None:
    """Each field once: confirmed where it came filled in and still holds, else given."""
    fields = [collection_pb2.Field(element=code) for code in things.FIRST]
    for field in fields:
        if field.element in things.STEADY:
            field.prefilled.CopyFrom(things.value(field.element, TOWNSHIP, BEFORE))
    confirmed = 0
    for number in range(100):
        task = collection_pb2.Task(
            division=f"5301020{number:02}", period=THIS, fields=fields, revision=3
        )
        answer = townships.answer_to(task)
        given_codes = [one.element for one in answer.values]
        confirmed += len(answer.unchanged) == len(things.STEADY)

        assert sorted([*given_codes, *answer.unchanged]) == sorted(things.FIRST)
        assert set(answer.unchanged) <= set(things.STEADY)
        assert answer.base_revision == 3
    assert 70 < confirmed < 100


def test_a_month_and_the_one_before() -> None:
    """Over the turn of the year too."""
    assert things.months(date(2026, 11, 23)) == (THIS, BEFORE)
    assert things.months(date(2026, 1, 1)) == ("2026-01", "2025-12")


@given(st.sets(CODES, max_size=60))
def test_a_packed_set_of_divisions_is_read_whole(codes: set[str]) -> None:
    """The proof reads the wire form by itself, past the services."""
    packed = set_to([Code(code) for code in sorted(codes)])

    assert set(once.divisions_of(packed)) == codes


def fact(payload: Message) -> tuple[str, bytes]:
    """Return a fact as a ledger holds it."""
    kept = link_pb2.Fact(payload=payload.SerializeToString())
    return payload.DESCRIPTOR.full_name, kept.SerializeToString()


def requested(
    request: str, outcome: pb.Outcome.ValueType, *elements: int
) -> tuple[str, bytes]:
    """Return the fact that a request for elements of one township came down."""
    return fact(
        facts.DataRequested(
            request=pb.DataRequest(data_request_id=request, period=THIS),
            groups=[
                facts.CellGroup(
                    elements=elements,
                    divisions=set_to([Code(TOWNSHIP)]),
                    outcome=outcome,
                )
            ],
        )
    )


def test_asks_are_counted_cell_by_cell() -> None:
    """Joined and served is not asked; two requests that both ask a cell are two asks."""
    counted = once.count_asks(
        [
            requested("a", pb.OUTCOME_COLLECT, 1, 2),
            requested("b", pb.OUTCOME_JOINED, 1),
            requested("c", pb.OUTCOME_CONFIRM, 2),
        ]
    )

    assert counted == {(1, TOWNSHIP, THIS): 1, (2, TOWNSHIP, THIS): 2}


def test_what_was_judged_otherwise_below_is_counted_as_judged() -> None:
    """A cell that came down to be asked, and was held there, was not asked."""
    judged = facts.AsksJudged(
        data_request_id="b",
        groups=[
            facts.CellGroup(
                elements=[1],
                divisions=set_to([Code(TOWNSHIP)]),
                before=pb.OUTCOME_COLLECT,
                outcome=pb.OUTCOME_SERVED,
            )
        ],
    )
    counted = once.count_asks(
        [
            requested("a", pb.OUTCOME_COLLECT, 1),
            requested("b", pb.OUTCOME_COLLECT, 1, 2),
            fact(judged),
        ]
    )

    assert counted == {(1, TOWNSHIP, THIS): 1, (2, TOWNSHIP, THIS): 1}


SOUND = Held(
    sheets=1, values=2, digest=7, known=2, complete=2, asked=2, joined=1, served=0
)
ASKED = Counter({(1, TOWNSHIP, THIS): 1, (2, TOWNSHIP, THIS): 1})


@pytest.mark.parametrize(
    "wrong",
    [
        replace(SOUND, digest=8),
        replace(SOUND, values=3),
        replace(SOUND, complete=1),
        replace(SOUND, open_tasks=1),
        replace(SOUND, asked=3),
        replace(SOUND, joined=2),
    ],
)
def test_one_tier_that_differs_fails_the_proof(wrong: Held) -> None:
    """Whatever it is that differs."""
    sound = {"province": SOUND, "township": SOUND}
    failed = once.checks({**sound, "county": wrong}, ASKED, 2)

    assert all(check.passed for check in once.checks(sound, ASKED, 2))
    assert not all(check.passed for check in failed)


def test_a_cell_asked_twice_fails_the_proof() -> None:
    """Also where all tiers agree about it."""
    twice = Counter({(1, TOWNSHIP, THIS): 2})
    found = once.checks({"township": SOUND}, twice, 2)

    assert [check.passed for check in found].count(False) == 1
    assert not once.checks({"township": SOUND}, Counter(), 2)[0].passed


PLAYED = Once(
    period=THIS,
    acts=[
        Act("甲（模拟）", "53", "id", 10, (0, 0, 1, 9), (0, 0, 1, 9), 1.0),
    ],
    recorded=20,
    held={"township": SOUND},
    spared=[],
    total=relief_pb2.Saving(saved_minutes=7.5),
    checks=[Check("a", "甲", "1", passed=True)],
    seconds=2.0,
)


def test_the_acts_agree_only_if_every_check_passed() -> None:
    """One that failed makes the demonstration fail."""
    failed = Check("b", "乙", "0", passed=False)

    assert PLAYED.agrees
    assert not replace(PLAYED, checks=[*PLAYED.checks, failed]).agrees


def test_the_acts_for_programs_have_agreed_fields() -> None:
    """Programs rely on these names."""
    told = acts_view.summary(PLAYED)

    assert list(told) == [
        "period",
        "recorded",
        "requests",
        "saved_minutes_estimate",
        "checks",
        "seconds",
        "agrees",
    ]
    assert told["requests"] == [
        {
            "requester": "甲（模拟）",
            "division": "53",
            "data_request_id": "id",
            "elements": 10,
            "served": 0,
            "joined": 0,
            "confirm": 1,
            "collect": 9,
            "seconds_to_complete": 1.0,
        }
    ]
