"""Say where the time goes: py-spy beside the services while they work."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

from bench import statements
from bench.servers import Servers

RATE = 250
MOST = 15


async def profile(
    processes: Mapping[str, int],
    servers: Servers,
    work: Callable[[], Awaitable[object]],
) -> str:
    """Return a list of the busiest functions of each service, as Markdown."""
    program = shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if program is None:
        return "py-spy is not installed beside this Python."
    files = {name: servers.scratch / f"{name}.folded" for name in processes}
    recorders = [_record(program, pid, files[name]) for name, pid in processes.items()]
    await asyncio.sleep(1)
    await statements.reset(servers)
    await work()
    told = ["### SQL statements", await statements.busiest(servers)]
    for recorder in recorders:
        recorder.send_signal(signal.SIGINT)
        await asyncio.to_thread(recorder.wait)
    for name, file in files.items():
        told += [f"### {name}", busiest(file.read_text().splitlines())]
    return "\n\n".join(told)


def _record(program: str, pid: int, file: Path) -> subprocess.Popen[bytes]:
    """Start a recorder; not by asyncio, which forks, and gRPC's threads mind that."""
    return subprocess.Popen(
        [
            *(program, "record", "--nonblocking", "--format", "raw"),
            *("--rate", str(RATE), "--pid", str(pid), "--output", file),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def busiest(folded: Iterable[str]) -> str:
    """List functions by the samples they were in themselves, and with all they called.

    A line of input is `outer;inner;innermost count`.
    """
    alone: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for line in folded:
        stack, _, count = line.rpartition(" ")
        frames = [_place(frame) for frame in stack.split(";")]
        alone[frames[-1]] += int(count)
        for frame in set(frames):
            within[frame] += int(count)
    total = sum(alone.values()) or 1
    rows = [
        f"| {name} | {alone[name] / total:.1%} | {within[name] / total:.1%} |"
        for name, _ in alone.most_common(MOST)
    ]
    return "\n".join(
        ["| Function | Alone | With callees |", "| --- | --- | --- |", *rows]
    )


def _place(frame: str) -> str:
    """Drop the line number: `keep (tier/db.py:40)` is `keep (tier/db.py)`."""
    name, _, line = frame.rpartition(":")
    return f"{name})" if name and line.rstrip(")").isdigit() else frame
