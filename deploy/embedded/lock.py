"""One supervisor on one data directory, and none while old processes still work there.

The lock is an open file that the servers inherit. It is free only when the
supervisor and every server process it started are gone, so a backend that
outlives a killed server can never meet a new server on the same data.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from deploy.embedded.errors import DirectoryInUse

GRACE_SECONDS = 30.0
POLL_SECONDS = 0.02


class DirectoryLock:
    """Holds a directory for this process and the processes it starts."""

    def __init__(self, path: Path) -> None:
        """Use `path` as the lock file; nothing is taken yet."""
        self._path = path
        self._handle: int | None = None

    @property
    def handle(self) -> int:
        """File descriptor for children to inherit; the lock must be held."""
        if self._handle is None:
            raise ValueError("the lock is not held")
        return self._handle

    def acquire(self) -> None:
        """Take the directory, waiting for dying children of a dead supervisor.

        Raises: DirectoryInUse, at once if the other supervisor lives.
        """
        if self._handle is not None:
            return
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        end = time.monotonic() + GRACE_SECONDS
        while not _try_lock(handle):
            holder = os.pread(handle, 100, 0).decode("utf-8", "replace").strip()
            if _is_another_alive(holder) or time.monotonic() > end:
                os.close(handle)
                raise DirectoryInUse(self._path.parent, f"process {holder}")
            time.sleep(POLL_SECONDS)
        os.ftruncate(handle, 0)
        os.pwrite(handle, _identity(os.getpid()).encode(), 0)
        self._handle = handle

    def release(self) -> None:
        """Let go; children that inherited the lock keep it until they end."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _identity(pid: int) -> str:
    """Return the pid with its start time: pids are used again, the pair is not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return f"{pid} gone"
    return f"{pid} {fields[19]}" if fields[0] != "Z" else f"{pid} gone"


def _is_another_alive(holder: str) -> bool:
    """Tell a living foreign supervisor from one that died, or from ourselves.

    Our own name means that children of our last start are still ending.
    """
    pid = holder.partition(" ")[0]
    if not pid.isdigit() or int(pid) == os.getpid():
        return False
    return _identity(int(pid)) == holder
