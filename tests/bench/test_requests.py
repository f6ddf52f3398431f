"""Promises of the load driver: what it sends is what any client would send."""

from __future__ import annotations

import uuid

import protovalidate

from bench.line import Targets
from bench.product import requests
from ducha.assignment.v1 import assignment_service_pb2 as api

CODES = tuple(str(530102001 + place) for place in range(7))


def test_reports_carry_the_item_and_ids_of_their_own() -> None:
    """Requests made beforehand are filled with ids; nothing of the blanks is left."""
    item = str(uuid.uuid4())

    sent = [
        api.ReportAssignmentsRequest.FromString(made)
        for made in requests.reports(item, CODES, batch=3)
    ]

    reports = [report for request in sent for report in request.reports]
    assert [len(request.reports) for request in sent] == [3, 3, 1]
    assert len({request.request_id for request in sent}) == 3
    assert {report.assignment.item_id for report in reports} == {item}
    assert [report.assignment.division for report in reports] == list(CODES)
    assert {len(report.report.values) for report in reports} == {10}


def test_what_is_sent_is_valid() -> None:
    """The doors check each message; the benchmark must not time refusals."""
    (made,) = requests.reports(str(uuid.uuid4()), CODES, batch=10)

    protovalidate.validate(api.ReportAssignmentsRequest.FromString(made))
    issued = requests.issue("53", Targets("township", CODES))
    protovalidate.validate(issued)
    assert protovalidate.collect_violations(issued) == []
