"""A list of nodes makes one tree, or is refused; each node is told its own part."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.embedded.topology import (
    Addresses,
    NodeSpec,
    Surroundings,
    TopologyRefused,
    arrange,
    configuration,
    one_node_a_tier,
)
from tier.jurisdiction import Level
from tier.runtime.settings import Settings

OWN = Addresses("127.0.0.1:7003", "127.0.0.1:7103", 'postgresql://u:"p\\@h/d')
AROUND = Surroundings("nats://127.0.0.1:4222", "http://127.0.0.1:4317")

PROVINCE = NodeSpec("province", "province", ("53",))
CITIES = (NodeSpec("city", "kunming", ("5301",)), NodeSpec("city", "qujing", ("5303",)))


def test_the_default_is_one_node_a_tier() -> None:
    """Four nodes, each above the next."""
    places = arrange(one_node_a_tier("53"))

    assert [place.spec.name for place in places] == [
        "province",
        "city",
        "county",
        "township",
    ]
    assert [place.parent and place.parent.name for place in places] == [
        None,
        "province",
        "city",
        "county",
    ]


@given(
    counties=st.lists(
        st.tuples(
            st.sampled_from(["01", "03"]),
            st.integers(0, 99).map(lambda number: f"{number:02}"),
        ),
        unique=True,
        max_size=40,
    )
)
def test_every_node_has_the_one_parent_that_covers_it(
    counties: list[tuple[str, str]],
) -> None:
    """Whatever counties there are, each lies under the city whose code it begins with."""
    specs = [
        NodeSpec("county", f"county-53{city}{county}", (f"53{city}{county}",))
        for city, county in counties
    ]
    places = arrange([*specs, *CITIES, PROVINCE])

    by_name = {place.spec.name: place for place in places}
    assert len(places) == len(specs) + 3
    for spec in specs:
        parent = by_name[spec.name].parent
        assert parent is not None
        assert spec.hosts[0].startswith(parent.hosts[0])
        assert spec in by_name[parent.name].children


@pytest.mark.parametrize(
    "specs",
    [
        [*CITIES],
        [PROVINCE, NodeSpec("city", "elsewhere", ("4401",))],
        [
            PROVINCE,
            *CITIES,
            NodeSpec("city", "twice", ("5301",)),
            NodeSpec("county", "torn", ("530102",)),
        ],
        [PROVINCE, NodeSpec("village", "village", ("530102001001",))],
        [PROVINCE, NodeSpec("city", "province", ("5301",))],
        [PROVINCE, NodeSpec("city", "Kunming City", ("5301",))],
        [PROVINCE, NodeSpec("city", "empty", ())],
        [PROVINCE, NodeSpec("city", "no-code", ("53010",))],
        [PROVINCE, NodeSpec("county", "without-a-city", ("530102",))],
    ],
    ids=[
        "two tops",
        "outside",
        "two parents",
        "no tier",
        "one name twice",
        "not a name",
        "nothing hosted",
        "not a code",
        "a tier left out",
    ],
)
def test_what_is_no_tree_is_refused(specs: list[NodeSpec]) -> None:
    """A wrong list is refused before anything starts."""
    with pytest.raises(TopologyRefused) as refused:
        arrange(specs)

    assert refused.value.remedy


def test_the_service_understands_what_it_is_told() -> None:
    """Every file of a line is accepted by the services' own settings."""
    for place in arrange([PROVINCE, *CITIES, NodeSpec("county", "wuhua", ("530102",))]):
        parent_grpc = "127.0.0.1:7002" if place.parent else None
        told = tomllib.loads(configuration(place, OWN, parent_grpc, AROUND))
        settings = Settings.model_validate(told)
        node = settings.describe(Level[place.spec.tier.upper()])

        assert node.name == place.spec.name
        assert node.parent == (place.parent.name if place.parent else None)
        assert [child.name for child in node.children] == [
            child.name for child in place.children
        ]
        assert settings.database_url.get_secret_value() == OWN.database_url
