"""Broad excepts live in the loops of runtime and link, where they log and count."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.house.model import Finding, Source

LOOPS = ("tier/runtime", "tier/link")
BROAD = {"Exception", "BaseException"}


def excepts(source: Source) -> Iterator[Finding]:
    """No `except Exception`; in the runtime's and the link's loops one with its reason."""
    for node in ast.walk(source.tree):
        if not _is_broad(node):
            continue
        line: int = getattr(node, "lineno", 1)
        if not source.within(*LOOPS):
            text = "catches everything; name what can fail here"
            yield Finding(source.path, line, "excepts", text)
        elif " - " not in source.comment(line):
            text = "catches everything without a reason: `# noqa: BLE001 - why`"
            yield Finding(source.path, line, "excepts", text)


def _is_broad(node: ast.AST) -> bool:
    match node:
        case ast.ExceptHandler(type=None):
            return True
        case ast.ExceptHandler(type=caught, body=body):
            return _names(caught) and not _lets_go(body)
        case ast.Call(func=ast.Attribute(attr="suppress") | ast.Name(id="suppress")):
            return any(_names(argument) for argument in node.args)
        case _:
            return False


def _names(caught: ast.expr | None) -> bool:
    """Whether one of the classes named is a broad one."""
    if isinstance(caught, ast.Tuple):
        return any(_names(each) for each in caught.elts)
    return isinstance(caught, ast.Name) and caught.id in BROAD


def _lets_go(body: list[ast.stmt]) -> bool:
    """Whether a handler ends by raising, here or (`set_exception`) where it is awaited."""
    match body[-1]:
        case ast.Raise() | ast.Expr(ast.Call(func=ast.Attribute(attr="set_exception"))):
            return True
        case _:
            return False
