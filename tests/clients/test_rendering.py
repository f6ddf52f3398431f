"""What people see never says more than is so."""

from __future__ import annotations

import io

from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from clients.cli import progress, render
from ducha.reporting.v1 import reporting_pb2 as pb


def printed(renderable: object) -> str:
    out = io.StringIO()
    Console(file=out, width=200, highlight=False).print(renderable)
    return out.getvalue()


@given(
    st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
)
def test_100_percent_means_all(counts: tuple[int, int]) -> None:
    """One missing of 100,000 is not rounded away."""
    done, expected = counts
    ratio = done / expected

    assert (render.percent(ratio) == "100.0%") == (done == expected)
    assert ("░" not in progress.bar(ratio)) == (done == expected)


def test_square_brackets_are_words() -> None:
    """What officials write is shown, never read as markup."""
    shown = printed(render.table(["标题"], [("[bold]国办[2026]1号[/]",)]))

    assert "[bold]国办[2026]1号[/]" in shown


def test_an_unset_moment_is_empty() -> None:
    """1970 is not a deadline."""
    assert render.when(Timestamp()) == ""


def test_the_highest_divisions_are_the_top() -> None:
    """A node's top is its shortest code, whatever its tier."""
    rows = [pb.Progress(division=code) for code in ("5301", "530102", "5303")]

    assert [row.division for row in progress.highest(rows)] == ["5301", "5303"]


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(1, 99)), max_size=9))
def test_the_total_is_the_sum(counts: list[tuple[int, int]]) -> None:
    """And its completeness is of the whole, not a mean of shares."""
    rows = [
        pb.Progress(expected_count=expected, reported_count=min(done, expected))
        for done, expected in counts
    ]
    whole = progress.total(rows)

    assert whole.expected_count == sum(row.expected_count for row in rows)
    assert whole.reported_count == sum(row.reported_count for row in rows)
    assert (whole.completeness == 1.0) == (
        whole.expected_count == whole.reported_count > 0
    )
