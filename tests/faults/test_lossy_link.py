"""A road that drops 30% and repeats 10%: slower, and not one fact wrong."""

from __future__ import annotations

from tests.faults.flow import Flow
from tests.faults.lossy import LossyWire
from tests.journeys.papers import small_province
from tests.journeys.running import Running, at_work

CODES = small_province(cities=1, counties=2, townships=12)
ITEMS_EACH = 3


async def test_a_lossy_road_loses_and_doubles_nothing(
    lossy_line: Running, wire: LossyWire
) -> None:
    """Gaps are seen and mended over the repair road; repeats have no second effect."""
    async with at_work(lossy_line, CODES) as office:
        await Flow(office, items_each=ITEMS_EACH).run()
        problems = await lossy_line.problems()
    fates = dict(wire.fates)

    assert problems == []
    assert wire.count("dropped") > 0, fates
    assert wire.count("repeated") > 0, fates
    assert wire.count("carried") > 0, fates
