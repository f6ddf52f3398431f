"""Conservation: what a tier counts is what its clients did, division by division.

The oracle folds the clients' history, not the node's rows: it shares nothing with the
triggers, the facts or the repair that made the counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ducha.reporting.v1 import reporting_service_pb2 as reporting
from ducha.reporting.v1 import reporting_service_pb2_grpc as reporting_grpc
from tests.checkers.history import History
from tests.checkers.sets import Finding
from tier.jurisdiction import DIGITS

PAGE = 2000


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted of an item within a division."""

    expected: int = 0
    received: int = 0
    reported: int = 0
    verified: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Add up."""
        return Counts(
            self.expected + other.expected,
            self.received + other.received,
            self.reported + other.reported,
            self.verified + other.verified,
        )


def folded(
    history: History, item: str, holds: Callable[[str], bool]
) -> dict[str, Counts]:
    """Return what must be counted of an item: for each division, all within it.

    `holds` says which assignments belong to the node that counts.
    """
    counts: dict[str, Counts] = defaultdict(Counts)
    for code in filter(holds, history.targets[item]):
        key = item, code
        if key in history.life.withdrawn:
            continue  # nobody waits for it any more
        reported = history.reported.get(key, {})
        one = Counts(
            1,
            int(key in history.received or bool(reported)),
            int(history.epoch(key) in reported),
            int(key in history.verified),
        )
        for digits in DIGITS.values():
            if digits <= len(code):
                counts[code[:digits]] += one
    return counts


def compared(
    node: str, item: str, wanted: Mapping[str, Counts], told: Mapping[str, Counts]
) -> Iterator[Finding]:
    """Yield where a node counts otherwise."""
    for code in sorted(wanted.keys() | told.keys()):
        want, have = wanted.get(code, Counts()), told.get(code, Counts())
        if want != have:
            what = f"{item} in {code} counts {have}, its clients did {want}"
            yield Finding("differs", node, what)


async def told(
    stub: reporting_grpc.ReportingServiceAsyncStub, item: str
) -> dict[str, Counts]:
    """Return what a node counts of an item, in each division."""
    counts: dict[str, Counts] = defaultdict(Counts)
    token = ""
    while True:
        page = await stub.ListProgress(
            reporting.ListProgressRequest(
                item_id=item, page_size=PAGE, page_token=token
            )
        )
        for one in page.progress:
            counts[one.division] += Counts(
                one.expected_count,
                one.received_count,
                one.reported_count,
                one.verified_count,
            )
        token = page.next_page_token
        if not token:
            return counts
