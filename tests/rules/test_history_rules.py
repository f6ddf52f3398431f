"""Which version stood when: the fold of a sheet's answers up to a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tier.jurisdiction import Code
from tier.registry import history
from tier.registry.history import Given, Moment, Taken
from tier.registry.model import Answer, Flag, Key

START = datetime(2026, 11, 23, tzinfo=UTC)
KEY = Key(Code("530102001"), "2026-11")


@dataclass
class Home:
    """A home node that does one thing a minute, and notes what stands after each."""

    answers: list[Given] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    open: dict[UUID, tuple[int, int]] = field(default_factory=dict)
    stands: dict[int, int] = field(default_factory=dict)
    known: list[dict[int, int]] = field(default_factory=list)

    def moment(self) -> Moment:
        """Return where and when the next thing is recorded."""
        count = len(self.known)
        return Moment(count, START + timedelta(minutes=count))

    def answer(self, elements: set[int]) -> None:
        """Take an answer; what is held of an even element is contested."""
        revision = len(self.answers) + 1
        ordered = sorted(elements)
        rivals = [one for one in ordered if one % 2 == 0 and one in self.stands]
        ids = [UUID(int=revision * 100 + element) for element in rivals]
        flags = [Flag.CONTESTED if one in rivals else 0 for one in ordered]
        answer = Answer(
            UUID(int=revision), KEY, ordered, ordered, flags, (), START,
            conflict_ids=ids,
        )  # fmt: skip
        self.answers.append(Given(revision, self.moment(), answer))
        self.stands |= {one: revision for one in ordered if one not in rivals}
        for conflict_id, element in zip(ids, rivals, strict=True):
            self.open[conflict_id] = (element, revision)

    def decide(self, which: int) -> None:
        """Decide an open conflict for its rival."""
        if self.open:
            conflict_id = sorted(self.open)[which % len(self.open)]
            element, revision = self.open.pop(conflict_id)
            self.taken.append(Taken(conflict_id, self.moment()))
            self.stands[element] = revision


STEPS = st.lists(
    st.one_of(st.sets(st.integers(1, 4), min_size=1), st.integers(0, 9)), max_size=12
)


@given(STEPS)
def test_what_stood_at_each_moment_is_what_its_home_saw_then(
    steps: list[set[int] | int],
) -> None:
    """Whatever came later, in whatever order the facts are read."""
    home = Home()
    for step in steps:
        if isinstance(step, set):
            home.answer(step)
        else:
            home.decide(step)
        home.known.append(dict(home.stands))
    found = [
        history.in_force(
            reversed(home.answers),
            reversed(home.taken),
            START + timedelta(minutes=minute, seconds=30),
        )
        for minute in range(len(steps))
    ]

    assert found == home.known
    assert not history.in_force(home.answers, home.taken, START - timedelta(days=1))
