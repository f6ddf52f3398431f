"""`python -m bench.floor TIER DSN NATS_URL ANSWERS`: one tier; ends with its input."""

from __future__ import annotations

import asyncio
import marshal
import sys
from pathlib import Path

import nats
import uvloop

from bench.floor.tier import run


async def main(tier: str, dsn: str, url: str, answers: Path) -> None:
    """Run the tier until standard input closes, so that it never outlives its parent."""
    known = marshal.loads(answers.read_bytes())  # noqa: S302 - written by our own parent
    client = await nats.connect(url, max_reconnect_attempts=-1, ping_interval=5)
    work = asyncio.ensure_future(run(tier, dsn, client, known))
    closed = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait((work, closed), return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        work.result()
    work.cancel()
    await client.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4])))
