"""A database administrator who changes a sealed ledger, and says what was done: the truth.

Every method is one way to tamper, by SQL on the real tables; the worst of them also know
the node's own sealing key. What none of them has is the parent's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias
from uuid import uuid4

from tests.sealing.handling import Handling, restore, retile
from tier.sealing import tile_store
from tier.sealing.findings import Kind
from tier.sealing.model import Life
from tier.sealing.trust import micros_of

ALTER_COLUMNS = ("kind", "division", "subject", "actor")


@dataclass(frozen=True, slots=True)
class Truth:
    """Where the first thing was changed, what a check may call it, and how well it must know."""

    first: int
    kinds: frozenset[Kind]
    exact: bool


def truth(first: int, *kinds: Kind, exact: bool = True) -> Truth:
    return Truth(first, frozenset(kinds), exact)


Tampering: TypeAlias = "Callable[[Administrator], Awaitable[Truth]]"


class Administrator(Handling):
    """Somebody with all rights on the township's database."""

    # --- one entry -----------------------------------------------------------------

    async def change_the_body(self) -> Truth:
        """Bits of the content; the columns beside it stay."""
        at = self.place()
        body = bytearray((await self.row(at))["body"])
        body[self.chance.randrange(len(body))] ^= 1 << self.chance.randrange(8)
        await self.sql(
            "UPDATE ledger_fact SET body = $2 WHERE position = $1", at, bytes(body)
        )
        return truth(at, Kind.ALTERED)

    async def change_what_was_said(self) -> Truth:
        """A whole new content, with every column and digest to match."""
        at = self.place()
        await self._forge(at)
        return truth(at, Kind.ALTERED)

    async def change_an_index_column(self) -> Truth:
        at, column = self.place(), self.chance.choice(ALTER_COLUMNS)
        await self.sql(
            f"UPDATE ledger_fact SET {column} = {column} || 'x'"  # noqa: S608 - a constant
            " WHERE position = $1",
            at,
        )
        return truth(at, Kind.INDEX)

    async def change_the_fact_id(self) -> Truth:
        at = self.place()
        await self.sql(
            "UPDATE ledger_fact SET fact_id = $2 WHERE position = $1", at, uuid4()
        )
        return truth(at, Kind.INDEX)

    async def change_the_digest(self) -> Truth:
        at = self.place()
        await self.sql(
            "UPDATE ledger_fact SET digest = sha256(digest) WHERE position = $1", at
        )
        return truth(at, Kind.INDEX)

    async def back_date(self) -> Truth:
        """One entry, or several in a row; by microseconds or by days."""
        at = self.place()
        last = min(self.size, at + self.chance.choice([0, 0, 3]))
        by = self.chance.choice(
            [timedelta(microseconds=1), timedelta(hours=1), timedelta(days=9)]
        )
        await self.sql(
            "UPDATE ledger_fact SET recorded_at = recorded_at - $3::interval"
            " WHERE position BETWEEN $1 AND $2",
            at, last, by,
        )  # fmt: skip
        return truth(at, Kind.BACK_DATED)

    async def back_date_with_its_moment(self) -> Truth:
        """The moment kept beside the hash as well: what was changed cannot be told, where can."""
        at = self.place()
        await self.sql(
            "UPDATE ledger_fact SET recorded_at = recorded_at - interval '1 day'"
            " WHERE position = $1",
            at,
        )
        micros = micros_of((await self.row(at))["recorded_at"])
        await self._overlay("moments", at, micros.to_bytes(8))
        return truth(at, Kind.ALTERED)

    # --- places --------------------------------------------------------------------

    async def delete(self) -> Truth:
        at = self.place()
        await self.sql("DELETE FROM ledger_fact WHERE position = $1", at)
        return truth(at, Kind.MISSING)

    async def delete_several(self) -> Truth:
        places = self.chance.sample(range(1, self.size + 1), 5)
        await self.sql("DELETE FROM ledger_fact WHERE position = ANY($1)", places)
        return truth(min(places), Kind.MISSING)

    async def delete_and_close_ranks(self) -> Truth:
        at = self.place()
        await self.sql("DELETE FROM ledger_fact WHERE position = $1", at)
        if at < self.size:
            await self._move(at + 1, -1)
        return truth(at, Kind.MISSING)

    async def insert(self) -> Truth:
        """A forged entry between two others."""
        at = self.place()
        await self._move(at, 1)
        await self._copy(
            self.chance.choice([one for one in (at - 1, at + 1) if one]), at
        )
        await self._forge(at)
        return truth(at, Kind.INSERTED, Kind.ALTERED)

    async def swap(self) -> Truth:
        one, other = sorted(self.chance.sample(range(1, self.size + 1), 2))
        await self._swap(one, other)
        return truth(one, Kind.REORDERED)

    async def swap_neighbours(self) -> Truth:
        one = self.place(1, self.size - 1)
        await self._swap(one, one + 1)
        return truth(one, Kind.REORDERED)

    async def truncate_the_end(self) -> Truth:
        """The last entries; what proves them stays."""
        at = self.place()
        await self.sql("DELETE FROM ledger_fact WHERE position >= $1", at)
        return truth(at, Kind.MISSING)

    async def truncate_all(self) -> Truth:
        await self.sql("TRUNCATE ledger_fact")
        return truth(1, Kind.MISSING)

    # --- what proves it -------------------------------------------------------------

    async def change_a_leaf_hash(self) -> Truth:
        at = self.place()
        await self._overlay("hashes", at, self.chance.randbytes(32))
        return truth(at, Kind.TILE)

    async def change_a_kept_moment(self) -> Truth:
        at = self.place()
        await self._overlay("moments", at, self.chance.randbytes(8))
        return truth(at, Kind.TILE)

    async def cut_a_tile(self) -> Truth:
        at = self.place()
        await self.sql(
            "UPDATE ledger_tile SET hashes = substr(hashes, 1, $2)"
            " WHERE life = 1 AND level = 0 AND number = $1",
            (at - 1) // 256, (at - 1) % 256 * 32,
        )  # fmt: skip
        return truth(at, Kind.TILE)

    async def delete_a_tile(self) -> Truth:
        number = self.place() // 257
        await self.sql(
            "DELETE FROM ledger_tile WHERE life = 1 AND level = 0 AND number = $1",
            number,
        )
        return truth(number * 256 + 1, Kind.TILE)

    async def change_an_upper_hash(self) -> Truth:
        await self.sql(
            "UPDATE ledger_tile SET hashes = set_byte(hashes, 7, get_byte(hashes, 7) # 1)"
            " WHERE life = 1 AND level = 1"
        )
        return truth(1, Kind.TILE, exact=False)

    async def change_a_note(self) -> Truth:
        size = self.chance.choice(self.pair.sizes)
        written: str = await self.tx.fetchval(
            "SELECT note FROM ledger_checkpoint WHERE size = $1", size
        )
        at = self.chance.randrange(len(written) - 1)
        while written[at] in "\n—":
            at -= 1
        letter = "y" if written[at] != "y" else "z"
        changed = written[:at] + letter + written[at + 1 :]
        await self.sql(
            "UPDATE ledger_checkpoint SET note = $2 WHERE size = $1", size, changed
        )
        return truth(size, Kind.CHECKPOINT, exact=False)

    async def move_a_checkpoint(self) -> Truth:
        size = self.chance.choice(
            [one for one in self.pair.sizes if one + 1 not in self.pair.sizes]
        )
        if size == self.size:
            size = self.pair.sizes[0]
        await self.sql(
            "UPDATE ledger_checkpoint SET size = size + 1 WHERE size = $1", size
        )
        return truth(size + 1, Kind.CHECKPOINT, exact=False)

    async def change_a_life(self) -> Truth:
        size = self.chance.choice(self.pair.sizes)
        await self.sql("UPDATE ledger_checkpoint SET life = 7 WHERE size = $1", size)
        return truth(size, Kind.CHECKPOINT, exact=False)

    async def change_a_cosignature(self) -> Truth:
        """A bit of it, or the line of another checkpoint."""
        size, other = self.chance.sample(self.pair.sizes, 2)
        line: str = await self.tx.fetchval(
            "SELECT cosignature FROM ledger_checkpoint WHERE size = $1", other
        )
        await self.sql(
            "UPDATE ledger_checkpoint SET cosignature = $2 WHERE size = $1", size, line
        )
        return truth(size, Kind.COSIGNATURE, exact=False)

    async def change_a_signer(self) -> Truth:
        size = self.chance.choice(self.pair.sizes)
        await self.sql(
            "UPDATE ledger_checkpoint SET signer = witness WHERE size = $1", size
        )
        return truth(size, Kind.CHECKPOINT, exact=False)

    async def change_a_witness(self) -> Truth:
        size = self.chance.choice(self.pair.sizes)
        await self.sql(
            "UPDATE ledger_checkpoint SET witness = signer WHERE size = $1", size
        )
        return truth(size, Kind.COSIGNATURE, exact=False)

    async def change_a_beacon(self) -> Truth:
        size = self.chance.choice(self.pair.sizes[2:])
        await self.sql(
            "UPDATE ledger_checkpoint SET beacon_size = 1 WHERE size = $1", size
        )
        return truth(size, Kind.BEACON, exact=False)

    async def take_a_beacon_away(self) -> Truth:
        size = self.chance.choice(self.pair.sizes[1:])
        await self.sql(
            "UPDATE ledger_checkpoint SET beacon_size = NULL WHERE size = $1", size
        )
        return truth(size, Kind.BEACON, exact=False)

    async def change_a_certificate(self) -> Truth:
        await self.sql(
            "UPDATE ledger_certificate SET der = set_byte(der, 100, get_byte(der, 100) # 1)"
        )
        return truth(self.pair.sizes[0], Kind.CHECKPOINT, exact=False)

    async def change_the_life_record(self) -> Truth:
        column = self.chance.choice(["digest = 'sm3'", "life = 3"])
        await self.sql(f"UPDATE ledger_life SET {column}")  # noqa: S608 - a constant
        return truth(1, Kind.LIFE, Kind.REWRITTEN, exact=False)

    async def delete_a_checkpoint(self) -> Truth:
        size = self.chance.choice(self.pair.sizes[:-1])
        await self.sql("DELETE FROM ledger_checkpoint WHERE size = $1", size)
        return truth(size, Kind.CHECKPOINT, exact=False)

    # --- with care ---------------------------------------------------------------------

    async def rewrite_with_the_hashes(self) -> Truth:
        """An entry, and every hash that follows from it; signatures stay."""
        at = self.place()
        await self._forge(at)
        await retile(self.tx)
        return truth(at, Kind.REWRITTEN, exact=False)

    async def delete_with_the_hashes(self) -> Truth:
        at = self.place(1, self.size - 1)
        await self.sql("DELETE FROM ledger_fact WHERE position = $1", at)
        await self._move(at + 1, -1)
        await retile(self.tx)
        return truth(at, Kind.REWRITTEN, exact=False)

    async def swap_with_the_hashes(self) -> Truth:
        one, other = sorted(self.chance.sample(range(1, self.size + 1), 2))
        await self._swap(one, other)
        await retile(self.tx)
        return truth(one, Kind.REWRITTEN, exact=False)

    async def rewrite_and_sign_again(self) -> Truth:
        """All of it, under the node's own key; cosignatures stay as they were."""
        at = self.place()
        await self._forge(at)
        await retile(self.tx)
        await self._sign_again(at, "cosignature")
        return truth(at, Kind.COSIGNATURE, Kind.SPLIT, Kind.REWRITTEN, exact=False)

    async def rewrite_and_sign_again_alone(self) -> Truth:
        """All of it, under the node's own key, and nothing of the witness left behind."""
        at = self.place()
        change = self.chance.choice([self._forge, self._back_date])
        await change(at)
        await retile(self.tx)
        await self._sign_again(at, "NULL")
        return truth(at, Kind.SPLIT, exact=False)

    async def rewrite_under_a_life_of_its_own(self) -> Truth:
        """A new life that no operator declared to the parent, under the node's own key."""
        at = self.place()
        await self._forge(at)
        await retile(self.tx)
        await self.sql("UPDATE ledger_tile SET life = 2")
        life = Life(2, "sha256", "maintenance", "nobody", 1, self.size)
        await tile_store.begin_life(self.tx, life)
        await self._sign_in(life)
        return truth(at, Kind.REWRITTEN, exact=False)

    async def restore_a_backup(self) -> Truth:
        """An old state of every table: whole in itself."""
        size = self.chance.choice(self.pair.sizes[:-1])
        await restore(self.tx, size)
        return truth(size + 1, Kind.ROLLED_BACK)

    async def restore_a_backup_and_go_on(self) -> Truth:
        """As above, then other facts, sealed by the node's own key."""
        size = self.chance.choice(self.pair.sizes[:-1])
        await restore(self.tx, size)
        template = self.place(1, size)
        for at in range(size + 1, size + 1 + self.chance.choice([1, 40, 700])):
            await self._copy(template, at)
            await self._forge(at)
        await retile(self.tx)
        last: int = await self.tx.fetchval("SELECT max(position) FROM ledger_fact")
        await self.sql(
            "INSERT INTO ledger_checkpoint (life, size, note, signer)"
            " SELECT life, $2, note, signer FROM ledger_checkpoint WHERE size = $1",
            size, last,
        )  # fmt: skip
        await self._sign_again(last, "NULL")
        return truth(size + 1, Kind.ROLLED_BACK, Kind.REWRITTEN, exact=False)


def tamperings() -> dict[str, Tampering]:
    """Return every way to tamper, by its name."""
    ways = vars(Administrator).items()
    return {
        name: way for name, way in ways if callable(way) and not name.startswith("_")
    }
