"""The right node for a division."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clients.runtime import Endpoints, EndpointsUnusable, NodeUnknown
from clients.runtime.endpoints import TIERS, tier_of


def written(folder: Path, tiers: object) -> Path:
    (folder / "endpoints.json").write_text(
        json.dumps({"root": "53", "tiers": tiers, "data": str(folder)})
    )
    return folder


def test_the_length_of_a_code_says_its_tier() -> None:
    """Villages and grids act at their township's node."""
    codes = ["53", "5301", "530102", "530102001", "530102001001", "530102001001001"]

    assert [tier_of(code) for code in codes] == [*TIERS, "township", "township"]


def test_the_node_that_hosts_a_division_is_found(tmp_path: Path) -> None:
    """With a node for each county, the code's prefix chooses."""
    data = written(
        tmp_path,
        {
            "province": [{"node": "p", "hosts": ["53"], "grpc": "127.0.0.1:1"}],
            "county": [
                {"node": "a", "hosts": ["530102"], "grpc": "127.0.0.1:2"},
                {"node": "b", "hosts": ["530103"], "grpc": "127.0.0.1:3"},
            ],
        },
    )
    endpoints = Endpoints.load(data)

    assert endpoints.for_division("530103").grpc == "127.0.0.1:3"
    assert endpoints.top().node == "p"
    with pytest.raises(NodeUnknown, match="530199"):
        endpoints.for_division("530199")


def test_explicit_addresses_need_no_file() -> None:
    """An integrator elsewhere knows the addresses."""
    endpoints = Endpoints.of({"province": "h:1", "township": "h:2"}, root="53")

    assert endpoints.for_division("530102001007").grpc == "h:2"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"root": "53", "tiers": 3}'])
def test_a_list_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    """What to do is said, not a stack trace."""
    (tmp_path / "endpoints.json").write_text(content)

    with pytest.raises(EndpointsUnusable, match="ducha up"):
        Endpoints.load(tmp_path)


def test_no_list_says_what_to_run(tmp_path: Path) -> None:
    """The first thing a newcomer sees names the next step."""
    with pytest.raises(EndpointsUnusable, match="ducha up") as caught:
        Endpoints.load(tmp_path)

    assert "尚未启动" in caught.value.chinese


def test_the_data_directory_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DUCHA_DATA names it once for all commands."""
    written(tmp_path, {"province": [{"node": "p", "hosts": ["53"], "grpc": "h:1"}]})
    monkeypatch.setenv("DUCHA_DATA", str(tmp_path))

    assert Endpoints.load().top().grpc == "h:1"
