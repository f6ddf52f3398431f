"""Decisions about who may call what. Pure: codes and a row of the table in, a verdict out.

Codes are compared as parsed segments: one contains another if it is a whole ancestor of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from tier.identity.model import Role, area_of
from tier.jurisdiction import Code, Level, contains, level_of, parent_of
from tier.policy.model import Concern, Relation, Row, Verdict

INSIDE = frozenset({Relation.SELF, Relation.ANCESTOR, Relation.DESCENDANT})
"""Who has rows at a node: it hosts them, or they lie above or below what it hosts."""
NOBODY: frozenset[Relation] = frozenset()
PROVINCE_DIGITS = 2


@lru_cache(65_536)
def relation(caller: Code, concerned: Code) -> Relation:
    """Say how a caller's division stands to the one concerned.

    Townships and what lies below them act for all that lies within them: villages and
    grids have no office of their own.
    """
    if contains(caller, concerned):
        is_own = caller == concerned or level_of(caller) >= Level.TOWNSHIP
        return Relation.SELF if is_own else Relation.ANCESTOR
    if contains(concerned, caller):
        return Relation.DESCENDANT
    if caller[:PROVINCE_DIGITS] != concerned[:PROVINCE_DIGITS]:
        return Relation.OTHER_PROVINCE
    same = parent_of(caller) == parent_of(concerned)
    return Relation.SIBLING if same else Relation.COUSIN


def relation_to_node(caller: Code, hosts: Sequence[Code]) -> Relation:
    """Say how a caller's division stands to a node.

    A caller who contains some hosts of a node and not all of them sees only these: a
    descendant, like one who lies within a host.
    """
    area = area_of(hosts)
    if all(contains(caller, host) for host in hosts):
        return Relation.SELF if caller in {area, *hosts} else Relation.ANCESTOR
    if any(contains(host, caller) or contains(caller, host) for host in hosts):
        return Relation.DESCENDANT
    found = relation(caller, area)
    return Relation.COUSIN if found in INSIDE else found


def relations(row: Row, roles: Iterable[Role]) -> frozenset[Relation]:
    """Return the relations in which somebody of these roles may make a call."""
    return NOBODY.union(*(row.allow.get(role, NOBODY) for role in roles))


def at_door(row: Row, allowed: frozenset[Relation]) -> frozenset[Relation]:
    """Return the relations to the node that let somebody pass the door.

    What a thing named by id belongs to is known behind the door only.
    """
    match row.concern:
        case Concern.OBJECT | Concern.ROWS:
            return INSIDE if allowed else NOBODY
        case Concern.ACTING | Concern.NODE | Concern.PROVINCE:
            return allowed


def decide(
    caller: Code, codes: Iterable[Code], allowed: frozenset[Relation]
) -> Verdict:
    """Decide about divisions: all of them, or it is the first refused that decides."""
    code, found = caller, None
    for code in codes:  # the last one is said
        found = relation(caller, code)
        if found not in allowed:
            return Verdict(code, found, is_allowed=False)
    return Verdict(code, found, is_allowed=found is not None)
