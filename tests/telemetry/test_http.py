"""/livez, /readyz and /metrics over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tier.runtime import http


@asynccontextmanager
async def asked(ready: http.Ready, path: str) -> AsyncIterator[aiohttp.ClientResponse]:
    runner = await http.serve("127.0.0.1:0", ready=ready)
    port = runner.addresses[0][1]
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}{path}") as response,
        ):
            yield response
    finally:
        await runner.cleanup()


async def good() -> Mapping[str, str]:
    return {"database": "ok", "nats": "ok"}


async def test_a_node_that_is_well_is_ready() -> None:
    """Every check by name."""
    async with asked(good, "/readyz") as response:
        assert response.status == 200
        assert await response.json() == {"database": "ok", "nats": "ok"}


async def test_one_bad_check_is_enough() -> None:
    """What is wrong stands there for the operator."""

    async def ready() -> Mapping[str, str]:
        return {"database": "ok", "nats": "no connection"}

    async with asked(ready, "/readyz") as response:
        assert response.status == 503
        assert (await response.json())["nats"] == "no connection"


async def test_a_check_that_breaks_is_not_quoted() -> None:
    """The text of an error may hold a password."""

    async def ready() -> Mapping[str, str]:
        raise OSError("postgresql://u:secret@h")

    async with asked(ready, "/readyz") as response:
        assert response.status == 503
        assert await response.json() == {"checks": "OSError"}


async def test_a_check_that_hangs_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """An orchestrator must get its answer."""
    monkeypatch.setattr(http, "CHECK_SECONDS", 0.1)

    async def ready() -> Mapping[str, str]:
        await asyncio.sleep(30)
        return {}

    async with asked(ready, "/readyz") as response:
        assert response.status == 503


async def test_a_node_lives_though_it_is_not_ready() -> None:
    """A restart would not bring the database back."""

    async def ready() -> Mapping[str, str]:
        raise OSError

    async with asked(ready, "/livez") as response:
        assert response.status == 200


async def test_metrics_are_in_the_format_of_prometheus() -> None:
    """With the memory and processor time of the process."""
    async with asked(good, "/metrics") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        assert "process_resident_memory_bytes" in await response.text()


async def test_a_taken_port_is_refused() -> None:
    """And nothing is left behind."""
    runner = await http.serve("127.0.0.1:0", ready=good)
    port = runner.addresses[0][1]
    try:
        with pytest.raises(OSError, match="address already in use"):
            await http.serve(f"127.0.0.1:{port}", ready=good)
    finally:
        await runner.cleanup()
