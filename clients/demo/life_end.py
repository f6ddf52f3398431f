"""The second half of an item's life: up again, looked at twice, put right, closed for good."""

from __future__ import annotations

import asyncio

from clients.demo.life_stage import Stage, Told
from clients.runtime import Refused
from ducha.petition.v1 import petition_pb2

ABOVE = ("province", "city")
POLL_SECONDS = 0.1
WAIT_SECONDS = 60.0


async def back_up(stage: Stage) -> None:
    """Verified and reported from tier to tier, then concluded."""
    cast = stage.cast
    province, city, county = cast.province.code, cast.city.code, cast.county.code
    await stage.county.verify()
    await stage.county.report("（模拟）全县已落实")
    await stage.step(
        "The county verifies and reports",
        "县级核查、反馈",
        Told("AssignmentsVerified", county, cast.late.code),
        Told("AssignmentReported", county, county, (*ABOVE, "county")),
    )
    await stage.city.verify()
    await stage.city.report("（模拟）全市已落实")
    await stage.step(
        "The city verifies and reports",
        "市级核查、反馈",
        Told("AssignmentsVerified", city, county, (*ABOVE, "county")),
        Told("AssignmentReported", city, city, ABOVE),
    )
    await stage.province.verify()
    await stage.province.conclude("（模拟）总体落实")
    await stage.step(
        "The province verifies and concludes",
        "省级核查、作出结论",
        Told("AssignmentsVerified", province, city, ABOVE),
        Told("ItemConcluded", province),
    )


async def reviewed(stage: Stage) -> None:
    """The supervised asks for a review; it is decided by somebody else than the author."""
    province, late = stage.cast.province.code, stage.cast.late.code
    petition = await stage.township(late).ask(
        petition_pb2.PETITION_KIND_REVIEW, "（模拟）对结论有异议"
    )
    await stage.step(
        "A township asks for a review of the conclusion",
        "一个乡镇申请复核",
        Told("PetitionsFiled", late, late, details={"petition": "review"}),
    )
    await stage.refusal(
        "The author of the conclusion may not decide its review",
        "结论作出人不得复核",
        stage.province.grant(petition, "（模拟）维持"),
        "REVIEWER_IS_AUTHOR",
    )
    await stage.second_person.grant(petition, "（模拟）结论应予修正")
    await stage.step(
        "Another person overturns it: the item goes on",
        "另一人复核后推翻，事项重新办理",
        Told("PetitionsDecided", province, late, details={"outcome": "granted"}),
        Told("ItemReopened", province, details={"cause": "review"}),
    )


async def put_right(stage: Stage) -> None:
    """Two points are put right, one by one; until then the item cannot be closed."""
    county, late = stage.cast.county.code, stage.cast.late.code
    office = stage.township(late)
    problems = ("（模拟）值班表缺项", "（模拟）转移名册未更新")
    points = await stage.county.open_points(late, problems)
    await stage.step(
        "The county opens two points to be put right",
        "县级列出两项整改",
        Told("RectificationsOpened", county, late),
    )
    await stage.province.conclude("（模拟）修正后的结论")
    await stage.refusal(
        "While points are open the item cannot be closed",
        "整改未销号不得办结",
        stage.province.close(),
        "CLOSING_HELD",
    )
    await office.report_points(points)
    await stage.step(
        "The township reports both",
        "乡镇报告整改",
        Told("RectificationsReported", late, late),
    )
    await stage.county.close_points(points[:1])
    await stage.county.return_points(points[1:], "（模拟）名册仍不全")
    await stage.step(
        "The county closes one and returns the other",
        "县级销号一项、退回一项",
        Told("RectificationsClosed", county, late),
        Told("RectificationsReturned", county, late),
    )
    await office.report_points(points[1:])
    again = Told(
        "RectificationsReported",
        late,
        late,
        details={"rectification_id": points[1], "round": "2"},
    )
    await stage.step("It is put right again", "再次报告整改", again)
    await stage.county.close_points(points[1:])
    closed = Told(
        "RectificationsClosed", county, late, details={"rectification_id": points[1]}
    )
    await stage.step("The county closes it", "县级销号", closed)


async def ended(stage: Stage) -> None:
    """Closed; archived once nobody may ask for a review any more."""
    province = stage.cast.province.code
    await stage.province.close()
    await stage.step(
        "The province closes the item", "省级办结", Told("ItemClosed", province)
    )
    await stage.refusal(
        "As long as a review may be asked for it is not archived",
        "复核期内不得归档",
        stage.province.archive(),
        "REVIEW_TERM_RUNS",
    )
    await _archive(stage)
    await stage.step(
        "After the term of review it is archived",
        "复核期满归档",
        Told("ItemArchived", province),
    )


async def _archive(stage: Stage) -> None:
    """Archive as soon as that is allowed."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            try:
                await stage.province.archive()
            except Refused as refused:
                if refused.reason != "REVIEW_TERM_RUNS":
                    raise
                await asyncio.sleep(POLL_SECONDS)
            else:
                return
