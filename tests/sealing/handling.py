"""How a database administrator handles the tables of a ledger: the tools of tampering."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

from ducha.link.v1.link_pb2 import Fact
from tests.sealing.line import Pair
from tier.runtime.db import Tx
from tier.sealing import note, store
from tier.sealing.growing import Edge
from tier.sealing.model import Life, origin_of
from tier.sealing.note import Checkpoint, Note
from tier.sealing.store import KeptCheckpoint
from tier.sealing.tree import DIGESTS, Frontier
from tier.sealing.trust import key_of_der, micros_of


@dataclass(slots=True)
class Handling:
    """All rights on the township's database, on which `size` facts are sealed."""

    tx: Tx
    chance: random.Random
    pair: Pair

    @property
    def size(self) -> int:
        return self.pair.sizes[-1]

    def place(self, low: int = 1, high: int = 0) -> int:
        return self.chance.randint(low, high or self.size)

    async def row(self, position: int) -> Any:
        return await self.tx.fetchrow(
            "SELECT * FROM ledger_fact WHERE position = $1", position
        )

    async def sql(self, statement: str, *arguments: object) -> None:
        changed = await self.tx.execute(statement, *arguments)
        assert changed or statement.startswith("TRUNCATE"), statement

    async def _forge(self, at: int) -> None:
        """Put a made-up fact where one is; every column agrees with it."""
        row = await self.row(at)
        fact = Fact.FromString(row["body"])
        fact.fact_id, fact.actor = str(uuid4()), "nobody"
        fact.payload = self.chance.randbytes(20)
        body = fact.SerializeToString()
        await self.sql(
            "UPDATE ledger_fact SET body = $2, digest = $3, actor = $4, fact_id = $5"
            " WHERE position = $1",
            at, body, sha256(body).digest(), fact.actor, fact.fact_id,
        )  # fmt: skip

    async def _back_date(self, at: int) -> None:
        await self.sql(
            "UPDATE ledger_fact SET recorded_at = recorded_at - interval '1 s'"
            " WHERE position = $1",
            at,
        )

    async def _copy(self, source: int, at: int) -> None:
        await self.sql(
            "INSERT INTO ledger_fact SELECT $2, $3, kind, division, subject, actor,"
            " recorded_at, digest, body FROM ledger_fact WHERE position = $1",
            source, at, uuid4(),
        )  # fmt: skip

    async def _move(self, first: int, by: int) -> None:
        await self.sql(
            "UPDATE ledger_fact SET position = -position WHERE position >= $1", first
        )
        await self.sql(
            "UPDATE ledger_fact SET position = -position + $1 WHERE position < 0", by
        )

    async def _swap(self, one: int, other: int) -> None:
        await self.sql("UPDATE ledger_fact SET position = 0 WHERE position = $1", one)
        await self.sql(
            "UPDATE ledger_fact SET position = $2 WHERE position = $1", other, one
        )
        await self.sql("UPDATE ledger_fact SET position = $1 WHERE position = 0", other)

    async def _overlay(self, column: str, at: int, value: bytes) -> None:
        begin = (at - 1) % 256 * len(value) + 1
        await self.sql(
            f"UPDATE ledger_tile SET {column} = overlay({column} PLACING $2 FROM $3)"  # noqa: S608
            " WHERE life = 1 AND level = 0 AND number = $1",
            (at - 1) // 256, value, begin,
        )  # fmt: skip

    async def _sign_again(self, first: int, cosignature: str) -> None:
        """Sign every checkpoint from a place on again, for the facts as they are now."""
        identity = self.pair.township.identity
        assert identity is not None
        signer = identity.signer
        roots, frontier = {}, Frontier(DIGESTS["sha256"])
        edge = Edge(Life(1, "sha256"), frontier, {})
        for row in await facts(self.tx):
            edge.append(row["position"], micros_of(row["recorded_at"]), row["body"])
            roots[frontier.size] = frontier.root()
        rows = await self.tx.fetch(
            "SELECT size, note FROM ledger_checkpoint WHERE size >= $1", first
        )
        for row in rows:
            said = Checkpoint.parse(Note.parse(row["note"]).text)
            size = min(row["size"], frontier.size)
            text = replace(said, size=row["size"], root=roots[size], beacon=None).text()
            line = note.sign(text, said.origin, signer, key_of_der(signer.certificate))
            kept = "witness" if cosignature != "NULL" else "NULL"
            await self.sql(
                f"UPDATE ledger_checkpoint SET note = $2, cosignature = {cosignature},"  # noqa: S608
                f" witness = {kept}, beacon_life = NULL, beacon_size = NULL WHERE size = $1",
                row["size"], str(Note(text, (line,))),
            )  # fmt: skip

    async def _sign_in(self, life: Life) -> None:
        """Sign one checkpoint of a life that was begun, over all facts as they are now."""
        identity = self.pair.township.identity
        assert identity is not None
        signer, frontier = identity.signer, Frontier(DIGESTS["sha256"])
        edge = Edge(life, frontier, {})
        for row in await facts(self.tx):
            edge.append(row["position"], micros_of(row["recorded_at"]), row["body"])
        said = Checkpoint(
            origin=origin_of(identity.spiffe, life.number),
            size=frontier.size,
            root=frontier.root(),
            time=micros_of(self.pair.clock.now),
            digest=life.digest,
            life=life.number,
            declaration=DIGESTS[life.digest](life.statement()),
        )
        text = said.text()
        line = note.sign(text, said.origin, signer, key_of_der(signer.certificate))
        fingerprint = sha256(signer.certificate).digest()
        written = str(Note(text, (line,)))
        made = KeptCheckpoint(life.number, frontier.size, written, fingerprint)
        await store.keep_checkpoint(self.tx, made, None)


async def facts(tx: Tx) -> list[Any]:
    return await tx.fetch(
        "SELECT position, recorded_at, body FROM ledger_fact ORDER BY position"
    )


async def retile(tx: Tx) -> None:
    """Compute every tile anew, from the facts as they are now."""
    edge = Edge(Life(1, "sha256"), Frontier(DIGESTS["sha256"]), {})
    for row in await facts(tx):
        edge.append(row["position"], micros_of(row["recorded_at"]), row["body"])
    await tx.execute("DELETE FROM ledger_tile")
    await tx.execute_many(
        "INSERT INTO ledger_tile VALUES (1, $1, $2, $3, $4)",
        [
            (one.level, one.number, one.hashes, one.moments)
            for one in edge.take_changed()
        ],
    )


async def restore(tx: Tx, size: int) -> None:
    """Put the ledger back to what it was when it had `size` facts."""
    await tx.execute("DELETE FROM ledger_fact WHERE position > $1", size)
    await tx.execute("DELETE FROM ledger_checkpoint WHERE size > $1", size)
    await tx.execute("UPDATE ledger_life SET sealed = $1", size)
    await retile(tx)
