"""The checkers of the fault harness find what is planted, and nothing in a line that is whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from faults.checkers.conservation import Counts, compared, folded
from faults.readers import Reader
from faults.verdict import Verdict
from tests.checkers import collected, order, sets, whole
from tests.checkers.collected import Collected
from tests.checkers.places import Place
from tests.checkers.sets import Finding, Kind
from tests.checkers.snapshots import Snapshot
from tests.faults_harness import lines
from tests.faults_harness.lines import ITEM, RETURNED, UNTOUCHED, VERIFIED, Planted
from tier.jurisdiction import Level

Plant = Callable[[Planted], Snapshot]

SET_BUGS: dict[str, tuple[Plant, set[str]]] = {
    "an assignment is lost": (lambda held: held.without_row(UNTOUCHED), {"lost"}),
    "a receipt is lost": (
        lambda held: held.with_row(VERIFIED, received_at=None),
        {"lost"},
    ),
    "a report is lost from the row": (
        lambda held: held.with_row(RETURNED, reported_at=None),
        {"lost"},
    ),
    "a report is lost from the ledger": (
        lambda held: held.without_fact("second"),
        {"lost"},
    ),
    "the first of two reports is lost from the ledger": (
        lambda held: held.without_fact("first"),
        {"lost"},
    ),
    "a return is lost": (
        lambda held: held.with_row(RETURNED, epoch=1),
        {"lost"},
    ),
    "a verification is lost": (
        lambda held: held.with_row(VERIFIED, verified_at=None),
        {"lost"},
    ),
    "a fact stands twice": (lambda held: held.with_fact("second"), {"doubled"}),
    "a retry was taken for a second report": (
        lambda held: held.with_fact("second", fact_id="again"),
        {"doubled"},
    ),
    "a retry was taken for a second receipt": (
        lambda held: held.with_fact("received", fact_id="again"),
        {"doubled"},
    ),
    "an assignment that nobody made": (
        lambda held: held.with_row("530101004"),
        {"phantom"},
    ),
    "a report that nobody made": (
        lambda held: held.with_fact("second", fact_id="other", mark="无人所报"),
        {"phantom"},
    ),
    "a receipt that nobody gave": (
        lambda held: held.with_row(UNTOUCHED, received_at=lines.THEN),
        {"phantom"},
    ),
    "a verification that nobody made": (
        lambda held: held.with_row(RETURNED, verified_at=lines.THEN),
        {"phantom"},
    ),
    "an item that nobody issued": (
        lambda held: replace(held.of, items=held.of.items | {"another"}),
        {"phantom"},
    ),
}


@pytest.mark.parametrize("node", lines.NODES)
def test_the_set_checker_finds_nothing_in_a_whole_line(node: str) -> None:
    """What the clients did stands there, once, and nothing else."""
    assert sets.check(lines.history(), lines.snapshot(node)) == []


@pytest.mark.parametrize("node", lines.NODES)
@pytest.mark.parametrize("bug", SET_BUGS)
def test_the_set_checker_finds_a_planted_bug(bug: str, node: str) -> None:
    """Of the right kind, at the right node, whichever node it is."""
    plant, kinds = SET_BUGS[bug]
    found = sets.check(lines.history(), plant(Planted(lines.snapshot(node))))

    assert {one.kind for one in found} == kinds, found
    assert {one.node for one in found} == {node}


ORDER_BUGS: dict[str, tuple[str, Plant, str]] = {
    "two facts changed places on the way": (
        "county",
        lambda held: held.swapped("first", "third"),
        "another order",
    ),
    "the ledger has a gap": (
        "city",
        lambda held: held.without_fact("second"),
        "has a gap",
    ),
    "a fact did not arrive": (
        "province",
        lambda held: held.without_fact("third"),
        "not in the ledger",
    ),
    "a number was left out": (
        "county",
        lambda held: replace(
            held.of, outbox={**held.of.outbox, "city": [(1, "received"), (3, "second")]}
        ),
        "have a gap",
    ),
    "a mark stands behind what was sent": (
        "county",
        lambda held: replace(
            held.of, applied={**held.of.applied, "township": (lines.EPOCH, 2)}
        ),
        "applied",
    ),
    "a fact of a node that it does not know": (
        "city",
        lambda held: held.with_fact("second", fact_id="made up"),
        "does not know",
    ),
}


def test_the_order_checker_finds_nothing_in_a_whole_line() -> None:
    """Every sequence without a gap, every origin in its own order."""
    assert order.check(lines.line()) == []


@pytest.mark.parametrize("bug", ORDER_BUGS)
def test_the_order_checker_finds_a_planted_bug(bug: str) -> None:
    """At one node of a line that is whole otherwise."""
    node, plant, expected = ORDER_BUGS[bug]
    held = lines.line()
    held[node] = plant(Planted(held[node]))

    assert any(expected in what for what in order.check(held))


def test_a_tier_that_differs_from_the_one_above_is_found() -> None:
    """Equal by what the clients did, different in a moment that only the rows show."""
    held = lines.line()
    assert whole.differences(held) == []
    held["county"] = Planted(held["county"]).with_row(RETURNED, report_fact="first")

    assert len(whole.differences(held)) == 2


def everything(_: str) -> bool:
    return True


def test_conservation_counts_every_division_from_the_history() -> None:
    """What the clients did, and nothing of what the nodes keep."""
    counts = folded(lines.history(), ITEM, everything)

    assert counts["53"] == counts["5301"] == counts["530101"] == Counts(3, 2, 2, 1)
    assert counts[RETURNED] == Counts(1, 1, 1, 0)
    assert counts[UNTOUCHED] == Counts(1, 0, 0, 0)


@pytest.mark.parametrize("division", ["53", "530101", RETURNED])
@pytest.mark.parametrize(
    "bug", [Counts(1), Counts(received=1), Counts(reported=-1), Counts(verified=1)]
)
def test_conservation_finds_a_count_that_is_off_by_one(
    division: str, bug: Counts
) -> None:
    """Too many and too few, in any division."""
    wanted = folded(lines.history(), ITEM, everything)
    told = dict(wanted)
    assert list(compared("city", ITEM, wanted, told)) == []
    told[division] += bug
    (found,) = compared("city", ITEM, wanted, told)

    assert (found.kind, found.node) == ("differs", "city")
    assert division in found.what


def test_conservation_finds_a_division_that_is_not_counted_or_made_up() -> None:
    """A missing row of counts, and one too many."""
    wanted = folded(lines.history(), ITEM, everything)
    told = {code: one for code, one in wanted.items() if code != "5301"}
    told["5399"] = Counts(1)
    found = list(compared("city", ITEM, wanted, told))

    assert len(found) == 2


def test_a_report_under_a_passed_epoch_does_not_count() -> None:
    """After a return the assignment waits for its report again."""
    history = lines.history()
    history.epochs[ITEM, VERIFIED] = 2

    assert folded(history, ITEM, everything)[VERIFIED] == Counts(1, 1, 0, 1)


PLACE = Place("city", Level.CITY, ("53",), "", "", None, ())
ELEMENT = ("1990-01", VERIFIED, "roads")


def answered() -> Collected:
    """Return one cell, asked and given."""
    made = Collected(cells={ELEMENT}, given={"第1号": ("1990-01", VERIFIED)})
    made.times[ELEMENT] = 1
    return made


ANSWER_BUGS = {
    "an answer is lost": (Counter[str](), "lost"),
    "an answer stands twice": (Counter({"第1号": 2}), "doubled"),
    "an answer that nobody gave": (Counter({"第1号": 1, "第2号": 1}), "phantom"),
}


@pytest.mark.parametrize("bug", ANSWER_BUGS)
def test_the_checker_of_answers_finds_a_planted_bug(bug: str) -> None:
    """Lost, doubled, made up; and nothing when all is well."""
    marks, kind = ANSWER_BUGS[bug]
    well = list(collected.answers(PLACE, Counter({"第1号": 1}), answered()))
    found = list(collected.answers(PLACE, marks, answered()))

    assert well == []
    assert [one.kind for one in found] == [kind]


def test_a_cell_that_was_given_twice_or_never_is_found() -> None:
    """Asking twice is a broken promise, and so is never getting it."""
    twice, never = answered(), answered()
    twice.times[ELEMENT] = 2
    never.times.clear()

    assert list(collected.unanswered(answered())) == []
    assert [one.kind for one in collected.unanswered(twice)] == ["doubled"]
    assert [one.kind for one in collected.unanswered(never)] == ["lost"]


REPORTED, VERIFIED_STATE, RETURNED_STATE = 3, 5, 4
CLOSED_STATE, WITHDRAWN_STATE = 6, 7


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1, REPORTED), (1, 1)),
        ((1, VERIFIED_STATE), (1, REPORTED)),
        ((2, RETURNED_STATE), (1, REPORTED)),
        ((2, REPORTED), (2, RETURNED_STATE)),
        ((1, CLOSED_STATE), (1, REPORTED)),
        ((1, WITHDRAWN_STATE), (1, 2)),
    ],
)
def test_a_reader_who_sees_time_go_backwards_says_so(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    """A lower epoch, or an earlier state within one; seen once, told once."""
    reader = Reader("county")
    key = ITEM, VERIFIED
    reader.read({key: before})
    reader.read({key: after})

    assert len(reader.regressions) == 1


def test_a_reader_who_sees_work_go_on_says_nothing() -> None:
    """Issued, received, reported, returned, reported, verified: each look the same or later."""
    reader = Reader("county")
    for seen in ((1, 1), (1, 2), (1, 3), (1, 3), (2, 4), (2, 3), (2, 5)):
        reader.read({(ITEM, VERIFIED): seen})

    assert reader.regressions == []
    assert reader.reads == 7


def test_a_verdict_counts_each_kind_and_is_clean_only_without_any() -> None:
    """What the table shows is what was found."""
    verdict = Verdict()
    assert verdict.is_clean
    kinds: list[Kind] = ["lost", "lost", "doubled", "phantom", "differs"]
    for kind in kinds:
        verdict.add(Finding(kind, "city", "something"))
    verdict.disorder("a gap")
    verdict.differ("two accounts")

    assert not verdict.is_clean
    counts = (verdict.lost, verdict.doubled, verdict.phantom, verdict.order)
    assert counts == (2, 1, 1, 1)
    assert verdict.conservation == 2
    assert len(verdict.details) == 7
