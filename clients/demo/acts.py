"""Collect once, in two acts: two departments of two tiers need some of the same data.

Act one: the province's department needs ten elements of all townships. Part of them is
answered. Act two: a department of one city needs eight elements of its townships for the
same month, and five of these are in act one: what is held is served, what is asked is
joined, what is too old is to be confirmed, and only the rest is collected. Then the
officers give what is left, once for both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clients.demo import departments, once, proof, things, townships
from clients.demo.departments import Department
from clients.demo.once import Check
from clients.demo.registry_store import Held
from clients.demo.run import SETTLE_SECONDS, WORK_SECONDS, Wish
from clients.runtime import Client, Endpoints
from ducha.division.v1 import division_pb2
from ducha.registry.v1 import registry_pb2 as pb
from ducha.relief.v1 import relief_pb2

BEIJING = timedelta(hours=8)

Tell = Callable[[str, str], None]
"""Says one thing, in English and Chinese."""

Counts = tuple[int, int, int, int]
"""Served, joined, to confirm, to collect."""


@dataclass(frozen=True, slots=True)
class Act:
    """One data request: who asked, what the gate decided, what it had to decide."""

    name: str
    division: str
    data_request: str
    elements: int
    decided: Counts
    must: Counts
    seconds: float


@dataclass(frozen=True, slots=True)
class Once:
    """What came of both acts."""

    period: str
    acts: Sequence[Act]
    recorded: int
    held: Mapping[str, Held]
    spared: Sequence[relief_pb2.Saving]
    total: relief_pb2.Saving
    checks: Sequence[Check]
    seconds: float

    @property
    def agrees(self) -> bool:
        """Say whether everything is as it must be."""
        return all(check.passed for check in self.checks)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: all townships, one city, its own townships, and those that answer early."""

    root: str
    city: division_pb2.Division
    everybody: Sequence[str]
    own: Sequence[str]
    early: frozenset[str]

    def answers_late(self, division: str) -> bool:
        """Whether a township answers only after act two has begun."""
        return division.startswith(self.city.code) and division not in self.early

    def must_first(self) -> Counts:
        """Return what the gate must decide in act one: in the city, one element is old."""
        old = len(self.own) * len(set(things.AGED) & set(things.FIRST))
        return 0, 0, old, len(self.everybody) * len(things.FIRST) - old

    def must_second(self) -> Counts:
        """Return the same of act two: who answered early serves, who did not joins."""
        own, early = len(self.own), len(self.early)
        shared = len(things.SHARED)
        old = len(set(things.AGED) & set(things.NEW))
        return (
            early * shared,
            (own - early) * shared,
            own * old,
            own * (len(things.NEW) - old),
        )


