"""Sizes: feared code begins where one function or one file holds two ideas.

Positional parameters are counted by ruff (PLR0917).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.house.model import Finding, Source

FUNCTION = 50
FILE = 400


def sizes(source: Source) -> Iterator[Finding]:
    """A function has at most 50 lines, a file 400."""
    lines = len(source.text.splitlines())
    if lines > FILE:
        yield Finding(source.path, 1, "sizes", f"{lines} lines; at most {FILE}")
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION:
                text = f"{node.name} has {length} lines; at most {FUNCTION}"
                yield Finding(source.path, node.lineno, "sizes", text)
