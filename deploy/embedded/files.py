"""Small files that must never be seen half-written, nor by anybody else."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

TAIL_BYTES = 4_096
LOG_LIMIT_BYTES = 32 * 1024 * 1024


def write_private(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step, readable by its owner only."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make renames inside `directory` survive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def private_directory(path: Path) -> Path:
    """Make `path` and give it to its owner only."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def tail(log: Path, lines: int = 12) -> str:
    """Return the last lines of a log, at most 4 KB; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def turn_over(log: Path) -> None:
    """Set a log aside that has grown past 32 MB; one older one is kept."""
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
