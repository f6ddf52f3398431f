"""Somebody who looks at the province's figures ten times a second, in a process of its own.

`python -m bench.inquirer DATA INDICATOR PERIOD AREAS` looks until its input closes, and
then says on standard output what it saw. A look begins when it is due, whether or not the
last one has ended: a slow answer does not hide the ones behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import grpc
import uvloop

from clients.runtime import Endpoints
from ducha.division.v1 import division_pb2
from ducha.indicator.v1 import indicator_service_pb2 as api
from ducha.indicator.v1 import indicator_service_pb2_grpc as door

LOOKS_A_SECOND = 10
LOOK_SECONDS = 10.0
END_SECONDS = 30
READY = "ready\n"


@dataclass(slots=True)
class Looks:
    """Seconds of each look that was answered in full, and how many were not."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    first_failure: str = ""


class Inquirer:
    """The running process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Hold it."""
        self._process = process
        self.pid = process.pid

    def end(self) -> Looks:
        """Let it look no more; return what it saw."""
        told, _ = self._process.communicate(timeout=END_SECONDS)
        return Looks(**json.loads(told.splitlines()[-1]))


@contextlib.contextmanager
def looking(data: Path, indicator: str, period: str, areas: int) -> Iterator[Inquirer]:
    """Look at an indicator of so many counties, from now on, in the line of `data`."""
    told = (str(data), indicator, period, str(areas))
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.inquirer", *told],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None  # noqa: S101 - we asked for a pipe
        if process.stdout.readline() != READY:
            raise RuntimeError("The inquirer did not start; see its output.")
        yield Inquirer(process)
    finally:
        process.kill()
        process.wait()


async def _problem(
    indicators: door.IndicatorServiceAsyncStub, indicator: str, period: str, areas: int
) -> str:
    """Look once; return what was wrong with the answer, if anything."""
    request = api.ListIndicatorValuesRequest(
        indicator=indicator, level=division_pb2.LEVEL_COUNTY, period=period
    )
    try:
        response = await indicators.ListIndicatorValues(request, timeout=LOOK_SECONDS)
    except grpc.aio.AioRpcError as error:
        return f"{error.code().name}: {error.details()}"
    found = len(response.values)
    return "" if found == areas else f"{found} areas instead of {areas}"


async def main(data: Path, indicator: str, period: str, areas: int) -> None:
    """Look until standard input closes, then say what was seen."""
    seen = Looks()
    async with Endpoints.load(data).client() as province:
        indicators = province.indicators

        async def timed() -> None:
            began = time.perf_counter()
            problem = await _problem(indicators, indicator, period, areas)
            if problem:
                seen.failed += 1
                seen.first_failure = seen.first_failure or problem
            else:
                seen.seconds.append(time.perf_counter() - began)

        await _problem(indicators, indicator, period, areas)
        print(READY, end="", flush=True)
        closed = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
        async with asyncio.TaskGroup() as tasks:
            due = time.perf_counter()
            while not closed.done():
                tasks.create_task(timed())
                due += 1 / LOOKS_A_SECOND
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
    print(json.dumps(asdict(seen)), flush=True)


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
