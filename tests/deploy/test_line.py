"""The whole line starts, survives the death of any part, and stops."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.embedded.errors import DirectoryInUse, StartFailed
from deploy.embedded.keeper import Event, pause
from deploy.embedded.line import Line, Options
from deploy.embedded.nats import NatsServer
from deploy.embedded.postgres import Postgres
from deploy.embedded.service import Program, Service, environment, health
from deploy.embedded.topology import TIERS, NodeSpec
from tests.deploy.processes import is_alive

QUICK = {"shared_buffers": "32MB"}


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return []


@pytest.fixture(scope="module")
def line(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event]
) -> Iterator[Line]:
    options = Options(postgres_settings=QUICK, on_event=events.append)
    with Line(tmp_path_factory.mktemp("line"), options=options) as running:
        yield running


def eventually(promise: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if promise():
            return True
        time.sleep(0.1)
    return promise()


def test_every_node_serves_and_is_listed(line: Line) -> None:
    """Clients find every tier in endpoints.json, which only the owner reads."""
    file = line.data / "endpoints.json"
    told = json.loads(file.read_text())

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert told["root"] == "53"
    assert told["supervisor_pid"] == os.getpid()
    for tier in TIERS:
        (node,) = told["tiers"][tier]
        assert node["node"] == tier
        assert node["hosts"] == ["53"]
        assert health(node["grpc"], line.site.trusted()) == "SERVING"
        assert is_alive(node["pid"])
        assert node["database_url"].endswith(f"/ducha_{tier}")


@pytest.mark.parametrize("name", ["postgres", "nats", "otlp", *TIERS])
def test_a_killed_part_comes_back_where_it_was(
    line: Line, events: list[Event], name: str
) -> None:
    """kill -9 of anything: it is started again, on the same port, and everybody serves."""
    before = line.endpoints()
    pid = line.components()[name].pid
    os.kill(pid, signal.SIGKILL)

    assert eventually(lambda: line.components()[name].pid not in {0, pid})
    assert eventually(lambda: all(one.is_serving for one in line.services.values()))
    assert eventually(lambda: Event(name, "restarted", detail(line, name)) in events)
    assert addresses(line.endpoints()) == addresses(before)
    listed = json.loads((line.data / "endpoints.json").read_text())
    assert listed == json.loads(json.dumps(line.endpoints()))


def detail(line: Line, name: str) -> str:
    return f"process {line.components()[name].pid}"


def addresses(endpoints: object) -> object:
    """Leave out what a restart changes."""
    if isinstance(endpoints, dict):
        return {
            key: addresses(value) for key, value in endpoints.items() if key != "pid"
        }
    if isinstance(endpoints, list):
        return [addresses(one) for one in endpoints]
    return endpoints


def test_a_stopped_node_stays_down_until_it_is_started(line: Line) -> None:
    """Maintenance is not a fault: nobody starts it behind the operator's back."""
    line.stop_node("township")
    time.sleep(1.0)
    down = not line.services["township"].is_running
    line.start_node("township")

    assert down
    assert line.services["township"].is_serving


def test_a_second_line_on_the_directory_is_refused(line: Line) -> None:
    """Even in another process; its own lock shows who has the directory."""
    child = os.fork()
    if child == 0:
        try:
            Line(line.data).start()
        except DirectoryInUse:
            os._exit(7)
        os._exit(0)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 7


def test_given_servers_are_used_and_the_state_is_kept(tmp_path: Path) -> None:
    """With DUCHA_* no server is embedded; a killed part stays down for fault tests."""
    nodes = [
        NodeSpec("province", "yunnan", ("53",)),
        NodeSpec("city", "kunming", ("5301",)),
        NodeSpec("city", "qujing", ("5303",)),
    ]
    with (
        Postgres(tmp_path / "pg", settings=QUICK) as postgres,
        NatsServer(tmp_path / "nats") as bus,
    ):
        given = {"DUCHA_NATS_URL": bus.url}
        for spec in nodes:
            postgres.ensure_database(spec.database)
            given[spec.variable] = postgres.dsn(spec.database)
        options = Options(environment=given, auto_restart=False)
        with Line(tmp_path / "line", nodes=nodes, options=options) as line:
            embedded = set(line.components())
            line.kill("qujing")
            time.sleep(0.5)
            trusted = line.site.trusted()
            down = health(line.grpc("qujing"), trusted)
            line.start_node("qujing")
            up = health(line.grpc("qujing"), trusted)

    assert embedded == {"otlp", "yunnan", "kunming", "qujing"}
    assert (down, up) == ("UNAVAILABLE", "SERVING")


def test_a_service_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    """The operator reads why, not a stack of ours."""
    missing = Program("nobody", "services.nobody", (), "127.0.0.1:9", tmp_path / "log")
    service = Service(missing)
    service.start()
    with pytest.raises(StartFailed) as failed:
        service.await_serving(time.monotonic() + 20)

    assert "services.nobody" in failed.value.last_lines


def test_pauses_grow_to_a_bound() -> None:
    """A part that dies at once is not started a hundred times a second, nor given up."""
    pauses = [pause(failures) for failures in range(1, 20)]

    assert pauses[0] == pytest.approx(0.2)
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(10.0)


def test_a_variable_meant_for_one_service_reaches_none() -> None:
    """DUCHA_NODE in the shell must not rename all four nodes."""
    given = {
        "DUCHA_NODE": "x",
        "DUCHA_CITY_DATABASE_URL": "y",
        "DUCHA_LOG_LEVEL": "debug",
    }
    passed = environment(given)

    assert "DUCHA_NODE" not in passed
    assert "DUCHA_CITY_DATABASE_URL" not in passed
    assert passed["DUCHA_LOG_LEVEL"] == "debug"
