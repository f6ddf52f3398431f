"""Answers at a township's door: recorded once, labelled, merged, refused whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ducha.collection.v1 import collection_pb2 as nouns
from ducha.registry.v1 import registry_facts_pb2 as facts
from tests.catalogue import element, publish
from tests.servers import AnApp, quarantined, recorded
from tests.stores.collecting import (
    BEFORE,
    OTHER,
    PERIOD,
    TOWN,
    an_office,
    answer,
    kept,
    refused,
)
from tier.registry.model import Flag

RECORDED = facts.ObservationsRecorded.DESCRIPTOR.full_name


async def test_an_answer_serves_who_waits_at_both_tiers(an_app: AnApp) -> None:
    """What is given is held, asked no more, and the same above once it was carried up."""
    async with an_office(an_app) as office:
        await office.ask("households", "income")
        told = await office.submit(answer({"households": 812, "income": 3.14}))
        await office.tell()

        assert told.recorded_count == 2
        assert await office.values() == {"households": 812, "income": 314}
        assert await kept(office.county) == await office.values()
        assert [task.division for task in await office.tasks()] == [OTHER, "530102003"]


async def test_every_type_of_value_comes_back_as_it_was_given(an_app: AnApp) -> None:
    """A day, a code, a text, a truth and money are kept, and shown to the next as filled in."""
    given: dict[str, Any] = {
        "households": 5,
        "income": -0.5,
        "inspected": "date:2026-11-01",
        "road": "01",
        "remarks": "路通了（模拟）",
        "flooded": True,
    }
    async with an_office(an_app) as office:
        await office.submit(answer(given, period=BEFORE, reason="补报"))
        await office.ask(*given, of=[TOWN])
        (task,) = await office.tasks()
        shown = {one.element: one.prefilled for one in task.fields}

    assert shown == {one.element: one for one in answer(given).values}
    assert {one.prefilled_period for one in task.fields} == {BEFORE}


async def test_what_was_not_answered_stays_open(an_app: AnApp) -> None:
    """A partial answer closes its own fields only."""
    async with an_office(an_app) as office:
        await office.ask("households", "income", "road", of=[TOWN])
        await office.submit(answer({"income": 1}))
        (task,) = await office.tasks()

    assert [one.element for one in task.fields] == ["households", "road"]
    assert task.revision == 1


async def test_all_unchanged_confirms_what_is_held_and_what_is_filled_in(
    an_app: AnApp,
) -> None:
    """One word for the old value and for last month's; what nobody knows stays open."""
    async with an_office(an_app) as office:
        await office.submit(answer({"wells": 3}))
        await office.submit(answer({"households": 800}, period=BEFORE))
        office.clock.now += timedelta(days=11)
        await office.ask("wells", "households", "income", of=[TOWN])
        (task,) = await office.tasks()
        told = await office.submit(answer(all_unchanged=True))
        (left,) = await office.tasks()
        values = await office.values()

    confirm, collect = nouns.Field.ASK_CONFIRM, nouns.Field.ASK_COLLECT
    asks = {one.element: (one.ask, one.prefilled.number) for one in task.fields}
    assert asks == {
        "wells": (confirm, 3),
        "households": (collect, 800),
        "income": (collect, 0),
    }
    assert told.recorded_count == 2
    assert values == {"wells": 3, "households": 800}
    assert [one.element for one in left.fields] == ["income"]


async def test_nothing_can_be_confirmed_where_nothing_is_known(an_app: AnApp) -> None:
    """To confirm by name what nobody ever gave is a mistake, and is named."""
    async with an_office(an_app) as office:
        await office.ask("households", of=[TOWN])
        told = await refused(office.submit(answer(unchanged=["households"])))

    assert told.reason == "VALUES_INVALID"
    assert told.fields == ["answers[0].unchanged"]


async def test_a_value_that_todays_rule_forbids_is_not_confirmed(
    an_app: AnApp,
) -> None:
    """It was good last month: the form offers it no more, and by its name it is refused.

    All unchanged leaves it out: above, it would be put aside.
    """
    stricter = element("households", unit="户", rule="value >= 1000.0")
    async with an_office(an_app) as office:
        await office.submit(answer({"households": 5, "income": 1}, period=BEFORE))
        await office.ask("households", "income", of=[TOWN])
        for app in (office.county, office.town):
            await publish(app, stricter)
        (task,) = await office.tasks()
        told = await refused(office.submit(answer(unchanged=["households"])))
        await office.submit(answer(all_unchanged=True))
        await office.tell()

        assert [one.HasField("prefilled") for one in task.fields] == [False, True]
        assert told.reason == "VALUES_INVALID"
        assert await office.values() == {"income": 100}
        assert await quarantined(office.county) == []


