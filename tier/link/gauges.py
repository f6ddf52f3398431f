"""What operators watch of the links, as metrics: backlog, age, gaps, quarantine, contact."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping

from tier.app import App
from tier.link import view
from tier.link.contact import Contacts
from tier.link.view import Line
from tier.runtime import telemetry
from tier.runtime.errors import TierError

REFRESH_SECONDS = 2.0

Reading = Iterable[tuple[Mapping[str, str], float]]


class Gauges:
    """Reads the links every two seconds, so that a scrape costs no query."""

    def __init__(self, app: App, contacts: Contacts) -> None:
        """Offer the gauges of `app`'s links."""
        self._app = app
        self._contacts = contacts
        self._lines: list[Line] = []
        telemetry.gauge(
            "ducha_link_backlog_facts",
            "Facts a neighbour has not confirmed",
            self._backlog,
        )
        telemetry.gauge(
            "ducha_link_oldest_unreceipted_seconds",
            "Age of the oldest fact a neighbour has not confirmed",
            self._age,
        )
        telemetry.gauge("ducha_link_gaps", "Gaps seen since the start", self._gaps)
        telemetry.gauge(
            "ducha_link_quarantined_facts",
            "Facts that could not be applied",
            self._quarantine,
        )
        telemetry.gauge(
            "ducha_link_in_contact",
            "1 if the neighbour was heard of lately",
            self._contact,
        )

    async def run(self) -> None:
        """Refresh until cancelled; while the database is away, the last reading stands."""
        while True:
            with contextlib.suppress(TierError):
                async with self._app.db.reading() as tx:
                    self._lines = await view.lines(tx)
            await asyncio.sleep(REFRESH_SECONDS)

    def _backlog(self) -> Reading:
        return self._each(lambda line: line.backlog)

    def _age(self) -> Reading:
        now = self._app.now()
        return self._each(
            lambda line: (now - line.oldest).total_seconds() if line.oldest else 0.0
        )

    def _gaps(self) -> Reading:
        return self._each(lambda line: self._contacts[line.neighbour].gaps)

    def _quarantine(self) -> Reading:
        return self._each(lambda line: line.quarantined)

    def _contact(self) -> Reading:
        return self._each(lambda line: self._contacts.in_contact(line.neighbour))

    def _each(self, value: Callable[[Line], float]) -> Reading:
        return [
            ({"neighbour": line.neighbour}, float(value(line))) for line in self._lines
        ]
