"""Who hears of what: every branch its own, the parent all, nobody twice."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tier import routes
from tier.jurisdiction import Code, Level
from tier.node import Neighbour, Node

COUNTIES = [Code(code) for code in ("530102", "530103", "530302", "530303")]
ALONE = Node(
    "city", Level.CITY, (Code("53"),), "province", (Neighbour("county", (Code("53"),)),)
)
SPREAD = replace(
    ALONE, children=tuple(Neighbour(f"c{code}", (code,)) for code in COUNTIES)
)
PAIRED = replace(
    ALONE,
    children=(
        Neighbour("west", tuple(COUNTIES[:2])),
        Neighbour("east", tuple(COUNTIES[2:])),
    ),
)
LEAF = Node("township", Level.TOWNSHIP, (Code("53"),), "county")
TOP = replace(SPREAD, name="province", level=Level.PROVINCE, parent=None)
SOLE = Node("sole", Level.COUNTY, (Code("530102"),))

nodes = st.sampled_from([ALONE, SPREAD, PAIRED, LEAF, TOP, SOLE])
below = st.builds(
    lambda county, town, digits: Code(f"{county}{town:03}{town:03}"[:digits]),
    st.sampled_from(COUNTIES),
    st.integers(1, 5),
    st.sampled_from([4, 6, 9, 12]),
)
targets = st.lists(below, min_size=1, max_size=12, unique=True)


def told(found: list[routes.Route]) -> dict[str, list[Code]]:
    """Return what each neighbour is told, in all facts together."""
    heard: dict[str, list[Code]] = {}
    for neighbours, divisions in found:
        for name in neighbours:
            heard.setdefault(name, []).extend(divisions)
    return heard


@given(nodes, targets)
def test_every_target_is_told_once_down_its_branch_and_once_up(
    node: Node, divisions: list[Code]
) -> None:
    """Neither a branch nor the parent hears twice; nobody hears of a sibling's."""
    heard = told(routes.both_ways(node, divisions))
    up = {node.parent: divisions} if node.parent else {}

    assert {name: sorted(codes) for name, codes in heard.items()} == {
        name: sorted(codes)
        for name, codes in {**node.branches(divisions), **up}.items()
    }


@given(nodes, targets)
def test_something_is_always_recorded(node: Node, divisions: list[Code]) -> None:
    """A fact that nobody else must hear stands in the ledger all the same."""
    found = routes.both_ways(node, divisions)

    assert {code for _, codes in found for code in codes} >= set(divisions)
    assert all(codes for _, codes in found)


@given(nodes, targets)
def test_one_fact_serves_all_who_must_hear_the_same(
    node: Node, divisions: list[Code]
) -> None:
    """One branch that has all of it shares its fact with the parent."""
    found = routes.both_ways(node, divisions)
    sets = [sorted(codes) for _, codes in found]

    assert len({tuple(each) for each in sets}) == len(sets)


@given(nodes, st.lists(below, max_size=12, unique=True))
def test_what_comes_from_above_goes_down_only(
    node: Node, divisions: list[Code]
) -> None:
    """Each branch its own part; the parent, who said it, is not told."""
    found = routes.downward(node, divisions)

    assert told(found) == node.branches(divisions)
    assert all(len(neighbours) == 1 for neighbours, _ in found)
    assert node.parent not in told(found)
