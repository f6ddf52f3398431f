"""What one caller may have under way, and that the others do not feel it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tier.link import rules
from tier.runtime.errors import CallerOverloaded, Overloaded, TierError
from tier.runtime.limits import Limits, Turnstile

SMALL = Limits(caller_calls=8, caller_streams=2, node_calls=40, node_streams=10)


def filled(turnstile: Turnstile, who: str, *, stays: bool = False) -> int:
    """Enter until refused, and return how often that went well."""
    entered = 0
    try:
        while entered < 10_000:
            turnstile.enter(who, stays=stays)
            entered += 1
    except (CallerOverloaded, Overloaded):
        pass
    return entered


def test_a_caller_has_so_many_calls_and_so_many_streams() -> None:
    """One does not count as the other; a place given back is a place."""
    turnstile = Turnstile(SMALL)

    assert filled(turnstile, "a") == 8
    assert filled(turnstile, "a", stays=True) == 2
    turnstile.leave("a", stays=False)
    assert filled(turnstile, "a") == 1


def test_a_refusal_says_when_to_come_back() -> None:
    """RESOURCE_EXHAUSTED with RetryInfo, for the caller and for the node."""
    turnstile = Turnstile(SMALL)
    filled(turnstile, "a")
    with pytest.raises(CallerOverloaded) as one:
        turnstile.enter("a", stays=False)
    filled(turnstile, "")
    with pytest.raises(Overloaded) as all_:
        turnstile.enter("b", stays=False)

    for refusal in (one.value, all_.value):
        assert isinstance(refusal, TierError)
        assert refusal.code.name == "RESOURCE_EXHAUSTED"
        assert refusal.retry_after


def test_however_many_flood_the_next_one_finds_room() -> None:
    """A caller takes at most a quarter of what is left: twenty floods leave places."""
    turnstile = Turnstile(Limits())
    taken = [filled(turnstile, f"flood {number}") for number in range(20)]

    assert taken[0] == 64
    assert filled(turnstile, "honest") > 0
    assert sum(taken) < 1024


def test_a_caller_has_so_many_connections() -> None:
    """One more is refused; others have theirs."""
    turnstile = Turnstile(Limits(caller_connections=2))
    for peer in ("ipv4:127.0.0.1:1", "ipv4:127.0.0.1:2", "ipv4:127.0.0.1:1"):
        turnstile.enter("a", stays=False, peer=peer)
    with pytest.raises(CallerOverloaded):
        turnstile.enter("a", stays=False, peer="ipv4:127.0.0.1:3")
    turnstile.enter("b", stays=False, peer="ipv4:127.0.0.1:3")

    assert turnstile.inside == (4, 0)


def test_who_called_and_left_takes_no_connection() -> None:
    """A script that runs a command a hundred times is no flood."""
    turnstile = Turnstile(Limits(caller_connections=2))
    for port in range(100):
        turnstile.enter("a", stays=False, peer=f"ipv4:127.0.0.1:{port}")
        turnstile.leave("a", stays=False, peer=f"ipv4:127.0.0.1:{port}")

    assert turnstile.inside == (0, 0)


def test_who_presses_is_counted_after_the_call() -> None:
    """A connection whose call was refused still counts: nobody floods by new ones."""
    turnstile = Turnstile(Limits(caller_calls=1, caller_connections=2))
    turnstile.enter("a", stays=False, peer="ipv4:127.0.0.1:1")
    with pytest.raises(CallerOverloaded):
        turnstile.enter("a", stays=False, peer="ipv4:127.0.0.1:2")
    turnstile.leave("a", stays=False, peer="ipv4:127.0.0.1:1")
    turnstile.enter("a", stays=False, peer="ipv4:127.0.0.1:3")
    turnstile.leave("a", stays=False, peer="ipv4:127.0.0.1:3")
    turnstile.enter("a", stays=False, peer="ipv4:127.0.0.1:4")
    with pytest.raises(CallerOverloaded):
        turnstile.enter("a", stays=False, peer="ipv4:127.0.0.1:5")


def test_nobody_in_particular_has_the_whole_node() -> None:
    """On loopback without walls only the node's own bound holds."""
    turnstile = Turnstile(SMALL)

    assert filled(turnstile, "") == 40


def test_whoever_left_is_forgotten() -> None:
    """A million callers who came once leave no trace."""
    turnstile = Turnstile(SMALL)
    for number in range(1000):
        turnstile.enter(f"caller {number}", stays=False)
        turnstile.leave(f"caller {number}", stays=False)

    assert turnstile.inside == (0, 0)
    assert not turnstile.callers


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans())))
def test_the_count_is_that_of_those_inside(
    steps: list[tuple[str, bool, bool]],
) -> None:
    """Whatever the order of coming, being refused and going; never above the bounds."""
    turnstile = Turnstile(SMALL)
    inside: list[tuple[str, bool]] = []
    for who, stays, comes in steps:
        if comes:
            try:
                turnstile.enter(who, stays=stays)
            except (CallerOverloaded, Overloaded):
                continue
            inside.append((who, stays))
        elif (who, stays) in inside:
            turnstile.leave(who, stays=stays)
            inside.remove((who, stays))

    calls = sum(not stays for _, stays in inside)
    assert turnstile.inside == (calls, len(inside) - calls)
    assert all(inside.count((who, True)) <= 2 for who in "abc")


@given(st.lists(st.binary(max_size=40), min_size=1), st.integers(0, 200))
def test_a_page_of_facts_fits_its_message(bodies: list[bytes], most: int) -> None:
    """From the first on, as many as fit, and always one: else a link would stop."""
    page = rules.first_of(bodies, most)

    assert page == bodies[: len(page)]
    assert len(page) == 1 or sum(map(len, page)) <= most
    assert len(page) == len(bodies) or sum(map(len, bodies[: len(page) + 1])) > most
