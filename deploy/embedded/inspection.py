"""What a database server and a message server say about themselves. Read-only."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg

SECONDS: Final = 3.0
NATS_PORT: Final = 4222


@dataclass(frozen=True, slots=True)
class PostgresFacts:
    """Settings that decide whether acknowledged work is kept."""

    version: int
    fsync: bool
    synchronous_commit: str
    full_page_writes: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class NatsFacts:
    """What a NATS server says; `sync_always` is None where it cannot be seen."""

    version: str
    jetstream: bool
    sync_always: bool | None


async def postgres_facts(url: str) -> PostgresFacts:
    """Ask a PostgreSQL server.

    Raises: OSError, TimeoutError or asyncpg.PostgresError when it gives no answer.
    """
    connection = await asyncpg.connect(url, timeout=SECONDS, command_timeout=SECONDS)
    try:
        told = {
            name: str(await connection.fetchval(f"SHOW {name}"))
            for name in ("fsync", "synchronous_commit", "full_page_writes")
        }
        version = int(await connection.fetchval("SHOW server_version_num"))
        now = await connection.fetchval("VALUES (clock_timestamp())")
    finally:
        await connection.close(timeout=SECONDS)
    return PostgresFacts(
        version=version // 10_000,
        fsync=told["fsync"] == "on",
        synchronous_commit=told["synchronous_commit"],
        full_page_writes=told["full_page_writes"] == "on",
        now=now,
    )


async def nats_facts(url: str, monitor: str = "") -> NatsFacts:
    """Ask a NATS server by its greeting, and by its monitor page where there is one.

    A server with walls (`tls://`) greets nobody before it knows him: its page must do.

    Raises: OSError, TimeoutError or ValueError when it gives no answer.
    """
    told = {} if url.startswith("tls://") else await _greeting(url)
    page = await asyncio.to_thread(_page, f"{monitor}/varz") if monitor else {}
    if not told and not page:
        raise ConnectionRefusedError(f"{monitor or url} gives no answer")
    config = page.get("jetstream", {}).get("config")
    return NatsFacts(
        version=str(told.get("version") or page.get("version", "")),
        jetstream=bool(told.get("jetstream") or config),
        sync_always=bool(config.get("sync_always")) if config else None,
    )


async def _greeting(url: str) -> Mapping[str, Any]:
    parts = urlsplit(url)
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(
            parts.hostname or "127.0.0.1", parts.port or NATS_PORT
        )
        with closing(writer):
            greeting = await reader.readline()
    told: Mapping[str, Any] = json.loads(greeting.removeprefix(b"INFO "))
    return told


def _page(url: str) -> Mapping[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - ours
            page: Mapping[str, Any] = json.load(answer)
    except (urllib.error.URLError, ValueError):
        return {}
    return page
