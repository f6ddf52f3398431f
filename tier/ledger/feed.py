"""Tell those who listen what was committed: senders take the facts, watchers wake up."""

from __future__ import annotations

from collections.abc import Callable

from tier.ledger.model import Committed


class Feed:
    """Passes on what was committed, in order, inside this process."""

    def __init__(self) -> None:
        """Begin with nobody listening."""
        self._listeners: list[Callable[[Committed], None]] = []

    def listen(self, listener: Callable[[Committed], None]) -> None:
        """Call `listener` after every commit; it must not block."""
        self._listeners.append(listener)

    def publish(self, committed: Committed) -> None:
        """Pass on what a transaction appended."""
        for listener in self._listeners:
            listener(committed)