def cast(rows: Sequence[division_pb2.Division], root: str) -> Cast:
    """Choose the first city that has townships; half of its townships answer early."""
    everybody = sorted(
        row.code for row in rows if row.level == division_pb2.LEVEL_TOWNSHIP
    )
    cities = [row for row in rows if row.level == division_pb2.LEVEL_CITY]
    city = next(
        row for row in cities if any(code.startswith(row.code) for code in everybody)
    )
    own = [code for code in everybody if code.startswith(city.code)]
    return Cast(root, city, everybody, own, frozenset(own[: len(own) // 2]))


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the acts are played: three nodes, this month and the one before."""

    cast: Cast
    province: Client
    city: Client
    below: Client
    periods: tuple[str, str]
    tell: Tell

    @property
    def first(self) -> Department:
        """The province's department."""
        return Department(
            self.province,
            self.cast.root,
            "应急管理厅（模拟）",
            "【模拟】汛期安全保障用数 (simulated)",
            "emergency_planning",
            things.FIRST,
        )

    @property
    def second(self) -> Department:
        """The city's department."""
        return Department(
            self.city,
            self.cast.city.code,
            f"{self.cast.city.name}民政局（模拟）",
            "【模拟】独居老人避险安置用数 (simulated)",
            "welfare_planning",
            things.SECOND,
        )


async def collect_once(endpoints: Endpoints, wish: Wish, tell: Tell) -> Once:
    """Play both acts, then prove from the databases that nobody was asked twice."""
    begin = time.monotonic()
    async with AsyncExitStack() as stack, asyncio.timeout(WORK_SECONDS):
        databases = await stack.enter_async_context(proof.databases(endpoints))
        stage = await _stage(stack, endpoints, cast(wish.rows, wish.root), tell)
        recorded = await _before(stage, endpoints, databases)
        acts, given = await _acts(stage)
        ids = [act.data_request for act in acts]
        found = await once.settled(databases, ids, SETTLE_SECONDS)
        asked = await once.asked_cells(databases)
        compared, wrong = await departments.differences(endpoints)
        spared, total = await departments.savings(stage.province)
    return Once(
        period=stage.periods[0],
        acts=acts,
        recorded=recorded + given,
        held=found,
        spared=spared,
        total=total,
        checks=[
            _decided(acts),
            *once.checks(found, asked, len(acts)),
            _recomputed(compared, wrong),
        ],
        seconds=time.monotonic() - begin,
    )


async def _stage(
    stack: AsyncExitStack, endpoints: Endpoints, players: Cast, tell: Tell
) -> Stage:
    """Open the three nodes that the acts need."""
    places = (players.root, players.city.code, players.everybody[0])
    province, city, below = [
        await stack.enter_async_context(endpoints.client(code)) for code in places
    ]
    today = (datetime.now(UTC) + BEIJING).date()
    return Stage(players, province, city, below, things.months(today), tell)


async def _before(
    stage: Stage, endpoints: Endpoints, databases: proof.Databases
) -> int:
    """Publish the catalogue, and let townships give what they gave before; wait for both."""
    stage.tell(
        f"\nCollect once, simulated: a catalogue of {len(things.THINGS)} elements, "
        "last month's values …",
        f"\n一次采集（模拟）：发布 {len(things.THINGS)} 个数据元，录入上月数据…",
    )
    published = await departments.publish(stage.province, stage.cast.root)
    await departments.until_published(endpoints, published.catalogue_version)
    now = datetime.now(UTC)
    past = townships.past(stage.cast.everybody, stage.cast.own, now, stage.periods)
    recorded = await townships.give(stage.below, past)
    await once.settled(databases, [], SETTLE_SECONDS)
    return recorded


async def _acts(stage: Stage) -> tuple[list[Act], int]:
    """Play both acts; return them, and how many values were given."""
    begin = time.monotonic()
    first = await _request(stage, stage.first)
    known = await departments.until_known(stage.below, first)
    tasks = await townships.open_tasks(stage.below, known.period)
    left = [one for one in tasks if stage.cast.answers_late(one.division)]
    stage.tell(
        f"  Simulated officers answer; {len(left)} townships of {stage.cast.city.name} wait.",
        f"  模拟干部填报；{stage.cast.city.name}有 {len(left)} 个乡镇暂未填报。",
    )
    now = [one for one in tasks if not stage.cast.answers_late(one.division)]
    given = await townships.answer(stage.below, now)
    missing = sum(len(task.fields) for task in left)
    await departments.until(stage.city, first, lambda one: one.waiting_count <= missing)
    again = time.monotonic()
    second = await _request(stage, stage.second)
    await departments.until_known(stage.below, second)
    rest = await townships.open_tasks(stage.below, known.period)
    stage.tell(
        f"  {len(rest)} townships give the rest, once for both.",
        f"  {len(rest)} 个乡镇补齐其余数据，一次填报供两家使用。",
    )
    given += await townships.answer(stage.below, rest)
    done = [
        await _done(stage, stage.first, first, stage.cast.must_first(), begin),
        await _done(stage, stage.second, second, stage.cast.must_second(), again),
    ]
    return done, given


async def _request(stage: Stage, department: Department) -> str:
    """Let a department ask, say what the gate decided, and return the request's id."""
    asked = await department.request(stage.periods[0])
    counts = asked.data_request.outcomes
    stage.tell(
        f"{department.name} needs {len(department.elements)} elements of "
        f"{department.division} for {stage.periods[0]}: served {counts.served}, "
        f"joined {counts.joined}, to confirm {counts.confirm}, "
        f"to collect {counts.collect}",
        f"{department.name}申请 {department.division} {stage.periods[0]} 的 "
        f"{len(department.elements)} 项数据：已有 {counts.served}，并单 {counts.joined}，"
        f"待确认 {counts.confirm}，待采集 {counts.collect}",
    )
    return asked.data_request.data_request_id


async def _done(
    stage: Stage, department: Department, request: str, must: Counts, begin: float
) -> Act:
    """Wait until a request is complete where it was made, and at the top."""
    done = await departments.until(department.client, request, _is_over)
    await departments.until_known(stage.province, request)
    await departments.until(stage.province, request, _is_over)
    counts = done.outcomes
    return Act(
        name=department.name,
        division=department.division,
        data_request=request,
        elements=len(department.elements),
        decided=(counts.served, counts.joined, counts.confirm, counts.collect),
        must=must,
        seconds=time.monotonic() - begin,
    )


def _is_over(one: pb.DataRequest) -> bool:
    return one.state != pb.DATA_REQUEST_STATE_OPEN


def _decided(acts: Sequence[Act]) -> Check:
    return Check(
        "The gate served, joined, confirmed and collected as it must",
        "闸口对已有、并单、确认、采集的判定正确",
        " ".join("/".join(map(str, act.decided)) for act in acts),
        all(act.decided == act.must for act in acts),
    )


def _recomputed(compared: int, wrong: Sequence[str]) -> Check:
    return Check(
        "Recomputing every count at four tiers finds no difference",
        "四级全部统计重算无差异",
        wrong[0] if wrong else str(compared),
        compared > 0 and not wrong,
    )
