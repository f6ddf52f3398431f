"""`ducha timer list`, `ducha escalation list`: what is typed arrives, what is told is shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ducha.timing.v1 import timing_pb2 as pb
from ducha.timing.v1 import timing_service_pb2 as api
from tests.clients.test_registry_commands import ID, call, keeping

EVENING = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
"""Half past midnight in China, the day after."""

TIMER = pb.Timer(
    item_id=ID,
    title="基层减负",
    assigner_division="53",
    open_count=12,
    step=pb.STEP_ESCALATION,
    rung=2,
    provisional=True,
)
TIMER.due_time.FromDatetime(EVENING)
ESCALATION = pb.Escalation(
    item_id=ID,
    title="基层减负",
    division="530102001",
    rung=1,
    notified_division="530102",
    overtaken=True,
)
ESCALATION.raise_time.FromDatetime(EVENING)


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("2026-03-03 00:30 *", "escalation, step 2", "12", "基层减负")),
        ("zh", ("2026-03-03 00:30 *", "升级督办第 2 级", "触发时间", "涉及单位数")),
    ],
)
def test_timers_are_told_in_words_and_beijing_time(
    lang: str, words: tuple[str, ...]
) -> None:
    """Which clocks are asked for, and what each does next."""
    seen: list[api.ListTimersRequest] = []
    result = call(
        *("timer", "list", "--item", ID, "--within", "53", "--limit", "7"),
        *("--lang", lang),
        ListTimers=keeping(seen, api.ListTimersResponse(timers=[TIMER])),
    )

    assert result.exit_code == 0, result.output
    assert seen == [api.ListTimersRequest(item_id=ID, within="53", page_size=7)]
    assert [word for word in words if word not in result.output] == []


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("2026-03-03 00:30", "530102001", "Overtaken", "yes")),
        ("zh", ("升级至", "530102", "已反馈在途", "是")),
    ],
)
def test_escalations_say_to_whom_and_whether_they_were_overtaken(
    lang: str, words: tuple[str, ...]
) -> None:
    """Since when, and what was escalated."""
    seen: list[api.ListEscalationsRequest] = []
    result = call(
        *("escalation", "list", "--since", "2026-03-01T00:00+08:00", "--lang", lang),
        ListEscalations=keeping(
            seen, api.ListEscalationsResponse(escalations=[ESCALATION])
        ),
    )
    wanted = api.ListEscalationsRequest(page_size=200)
    wanted.since_time.FromDatetime(datetime(2026, 2, 28, 16, tzinfo=UTC))

    assert result.exit_code == 0, result.output
    assert seen == [wanted]
    assert [word for word in words if word not in result.output] == []


def test_json_is_what_the_service_said() -> None:
    """For programs: every field by its name."""
    timers = call(
        "timer",
        "list",
        "--json",
        ListTimers=keeping([], api.ListTimersResponse(timers=[TIMER])),
    )
    taken = call(
        "escalation",
        "list",
        "--json",
        ListEscalations=keeping(
            [], api.ListEscalationsResponse(escalations=[ESCALATION])
        ),
    )

    assert json.loads(timers.output)["timers"][0]["step"] == "STEP_ESCALATION"
    assert json.loads(taken.output)["escalations"][0]["notified_division"] == "530102"
