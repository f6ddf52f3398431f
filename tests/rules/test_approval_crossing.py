"""Corrections climb while approvals come down: once all has arrived, all tiers agree.

Four tiers as pure rules, with a lane each way between neighbours, as links are: in order,
and as late as can be.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from uuid import UUID, uuid5

from hypothesis import given, settings
from hypothesis import strategies as st

from tier.approval import rules
from tier.approval.model import Decision, Holding
from tier.jurisdiction import Code
from tier.registry import rules as registry
from tier.registry.model import STAGES, Answer, Flag, Key, Sheet

LINE = tuple(map(Code, ("530102001", "530102", "5301", "53")))
SHEETS = (LINE[0], Code("530102001002"))
NOW = datetime(2026, 12, 1, tzinfo=UTC)
PERIOD = "2026-11"
ELEMENTS = st.sets(st.integers(1, 3), min_size=1)


@dataclass(frozen=True, slots=True)
class Approved:
    """An approval on its way: what its unit knew."""

    stage: int
    revisions: dict[Code, int]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A conflict decided for the rival, on its way."""

    rival: Answer


Message = Answer | Approved | Resolved


@dataclass(slots=True)
class Tier:
    """One tier: its sheets, its open conflicts, and what is on the way to it."""

    sheets: dict[Code, Sheet] = field(
        default_factory=lambda: {
            code: Sheet(Key(code, PERIOD), date(2026, 11, 1)) for code in SHEETS
        }
    )
    contested: list[Answer] = field(default_factory=list)
    from_below: deque[Message] = field(default_factory=deque)
    from_above: deque[Message] = field(default_factory=deque)

    def holdings(self) -> list[Holding]:
        """Return the sheets as approval sees them."""
        return [
            Holding(code, sheet.revision, sheet.given, sheet.flags)
            for code, sheet in self.sheets.items()
            if sheet.elements
        ]

    def apply(self, message: Message) -> None:
        """Apply what was recorded here or arrived."""
        match message:
            case Answer():
                code = message.key.division
                self.sheets[code] = registry.take(self.sheets[code], message, [])
                if message.flags[0] & Flag.CONTESTED:
                    self.contested.append(message)
            case Resolved(rival):
                code = rival.key.division
                self.sheets[code] = registry.put_in_force(
                    self.sheets[code], rival, rival.elements[0], []
                )
                self.contested.remove(rival)
            case Approved(stage, revisions):
                for holding in self.holdings():
                    known = revisions.get(holding.division, 0)
                    assert known <= holding.revision, "approved before it arrived"
                    self.sheets[holding.division].flags = rules.lifted(
                        holding, stage, known
                    )

    def stages(self) -> dict[Code, dict[int, int]]:
        """Return how far each value is approved."""
        return {
            code: dict(
                zip(sheet.elements, (f & STAGES for f in sheet.flags), strict=True)
            )
            for code, sheet in self.sheets.items()
        }


@dataclass(slots=True)
class World:
    """Four tiers, the home of the values first."""

    tiers: list[Tier] = field(default_factory=lambda: [Tier() for _ in LINE])
    count: int = 0

    def record(self, place: int, message: Message) -> None:
        """Apply a message where it is made, and send it up; an approval also down."""
        self.tiers[place].apply(message)
        self._send_up(place, message)
        if isinstance(message, Approved):
            self._send_down(place, message)

    def _send_up(self, place: int, message: Message) -> None:
        if place + 1 < len(self.tiers):
            self.tiers[place + 1].from_below.append(message)

    def _send_down(self, place: int, message: Message) -> None:
        if place > 0:
            self.tiers[place - 1].from_above.append(message)

    def answer(self, code: Code, elements: set[int], flag: int = 0) -> None:
        """Give values at their home, for the first time or as a correction."""
        self.count += 1
        given = sorted(elements)
        self.record(
            0,
            Answer(
                uuid5(UUID(int=0), str(self.count)),
                Key(code, PERIOD),
                given,
                [self.count] * len(given),
                [flag] * len(given),
                [],
                NOW,
            ),
        )

    def contest(self, code: Code, element: int) -> None:
        """Give a value without knowing the one that stands, if there is one."""
        if element in self.tiers[0].sheets[code].elements:
            self.answer(code, {element}, Flag.CONTESTED)

    def resolve(self) -> None:
        """Put the rival of the oldest conflict in force, at home."""
        if self.tiers[0].contested:
            self.record(0, Resolved(self.tiers[0].contested[0]))

    def approve(self, place: int) -> Decision | None:
        """Approve, if everything below is approved and no conflict is open."""
        tier = self.tiers[place]
        decision = rules.approve(tier.holdings(), LINE[place])
        if decision.short or tier.contested or not decision.approved:
            return None
        self.record(place, Approved(place + 1, dict(decision.revisions)))
        return decision

    def climb(self, place: int) -> None:
        """Let the oldest message from below arrive."""
        if self.tiers[place].from_below:
            message = self.tiers[place].from_below.popleft()
            self.tiers[place].apply(message)
            self._send_up(place, message)

    def rise(self, place: int) -> None:
        """Let everything from below arrive."""
        while self.tiers[place].from_below:
            self.climb(place)

    def descend(self, place: int) -> None:
        """Let the oldest message from above arrive."""
        if self.tiers[place].from_above:
            message = self.tiers[place].from_above.popleft()
            self.tiers[place].apply(message)
            self._send_down(place, message)

    def settle(self) -> None:
        """Let everything arrive."""
        while any(tier.from_below or tier.from_above for tier in self.tiers):
            for place in range(len(self.tiers)):
                self.climb(place)
                self.descend(place)


places = st.integers(0, len(LINE) - 1)
lowest = st.integers(0, 1)  # where most of it happens
codes = st.sampled_from(SHEETS)
steps = st.one_of(
    st.tuples(st.just("answer"), codes, ELEMENTS),
    st.tuples(st.just("contest"), codes, st.integers(1, 3)),
    st.tuples(st.just("resolve")),
    st.tuples(st.just("approve"), lowest),
    st.tuples(st.just("approve"), places),
    st.tuples(st.just("rise"), lowest),
    st.tuples(st.just("rise"), places),
    st.tuples(st.just("climb"), places),
    st.tuples(st.just("descend"), places),
)


@settings(max_examples=300)
@given(st.lists(steps, min_size=30, max_size=60))
def test_all_tiers_agree_once_everything_has_arrived(
    taken: list[tuple[str, *tuple[object, ...]]],
) -> None:
    """Whatever crosses on the way, corrected, contested and approved in any order."""
    world = World()
    for name, *arguments in taken:
        getattr(world, name)(*arguments)
    world.settle()
    ends = [tier.stages() for tier in world.tiers]

    assert ends == [ends[0]] * len(LINE)


def test_a_correction_that_its_township_approved_is_not_the_countys_yet() -> None:
    """The county approved the old value; its word comes when the new one is approved below.

    By the stage alone the county's word would lift the new value at the township only.
    """
    world = World()
    world.answer(SHEETS[0], {1, 2})
    world.approve(0)
    climb = partial(world.climb, 1)
    climb()
    climb()
    world.approve(1)
    world.answer(SHEETS[0], {1})
    world.approve(0)
    world.settle()

    assert world.tiers[0].stages()[SHEETS[0]] == {1: 16, 2: 32}
    assert world.tiers[1].stages() == world.tiers[0].stages()
    again = world.approve(1)
    assert again is not None
    assert (again.approved, again.unchanged) == (1, 1)
