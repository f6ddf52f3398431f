"""The lines that scenarios play on: how each is started, and all that was done on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.embedded.line import Line, Options
from tests.checkers.collected import Collected
from tests.journeys.papers import small_province
from tests.journeys.running import SMALL, Running
from tier.jurisdiction import Level, level_of, parse

ROOT = "53"
CODES = tuple(small_province(cities=1, counties=2, townships=20))
WIDE = tuple(small_province(cities=1, counties=2, townships=125))


@dataclass(slots=True)
class Stage:
    """A running line, its divisions, and everything that was acknowledged on it."""

    running: Running
    codes: Sequence[str] = CODES
    collected: Collected = field(default_factory=Collected)
    is_open: bool = False
    """Whether its catalogue is published."""
    around: dict[str, object] = field(default_factory=dict)
    """What its rig put around the line, such as a proxy, by name."""

    @property
    def line(self) -> Line:
        """Return the line."""
        return self.running.line

    @property
    def root(self) -> str:
        """Return the division at the top."""
        return self.codes[0]

    @property
    def towns(self) -> list[str]:
        """Return the townships."""
        return [one for one in self.codes if level_of(parse(one)) is Level.TOWNSHIP]

    @property
    def issuers(self) -> list[tuple[str, str]]:
        """Return who issues items, and the area each issues them to: one of each tier."""
        first = self.towns[-1]
        county = first[:6]
        return [(first[:2], county), (first[:4], county), (county, county)]

    @property
    def township_areas(self) -> list[str]:
        """Return the areas whose townships act at one node each."""
        places = self.running.places.values()
        return [
            host
            for place in places
            if place.level is Level.TOWNSHIP
            for host in place.hosts
        ]

    @property
    def done(self) -> int:
        """How many operations were ever acknowledged on this line."""
        return self.running.history.count + self.collected.count

    async def revive(self) -> None:
        """Start whatever is down."""
        for name, component in self.line.components().items():
            if not component.is_running:
                await self.running.revive(name)


@dataclass(frozen=True, slots=True)
class Rig:
    """How a line is started; opened with an empty directory of its own."""

    name: str
    open: Callable[[Path], AbstractContextManager[Stage]]


def options(**environment: str) -> Options:
    """Return options under which what is killed stays down, with `environment` given."""
    return Options(
        environment=environment,
        postgres_settings=SMALL,
        auto_restart=False,
        log_level="info",
    )


@contextmanager
def _plain(data: Path) -> Iterator[Stage]:
    with Line(data / "line", options=options()) as line:
        yield Stage(Running(line))


@contextmanager
def _wide(data: Path) -> Iterator[Stage]:
    with Line(data / "line", options=options()) as line:
        yield Stage(Running(line), codes=WIDE)


@contextmanager
def _chain(data: Path) -> Iterator[Stage]:
    chained = replace(options(), chain=True)
    with Line(data / "line", options=chained) as line:
        yield Stage(Running(line))


PLAIN = Rig("plain", _plain)
"""One node a tier: a city, two counties, forty townships."""
WIDE_LINE = Rig("wide", _wide)
"""One node a tier: a city, two counties, 250 townships."""
CHAIN = Rig("chain", _chain)
"""As the plain one, with a chain of NATS leaf servers, one for each tier."""
