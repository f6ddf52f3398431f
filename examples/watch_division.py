"""Stream what changes within the root, and go on after a break without a gap."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from clients.runtime.watching import watch
from ducha.reporting.v1.reporting_service_pb2 import WatchDivisionRequest
from examples.place import endpoints

SECONDS = 3


async def main() -> None:
    """Print changes for a few seconds, then the token to go on from."""
    nodes = endpoints("Watch a division for three seconds.")
    request = WatchDivisionRequest(division=nodes.root)
    async with nodes.client() as province:
        stream = watch(province.reporting.WatchDivision, request)
        try:
            async with asyncio.timeout(SECONDS), aclosing(stream) as responses:
                async for response in responses:
                    for change in response.changes:
                        print(change.kind, change.division, change.actor)
        except TimeoutError:
            # `watch` keeps the request's token at the last response it gave out.
            print(f"go on later with resume_token={request.resume_token!r}")


if __name__ == "__main__":
    asyncio.run(main())
