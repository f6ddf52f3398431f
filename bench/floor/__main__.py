"""`python -m bench.floor TIER DSN NATS_URL ANSWERS WORK`: one tier; ends with its input.

WORK is `item`, or the shape that values are kept in: `value` or `answer`.
"""

from __future__ import annotations

import asyncio
import marshal
import sys
from pathlib import Path

import nats
import uvloop

from bench.floor import entry, tier


async def main(name: str, dsn: str, url: str, answers: Path, work: str) -> None:
    """Run the tier until standard input closes, so that it never outlives its parent."""
    known = marshal.loads(answers.read_bytes())  # noqa: S302 - written by our own parent
    client = await nats.connect(url, max_reconnect_attempts=-1, ping_interval=5)
    if work == "item":
        running = asyncio.ensure_future(tier.run(name, dsn, client, known))
    else:
        running = asyncio.ensure_future(entry.run(name, dsn, client, known, work))
    closed = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait((running, closed), return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    running.cancel()
    await client.close()


if __name__ == "__main__":
    told = sys.argv[1:]
    uvloop.run(main(told[0], told[1], told[2], Path(told[3]), told[4]))
