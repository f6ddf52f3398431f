"""SQL has a home: a capability's tables are known to its store alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tools.house.model import Finding, Source

HOMES = (
    "tier/runtime",
    "deploy/embedded/postgres.py",
    "tests",
    "bench",
    "faults",
    "tools",
)
STORE = re.compile(r"(\w+_)?store(_\w+)?\.py")
# Statements, not prose: each needs a second keyword that prose would not bring along.
STATEMENT = re.compile(
    r"""^\s*(--[^\n]*\n\s*)*(
        select\s[\s\S]*\bfrom\s | select\s+(\d|\w+\() | insert\s+into\s
        | update\s+[\w.]+(\s+as\s+\w+)?\s+set\s | delete\s+from\s | merge\s+into\s
        | with\s+(recursive\s+)?\w+\s*(\([^)]*\)\s*)?as\s+(materialized\s+)?\(
        | (create|alter|drop)\s+(unique\s+|or\s+replace\s+|temp\s+|temporary\s+)?
          (table|index|view|function|type|schema|database|role|sequence)\s
        | truncate\s+(table\s+)?\w+\s*;?\s*$ | (un)?listen\s+\w+\s*;?\s*$
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def sql(source: Source) -> Iterator[Finding]:
    """SQL text stands in `store.py` (or `*_store.py`), the runtime, and where a database is made.

    Tests and bench are free.
    """
    if source.within(*HOMES) or STORE.fullmatch(source.path.name):
        return
    prose = _docstrings(source.tree)
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Constant)
            and id(node) not in prose
            and _is_sql(node.value)
        ):
            text = "SQL outside a store; give it a name in store.py and call that"
            yield Finding(source.path, node.lineno, "sql", text)


def _is_sql(value: object) -> bool:
    return isinstance(value, str) and STATEMENT.match(value) is not None


def _docstrings(tree: ast.Module) -> set[int]:
    """Return the ids of strings that stand alone: they are prose."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
