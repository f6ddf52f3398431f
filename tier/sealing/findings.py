"""What the offline check of a ledger may find, and how it says so in both languages. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What is wrong."""

    ALTERED = "altered"
    BACK_DATED = "back-dated"
    MISSING = "missing"
    INSERTED = "inserted"
    REORDERED = "reordered"
    REWRITTEN = "rewritten"
    INDEX = "index"
    ROLLED_BACK = "rolled-back"
    SPLIT = "split"
    CHECKPOINT = "checkpoint"
    COSIGNATURE = "cosignature"
    BEACON = "beacon"
    LIFE = "life"
    TILE = "tile"
    UNSEALED = "unsealed"
    FILE = "file"


class Text(NamedTuple):
    """One sentence, twice."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was sealed: where, by position, and what.

    One place if `first` is `last`; else it lies somewhere in between, and the file does
    not tell where.
    """

    kind: Kind
    first: int
    last: int
    text: Text

    @property
    def is_exact(self) -> bool:
        """Whether the very place is known."""
        return self.first == self.last


@dataclass(frozen=True, slots=True)
class Reached:
    """The largest checkpoint of some rank that the facts agree with."""

    size: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What the check of an export came to."""

    node: str
    facts: int
    signed: Reached
    cosigned: Reached
    findings: tuple[Finding, ...]
    notices: tuple[Text, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def first(self) -> Finding | None:
        """The finding that begins first; of several, the one that tells most."""
        return min(self.findings, key=_rank, default=None)


def _rank(found: Finding) -> tuple[int, int, int]:
    return found.first, found.last, list(Kind).index(found.kind)


def missing(position: int) -> Finding:
    """An entry is gone, and its place is empty."""
    text = Text(f"there is no entry {position}", f"缺少第 {position} 条")
    return Finding(Kind.MISSING, position, position, text)


def moved_up(position: int) -> Finding:
    """An entry is gone, and those after it took its place."""
    text = Text(
        f"the entry that was sealed as {position} is gone; those after it moved up",
        f"封存为第 {position} 条的记录已不在；其后的记录被前移",
    )
    return Finding(Kind.MISSING, position, position, text)


def rewritten(first: int, last: int) -> Finding:
    """Facts and hashes were both changed, somewhere between two checkpoints."""
    text = Text(
        f"something in {first} to {last} was changed, with its hashes; where exactly is "
        "not to be told",
        f"第 {first} 至 {last} 条之间有改动，哈希也被改写；无法指明具体位置",
    )
    return Finding(Kind.REWRITTEN, first, last, text)


def rolled_back(first: int, end: int, size: int, *, by_witness: bool) -> Finding:
    """Somebody signed more facts than there are; from `end` on there are none.

    Those from `first` on may be others than were signed.
    """
    who = Text("the parent witnessed", "上级已见证") if by_witness else None
    who = who or Text("the node signed", "本节点已签署")
    text = Text(
        f"{who.en} {size} entries; from {end} on there are none",
        f"{who.zh} {size} 条；自第 {end} 条起不存在",
    )
    return Finding(Kind.ROLLED_BACK, first, end, text)


def checkpoint_gone(size: int) -> Finding:
    """A checkpoint that was witnessed is not in the export."""
    text = Text(
        f"the parent cosigned a checkpoint of {size} entries that is not here",
        f"上级副署过 {size} 条的检查点，此处却没有",
    )
    return Finding(Kind.CHECKPOINT, size, size, text)


def tile_damaged(first: int, last: int) -> Finding:
    """Kept hashes differ from the facts, and the facts are right."""
    text = Text(
        f"the kept hashes of {first} to {last} are damaged; the entries are not",
        f"第 {first} 至 {last} 条的留存哈希已损坏；记录本身无误",
    )
    return Finding(Kind.TILE, first, last, text)


def unsealed(first: int, last: int) -> Finding:
    """No checkpoint vouches for these facts."""
    text = Text(
        f"no good checkpoint covers entries {first} to {last}",
        f"第 {first} 至 {last} 条没有有效检查点",
    )
    return Finding(Kind.UNSEALED, first, last, text)


def cut_off(first: int, last: int) -> Finding:
    """The file ends too early."""
    text = Text(
        f"the file ends before entry {first}; it should go to {last}",
        f"文件在第 {first} 条之前结束；应到第 {last} 条",
    )
    return Finding(Kind.FILE, first, last, text)


def index_differs(position: int, column: str) -> Finding:
    """A column beside a fact says something else than the fact."""
    text = Text(
        f"the column {column} of entry {position} does not say what the entry says",
        f"第 {position} 条的 {column} 列与记录内容不符",
    )
    return Finding(Kind.INDEX, position, position, text)


def given_up(life: int, doubt: Finding) -> Text:
    """What a later life was declared over: on record, and no finding."""
    return Text(
        f"life {life} of the ledger was given up by a declaration; of it: {doubt.text.en}",
        f"台账第 {life} 期已声明终止；其中：{doubt.text.zh}",
    )
