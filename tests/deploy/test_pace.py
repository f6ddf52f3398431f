"""Simulated time: for a whole line, shown to all who ask, kept with the data, never abroad."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from clients.runtime import Client, Endpoints
from deploy.embedded.line import Line, Options
from deploy.embedded.pace import FILE, RateRefused, kept_epoch
from deploy.embedded.topology import (
    TIERS,
    Addresses,
    Surroundings,
    arrange,
    configuration,
    one_node_a_tier,
)
from ducha.server.v1 import server_service_pb2 as pb
from tests.clients.test_commands import run
from tier.runtime.settings import Settings

RATE = 3600.0
EPOCH = datetime(2026, 5, 1, tzinfo=UTC)
OWN = Addresses("127.0.0.1:7003", "127.0.0.1:7103", "postgresql://u:p@h/d")
SECOND = timedelta(seconds=1)


def told(**more: object) -> Settings:
    """Read the settings of a province, with more."""
    around = Surroundings("nats://127.0.0.1:4222", clock_rate=RATE, clock_epoch=EPOCH)
    text = configuration(arrange(one_node_a_tier("53"))[0], OWN, None, around)
    return Settings.model_validate({**tomllib.loads(text), **more})


def test_a_node_is_told_how_fast_time_runs() -> None:
    """The same rate and beginning for all; real time, where nothing is said."""
    plain = configuration(
        arrange(one_node_a_tier("53"))[0], OWN, None, Surroundings("nats://127.0.0.1:1")
    )

    assert (told().pace.rate, told().pace.epoch) == (RATE, EPOCH)
    assert "clock" not in plain
    assert not Settings.model_validate(tomllib.loads(plain)).pace.is_simulated


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"clock_epoch": None}, "clock_epoch"),
        ({"clock_epoch": datetime(2026, 5, 1)}, "timezone"),  # noqa: DTZ001 - that is it
        ({"clock_rate": 0.5}, "greater than or equal to 1"),
        ({"grpc_listen": "10.0.0.1:7003"}, "127.0.0.1 only"),
    ],
)
def test_simulated_time_is_refused_where_it_could_do_harm(
    wrong: dict[str, object], why: str
) -> None:
    """Slower than real, without a beginning, or where other machines could call."""
    with pytest.raises(ValidationError, match=why):
        told(**wrong)


def test_behind_walls_simulated_time_stays_on_loopback_too() -> None:
    """Certificates let a node listen abroad; a clock that runs fast does not."""
    files = dict.fromkeys(
        ("certificate", "key", "seal_certificate", "seal_key", "authorities"), "x.pem"
    )
    walled = {"identity": files, "grpc_listen": "10.0.0.1:7003"}

    assert told(**walled, clock_rate=1.0).grpc_listen == "10.0.0.1:7003"
    with pytest.raises(ValidationError, match="demonstrations"):
        told(**walled)


def test_the_beginning_of_simulated_time_is_kept_with_the_data(tmp_path: Path) -> None:
    """After a restart time goes on; at another rate the data is not touched."""
    first = kept_epoch(tmp_path, RATE, is_new=True)
    again = kept_epoch(tmp_path, RATE, is_new=False)

    assert first is not None
    assert again == first
    for rate in (1.0, 60.0):
        with pytest.raises(RateRefused, match="3600"):
            kept_epoch(tmp_path, rate, is_new=False)
    assert json.loads((tmp_path / FILE).read_text())["simulated"] is True


def test_data_of_real_time_stays_real(tmp_path: Path) -> None:
    """Nobody's records are dated into the future."""
    assert kept_epoch(tmp_path, 1.0, is_new=True) is None
    assert not (tmp_path / FILE).exists()
    with pytest.raises(RateRefused, match="1 times"):
        kept_epoch(tmp_path, RATE, is_new=False)


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Start a line whose time runs an hour a second."""
    options = Options(
        auto_restart=False,
        postgres_settings={"shared_buffers": "32MB"},
        clock_rate=RATE,
    )
    with Line(tmp_path_factory.mktemp("fast"), options=options) as line:
        yield line


async def asked(data: Path) -> list[pb.GetServerInfoResponse]:
    """Ask every node what it is."""
    found = []
    endpoints = Endpoints.load(data)
    for node in endpoints.nodes:
        async with Client(node.grpc, endpoints.credentials) as client:
            found.append(
                await client.call(
                    client.server.GetServerInfo, pb.GetServerInfoRequest()
                )
            )
    return found


def test_all_nodes_of_a_line_have_the_same_fast_time(fast: Line) -> None:
    """They say so to whoever asks, in their logs, and agree to the minute of each other."""
    before = datetime.now(UTC)
    found = asyncio.run(asked(fast.data))
    after = datetime.now(UTC)
    epochs = {one.simulated_clock.epoch_time.ToDatetime(UTC) for one in found}
    (epoch,) = epochs

    assert [one.node for one in found] == list(TIERS)
    assert {one.simulated_clock.rate for one in found} == {RATE}
    for one in found:
        shown = one.server_time.ToDatetime(UTC)
        assert epoch + (before - epoch - SECOND) * RATE < shown
        assert shown < epoch + (after - epoch + SECOND) * RATE
        log = (fast.data / "logs" / f"{one.node}.log").read_text()
        assert "SIMULATED CLOCK" in log


def test_the_command_says_that_time_is_simulated(fast: Line) -> None:
    """Nobody takes a demonstration for the real thing."""
    shown = run("info", "--data", str(fast.data), "--lang", "zh")

    assert shown.stdout.count("模拟时钟，3600 倍速") == len(TIERS)
