"""Log lines: one shape for all, and no payloads."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from ducha.trace.v1 import trace_service_pb2 as pb
from tier.runtime import logs, telemetry
from tier.runtime.telemetry import Kind, current_traceparent, span


@pytest.fixture(autouse=True)
def handed_back() -> Iterator[None]:
    """Give pytest its own handlers back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def configure() -> None:
    logs.configure("info", node="county-a", tier="county")


def fail(error: Exception) -> None:
    raise error


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_ours_and_the_libraries_have_one_shape(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An operator filters by the same names."""
    configure()
    structlog.get_logger("tier.link").info("bundle applied", facts=3, city="昆明市")
    logging.getLogger("nats").warning("lost %s", "connection")
    logging.getLogger("nats").debug("packet")

    ours, theirs = lines(capsys)
    assert ours["event"] == "bundle applied"
    assert (ours["facts"], ours["city"]) == (3, "昆明市")
    assert theirs["event"] == "lost connection"
    for line in (ours, theirs):
        assert {"timestamp", "level", "logger"} <= line.keys()
        assert (line["tier"], line["node"]) == ("county", "county-a")
        assert "trace_id" not in line


def test_a_line_names_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    """From a line to the waterfall in one step."""
    configure()
    telemetry.start(service="s", tier="county", node="n", otlp_endpoint="")
    with span("x/IssueItem", kind=Kind.SERVER):
        _, trace_id, span_id, _ = current_traceparent().split("-")
        structlog.get_logger("x").info("issued")
    telemetry.stop()

    (line,) = lines(capsys)
    assert (line["trace_id"], line["span_id"]) == (trace_id, span_id)


def test_payloads_are_named_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a careless line hands over."""
    configure()
    structlog.get_logger("x").info(
        "sent",
        body=b"canary",
        message=pb.GetTraceRequest(trace_id="canary"),
        inside=[b"canary", {"deep": b"canary"}],
        long="x" * 5_000,
    )

    (line,) = lines(capsys)
    assert "canary" not in json.dumps(line)
    assert line["body"] == "<6 bytes>"
    assert line["message"] == "<ducha.trace.v1.GetTraceRequest>"
    assert len(line["long"]) == logs.TEXT_KEPT + 1


def test_an_exception_shows_its_place_not_its_rows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """PostgreSQL quotes the row in the second line."""
    configure()
    try:
        fail(KeyError("duplicate key\nDETAIL: (canary)"))
    except KeyError:
        structlog.get_logger("x").exception("broken")
        logging.getLogger("grpc").exception("broken too")
    try:
        fail(OSError("no route\nDETAIL: canary"))
    except OSError as error:
        structlog.get_logger("x").warning("away", exc_info=error)

    first, second, third = lines(capsys)
    assert first["error"].startswith("KeyError: ")
    assert first["frames"][-1].endswith(" fail")
    assert second["error"] == first["error"]
    assert third["error"] == "OSError: no route"


def test_an_unknown_level_is_refused() -> None:
    """Before the node starts, not at its first line."""
    with pytest.raises(ValueError, match="loud"):
        logs.configure("loud", node="n", tier="t")
