"""Tasks belong to a group: one that fails alone fails unseen."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.house.model import Finding, Source

LAWFUL = ("tests", "bench", "faults")
LOOPS = ("asyncio", "loop", "get_running_loop", "get_event_loop")


def tasks(source: Source) -> Iterator[Finding]:
    """A task is made by a `TaskGroup`, never by asyncio or a loop."""
    if source.within(*LAWFUL):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _is_bare(node.func):
            text = "a task outside a TaskGroup; who sees it fail?"
            yield Finding(source.path, node.lineno, "tasks", text)


def _is_bare(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in {"create_task", "ensure_future"}
    if not isinstance(function, ast.Attribute):
        return False
    if function.attr == "ensure_future":
        return True
    return function.attr == "create_task" and _name(function.value).endswith(LOOPS)


def _name(node: ast.expr) -> str:
    """Return the last word of what is called upon: `a.b.loop()` is `loop`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return _name(function)
        case _:
            return ""
