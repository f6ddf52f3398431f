"""The ask gate over a whole province, with all that may stand before it asks."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.elements import COUNT
from bench.line import Targets
from bench.product import asking
from bench.product.asking import Wanted
from bench.product.collecting import Collecting
from ducha.registry.v1 import registry_pb2 as pb

Prepare = Callable[[Wanted], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """What stands before the province asks, and what its gate must therefore decide."""

    name: str
    prepare: Prepare
    expected: pb.Outcomes


def cases(line: Collecting, targets: Targets, cities: Sequence[str]) -> list[Case]:
    """Return nothing held, half of it, all of it, and all of it asked by the cities."""
    total = len(targets) * COUNT
    half = targets.codes[: len(targets) // 2]
    served = len(half) * COUNT

    def held(codes: Sequence[str]) -> Prepare:
        async def prepare(wanted: Wanted) -> None:
            if not codes:
                return
            await line.answer_all(asking.streamed(wanted, codes))
            cells = len(codes) * COUNT
            await line.settled(wanted, lambda seen: seen.served == cells)

        return prepare

    async def asked(wanted: Wanted) -> None:
        await line.cities_ask(wanted, cities)
        await line.settled(wanted, lambda seen: seen.joined == total)

    return [
        Case("nothing held", held(()), pb.Outcomes(collect=total)),
        Case(
            "half held", held(half), pb.Outcomes(served=served, collect=total - served)
        ),
        Case("all held", held(targets.codes), pb.Outcomes(served=total)),
        Case("all asked by cities", asked, pb.Outcomes(joined=total)),
    ]


async def seconds(line: Collecting, case: Case, periods: Iterator[str]) -> float:
    """Return what one call takes in a period of its own; wait until all is quiet again."""
    wanted = asking.monthly(next(periods))
    await case.prepare(wanted)
    began = time.perf_counter()
    response = await line.gate(wanted)
    took = time.perf_counter() - began
    made = response.data_request
    if made.outcomes != case.expected:
        raise RuntimeError(f"{case.name}: the gate decided {made.outcomes}.")
    if made.waiting_count:
        await line.arrived(made.data_request_id, made.waiting_count)
    return took
