"""A node: one tier deployment, and the neighbours it talks to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tier.jurisdiction import Code, Level, level_of, within


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A child node and what it answers for."""

    name: str
    hosts: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """This deployment: it hosts every division of its level within `hosts`."""

    name: str
    level: Level
    hosts: tuple[Code, ...]
    parent: str | None = None
    children: tuple[Neighbour, ...] = ()

    @property
    def upward(self) -> tuple[str, ...]:
        """Return who hears what goes up: the parent, or nobody at the top."""
        return (self.parent,) if self.parent else ()

    def covers(self, code: Code) -> bool:
        """Whether `code` lies in what this node answers for: its subtree."""
        return within(code, self.hosts) and level_of(code) >= self.level

    def acts_for(self, code: Code) -> bool:
        """Whether the unit of `code` acts here: its own level, or below the last tier."""
        at_home = level_of(code) == self.level or not self.children
        return at_home and self.covers(code)

    def branch(self, code: Code) -> str | None:
        """Return the child node on the way down to `code`, if it lies below one."""
        for child in self.children:
            if within(code, child.hosts) and level_of(code) > self.level:
                return child.name
        return None

    def area_of(self, neighbour: str) -> tuple[Code, ...]:
        """Return what a neighbour's facts may be about: its branch, or from above, ours."""
        if neighbour == self.parent:
            return self.hosts
        return next(
            (child.hosts for child in self.children if child.name == neighbour), ()
        )

    def branches(self, codes: Iterable[Code]) -> dict[str, list[Code]]:
        """Group `codes` by the child node they lie below; others are left out."""
        grouped: dict[str, list[Code]] = {}
        for code in codes:
            name = self.branch(code)
            if name is not None:
                grouped.setdefault(name, []).append(code)
        return grouped