async def test_a_held_value_changes_only_for_a_reason(an_app: AnApp) -> None:
    """Nobody asked again: the same is nothing new, another needs a reason, and has one."""
    async with an_office(an_app) as office:
        await office.submit(answer({"households": 1}))
        again = await office.submit(answer({"households": 1}))
        told = await refused(office.submit(answer({"households": 2})))
        values = await office.values()
        done = await office.submit(answer({"households": 2}, reason="抄错"))

        assert (again.recorded_count, again.unchanged_count) == (0, 1)
        assert told.reason == "CORRECTION_UNREASONED"
        assert values == {"households": 1}
        assert done.recorded_count == 1
        assert await office.values() == {"households": 2}


async def test_two_who_worked_offline_merge_or_conflict(an_app: AnApp) -> None:
    """Both began from nothing: different fields stand side by side.

    For the same field the first stands, and the second is a conflict that both tiers know.
    """
    async with an_office(an_app) as office:
        await office.ask("households", "income", "road", of=[TOWN])
        one = await office.submit(
            answer({"households": 1, "income": 7}, base_revision=0)
        )
        other = await office.submit(
            answer({"households": 2, "income": 7, "road": "02"}, base_revision=0)
        )
        await office.tell()

        assert not one.remarks
        assert [len(remark.conflict_ids) for remark in other.remarks] == [1]
        stands = {"households": 1, "income": 700, "road": "02"}
        assert await office.values() == stands
        assert await kept(office.county) == stands


async def test_nobody_confirms_what_he_has_not_seen(an_app: AnApp) -> None:
    """He saw last month's value offline; meanwhile this month's came, too old to serve.

    His word is not about that one: it stays as it is, and asked.
    """
    seen = answer({"wells": 4})
    async with an_office(an_app) as office:
        await office.submit(answer({"wells": 3}, period=BEFORE))
        await office.ask("wells", of=[TOWN])
        seen.observe_time.FromDatetime(office.clock.now - timedelta(days=21))
        await office.submit(seen)
        told = await office.submit(answer(unchanged=["wells"], base_revision=0))
        (task,) = await office.tasks()

        assert (told.recorded_count, told.unchanged_count) == (0, 1)
        assert await office.values() == {"wells": 4}
        assert [one.prefilled.number for one in task.fields] == [4]


async def test_late_is_labelled_and_never_refused(an_app: AnApp) -> None:
    """After the deadline a value comes late, and its fact says so for ever."""
    async with an_office(an_app) as office:
        await office.ask("households", of=[TOWN])
        office.clock.now += timedelta(days=6)
        told = await office.submit(answer({"households": 1}))
        (fact,) = [one for one in await recorded(office.town) if one.kind == RECORDED]

    assert [list(remark.late) for remark in told.remarks] == [["households"]]
    assert facts.ObservationsRecorded.FromString(fact.payload).answers[0].flags == [
        Flag.LATE
    ]


async def test_a_value_out_of_the_ordinary_is_pointed_out(an_app: AnApp) -> None:
    """Five months alike, then ten times as much: taken, and remarked."""
    months = ["2026-05", "2026-06", "2026-07", "2026-08", "2026-09"]
    async with an_office(an_app) as office:
        for place, month in enumerate(months):
            await office.submit(answer({"households": 800 + place}, period=month))
        usual = await office.submit(answer({"households": 803}, period=BEFORE))
        told = await office.submit(answer({"households": 8000}))

    assert [list(remark.outliers) for remark in usual.remarks] == [[]]
    assert [list(remark.outliers) for remark in told.remarks] == [["households"]]


async def test_a_value_seen_too_long_ago_does_not_serve(an_app: AnApp) -> None:
    """Seen three weeks before it was asked: kept, and asked still."""
    seen = answer({"wells": 3})
    async with an_office(an_app) as office:
        await office.ask("wells", of=[TOWN])
        seen.observe_time.FromDatetime(office.clock.now - timedelta(days=21))
        await office.submit(seen)
        (task,) = await office.tasks()

    assert [one.ask for one in task.fields] == [nouns.Field.ASK_CONFIRM]
    assert task.period == PERIOD
