"""The first half of an item's life: down four tiers, and whatever may happen there."""

from __future__ import annotations

from clients.demo import life_cast
from clients.demo.life_cast import WORK_HOURS
from clients.demo.life_stage import Stage, Told
from ducha.petition.v1 import petition_pb2

ABOVE = ("province", "city")


async def down(stage: Stage) -> None:
    """Issued by the province, split by the city and the county, received below."""
    cast = stage.cast
    city, county = cast.city.code, cast.county.code
    issued = await stage.province.issue(life_cast.item(cast), city)
    stage.item = issued.item_id
    await stage.step(
        "The province issues, to one city",
        "省级下发到市",
        Told("ItemIssued", cast.province.code, city, ABOVE),
    )
    await stage.city.receive()
    await stage.city.split(WORK_HOURS["county"], county)
    await stage.step(
        "The city receives and splits, for one county",
        "市级签收、分解到县",
        Told("AssignmentsReceived", city, city, ABOVE),
        Told("AssignmentSplit", city, county, (*ABOVE, "county")),
    )
    await stage.county.receive()
    steady, disputing, late = cast.steady.code, cast.disputing.code, cast.late.code
    await stage.county.split(WORK_HOURS["township"], steady, disputing)
    await stage.county.split(WORK_HOURS["late"], late)
    await stage.step(
        "The county receives and splits, for three townships; one gets little time",
        "县级签收、分解到三个乡镇，其中一个时限很短",
        *(Told("AssignmentSplit", county, code) for code in (steady, disputing, late)),
    )
    await stage.township(steady).receive()
    await stage.township(late).receive()
    await stage.step(
        "Two townships receive",
        "两个乡镇签收",
        Told("AssignmentsReceived", steady, steady),
        Told("AssignmentsReceived", late, late),
    )


async def disputed(stage: Stage) -> None:
    """A township says that it is not its business; the county gives it to another."""
    cast = stage.cast
    county, disputing, successor = (
        cast.county.code,
        cast.disputing.code,
        cast.successor.code,
    )
    petition = await stage.township(disputing).ask(
        petition_pb2.PETITION_KIND_DISPUTE, "（模拟）不属本乡镇职责"
    )
    await stage.step(
        "A township disputes its assignment",
        "一个乡镇提出转办异议",
        Told("PetitionsFiled", disputing, disputing, details={"petition": "dispute"}),
    )
    await stage.county.grant(petition, "（模拟）异议成立", successor)
    await stage.step(
        "The county upholds it and transfers the assignment to another township",
        "县级同意，转办给另一乡镇",
        Told("PetitionsDecided", county, disputing, details={"outcome": "granted"}),
        Told("AssignmentsWithdrawn", county, disputing),
        Told("AssignmentSplit", county, successor),
    )
    await stage.township(successor).receive()
    await stage.step(
        "That one receives it",
        "该乡镇签收",
        Told("AssignmentsReceived", successor, successor),
    )


async def extended(stage: Stage) -> None:
    """A township needs more time than the county has; the city gives it to both."""
    cast = stage.cast
    city, county, steady = cast.city.code, cast.county.code, cast.steady.code
    extension = petition_pb2.PETITION_KIND_EXTENSION
    small = await stage.township(steady).ask(extension, "（模拟）道路中断", 5)
    await stage.step(
        "A township asks for an extension",
        "一个乡镇申请延期",
        Told("PetitionsFiled", steady, steady, details={"petition": "extension"}),
    )
    await stage.refusal(
        "The county may not grant beyond its own deadline",
        "县级不得超出自身时限批准延期",
        stage.county.grant(small, "（模拟）同意"),
        "EXTENSION_EXCEEDS_PARENT",
    )
    days = life_cast.LONGEST_EXTENSION
    large = await stage.county.ask(extension, "（模拟）下级道路中断", days)
    above = (*ABOVE, "county")
    await stage.step(
        "So the county asks the city",
        "县级向市级申请延期",
        Told("PetitionsFiled", county, county, above),
    )
    await stage.city.grant(large, "（模拟）同意")
    await stage.step(
        "The city grants it; the county's children are looked at again",
        "市级同意，县级下属时限随之复核",
        Told("PetitionsDecided", city, county, above),
        Told("DeadlinesMoved", city, county, above, {"cause": "extension"}),
    )
    await stage.county.grant(small, "（模拟）同意")
    await stage.step(
        "Now the county grants the township's",
        "县级随即批准乡镇延期",
        Told("PetitionsDecided", county, steady, details={"outcome": "granted"}),
        Told("DeadlinesMoved", county, steady, details={"cause": "extension"}),
    )


async def returned(stage: Stage) -> None:
    """Two townships report; one report is returned, and reported again."""
    cast = stage.cast
    county, steady, successor = (
        cast.county.code,
        cast.steady.code,
        cast.successor.code,
    )
    await stage.township(steady).report("（模拟）已落实")
    await stage.township(successor).report("（模拟）已落实")
    await stage.step(
        "Two townships report",
        "两个乡镇反馈",
        Told("AssignmentReported", steady, steady, details={"epoch": "1"}),
        Told("AssignmentReported", successor, successor),
    )
    await stage.county.send_back(steady, "（模拟）缺少值班安排")
    await stage.step(
        "The county returns one",
        "县级退回一件",
        Told("AssignmentsReturned", county, steady, details={"epoch": "2"}),
    )
    await stage.township(steady).report("（模拟）已补充", epoch=2)
    await stage.step(
        "It is reported again",
        "重新反馈",
        Told("AssignmentReported", steady, steady, details={"epoch": "2"}),
    )


async def late(stage: Stage) -> None:
    """One township is late: urged by hand, reminded and escalated by timers alone."""
    cast = stage.cast
    city, county, late = cast.city.code, cast.county.code, cast.late.code
    await stage.county.urge(late, "（模拟）请尽快反馈")
    await stage.step(
        "The county urges the slow one",
        "县级催办",
        Told("AssignmentsUrged", county, late),
    )
    await stage.step(
        "Timers remind it: the deadline is near, then past",
        "系统提醒：临期、逾期",
        *(
            Told("RemindersRaised", late, late, details={"step": step})
            for step in ("deadline_near", "overdue")
        ),
    )
    await stage.step(
        "Timers escalate: to the county, then to the city",
        "系统升级督办：先到县级，再到市级",
        *(
            Told("AssignmentsEscalated", county, late, details={"escalated_to": whom})
            for whom in (county, city)
        ),
    )
    await stage.township(late).report("（模拟）已落实，迟报")
    await stage.step(
        "It reports, late", "逾期反馈", Told("AssignmentReported", late, late)
    )
