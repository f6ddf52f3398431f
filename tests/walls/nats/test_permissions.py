"""Who may say what follows from the tree, and from nothing else."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.embedded.topology import NodeSpec, Place, arrange
from deploy.nats.configuration import accounts_text
from deploy.nats.permissions import chained, identity, rights
from tier.identity.model import parse_id
from tier.jurisdiction import Code, Level, contains
from tier.lanes import DOWN, UP, Lane, parse_subject

DOMAIN = "ducha.internal"


@st.composite
def trees(draw: st.DrawFn) -> tuple[Place, ...]:
    """Return a province with cities, counties and townships, a node each."""
    nodes = [NodeSpec("province", "p53", ("53",))]
    for city in range(1, 1 + draw(st.integers(1, 3))):
        nodes.append(NodeSpec("city", f"c53{city:02}", (f"53{city:02}",)))
        for county in range(1, 1 + draw(st.integers(0, 3))):
            code = f"53{city:02}{county:02}"
            nodes.append(NodeSpec("county", f"x{code}", (code,)))
            for township in range(1, 1 + draw(st.integers(0, 3))):
                own = f"{code}{township:03}"
                nodes.append(NodeSpec("township", f"t{own}", (own,)))
    return arrange(nodes)


@given(trees())
def test_no_two_nodes_may_publish_one_subject(places: tuple[Place, ...]) -> None:
    """Except the API, which each has in an account of its own."""
    counted = Counter(
        subject
        for place in places
        for subject in rights(place).publish
        if not subject.startswith("$JS.API.")
    )

    assert not [subject for subject, times in counted.items() if times > 1]


@given(trees())
def test_the_division_of_a_subject_is_that_of_the_certificate(
    places: tuple[Place, ...],
) -> None:
    """As parsed segments: up it is the node's own, down it lies within the node's."""
    for place in places:
        own = identity(place.spec, DOMAIN)
        for subject in rights(place).publish:
            if not subject.startswith(("ducha.up.", "ducha.dn.")):
                continue
            lane = parse_subject(subject)
            if lane.way == UP:
                assert (lane.area, lane.child) == (own.area, own.name)
            else:
                assert lane.parent == own.name
                assert contains(own.area, lane.area)
                assert lane.tier == own.tier


@given(trees())
def test_nothing_is_wild_but_the_end_of_an_acknowledgement(
    places: tuple[Place, ...],
) -> None:
    """Every subject is spelt out; a node listens to its own inbox alone."""
    for place in places:
        may = rights(place)

        assert may.subscribe == (f"_INBOX.{place.spec.name}.>",)
        for subject in may.publish:
            assert "*" not in subject
            assert ">" not in subject or subject.startswith("$JS.ACK.")


@given(trees())
def test_a_child_sees_nothing_of_the_api(places: tuple[Place, ...]) -> None:
    """Three doors lead up, and none of them is the API's name."""
    for place in places:
        doors = rights(place).up

        assert len(doors) == (3 if place.parent else 0)
        assert not [door for door in doors if "API" in door.seen_as]
        assert {door.child for door in doors} <= {place.spec.name}


@given(trees())
def test_a_chain_gives_a_server_its_neighbours_and_nobody_else(
    places: tuple[Place, ...],
) -> None:
    """On the server of a node stand its own account, its children's, and the link up."""
    for place in places:
        text = accounts_text(chained(place), DOMAIN, "nats", own=place.spec.name)
        users = [line for line in text.splitlines() if "user: " in line]

        assert len(users) == 2 + len(place.children)  # and who guards
        assert text.count('"STANDARD"') == 2
        assert text.count('"LEAFNODE"') == len(place.children)


def test_whoever_is_out_keeps_the_account_and_loses_the_user() -> None:
    """So that the streams stay, and what others import from them."""
    places = arrange(
        [NodeSpec("city", "a", ("5301",)), NodeSpec("county", "b", ("530102",))]
    )
    text = accounts_text(places, DOMAIN, "nats", without={"b"})

    assert "/b" not in text
    assert '"b": {' in text
    assert "/a" in text


@pytest.mark.parametrize(
    "subject",
    [
        "ducha.up.county.a.530102001", "ducha.up.county.a.53010.b", "ducha.up.x.a.53.b",
        "ducha.xx.county.a.530102001.b", "ducha.up.county.A.530102001.b", "",
        "other.up.county.a.530102001.b", "ducha.up.township.a.530102001.b",
        "ducha.up.county.a.*.b", "ducha.up.county.a=c.530102001.b",
    ],
)  # fmt: skip
def test_what_is_no_lane_is_not_read_as_one(subject: str) -> None:
    """Neither a wrong division, nor a tier without children, nor a wild card."""
    with pytest.raises(ValueError, match=r"subject|tier|division"):
        parse_subject(subject)


NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,6}", fullmatch=True)


@given(st.lists(NAMES, min_size=4, max_size=4), st.sampled_from([UP, DOWN]))
def test_two_lanes_never_share_a_name(names: list[str], way: str) -> None:
    """However the names of nodes are cut, such as a, b_c and a_b, c."""
    one, two, three, four = names
    area = Code("530102001")
    first = Lane(way, Level.COUNTY, one, area, two)
    second = Lane(way, Level.COUNTY, three, area, four)

    assert parse_subject(first.subject) == first
    assert (first.stream == second.stream) == ((one, two) == (three, four))


def test_the_id_in_a_certificate_is_the_user() -> None:
    """One identity for everything."""
    spec = NodeSpec("township", "huashan", ("530102001",))
    user = str(identity(spec, DOMAIN))

    assert user == "spiffe://ducha.internal/township/53/5301/530102/530102001/huashan"
    assert parse_id(user) == identity(spec, DOMAIN)
