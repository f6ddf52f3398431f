"""Lanes: one direction of one link, and the names it has on the road. Pure.

`ducha.up.county.wuhua.530102001.huashan` is what the node huashan, which answers for
530102001, tells the county node wuhua. The subject spells the child's division, so that
it can be compared with that of a certificate or a fact as parsed segments. Node names
have no `=` and no dot, so two lanes never share a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tier.jurisdiction import Code, Level, parse

DOWN = "dn"
UP = "up"
STREAM_BYTES = 64 * 1024 * 1024
"""What a stream may hold; it is a buffer, not the truth."""
MESSAGE_BYTES = 4 * 1024 * 1024
"""A bundle is about 1 MB at most."""
_ROOT = "ducha"
_NODE = re.compile(r"[a-z0-9_-]{1,100}")
_TIERS = {level.name.lower(): level for level in Level if level < Level.TOWNSHIP}


@dataclass(frozen=True, slots=True)
class Lane:
    """One direction of one link; `tier` is the parent's, `area` the child's division."""

    way: str
    tier: Level
    parent: str
    area: Code
    child: str

    @property
    def subject(self) -> str:
        """Where its bundles are published."""
        return self._spelt(self.way)

    @property
    def ask(self) -> str:
        """Where a child behind walls asks for what is in its stream.

        It is the one door it has into the parent's account, whose API it never sees.
        """
        return self._spelt("ask")

    @property
    def stream(self) -> str:
        """The stream that keeps them a while; its one consumer has the same name."""
        return f"{self.way}={self.parent}={self.child}"

    @property
    def next(self) -> str:
        """Where the owner of the stream asks for what is in it."""
        return f"$JS.API.CONSUMER.MSG.NEXT.{self.stream}.{self.stream}"

    @property
    def acks(self) -> str:
        """Where everything taken from the stream is acknowledged."""
        return f"$JS.ACK.{self.stream}.{self.stream}.>"

    def _spelt(self, word: str) -> str:
        tier = self.tier.name.lower()
        return f"{_ROOT}.{word}.{tier}.{self.parent}.{self.area}.{self.child}"


def parse_subject(subject: str) -> Lane:
    """Return the lane whose bundles are published on `subject`.

    Raises:
        ValueError: it is no lane's.
    """
    words = subject.split(".")
    if len(words) != 6 or words[0] != _ROOT or words[1] not in {DOWN, UP}:  # noqa: PLR2004 - as spelt
        raise ValueError(f"{subject!r} is not the subject of a lane")
    _, way, tier, parent, area, child = words
    if tier not in _TIERS or not (_NODE.fullmatch(parent) and _NODE.fullmatch(child)):
        raise ValueError(f"{subject!r} names no tier, or no nodes")
    return Lane(way, _TIERS[tier], parent, parse(area), child)
