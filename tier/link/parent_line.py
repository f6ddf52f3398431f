"""The line to the parent's gRPC door, dialled again when this node's identity is renewed."""

from __future__ import annotations

import asyncio

import grpc

from tier.app import App
from tier.runtime.server import CHANNEL_OPTIONS
from tier.runtime.settings import ParentSettings

OLD_CALLS_SECONDS = 60.0


class ParentLine:
    """Holds the channel; a child trusts only the node that proves to be its parent."""

    def __init__(self, app: App, parent: ParentSettings) -> None:
        """Prepare to call `parent`; the first call connects."""
        self._app = app
        self._parent = parent
        self.channel = self._dial()
        if app.identity is not None:
            app.identity.on_change(self._again)

    async def close(self) -> None:
        """Hang up."""
        await self.channel.close()

    def _dial(self) -> grpc.aio.Channel:
        identity = self._app.identity
        if identity is None:
            return grpc.aio.insecure_channel(self._parent.grpc, options=CHANNEL_OPTIONS)
        name = f"{self._parent.node}.node.{identity.spiffe.domain}"
        return grpc.aio.secure_channel(
            self._parent.grpc,
            identity.tls.channel(),
            options=[*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", name)],
        )

    def _again(self) -> None:
        """Dial with what was renewed; calls under way end on the old line."""
        old, self.channel = self.channel, self._dial()
        self._app.tasks.create_task(_closed_later(old))


async def _closed_later(old: grpc.aio.Channel) -> None:
    await asyncio.sleep(OLD_CALLS_SECONDS)
    await old.close()
