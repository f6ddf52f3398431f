"""Law 7: nobody is ranked. No call and no command puts people in an order by what they did."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from google.protobuf import descriptor_pb2

from clients.cli.main import app

ROOT = Path(__file__).parents[2]
FORBIDDEN = re.compile(
    r"(?<![a-z])(rank|rating|score|sort|order_?by|top_?n|league|best|worst)"
)
COUNTED = re.compile(
    r"\b(count|sum|max|min|avg|rank|dense_rank)\s*\(|_count\b|\bamount\b"
)
ORDERED = re.compile(
    r"ORDER BY\s+([^)\"]*?)(?:LIMIT|FOR UPDATE|\)|\"\"\"|\"|$)", re.DOTALL
)
SNAKE = re.compile(r"(?<=[a-z])(?=[A-Z])")


def names() -> Iterator[str]:
    """Yield every service, method, message, field and value of every proto."""
    image = descriptor_pb2.FileDescriptorSet.FromString(
        (ROOT / "gen" / "ducha.binpb").read_bytes()
    )
    for file in image.file:
        if not file.package.startswith("ducha."):
            continue
        for service in file.service:
            yield from (f"{service.name}.{method.name}" for method in service.method)
        for message in file.message_type:
            yield message.name
            yield from (f"{message.name}.{field.name}" for field in message.field)
        for enum in file.enum_type:
            yield from (f"{enum.name}.{value.name}" for value in enum.value)


def options(command: Any, path: str = "ducha") -> Iterator[str]:
    """Yield every command with each of its options."""
    yield from (f"{path} {name}" for one in command.params for name in one.opts)
    for name, inner in getattr(command, "commands", {}).items():
        yield f"{path} {name}"
        yield from options(inner, f"{path} {name}")


def words(name: str) -> str:
    """Return a name as small words."""
    return SNAKE.sub("_", name).lower()


def test_no_call_and_no_message_knows_a_rank_or_an_order() -> None:
    """Whoever wants one must first take the law out of this test."""
    known = set(names())

    assert "StatisticsService.ListStatistics" in known
    assert [name for name in known if FORBIDDEN.search(words(name))] == []


def test_no_command_takes_an_order() -> None:
    """Rows come by code, and there is no option that would have them otherwise."""
    known = set(options(typer.main.get_command(app)))

    assert "ducha statistics list --by" in known
    assert [name for name in known if FORBIDDEN.search(words(name))] == []


@pytest.mark.parametrize("capability", ["statistics", "reporting", "relief", "urging"])
def test_no_statement_orders_by_a_count(capability: str) -> None:
    """What counts activity puts its rows in the order of their keys."""
    found = [
        (store.name, ordered)
        for store in sorted((ROOT / "tier" / capability).glob("*store.py"))
        for ordered in ORDERED.findall(store.read_text(encoding="utf-8"))
    ]

    assert found
    assert [(name, by) for name, by in found if COUNTED.search(by)] == []
