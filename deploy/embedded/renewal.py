"""Renews the certificates of one machine's site in time, while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from deploy.authority.errors import AuthorityRefused

PAUSE_SECONDS: Final = 24 * 3600.0


class Renewal:
    """Asks once a day, from a thread of its own, whether anything is due."""

    def __init__(self, ensure: Callable[[], None], tell: Callable[[str], None]) -> None:
        """Call `ensure`; `tell` of what it refuses."""
        self._ensure = ensure
        self._tell = tell
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="renewal", daemon=True)

    def start(self) -> None:
        """Begin; the first time is a day from now."""
        self._thread.start()

    def stop(self) -> None:
        """End; a renewal under way is finished first."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE_SECONDS):
            try:
                self._ensure()
            except (AuthorityRefused, OSError) as refused:
                self._tell(str(refused))
