"""The files for operators are right: a server or a service really takes each of them."""

from __future__ import annotations

import asyncio
import configparser
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.main import get_command

from clients.cli.nats import app as nats_commands
from deploy.embedded import identities, nats
from deploy.embedded.nats import NatsServer
from deploy.embedded.ports import free_port
from deploy.embedded.postgres import Postgres
from deploy.embedded.postgres_build import SETTINGS
from deploy.embedded.process import Command, Process, end, spawn
from deploy.embedded.service import Trusted, health
from deploy.embedded.topology import TIERS, arrange, one_node_a_tier
from tier.jurisdiction import Level
from tier.runtime.settings import load

DEPLOY = Path(__file__).parents[2] / "deploy"
SYSTEMD_ANALYZE = shutil.which("systemd-analyze")


def unit_of(tier: str) -> Path:
    return DEPLOY / "systemd" / f"ducha-{tier}.service"


def exec_start(tier: str) -> list[str]:
    """Read the unit as systemd does: the last ExecStart, split at spaces."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(unit_of(tier))
    return unit["Service"]["ExecStart"].split()


def postgres_snippet() -> dict[str, str]:
    text = (DEPLOY / "postgres" / "postgresql.conf").read_text()
    lines = re.findall(r"^(\w+) = '?([^'\n]*)'?$", text, re.MULTILINE)
    return dict(lines)


def test_nats_accepts_its_settings(tmp_path: Path) -> None:
    """The real server reads the files, with certificates in place, and finds nothing wrong."""
    identity, folder = tmp_path / "identity", DEPLOY / "nats"
    identities.ensure(identity, arrange(one_node_a_tier("53")), "53", ["nats"])
    text = (folder / "nats.conf").read_text()
    (tmp_path / "nats.conf").write_text(
        text.replace("/etc/ducha/identity", str(identity))
    )
    shutil.copy(folder / "accounts.conf", tmp_path)
    done = subprocess.run(
        [nats.binary(), "-t", "-c", tmp_path / "nats.conf"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )

    assert done.returncode == 0, done.stderr
    assert "sync_interval: always" in text
    assert "verify_and_map: true" in text


def test_postgres_runs_with_its_settings(tmp_path: Path) -> None:
    """The real server starts with every line of the snippet, and commits durably."""
    snippet = postgres_snippet()
    built_in = {**snippet, "wal_compression": "off"}  # the embedded build has no lz4
    with Postgres(tmp_path, settings=built_in) as server:
        shown = asyncio.run(show(server, sorted(snippet)))

    assert shown["fsync"] == shown["synchronous_commit"] == "on"
    assert shown["listen_addresses"] == "127.0.0.1"
    assert shown["shared_buffers"] == snippet["shared_buffers"]


async def show(server: Postgres, names: list[str]) -> dict[str, str]:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        return {name: await connection.fetchval(f"SHOW {name}") for name in names}
    finally:
        await connection.close()


def test_the_snippet_and_the_embedded_server_agree() -> None:
    """What is tried every day is what operators are told to use."""
    snippet = postgres_snippet()
    embedded = {name: value for name, value in SETTINGS.items() if name in snippet}

    assert {name: snippet[name] for name in embedded} == {
        name: value.strip() for name, value in embedded.items()
    } | {"log_line_prefix": snippet["log_line_prefix"]}
    assert set(snippet) - set(embedded) == {"listen_addresses", "wal_compression"}


@pytest.mark.parametrize("tier", TIERS)
def test_each_example_is_accepted_by_its_service(tier: str) -> None:
    """The settings' own parser takes the example, and it names its tier's neighbours."""
    settings = load(DEPLOY / "config" / f"{tier}.toml", {})
    node = settings.describe(Level[tier.upper()])
    position = TIERS.index(tier)

    assert node.name == tier
    assert node.parent == (TIERS[position - 1] if position else None)
    assert [child.name for child in node.children] == list(
        TIERS[position + 1 : position + 2]
    )


def test_the_examples_point_at_each_other() -> None:
    """Each child's parent address is where the parent's example listens."""
    told = {
        tier: tomllib.loads((DEPLOY / "config" / f"{tier}.toml").read_text())
        for tier in TIERS
    }

    for above, below in itertools.pairwise(TIERS):
        _, _, listens = told[above]["grpc_listen"].rpartition(":")
        assert told[below]["parent"]["grpc"] == f"127.0.0.1:{listens}"
    doors = [
        told[tier][door] for tier in TIERS for door in ("grpc_listen", "http_listen")
    ]
    assert len({door.rpartition(":")[2] for door in doors}) == len(doors)


@pytest.mark.parametrize("tier", TIERS)
def test_each_unit_is_valid(tier: str, tmp_path: Path) -> None:
    """systemd, where there is one, accepts the unit; its command is the tier's service."""
    command = exec_start(tier)
    unit = tmp_path / unit_of(tier).name
    unit.write_text(unit_of(tier).read_text().replace(command[0], sys.executable))
    if SYSTEMD_ANALYZE is not None:
        done = subprocess.run(
            [SYSTEMD_ANALYZE, "verify", "--man=no", "--recursive-errors=no", unit],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

        assert done.returncode == 0, done.stderr
        assert unit.name not in done.stderr
    assert command[1:] == [
        "-m",
        f"services.{tier}",
        "--config",
        f"/etc/ducha/{tier}.toml",
    ]


def test_the_guard_of_nats_is_a_command_there_is() -> None:
    """Every option of the unit is one that the command takes."""
    unit = DEPLOY / "systemd" / "ducha-nats-guard.service"
    (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
    _, *words = line.split()
    commands: Any = get_command(nats_commands)
    known = {option for one in commands.commands["guard"].params for option in one.opts}
    assert words[:2] == ["nats", "guard"]
    assert {word for word in words if word.startswith("--")} <= known


def test_the_county_starts_as_its_unit_says(tmp_path: Path) -> None:
    """The unit's command, with the example pointed at real servers, comes to serve."""
    with (
        Postgres(tmp_path / "postgres") as postgres,
        NatsServer(tmp_path / "nats") as bus,
    ):
        postgres.ensure_database("ducha_county")
        config, address = pointed_at(tmp_path, postgres, bus)
        _, module, *rest = exec_start("county")
        arguments = [sys.executable, module, *rest[:-1], str(config)]
        project = DEPLOY.parent
        log = tmp_path / "county.log"
        service = spawn(
            Command(
                arguments=arguments,
                log=log,
                environment={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join((str(project), str(project / "gen"))),
                },
            )
        )
        own = tmp_path / "identity" / "clients" / "console"
        ca = tmp_path / "identity" / "ca.crt"
        trusted = Trusted(ca, own / "tls.crt", own / "tls.key")
        said = await_health(address, service, trusted)
        code = end(service, (signal.SIGTERM, 20.0))

    assert said == "SERVING", log.read_text()[-3000:]
    assert code == 0


def pointed_at(tmp_path: Path, postgres: Postgres, bus: NatsServer) -> tuple[Path, str]:
    """Copy the example, changing only addresses and the password."""
    address = f"127.0.0.1:{free_port()}"
    text = (DEPLOY / "config" / "county.toml").read_text()
    for key, value in {
        "database_url": postgres.dsn("ducha_county"),
        "nats_url": bus.url,
        "grpc_listen": address,
        "http_listen": f"127.0.0.1:{free_port()}",
    }.items():
        text = re.sub(
            rf'^{key} = ".*"$', f'{key} = "{value}"', text, flags=re.MULTILINE
        )
    kept = tmp_path / "identity"
    identities.ensure(kept, arrange(one_node_a_tier("53")), "53", [])
    for own in ("tls.crt", "tls.key", "seal.crt", "seal.key"):
        shutil.copy(kept / "nodes" / "county" / own, kept / own)
    config = tmp_path / "county.toml"
    config.write_text(text.replace("/etc/ducha/identity", str(kept)))
    return config, address


def await_health(address: str, service: Process, trusted: Trusted) -> str:
    end_at = time.monotonic() + 30.0
    said = health(address, trusted)
    while said != "SERVING" and service.poll() is None and time.monotonic() < end_at:
        time.sleep(0.1)
        said = health(address, trusted)
    return said
