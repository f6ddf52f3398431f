"""Promises of the load driver of collect-once: it sends what any client would send."""

from __future__ import annotations

import protovalidate
from google.protobuf.message import Message

from bench import elements
from bench.product import asking, catalogue
from ducha.collection.v1 import collection_service_pb2 as collection

CODES = tuple(str(530102001 + place) for place in range(7))
GRIDS = tuple(f"530102001001{place:03}" for place in range(1, 4))


def test_what_is_sent_is_valid() -> None:
    """The doors check each message; the benchmark must not time refusals."""
    sent: list[Message] = [
        catalogue.published(),
        asking.request("53", asking.monthly("2027-01")),
        asking.request("5301", asking.daily("2027-01-01"), only_checked=True),
        *asking.batches(asking.monthly("2027-01"), CODES),
        *asking.batches(asking.daily("2027-01-01"), GRIDS, 1),
    ]

    assert [protovalidate.collect_violations(made) for made in sent] == [[]] * len(sent)


def test_each_worker_calls_for_itself() -> None:
    """One answer of twenty values a call, each with an id of its own."""
    sent = [
        collection.SubmitAnswersRequest.FromString(made)
        for made in asking.single(asking.daily("2027-01-01"), GRIDS)
    ]

    answers = [answer for request in sent for answer in request.answers]
    assert len({request.request_id for request in sent}) == len(GRIDS)
    assert [answer.division for answer in answers] == list(GRIDS)
    assert {len(answer.values) for answer in answers} == {elements.COUNT}


def test_a_stream_carries_all_divisions_in_batches() -> None:
    codes = tuple(str(530102001 + place) for place in range(asking.BATCH_ANSWERS + 1))

    sent = [
        collection.StreamAnswersRequest.FromString(made)
        for made in asking.streamed(asking.monthly("2027-01"), codes)
    ]

    assert [len(one.batch.answers) for one in sent] == [asking.BATCH_ANSWERS, 1]


def test_values_are_those_of_the_floor() -> None:
    """Both lines carry the same numbers, so that their sums can be compared."""
    (made,) = asking.batches(asking.monthly("2027-01"), CODES[:1])

    sent = [value.number for value in made.answers[0].values]
    assert sent == elements.numbers(CODES[0])


def test_elements_and_indicator_have_codes_of_their_own() -> None:
    published = catalogue.published()

    codes = [one.code for one in published.elements]
    assert codes == [*elements.MONTHLY, *elements.DAILY]
    assert [one.code for one in published.indicators] == [elements.INDICATOR]
    assert len({*codes, elements.INDICATOR}) == 2 * elements.COUNT + 1
