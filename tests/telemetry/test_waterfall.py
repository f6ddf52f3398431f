"""Rules of the waterfall: every span once, and a critical path without a hole."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clients.cli.waterfall import Span, build, critical_path, rows, spent


def span(
    span_id: str, parent: str, start: int, end: int, *links: str, name: str = "work"
) -> Span:
    return Span(
        span_id, parent, name, "ducha-city", "city", start, end, linked_ids=links
    )


names = st.sampled_from(["apply", "send", "receive"])
some_ids = st.sampled_from([str(number) for number in range(12)])


@st.composite
def any_spans(draw: st.DrawFn) -> list[Span]:
    """Whatever exporters may send: circles, unknown parents, skewed clocks."""
    found = []
    for number in range(draw(st.integers(1, 12))):
        start = draw(st.integers(0, 100))
        links = tuple(draw(st.lists(some_ids, max_size=3)))
        found.append(
            Span(
                str(number),
                draw(st.just("") | some_ids | st.just("elsewhere")),
                draw(names),
                "ducha-city",
                "city",
                start,
                start + draw(st.integers(0, 60)),
                linked_ids=links,
            )
        )
    return found


@given(any_spans(), st.integers(1, 4))
def test_every_span_is_in_one_row(spans: list[Span], alone: int) -> None:
    """Nothing is hidden by collapsing, nor shown twice."""
    shown = [one.span_id for row in rows(build(spans), alone) for one in row.members]

    assert sorted(shown) == sorted(one.span_id for one in spans)


@given(any_spans(), st.integers(1, 4))
def test_a_row_of_many_holds_one_name(spans: list[Span], alone: int) -> None:
    """Rows of many are more than a handful, and their slowest is the slowest."""
    for row in rows(build(spans), alone):
        assert len({(one.service, one.name) for one in row.members}) == 1
        assert len(row.members) == 1 or len(row.members) > alone
        assert row.slowest.duration == max(one.duration for one in row.members)
        assert all(row.start <= one.start <= one.end <= row.end for one in row.members)


@given(any_spans())
def test_the_critical_path_has_no_hole(spans: list[Span]) -> None:
    """It ends with the last span, and every moment of it is accounted for once."""
    tree = build(spans)
    path = critical_path(tree)

    for before, after in pairwise(path):
        assert before.end == after.begin
        assert before.begin < before.end
    if path:
        assert path[-1].end == max(one.end for one in spans)
        assert sum(spent(path)) == path[-1].end - path[0].begin
    for stretch in path:
        at = tree.spans[stretch.span_id]
        if not stretch.waiting:
            assert at.start <= stretch.begin
            assert stretch.end <= at.end


@given(any_spans())
def test_the_forest_has_no_circle(spans: list[Span]) -> None:
    """Each span reaches a root."""
    tree = build(spans)
    for one in spans:
        place, steps = one.span_id, 0
        while place:
            place = tree.above[place]
            steps += 1
            assert steps <= len(spans)


def test_the_path_goes_through_the_child_that_ended_last() -> None:
    """Two branches at once: the shorter one cost nothing."""
    spans = [
        span("call", "", 0, 100),
        span("fast", "call", 10, 30),
        span("slow", "call", 10, 80),
        span("inner", "slow", 20, 70),
    ]
    path = critical_path(build(spans))

    told = [(one.span_id, one.begin, one.end) for one in path]
    assert told == [
        ("call", 0, 10),
        ("slow", 10, 20),
        ("inner", 20, 70),
        ("slow", 70, 80),
        ("call", 80, 100),
    ]


def test_the_path_follows_messages_and_shows_the_wait() -> None:
    """A child over a link begins after its parent ended."""
    spans = [
        span("issue", "", 0, 10),
        span("send", "issue", 12, 15),
        span("apply", "send", 20, 40),
        span("other", "send", 20, 25),
    ]
    path = critical_path(build(spans))

    told = [(one.span_id, one.begin, one.end, one.waiting) for one in path]
    assert told == [
        ("issue", 0, 10, False),
        ("send", 10, 12, True),
        ("send", 12, 15, False),
        ("apply", 15, 20, True),
        ("apply", 20, 40, False),
    ]
    assert spent(path) == (33, 7)


def test_the_path_does_not_end_with_a_call_that_was_refused_later() -> None:
    """Somebody reports once more, and is told no: that took no time of the item's."""
    spans = [
        span("issue", "", 0, 10),
        span("roll-up", "issue", 20, 30),
        replace(span("report", "issue", 90, 95), failed=True),
    ]
    path = critical_path(build(spans))

    assert path[-1].span_id == "roll-up"
    assert spent(path) == (20, 10)


def test_the_path_goes_back_by_the_link_that_was_ready_last() -> None:
    """A roll-up waits for the last of what flowed into it."""
    spans = [
        span("issue", "", 0, 10),
        span("early", "issue", 10, 20),
        span("late", "issue", 10, 50),
        span("roll-up", "early", 55, 60, "late"),
    ]
    path = critical_path(build(spans))

    assert [one.span_id for one in path if not one.waiting] == [
        "issue",
        "late",
        "roll-up",
    ]


def test_a_batch_of_another_trace_hangs_under_what_it_links_to() -> None:
    """Its parent is not here, but what flowed into it is."""
    spans = [
        span("mine", "", 0, 10),
        span("batch", "theirs", 12, 20, "mine", "unknown"),
    ]
    tree = build(spans)

    assert tree.above["batch"] == "mine"
    assert [row.depth for row in rows(tree)] == [0, 1]


def test_a_fan_out_stays_readable() -> None:
    """129 counties and their 1,461 townships are two rows under the city's."""
    spans = [span("send", "", 0, 5, name="send")]
    for county in range(129):
        spans.append(span(f"c{county}", "send", 5, 20 + county, name="county"))
        spans += [
            span(f"c{county}t{town}", f"c{county}", 21, 30, name="township")
            for town in range(11)
        ]
    shown = rows(build(spans))

    assert [(len(row.members), row.depth) for row in shown] == [
        (1, 0),
        (129, 1),
        (1419, 2),
    ]
    assert shown[1].slowest.span_id == "c128"


def test_a_handful_is_not_collapsed() -> None:
    """Five siblings are read one by one."""
    spans = [span("call", "", 0, 9)]
    spans += [span(f"{number}", "call", number, number + 1) for number in range(5)]

    assert len(rows(build(spans))) == 6


def test_a_large_trace_is_quick() -> None:
    """50,000 spans, as many as the receiver keeps."""
    spans = [span("0", "", 0, 10**9)]
    spans += [span(str(n), str(n // 40), n, n + 10_000) for n in range(1, 50_000)]
    tree = build(spans)

    assert sum(len(row.members) for row in rows(tree)) == 50_000
    assert critical_path(tree)


def test_nothing_has_no_path() -> None:
    """An empty answer is no error."""
    assert critical_path(build([])) == []
    assert rows(build([])) == []
