"""A test proves something and is never switched off."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tools.house.model import Finding, Source

PROVES = re.compile(r"assert|check|expect|verify|validate|prove|raises|warns|refus")
OFF = {"skip", "skipif", "xfail", "importorskip"}


def proofs(source: Source) -> Iterator[Finding]:
    """Every test asserts, and none is skipped or expected to fail."""
    if not source.within("tests"):
        return
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in OFF
            and _of_pytest(node.value)
        ):
            text = f"{node.attr} switches a test off; mend it or take it out"
            yield Finding(source.path, node.lineno, "proofs", text)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _idle(node):
            text = f"{node.name} asserts nothing"
            yield Finding(source.path, node.lineno, "proofs", text)


def _of_pytest(node: ast.expr) -> bool:
    return ast.unparse(node) in {"pytest", "pytest.mark"}


def _idle(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it is a test that proves nothing."""
    return function.name.startswith("test") and not any(
        isinstance(node, (ast.Assert, ast.Raise))
        or (isinstance(node, ast.Call) and PROVES.search(ast.unparse(node.func)))
        for node in ast.walk(function)
    )
