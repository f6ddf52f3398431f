"""Numbered SQL files, each applied once, in one transaction, under a lock."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tier.runtime import viewer
from tier.runtime.db import Database, Tx

LOCK = 0x64756368  # "duch": one migrator a database at a time

TABLE = """
    CREATE TABLE IF NOT EXISTS schema_version (
        capability text NOT NULL,
        file       text NOT NULL,
        digest     text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (capability, file)
    )
"""
APPLIED = "SELECT file, digest FROM schema_version WHERE capability = $1"
RECORD = "INSERT INTO schema_version (capability, file, digest) VALUES ($1, $2, $3)"


class SchemaChanged(Exception):
    """An applied file was edited; put it back and write a new one."""


async def migrate(db: Database, schemas: Sequence[tuple[str, Path]]) -> list[str]:
    """Bring the database up to date; return the files applied now.

    Raises:
        SchemaChanged: a file that was applied before is not what it was.
        ViewerMissing: a role that the files grant to is missing, and we may not make it.
    """
    applied: list[str] = []
    async with db.transaction() as tx:
        await tx.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        await tx.execute(TABLE)
        await viewer.ensure(tx)
    for capability, folder in schemas:
        for file in sorted(folder.glob("*.sql")):
            async with db.transaction() as tx:
                await tx.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
                if await _apply(tx, capability, file):
                    applied.append(f"{capability}/{file.name}")
    return applied


async def _apply(tx: Tx, capability: str, file: Path) -> bool:
    """Apply one file unless it was; True if it was not."""
    text = file.read_text()
    digest = hashlib.sha256(text.encode()).hexdigest()
    known = {row["file"]: row["digest"] for row in await tx.fetch(APPLIED, capability)}
    if file.name in known:
        if known[file.name] != digest:
            raise SchemaChanged(
                f"{capability}/{file.name} was edited after it was applied"
            )
        return False
    await tx.execute(text)
    await tx.execute(RECORD, capability, file.name, digest)
    return True
