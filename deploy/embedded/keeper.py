"""Starts again whatever died, with growing pauses, and tells about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from deploy.embedded.errors import DeploymentRefused

TICK_SECONDS: Final = 0.1
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 10.0
SETTLED_SECONDS: Final = 60.0  # after this long the next death is a new story


class Component(Protocol):
    """Something that runs and can be started again."""

    @property
    def is_running(self) -> bool:
        """Whether it is alive."""

    @property
    def pid(self) -> int:
        """Its process."""

    def start(self) -> None:
        """Start it."""

    def stop(self) -> None:
        """End it gracefully."""

    def kill(self) -> None:
        """End it at once."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a component: `died`, `restarted` or `restart failed`."""

    component: str
    happened: str
    detail: str = ""


@dataclass(slots=True)
class _Care:
    """How often a component failed lately, and when it may be tried again."""

    failures: int = 0
    next_try: float = 0.0
    noticed: bool = False


def pause(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** max(failures - 1, 0)))


class Keeper:
    """Watches components from a thread of its own; those not `wanted` are left alone."""

    def __init__(
        self, components: Mapping[str, Component], tell: Callable[[Event], None]
    ) -> None:
        """Watch `components` in their order; `tell` is called from the thread."""
        self.guard = threading.RLock()
        self.wanted = set(components)
        self._components = components
        self._tell = tell
        self._care = {name: _Care() for name in components}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; a restart under way ends first."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            for name in self._components:
                with self.guard:
                    if name in self.wanted and not self._stopping.is_set():
                        self._look_after(name)

    def _look_after(self, name: str) -> None:
        component, care, now = (
            self._components[name],
            self._care[name],
            time.monotonic(),
        )
        if component.is_running:
            if care.failures and now > care.next_try + SETTLED_SECONDS:
                self._care[name] = _Care()
            return
        if not care.noticed:
            care.noticed = True
            care.failures += 1
            care.next_try = now + pause(care.failures)
            self._tell(Event(name, "died", f"again in {pause(care.failures):.1f} s"))
        elif now >= care.next_try:
            self._restart(name, component, care)

    def _restart(self, name: str, component: Component, care: _Care) -> None:
        try:
            component.kill()  # reaps what is dead already, and lets its lock go
            component.start()
        except (DeploymentRefused, OSError) as refused:
            care.failures += 1
            care.next_try = time.monotonic() + pause(care.failures)
            self._tell(Event(name, "restart failed", str(refused)))
            return
        care.noticed = False
        self._tell(Event(name, "restarted", f"process {component.pid}"))
