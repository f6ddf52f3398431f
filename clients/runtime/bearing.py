"""A channel whose calls bear a token, chosen by what they ask."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from typing import Any, Self

import grpc

AUTHORIZATION = "authorization"
Token = Callable[[object], str]


class BearingChannel(grpc.aio.Channel):
    """Wraps a channel; `token` gives the token for a request, or for a stream of them."""

    def __init__(self, channel: grpc.aio.Channel, token: Token) -> None:
        """Add a token to each call over `channel`."""
        self._channel = channel
        self._token = token

    async def __aenter__(self) -> Self:
        """Open."""
        await self._channel.__aenter__()
        return self

    async def __aexit__(self, *end: object) -> None:
        """Close."""
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """Close; calls under way have `grace` seconds."""
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> Any:  # noqa: FBT001, FBT002 - grpc's
        """Return the state of the connection."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: Any) -> None:
        """Wait until the state is another."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until there is a connection."""
        await self._channel.channel_ready()

    def unary_unary(self, *given: Any, **named: Any) -> Any:
        """Return a method that asks once and is answered once."""
        return _Bearing(self._channel.unary_unary(*given, **named), self._token)

    def unary_stream(self, *given: Any, **named: Any) -> Any:
        """Return a method that asks once and is answered many times."""
        return _Bearing(self._channel.unary_stream(*given, **named), self._token)

    def stream_unary(self, *given: Any, **named: Any) -> Any:
        """Return a method that asks many times and is answered once."""
        return _Bearing(self._channel.stream_unary(*given, **named), self._token)

    def stream_stream(self, *given: Any, **named: Any) -> Any:
        """Return a method that asks and is answered many times."""
        return _Bearing(self._channel.stream_stream(*given, **named), self._token)


class _Bearing:
    """A method of a stub whose every call has a token: its own, or the one it is given."""

    __slots__ = ("_method", "_token")

    def __init__(self, method: Any, token: Token) -> None:
        self._method = method
        self._token = token

    def __call__(
        self,
        request: object | AsyncIterable[object] | Iterable[object] | None = None,
        *given: Any,
        metadata: Iterable[tuple[str, str | bytes]] | None = None,
        **named: Any,
    ) -> Any:
        told = tuple(metadata or ())
        if all(key != AUTHORIZATION for key, _ in told):
            told += ((AUTHORIZATION, f"Bearer {self._token(request)}"),)
        return self._method(request, *given, metadata=told, **named)
