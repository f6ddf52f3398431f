"""What operators and orchestrators ask by HTTP: /livez, /readyz and /metrics.

Each answer is short, so a connection lives a few seconds at most, whatever it does or
does not say: nobody keeps one by sending half a request, or none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias, cast

import structlog
from aiohttp import web

from tier.runtime import metrics

Ready: TypeAlias = Callable[[], Awaitable[Mapping[str, str]]]

OK: Final = "ok"
CHECK_SECONDS: Final = 3.0
CONNECTION_SECONDS: Final = 8.0
CONNECTIONS: Final = 256
HEADER_BYTES: Final = 4096

_READY: Final[web.AppKey[Ready]] = web.AppKey("ready")
_log = structlog.get_logger(__name__)


async def serve(listen: str, *, ready: Ready) -> web.AppRunner:
    """Listen on `host:port` until `cleanup()` of what is returned.

    `ready` names its checks, each "ok" or what is wrong; the node is ready when all
    are. /livez answers as long as the event loop turns: a restart would mend no more.
    """
    app = web.Application()
    app[_READY] = ready
    app.router.add_get("/livez", _livez)
    app.router.add_get("/readyz", _readyz)
    app.router.add_get("/metrics", _metrics)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=1.0,
        max_line_size=HEADER_BYTES,
        max_field_size=HEADER_BYTES,
    )
    await runner.setup()
    host, _, port = listen.rpartition(":")
    try:
        await _Site(runner, host.strip("[]"), int(port)).start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner


class _Site(web.BaseSite):
    """Listens, and lets no connection last."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        super().__init__(runner)
        self._handlers = cast("web.Server", runner.server)
        self._host, self._port = host, port

    @property
    def name(self) -> str:
        """Where it listens."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Begin to listen."""
        await super().start()
        self._server = await asyncio.get_running_loop().create_server(
            self._handler, self._host, self._port, backlog=CONNECTIONS
        )

    def _handler(self) -> asyncio.Protocol:
        """Return what talks to a new connection, and end that soon."""
        if len(self._handlers.connections) >= CONNECTIONS:
            return _Full()
        handler = self._handlers()
        asyncio.get_running_loop().call_later(CONNECTION_SECONDS, _end, handler)
        return handler


def _end(handler: web.RequestHandler) -> None:
    """Close what is left of a connection."""
    if handler.transport is not None:
        handler.transport.abort()


class _Full(asyncio.Protocol):
    """There are as many connections as there may be."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


async def _livez(_: web.Request) -> web.Response:
    return web.Response(text=f"{OK}\n")


async def _readyz(request: web.Request) -> web.Response:
    checks = await _checked(request.app[_READY])
    good = all(state == OK for state in checks.values())
    return web.json_response(checks, status=200 if good else 503)


async def _checked(ready: Ready) -> Mapping[str, str]:
    """Run the checks; one that breaks or hangs is one that fails.

    The text of its error stays here: it may hold the address of a database.
    """
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await ready()
    except TimeoutError:
        return {"checks": f"no answer within {CHECK_SECONDS:.0f} s"}
    except Exception as error:  # noqa: BLE001 - a broken check is a failed one
        _log.warning("readiness check broke", error=type(error).__name__)
        return {"checks": type(error).__name__}


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(
        body=metrics.exposition(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )
