"""What a law looks at, and what it says."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file, read and parsed; `path` is relative to the root."""

    path: PurePosixPath
    text: str
    tree: ast.Module

    @classmethod
    def of(cls, path: str, text: str) -> Source:
        """Parse `text` as the file at `path`.

        Raises:
            SyntaxError: it is not Python.
        """
        return cls(PurePosixPath(path), text, ast.parse(text, path))

    def within(self, *folders: str) -> bool:
        """Whether the file lies in one of the folders."""
        return any(self.path.is_relative_to(folder) for folder in folders)

    def comment(self, line: int) -> str:
        """Return what follows the first # on a line; good enough to find a waiver."""
        return self.text.splitlines()[line - 1].partition("#")[2]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A place where a law does not hold."""

    path: PurePosixPath
    line: int
    law: str
    text: str

    def __str__(self) -> str:
        """Show it so that editors can jump there."""
        return f"{self.path}:{self.line}: {self.law}: {self.text}"


Law = Callable[[Source], Iterator[Finding]]
