"""Rules of tracing: what is taken, under whom, and what may leave."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tier.runtime import trace_rules as rules

parents = st.builds(
    rules.TraceParent,
    trace_id=st.integers(1, 2**128 - 1),
    span_id=st.integers(1, 2**64 - 1),
    sampled=st.booleans(),
)
traceparents = parents.map(rules.render)
sampled = traceparents.filter(rules.is_sampled)
methods = st.sampled_from(["IssueItem", "ReportAssignments", "GetItem", "CloseItem"])


@given(parents)
def test_what_is_written_is_read_back(parent: rules.TraceParent) -> None:
    """A context crosses four tiers as text and is the same at the end."""
    text = rules.render(parent)

    assert rules.parse(text) == parent
    assert rules.is_sampled(text) is parent.sampled


@given(st.text(max_size=60))
def test_a_broken_traceparent_is_none(text: str) -> None:
    """A caller's nonsense costs the caller its trace, never the call."""
    found = rules.parse(text)

    assert found is None or rules.parse(rules.render(found)) == found


def test_ids_of_zero_and_version_ff_are_none() -> None:
    """The W3C forbids them."""
    assert rules.parse(f"00-{'0' * 32}-{'b' * 16}-01") is None
    assert rules.parse(f"00-{'a' * 32}-{'0' * 16}-01") is None
    assert rules.parse(f"ff-{'a' * 32}-{'b' * 16}-01") is None


@given(
    st.sampled_from(["IssueItem", "SplitAssignment", "CloseItem"]),
    st.just("") | traceparents,
    st.floats(0, 1),
)
def test_the_start_of_an_item_is_always_traced(
    method: str, caller: str, draw: float
) -> None:
    """An operator can always ask for the trace of an item."""
    assert rules.samples_call(method, caller, ratio=0.0, draw=draw)


@given(traceparents, st.floats(0, 1), st.floats(0, 1))
def test_the_word_of_a_caller_stands(caller: str, ratio: float, draw: float) -> None:
    """For other calls, yes and no are both the caller's."""
    wanted = rules.samples_call("GetItem", caller, ratio=ratio, draw=draw)

    assert wanted is rules.is_sampled(caller)


@given(st.floats(0, 1), st.floats(0, 1, exclude_max=True))
def test_a_share_of_the_rest_is_traced(ratio: float, draw: float) -> None:
    """Without a word, the ratio decides."""
    assert rules.samples_call("GetItem", "", ratio=ratio, draw=draw) is (draw < ratio)


@given(st.just("") | traceparents, st.just("") | traceparents, st.lists(traceparents))
def test_a_span_hangs_under_one_and_links_to_the_others(
    parent: str, current: str, links: list[str]
) -> None:
    """The given parent wins, then a recorded current span, then the first link."""
    origin, rest = rules.ancestry(parent, current, links)
    recorded = [link for link in links if rules.is_sampled(link)]

    if parent:
        assert origin == parent
    elif rules.is_sampled(current):
        assert origin == current
    elif recorded:
        assert origin == recorded[0]
    else:
        assert origin == current
    assert len(rest) == len(set(rest)) <= rules.LINKS_KEPT
    assert set(rest) <= set(recorded) - {origin}


def test_the_many_are_thinned_and_the_few_are_not() -> None:
    """Of 1,461 reports one by one, the first and a share of the rest are seen."""
    kept = [before for before in range(1_461) if not rules.is_thinned(before)]

    assert kept[: rules.SPANS_IN_FULL] == list(range(rules.SPANS_IN_FULL))
    assert len(kept) < 250
    assert all(after - before <= rules.ONE_IN for before, after in pairwise(kept))


@given(st.dictionaries(st.text(max_size=30), st.text(max_size=600) | st.integers()))
def test_only_listed_attributes_leave(attributes: dict[str, str | int]) -> None:
    """What is not on the list is dropped and counted; texts are cut."""
    told: dict[str, rules.AttributeValue] = {**attributes, "ducha.item_id": "x" * 900}
    kept, dropped = rules.allowed(told)

    assert all(map(rules.is_allowed, kept))
    assert dropped == len(told) - len(kept)
    assert kept["ducha.item_id"] == "x" * rules.TEXT_KEPT


def test_what_callers_put_into_metadata_never_leaves() -> None:
    """The conventions have attributes for it; a token could be in there."""
    assert rules.is_allowed("rpc.method")
    assert rules.is_allowed("messaging.batch.message_count")
    assert not rules.is_allowed("rpc.request.metadata.authorization")
    assert not rules.is_allowed("rpc.response.metadata.x")
    assert not rules.is_allowed("ducha.title")
