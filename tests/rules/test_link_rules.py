"""What is new on a link, whatever its road did to the messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tier.link import rules
from tier.link.model import Mark, Run, Tip

marks = st.builds(Mark, st.integers(0, 3), st.integers(0, 12))


def body(epoch: int, seq: int) -> bytes:
    return b"%d:%d" % (epoch, seq)


def a_run(epoch: int, first: int, count: int) -> Run:
    return Run(epoch, first, tuple(body(epoch, first + n) for n in range(count)))


runs = st.builds(a_run, st.integers(1, 3), st.integers(1, 15), st.integers(0, 6))


@dataclass
class Receiver:
    """A node that keeps what `sift` says is new, as a database would."""

    mark: Mark = field(default_factory=Mark)
    kept: list[bytes] = field(default_factory=list)

    def take(self, bundle: list[Run]) -> bool:
        """Apply some runs at once; whether they left a gap."""
        sifted = rules.sift(self.mark, bundle)
        self.kept += [body for _, body in sifted.fresh]
        self.mark = sifted.mark
        return sifted.gap

    def of(self, epoch: int) -> list[bytes]:
        """What was kept of one life of the sequence."""
        return [one for one in self.kept if one.startswith(b"%d:" % epoch)]


@given(st.lists(st.lists(runs, max_size=4), max_size=12))
def test_each_fact_is_taken_once_in_order_without_a_gap(
    bundles: list[list[Run]],
) -> None:
    """Duplicates, drops, reordering, replays, new lives: never twice, never past a hole."""
    receiver = Receiver()
    for bundle in bundles:
        receiver.take(bundle)
    lives = list(dict.fromkeys(one.split(b":")[0] for one in receiver.kept))

    assert lives == sorted(lives)
    for life in map(int, lives):
        taken = receiver.of(life)
        assert taken == [body(life, seq + 1) for seq in range(len(taken))]
    if receiver.kept:
        assert receiver.kept[-1] == body(receiver.mark.epoch, receiver.mark.seq)


@given(marks, st.lists(runs, max_size=6))
def test_sifting_agrees_with_taking_one_fact_at_a_time(
    mark: Mark, bundle: list[Run]
) -> None:
    """The oracle: a fact is new if it is the next one, or the first of a later life."""
    oracle, expected = mark, []
    for run in bundle:
        for seq, one in enumerate(run.bodies, run.first):
            follows = (run.epoch, seq) == (oracle.epoch, oracle.seq + 1)
            if follows or (run.epoch > oracle.epoch and seq == 1):
                oracle = Mark(run.epoch, seq)
                expected.append((seq, one))
    sifted = rules.sift(mark, bundle)

    assert list(sifted.fresh) == expected
    assert sifted.mark == oracle
    assert sifted.mark >= mark


@given(marks, st.lists(runs, max_size=6))
def test_a_gap_is_seen_exactly_when_a_fact_is_out_of_reach(
    mark: Mark, bundle: list[Run]
) -> None:
    """Some run of a life that still counts began beyond the next number."""
    gap = rules.sift(mark, bundle).gap

    assert gap == any(
        run.epoch >= at.epoch
        and run.first > (at.seq + 1 if run.epoch == at.epoch else 1)
        for at, run in walk(mark, bundle)
    )


def walk(mark: Mark, bundle: list[Run]) -> list[tuple[Mark, Run]]:
    """Pair each run with the mark that stood when it came."""
    met = []
    for run in bundle:
        met.append((mark, run))
        mark = rules.sift(mark, [run]).mark
    return met


@given(st.integers(1, 60), st.integers(1, 7), st.data())
def test_a_replay_from_the_mark_heals_whatever_the_road_did(
    length: int, size: int, data: st.DataObject
) -> None:
    """Lost, doubled, shuffled: afterwards the sender tells from the mark on, and all is here."""
    sent = [
        a_run(1, at, min(size, length + 1 - at)) for at in range(1, length + 1, size)
    ]
    road = data.draw(st.lists(st.sampled_from(sent), max_size=2 * len(sent)))
    receiver = Receiver()
    for run in road:
        receiver.take([run])
    after = rules.owed_after(receiver.mark, Mark(1, length))
    gap = receiver.take([a_run(1, after + 1, length - after)])

    assert not gap
    assert receiver.kept == [body(1, seq) for seq in range(1, length + 1)]


@given(
    st.integers(0, 9), st.integers(0, 9), st.integers(1, 9), st.integers(0, 4 * 10**9)
)
def test_a_restored_sender_begins_a_later_life_and_owes_it_whole(
    had: int, kept: int, epoch: int, seconds: int
) -> None:
    """The neighbour has more than the backup knows; the new life is behind nobody."""
    theirs, head = Mark(epoch, had), Mark(epoch, kept)
    later = rules.next_epoch(theirs, head, seconds)
    receiver = Receiver(theirs)
    receiver.take([a_run(later, 1, kept)])

    assert rules.is_another_life(Tip(theirs, ""), head, "") == (had > kept)
    assert later > epoch
    assert later >= seconds
    assert rules.owed_after(theirs, Mark(later, kept)) == 0
    assert receiver.of(later) == [body(later, seq) for seq in range(1, kept + 1)]


@given(marks, marks)
def test_who_is_ahead_is_no_matter_of_taste(theirs: Mark, head: Mark) -> None:
    """A receiver is ahead of what was sent, or is owed the rest; never both, never neither."""
    ahead = rules.is_another_life(Tip(theirs, ""), head, "")

    assert ahead == (theirs > head)
    if not ahead and theirs.epoch == head.epoch:
        assert rules.owed_after(theirs, head) == theirs.seq <= head.seq


@given(marks, st.integers(0, 9), st.sampled_from(["a", "b", ""]))
def test_another_fact_at_the_same_place_is_another_life(
    theirs: Mark, more: int, found: str
) -> None:
    """Restored, and then written past the neighbour's place: the fact there tells."""
    head = Mark(theirs.epoch, theirs.seq + more)
    changed = rules.is_another_life(Tip(theirs, found), head, "a")

    assert changed == (found == "b")


@given(st.lists(marks, min_size=2, max_size=6))
def test_lives_never_come_back(seen: list[Mark]) -> None:
    """Restore after restore, by a clock that may stand still: every life has a new number."""
    head, epochs = Mark(1, 0), [1]
    for theirs in seen:
        head = Mark(rules.next_epoch(theirs, head, 0), 0)
        epochs.append(head.epoch)

    assert all(later > earlier for earlier, later in pairwise(epochs))
