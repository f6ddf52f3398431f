"""The checkers find what is wrong with petitions, clocks, urges, points to rectify, and ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faults.checkers.conservation import Counts, folded
from faults.readers import Reader
from tests.checkers import sets, whole
from tests.checkers.books import ITEMS, PETITIONS, POINTS, RAISED, URGES
from tests.checkers.snapshots import Snapshot
from tests.faults_harness import lines
from tests.faults_harness.lines import ITEM, RETURNED, UNTOUCHED, VERIFIED, Planted

Plant = Callable[[Planted], Snapshot]
VERIFIED_STATE, CLOSED_STATE, SUSPENDED_STATE = 5, 6, 8

BUGS: dict[str, tuple[Plant, set[str]]] = {
    "an extension is lost": (
        lambda held: held.with_row(RETURNED, term=1, extensions=0),
        {"lost"},
    ),
    "a petition is lost": (lambda held: held.without_books(PETITIONS), {"lost"}),
    "a decision is lost": (
        lambda held: held.with_book(PETITIONS, (lines.PETITION,), state=1),
        {"lost"},
    ),
    "an urge is lost": (lambda held: held.without_books(URGES), {"lost"}),
    "a point that was closed is open": (
        lambda held: held.with_book(POINTS, (lines.POINT,), state=1),
        {"lost"},
    ),
    "a conclusion is lost": (
        lambda held: held.with_book(ITEMS, (ITEM,), state=1),
        {"lost"},
    ),
    "that an item goes on is lost": (
        lambda held: held.with_book(ITEMS, (ITEM,), reopened=0, state=3),
        {"lost"},
    ),
    "a reminder was raised twice": (
        lambda held: held.with_fact("reminded", fact_id="again"),
        {"doubled"},
    ),
    "a petition was decided twice": (
        lambda held: held.with_fact("decided", fact_id="again"),
        {"doubled"},
    ),
    "an urge was counted twice": (
        lambda held: held.with_fact("urged", fact_id="again"),
        {"doubled"},
    ),
    "a clock that nobody moved": (
        lambda held: held.with_row(VERIFIED, term=2),
        {"phantom"},
    ),
    "an extension that nobody granted": (
        lambda held: held.with_row(VERIFIED, extensions=1),
        {"phantom"},
    ),
    "a clock that nobody stopped": (
        lambda held: held.with_row(UNTOUCHED, suspended_at=lines.THEN),
        {"phantom"},
    ),
    "a transfer that nobody made": (
        lambda held: held.with_row(UNTOUCHED, transferred_to=VERIFIED),
        {"phantom"},
    ),
    "a petition that nobody filed": (
        lambda held: held.with_book(PETITIONS, ("another",), state=1),
        {"phantom"},
    ),
    "a decision that nobody made": (
        lambda held: held.with_book(PETITIONS, (lines.PETITION,), state=3),
        {"phantom"},
    ),
    "an urge that nobody sent": (
        lambda held: held.with_book(URGES, ("another", VERIFIED)),
        {"phantom"},
    ),
    "a point that nobody opened": (
        lambda held: held.with_book(POINTS, ("another",), state=1),
        {"phantom"},
    ),
    "a closing that nobody did": (
        lambda held: held.with_book(ITEMS, (ITEM,), state=lines.CLOSED_ITEM),
        {"phantom"},
    ),
}


@pytest.mark.parametrize("node", lines.NODES)
@pytest.mark.parametrize("bug", BUGS)
def test_the_set_checker_finds_a_planted_bug(bug: str, node: str) -> None:
    """Of the right kind, at the right node, whichever node it is."""
    plant, kinds = BUGS[bug]
    found = sets.check(lines.history(), plant(Planted(lines.snapshot(node))))

    assert {one.kind for one in found} == kinds, found
    assert {one.node for one in found} == {node}


def test_a_clock_that_stands_still_and_a_transfer_are_looked_for() -> None:
    """Acknowledged, and not in the row: lost, each with its name."""
    history = lines.history()
    history.life.stops((ITEM, UNTOUCHED))
    history.life.withdrawn[ITEM, VERIFIED] = "530102001"
    found = sets.check(history, lines.snapshot("city"))

    assert {one.kind for one in found} == {"lost"}
    assert {one.what.split(" of ")[0] for one in found} == {
        "clock moved 1 times",
        "suspension",
        "transfer to 530102001",
    }


def test_an_urge_by_rule_is_nobodys_operation() -> None:
    """A node urges by itself; only what a person is said to have done is a phantom."""
    held = Planted(lines.snapshot("city"))
    by_rule = held.with_book(URGES, ("another", VERIFIED), by_rule=True)

    assert sets.check(lines.history(), by_rule) == []


@pytest.mark.parametrize(
    ("table", "key"),
    [
        (PETITIONS, (lines.PETITION,)),
        (POINTS, (lines.POINT,)),
        (URGES, (lines.URGE, VERIFIED)),
        (RAISED, (ITEM, VERIFIED, 1, 1, 0)),
        (ITEMS, (ITEM,)),
    ],
)
def test_a_row_beside_the_assignments_that_differs_is_found(
    table: str, key: tuple[object, ...]
) -> None:
    """In one column, which is named; and a row that only one tier has."""
    held = lines.line()
    whole_one = held["township"]
    held["township"] = Planted(whole_one).with_book(table, key, note="another")
    (changed,) = whole.differences(held)
    held["township"] = Planted(whole_one).without_books(table)
    gone = whole.differences(held)

    assert "note another and None" in changed
    # An item is where it is executed: that a tier lacks it is what the sets find.
    assert len(gone) == (0 if table == ITEMS else 1)


def test_a_transferred_assignment_is_not_waited_for() -> None:
    """It counts in no division: whoever has it now counts instead."""
    history = lines.history()
    history.life.withdrawn[ITEM, UNTOUCHED] = ""

    assert folded(history, ITEM, lambda _: True)["53"] == Counts(2, 2, 2, 1)


def test_a_reader_takes_a_stopped_clock_and_a_reopened_item_for_no_step_back() -> None:
    """The one says nothing about the work; in the other what was verified stays verified."""
    reader = Reader("county")
    stopped, reopened = (1, 2, SUSPENDED_STATE, 2), (3, VERIFIED_STATE, CLOSED_STATE, 5)
    for state in (*stopped, *reopened):
        reader.read({(ITEM, VERIFIED): (1, state)})

    assert reader.regressions == []
