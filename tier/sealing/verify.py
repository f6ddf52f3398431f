"""The offline check of a ledger: an export and the authorities are all it needs. Pure.

It reads the records of an export one after the other, keeps only the edge of the tree, and
says where the first thing is that is not as it was sealed. What the parent witnessed, told
by the parent, shows in addition what a node that signs falsely, or was restored, does not
say of itself.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from google.protobuf.message import DecodeError

from ducha.ledger.v1 import ledger_pb2 as pb
from ducha.link.v1.link_pb2 import Fact
from tier.sealing import findings, tree
from tier.sealing.bracket import Bracket
from tier.sealing.chain import Chain, Claim
from tier.sealing.comparing import Comparison, Row, Sealed, Which, judge
from tier.sealing.findings import Finding, Reached, Report, Text
from tier.sealing.model import MOMENT_BYTES, leaf_data
from tier.sealing.tree import DIGESTS, HASH_BYTES, TILE_WIDTH, Frontier, ProofWrong
from tier.sealing.trust import Trust

TOLERANCE: Final = timedelta(minutes=5)
"""Clocks of two nodes differ, and a fact is dated before it is committed."""
LISTED: Final = 50


class FileWrong(ValueError):
    """It is no export, or a part of it is missing."""


class Verifier:
    """Checks one export: `add` each record in order, then ask for the `report`."""

    def __init__(
        self,
        trust: Trust,
        witnessed: pb.WitnessedHistory | None = None,
        tolerance: timedelta = TOLERANCE,
    ) -> None:
        """Believe `trust`; hold the export against what the parent `witnessed`."""
        self._chain = Chain(trust, tolerance)
        self._bracket = Bracket(tolerance)
        self._claims: defaultdict[int, list[Claim]] = defaultdict(list)
        for claim in self._chain.witnessed(witnessed or pb.WitnessedHistory()):
            self._claims[claim.size].append(claim)
        self._header: pb.LedgerHeader | None = None
        self._comparison: Comparison | None = None
        self._findings: list[Finding] = []
        self._doubts: list[tuple[int, Finding]] = []
        self._upper: defaultdict[int, int] = defaultdict(int)
        self._position = self._facts = self._checked = self._vouched = 0
        self._signed = self._cosigned = Reached()

    def add(self, record: pb.LedgerRecord) -> None:
        """Take the next record.

        Raises:
            FileWrong: records are missing, or stand in another order than in an export.
        """
        which = record.WhichOneof("record")
        if (self._header is None) != (which == "header"):
            raise FileWrong("an export begins with one header")
        match which:
            case "header":
                self._header = record.header
            case "certificate":
                self._chain.certificate(record.certificate.der)
            case "life":
                self._chain.life(record.life)
            case "checkpoint":
                if record.checkpoint.size <= self._position:
                    raise FileWrong("a checkpoint comes after its facts")
                claim = self._chain.checkpoint(record.checkpoint)
                if claim is not None:
                    self._claims[claim.size].append(claim)
            case "segment":
                self._segment(record.segment)
            case "tile":
                self._tile(record.tile)
            case _:
                raise FileWrong("a record of an unknown kind")

    def report(self) -> Report:
        """Return what was found, once all records are in.

        Raises:
            FileWrong: there is no header.
        """
        if self._header is None:
            raise FileWrong("an export begins with one header")
        found = [*self._chain.findings, *self._bracket.findings, *self._findings]
        found += self._unreached()
        notices = list[Text]()
        for life, doubt in self._doubts:
            if life < self._chain.latest_life:
                notices.append(findings.given_up(life, doubt))
            else:
                found.append(doubt)
        found += self._compared(self._begun())
        if self._checked < self._position:
            found.append(findings.unsealed(self._checked + 1, self._position))
        if self._position < self._header.size:
            found.append(findings.cut_off(self._position + 1, self._header.size))
        return Report(
            self._chain.node or self._header.spiffe_id,
            self._facts,
            self._signed,
            self._cosigned,
            tuple(sorted(found, key=lambda one: (one.first, one.last))),
            tuple(notices),
        )

    def _compared(self, comparison: Comparison) -> list[Finding]:
        """Say what the comparison of facts and sealed hashes came to."""
        proved = sorted(comparison.proved, key=lambda one: one.position)
        found = list(judge(proved, DIGESTS[comparison.digest]))
        for level, known in comparison.upper.items():
            if comparison.is_upper_known and self._upper[level] < len(known):
                found.append(findings.tile_damaged(1, self._position))
        return found

    def _begun(self) -> Comparison:
        if self._comparison is None:
            lives = self._chain.lives
            latest = lives.get(self._header.life if self._header else 0)
            digest = latest.digest if latest and latest.digest in DIGESTS else "sha256"
            others = {one.digest for one in lives.values()} & DIGESTS.keys() - {digest}
            self._comparison = Comparison(
                digest, {name: Frontier(DIGESTS[name]) for name in others}
            )
        return self._comparison

    def _segment(self, segment: pb.Segment) -> None:
        """Take the facts of one tile, place by place."""
        first, last = segment.first_position, segment.last_position
        size = self._header.size if self._header else 0
        rows = {fact.position: fact for fact in segment.facts}
        if first != self._position + 1:
            raise FileWrong(f"facts from {self._position + 1} on are missing")
        if not first <= last <= min(first + TILE_WIDTH - 1, size):
            raise FileWrong(f"the segment at {first} has no good end")
        if rows and (min(rows) < first or max(rows) > last):
            raise FileWrong(f"facts stand outside of the segment at {first}")
        if len(rows) < len(segment.facts):
            raise FileWrong(f"a place of the segment at {first} is taken twice")
        sealed = _sealed(segment)
        for position in range(first, last + 1):
            was = sealed[position - first] if position - first < len(sealed) else None
            self._place(position, rows.get(position), was)

    def _place(
        self, position: int, fact: pb.SealedFact | None, was: Sealed | None
    ) -> None:
        """Take one place of the ledger."""
        row = None if fact is None else Row(position, fact.record_micros, fact.body)
        self._begun().add(position, row, was)
        self._position = position
        if row is None or fact is None:
            self._found(findings.missing(position))
        else:
            self._facts += 1
            self._bracket.see(row)
            if problem := index_problem(fact):
                self._found(findings.index_differs(position, problem))
            if was is None or was.micros != row.micros:
                self._moment_differs(position, row, was)
        for claim in sorted(self._claims.pop(position, ()), key=lambda one: -one.life):
            self._check(claim)

    def _moment_differs(self, position: int, row: Row, was: Sealed | None) -> None:
        """Tell a damaged tile from a changed fact: only the first leaves the leaf alone."""
        digest = DIGESTS[self._begun().digest]
        leaf = tree.leaf_hash(digest, leaf_data(position, row.micros, row.body))
        if was is None or was.leaf == leaf:
            self._found(findings.tile_damaged(position, position))

    def _check(self, claim: Claim) -> None:
        """Hold the facts up to here against a claim."""
        comparison = self._begun()
        which = comparison.check(claim.digest, claim.root)
        size = claim.size
        if self._header and claim.life < self._header.life:
            if which is Which.FACTS:
                self._reached(claim)
                if claim.cosigned_at is not None:
                    self._vouched = size
            else:
                doubt = findings.rewritten(self._vouched + 1, size)
                self._doubts.append((claim.life, doubt))
            return
        if which is Which.UNKNOWN:
            return
        if which is Which.NEITHER:
            self._found(findings.rewritten(self._base(claim) + 1, size))
        for place in comparison.settle(which):
            self._found(findings.tile_damaged(place.position, place.position))
        if which is not Which.NEITHER:
            self._reached(claim)
            self._checked = size
            if claim.cosigned_at is not None:
                self._vouched = size

    def _base(self, claim: Claim) -> int:
        """Return up to where the facts are known to be as this claim has them.

        What the parent vouches for is not limited by what the node signs alone.
        """
        return self._checked if claim.cosigned_at is None else self._vouched

    def _reached(self, claim: Claim) -> None:
        self._bracket.close(claim.beacon_at, claim.cosigned_at)
        self._signed = max(self._signed, Reached(claim.size, claim.made_at), key=_size)
        if claim.cosigned_at is not None:
            reached = Reached(claim.size, claim.cosigned_at)
            self._cosigned = max(self._cosigned, reached, key=_size)

    def _unreached(self) -> list[Finding]:
        """Say what claims speak of facts that the export does not have, or was not told."""
        found = list[Finding]()
        for size in sorted(self._claims):
            for claim in self._claims[size]:
                gone = findings.rolled_back(
                    min(self._base(claim), self._position) + 1,
                    self._position + 1,
                    size,
                    by_witness=claim.by_witness,
                )
                self._doubts.append((claim.life, gone))
        for claim in self._chain.unmatched():
            if claim.size <= self._position:
                found.append(findings.checkpoint_gone(claim.size))
        return found[:LISTED]

    def _tile(self, tile: pb.Tile) -> None:
        """Compare hashes above the leaves with those that follow from the leaves."""
        known = self._begun().upper.get(tile.level, b"")
        begin = tile.index * TILE_WIDTH * HASH_BYTES
        ours = known[begin : begin + len(tile.hashes)]
        self._upper[tile.level] += len(ours)
        if self._begun().is_upper_known and ours != tile.hashes[: len(ours)]:
            at_hash = next(
                place
                for place in range(0, len(ours), HASH_BYTES)
                if ours[place : place + HASH_BYTES]
                != tile.hashes[place : place + HASH_BYTES]
            )
            number = tile.index * TILE_WIDTH + at_hash // HASH_BYTES
            shift = 8 * tile.level
            begin_, end = (number << shift) + 1, (number + 1) << shift
            self._found(findings.tile_damaged(begin_, end))

    def _found(self, finding: Finding) -> None:
        if len(self._findings) < LISTED:
            self._findings.append(finding)


def _size(reached: Reached) -> int:
    return reached.size


def _sealed(segment: pb.Segment) -> list[Sealed]:
    """Return what was sealed at each place of a segment."""
    leaves, moments = segment.leaf_hashes, segment.moments
    return [
        Sealed(
            leaves[at_ * HASH_BYTES : (at_ + 1) * HASH_BYTES],
            int.from_bytes(
                moments[at_ * MOMENT_BYTES : (at_ + 1) * MOMENT_BYTES], signed=True
            ),
        )
        for at_ in range(len(leaves) // HASH_BYTES)
    ]


def index_problem(fact: pb.SealedFact) -> str:
    """Return which column beside a fact says something else than the fact; empty if none."""
    if sha256(fact.body).digest() != fact.digest:
        return "digest"
    try:
        said = Fact.FromString(fact.body)
        is_same = said.fact_id == fact.fact_id or UUID(said.fact_id) == UUID(
            fact.fact_id
        )
    except (DecodeError, ValueError):
        return "body"
    pairs = {
        "fact_id": is_same,
        "kind": said.kind == fact.kind,
        "division": said.division == fact.division,
        "subject": said.subject == fact.subject,
        "actor": said.actor == fact.actor,
    }
    return next((name for name, same in pairs.items() if not same), "")


@dataclass(frozen=True, slots=True)
class SubjectReport:
    """What the check of one subject's proof came to; whole if there are no problems."""

    node: str
    subject: str
    count: int
    later: int
    signed_at: datetime | None
    cosigned_at: datetime | None
    problems: tuple[str, ...]


