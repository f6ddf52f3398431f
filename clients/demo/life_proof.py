"""Whether all tiers hold the same at the end of an item's life, and told whom they must."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping

from clients.cli.registry_words import rows
from clients.demo.life_stage import ALL, Stage
from clients.demo.once import Check
from clients.runtime.endpoints import TIERS
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.inbox.v1 import inbox_pb2
from ducha.inbox.v1 import inbox_service_pb2 as inbox
from ducha.reporting.v1 import reporting_service_pb2 as reporting
from ducha.server.v1 import server_service_pb2 as server
from ducha.statistics.v1 import statistics_service_pb2 as statistics

SETTLE_SECONDS = 20.0
POLL_SECONDS = 0.1
PAGE = 500


async def checks(stage: Stage) -> list[Check]:
    """Judge what the four nodes hold after the act."""
    return [
        await _same(stage),
        await _once(stage),
        await _told(stage),
        await _recomputed(stage),
        await _simulated(stage),
    ]


async def _same(stage: Stage) -> Check:
    """All tiers hold the same assignments; a tier below, those of its own area."""
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        held = {tier: await _assignments(stage, tier) for tier in TIERS}
        whole = held["province"]
        differing = [
            f"{tier} {code}"
            for tier, found in held.items()
            for code, one in found.items()
            if one != whole.get(code)
        ]
        complete = _is_complete(stage, held)
        if (complete and not differing) or time.monotonic() > end:
            break
        await asyncio.sleep(POLL_SECONDS)
    states = ", ".join(
        f"{code}:{pb.AssignmentState.Name(one.state).removeprefix('ASSIGNMENT_STATE_')}"
        for code, one in sorted(whole.items())
    )
    return Check(
        "All tiers hold the same assignments",
        "各级交办单一致",
        "; ".join(differing) or states.lower(),
        complete and not differing,
    )


def _is_complete(stage: Stage, held: Mapping[str, Mapping[str, pb.Assignment]]) -> bool:
    """Whether each tier holds the assignments that it must."""
    codes = {row.code for row in stage.cast.rows[1:]}
    return set(held["province"]) == codes and all(
        row.code in held["township"] for row in stage.cast.townships
    )


async def _assignments(stage: Stage, tier: str) -> dict[str, pb.Assignment]:
    """Return the item's assignments that a tier holds."""
    client = stage.nodes[tier]
    request = api.ListAssignmentsRequest(item_id=stage.item, page_size=PAGE)
    found = await rows(
        client,
        client.assignments.ListAssignments,
        request,
        lambda page: page.assignments,
        ALL,
    )
    return {one.division: one for one in found}


async def _once(stage: Stage) -> Check:
    """Timers acted once a step, and one report alone is late, at every tier."""
    wrong = []
    for tier in TIERS:
        events = await stage.course(tier)
        raised = Counter(
            (event.kind, event.divisions[0], *map(event.details.get, ("step", "rung")))
            for event in events
            if event.kind in {"RemindersRaised", "AssignmentsEscalated"}
        )
        wrong += [f"{tier} {step}" for step, count in raised.items() if count > 1]
        late = [
            event.division
            for event in events
            if event.kind == "AssignmentReported" and event.overdue
        ]
        if late != [stage.cast.late.code]:
            wrong.append(f"{tier} late: {late}")
    return Check(
        "Each step of the timers was taken once; the late report, and no other, is LATE",
        "每个提醒和升级各发一次；仅迟报的一件标为逾期",
        "; ".join(wrong) or str(len(TIERS)),
        not wrong,
    )


async def _told(stage: Stage) -> Check:
    """Whoever had to be told was told, where it acts."""
    cast, kinds = stage.cast, inbox_pb2.NoticeKind
    wanted = {
        ("township", cast.late.code): {
            kinds.NOTICE_KIND_REMINDER_DEADLINE_NEAR,
            kinds.NOTICE_KIND_REMINDER_OVERDUE,
            kinds.NOTICE_KIND_URGE_DIGEST,
            kinds.NOTICE_KIND_PETITION_DECIDED,
            kinds.NOTICE_KIND_RECTIFICATION_OPENED,
            kinds.NOTICE_KIND_RECTIFICATION_JUDGED,
        },
        ("township", cast.disputing.code): {
            kinds.NOTICE_KIND_PETITION_DECIDED,
            kinds.NOTICE_KIND_TRANSFERRED,
        },
        ("township", cast.steady.code): {
            kinds.NOTICE_KIND_PETITION_DECIDED,
            kinds.NOTICE_KIND_DEADLINE_MOVED,
        },
        ("county", cast.county.code): {
            kinds.NOTICE_KIND_PETITION_FILED,
            kinds.NOTICE_KIND_PETITION_DECIDED,
            kinds.NOTICE_KIND_CHILDREN_RECHECKED,
            kinds.NOTICE_KIND_ESCALATION,
            kinds.NOTICE_KIND_RECTIFICATION_REPORTED,
        },
        ("city", cast.city.code): {
            kinds.NOTICE_KIND_PETITION_FILED,
            kinds.NOTICE_KIND_ESCALATION,
        },
        ("province", cast.province.code): {kinds.NOTICE_KIND_PETITION_FILED},
    }
    count, lacking = 0, []
    for (tier, code), expected in wanted.items():
        found = await _notices(stage, tier, code)
        count += len(found)
        lacking += [
            f"{code} {inbox_pb2.NoticeKind.Name(kind)}"
            for kind in sorted(expected - set(found))
        ]
    return Check(
        "Everybody was told what concerns them (notices)",
        "各单位收件箱提示齐全",
        "; ".join(lacking) or str(count),
        not lacking,
    )


async def _notices(
    stage: Stage, tier: str, division: str
) -> list[inbox_pb2.NoticeKind.ValueType]:
    """Return the kinds of a division's notices about the item."""
    client = stage.nodes[tier]
    request = inbox.ListNoticesRequest(
        division=division, item_id=stage.item, page_size=PAGE
    )
    page = await client.call(client.inbox.ListNotices, request)
    return [one.kind for one in page.notices]


async def _recomputed(stage: Stage) -> Check:
    """Counts of every node agree with what its ledger says."""
    compared, wrong = 0, []
    for tier, client in stage.nodes.items():
        progress = await client.call(
            client.reporting.AuditProgress, reporting.AuditProgressRequest()
        )
        figures = await client.call(
            client.statistics.AuditStatistics, statistics.AuditStatisticsRequest()
        )
        compared += progress.compared_count + figures.compared_count
        wrong += [f"{tier} {one.division}" for one in progress.differences]
        wrong += [f"{tier} statistics" for _ in figures.differences]
    return Check(
        "Counts and statistics agree with a recomputation",
        "统计与台账重算一致",
        "; ".join(wrong) or str(compared),
        not wrong and compared > 0,
    )


async def _simulated(stage: Stage) -> Check:
    """Every node says that its clock is simulated."""
    said = [
        (await client.call(client.server.GetServerInfo, server.GetServerInfoRequest()))
        for client in stage.nodes.values()
    ]
    return Check(
        "Every node says that its clock is SIMULATED",
        "各级均标明时钟为模拟",
        str(sum(one.HasField("simulated_clock") for one in said)),
        all(one.HasField("simulated_clock") for one in said),
    )
