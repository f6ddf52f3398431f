"""The catalogue of the two acts: what can be asked, and what a simulated township says. Pure.

Everything in it is labelled as simulated (模拟).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ducha.catalogue.v1 import catalogue_pb2 as pb
from ducha.division.v1 import division_pb2
from ducha.registry.v1 import registry_pb2

KEEPER = "模拟目录管理员 simulated keeper"
OWNER = "数据主管部门（模拟）"
STALE_DAYS = 7
"""How long a count that changes fast may be used."""

COUNT = pb.VALUE_TYPE_NUMBER
LEVELS = (("blue", "蓝色"), ("yellow", "黄色"), ("orange", "橙色"), ("red", "红色"))


@dataclass(frozen=True, slots=True)
class Thing:
    """One element: its names, its type, the largest number that comes up, its freshness."""

    code: str
    zh: str
    en: str
    unit: str = ""
    type: pb.ValueType.ValueType = COUNT
    most: int = 100
    decimals: int = 0
    ages: bool = False


THINGS = (
    Thing("population.total", "常住人口", "Residents", "人", most=60_000),
    Thing("population.elderly_alone", "独居老人", "Elderly living alone", "人", most=900),
    Thing("flood.reservoirs", "水库座数", "Reservoirs", "座", most=12),
    Thing("flood.shelters", "避灾安置点", "Shelters ready for use", "处", ages=True),
    Thing("flood.warning", "汛情预警", "Flood warning", type=pb.VALUE_TYPE_CODE),
    Thing("safety.hazards_found", "排查隐患", "Hazards found", "项", most=80),
    Thing("safety.hazards_settled", "整改完成", "Hazards put right", "项", most=80),
    Thing("road.closed_km", "中断道路", "Roads closed", "公里", decimals=1),
    Thing("duty.drill_day", "最近演练", "Day of the last drill", type=pb.VALUE_TYPE_DATE),
    Thing("duty.round_the_clock", "全天值守", "Desk manned day and night",
          type=pb.VALUE_TYPE_BOOLEAN),
    Thing("welfare.canteens", "老年食堂", "Canteens for pensioners", "个", most=20),
    Thing("welfare.beds", "养老床位", "Beds in care homes", "张", most=300),
    Thing("welfare.volunteers", "志愿者", "Volunteers", "人", most=400, ages=True),
    Thing("school.pupils", "在校学生", "Pupils at school", "人", most=5_000),
    Thing("clinic.doctors", "执业医师", "Licensed doctors", "人", most=40),
)  # fmt: skip
BY_CODE: Mapping[str, Thing] = {thing.code: thing for thing in THINGS}

FIRST = tuple(thing.code for thing in THINGS[:10])
"""What the first department needs, of all townships."""

NEW = ("welfare.canteens", "welfare.beds", "welfare.volunteers")
SHARED = (
    "population.total",
    "population.elderly_alone",
    "flood.shelters",
    "road.closed_km",
    "duty.drill_day",
)
SECOND = (*SHARED, *NEW)
"""What the second needs, of its own townships: five of these the first needs too."""

STEADY = ("population.total", "population.elderly_alone", "flood.reservoirs")
"""Given last month, by everybody: the form comes with these filled in."""

AGED = ("flood.shelters", "welfare.volunteers")
"""Given this month by the townships of the second act, but too long ago."""

AGED_DAYS = STALE_DAYS + 3
MOVED_SHARE = 0.1
INDICATOR = "safety.hazards_settled_share"


def elements(root: str) -> Iterator[pb.Element]:
    """Yield the elements as the keeper publishes them."""
    for thing in THINGS:
        made = pb.Element(
            code=thing.code,
            name_zh=f"{thing.zh}（模拟）",
            name_en=f"{thing.en} (simulated)",
            definition=f"（模拟）本乡镇当月{thing.zh}，以月末最近一次核实为准。",
            type=thing.type,
            unit=thing.unit,
            decimals=thing.decimals,
            period_type=pb.PERIOD_TYPE_MONTH,
            collect_level=division_pb2.LEVEL_TOWNSHIP,
            owner=pb.Owner(division=root, name=OWNER),
            legal_basis="（模拟）演示用依据",
            sensitivity=pb.SENSITIVITY_INTERNAL,
            difference=f"（模拟）仅指{thing.zh}，与其他数据元不同",
            freshness=pb.Freshness(until_period_closes=True),
        )
        if thing.ages:
            made.freshness.max_age.FromTimedelta(timedelta(days=STALE_DAYS))
        if thing.type == COUNT:
            made.rule = "value >= 0.0"
        if thing.type == pb.VALUE_TYPE_CODE:
            made.codes.extend(
                pb.CodeListEntry(code=code, name_zh=zh) for code, zh in LEVELS
            )
        yield made


def indicator(root: str) -> pb.Indicator:
    """Return the indicator that the keeper publishes."""
    return pb.Indicator(
        code=INDICATOR,
        name_zh="隐患整改率（模拟）",
        name_en="Share of hazards put right (simulated)",
        definition="（模拟）整改完成的隐患占排查出的隐患的百分比。",
        unit="%",
        aggregation=pb.AGGREGATION_RATIO,
        formula="safety.hazards_settled / safety.hazards_found * 100.0",
        owner=pb.Owner(division=root, name=OWNER),
    )


def value(code: str, division: str, period: str) -> registry_pb2.Value:
    """Return what a simulated officer gives: the same in each run."""
    thing = BY_CODE[code]
    chance = random.Random(f"{code}/{division}/{period}")  # noqa: S311 - repeatable
    made = registry_pb2.Value(element=code)
    match thing.type:
        case pb.VALUE_TYPE_CODE:
            made.text = chance.choice(LEVELS)[0]
        case pb.VALUE_TYPE_DATE:
            first = date.fromisoformat(f"{period}-01")
            made.date = (first - timedelta(days=chance.randint(1, 60))).isoformat()
        case pb.VALUE_TYPE_BOOLEAN:
            made.boolean = chance.random() < 0.9  # noqa: PLR2004 - nearly all
        case _:
            most = thing.most
            if code == "safety.hazards_settled":
                most = int(value("safety.hazards_found", division, period).number)
            scale = 10**thing.decimals
            made.number = chance.randint(0, most * scale) / scale
    return made


def values(
    codes: Sequence[str], division: str, period: str
) -> list[registry_pb2.Value]:
    """Return what a simulated officer gives for several elements."""
    return [value(code, division, period) for code in codes]


def has_moved(division: str, period: str) -> bool:
    """Whether a township's steady values are others than before: one of ten, by chance."""
    chance = random.Random(f"moved/{division}/{period}")  # noqa: S311 - repeatable
    return chance.random() < MOVED_SHARE


def months(today: date) -> tuple[str, str]:
    """Return this month and the one before, as periods."""
    before = today.replace(day=1) - timedelta(days=1)
    return today.strftime("%Y-%m"), before.strftime("%Y-%m")