def verify_subject(proof: pb.SubjectProof, trust: Trust) -> SubjectReport:
    """Check that every fact of a proof is in the ledger that its checkpoint signs."""
    chain = Chain(trust, TOLERANCE)
    for certificate in proof.certificates:
        chain.certificate(certificate.der)
    chain.life(proof.life)
    claim = chain.checkpoint(proof.checkpoint)
    problems = [one.text.en for one in chain.findings]
    if claim is not None:
        for each in proof.facts:
            problem = _fact_problem(each, claim, proof.subject)
            if problem:
                problems.append(f"entry {each.fact.position}: {problem}")
    return SubjectReport(
        chain.node,
        proof.subject,
        len(proof.facts),
        proof.later_count,
        claim.made_at if claim else None,
        claim.cosigned_at if claim else None,
        tuple(problems),
    )


def _fact_problem(proof: pb.FactProof, claim: Claim, subject: str) -> str:
    fact = proof.fact
    if column := index_problem(fact):
        return f"its column {column} does not say what it says"
    if fact.subject != subject:
        return f"it is about {fact.subject}"
    digest = DIGESTS[claim.digest]
    leaf = tree.leaf_hash(
        digest, leaf_data(fact.position, fact.record_micros, fact.body)
    )
    place = (fact.position - 1, claim.size)
    try:
        tree.check_inclusion(digest, leaf, place, proof.hashes, claim.root)
    except ProofWrong as wrong:
        return str(wrong)
    return ""
