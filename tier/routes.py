"""Who must hear of a fact about divisions: each branch of its own, the parent of all. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tier.jurisdiction import Code
from tier.node import Node

Route = tuple[tuple[str, ...], list[Code]]


def both_ways(node: Node, divisions: Sequence[Code]) -> list[Route]:
    """Return (neighbours, divisions) of the facts to record: down by branch, and up.

    One fact does where everybody concerned must hear the same; a fact that nobody else
    must hear is recorded all the same.
    """
    branches = node.branches(divisions)
    if len(branches) == 1:
        ((name, codes),) = branches.items()
        if len(codes) == len(divisions):
            return [((name, *node.upward), codes)]
    routes: list[Route] = [((name,), codes) for name, codes in branches.items()]
    told = {code for codes in branches.values() for code in codes}
    rest = [code for code in divisions if node.upward or code not in told]
    if rest:
        routes.append((node.upward, rest))
    return routes


def downward(node: Node, divisions: Sequence[Code]) -> list[Route]:
    """Return (neighbours, divisions) for passing a fact from above on to the branches."""
    return [((name,), codes) for name, codes in node.branches(divisions).items()]
