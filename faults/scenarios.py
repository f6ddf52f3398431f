"""Every scenario there is, those that share a line side by side."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

from faults.kinds import (
    backlog,
    commits,
    failpoints,
    freezes,
    kills,
    overload,
    poison,
    restored,
    senders,
    stores,
    timers,
)
from faults.scenario import Scenario

KINDS = (
    commits, backlog, overload, poison, stores, freezes, kills, senders, failpoints, restored,
    timers,
)  # fmt: skip
"""Faults of processes and data."""
ELSEWHERE = ("faults.places.scenarios", "faults.wire.scenarios", "faults.clocks")
"""Modules with SCENARIOS of their own: disks, networks, clocks."""


def every() -> Sequence[Scenario]:
    """Return all scenarios."""
    found = [one for kind in KINDS for one in kind.SCENARIOS]
    for name in ELSEWHERE:
        if find_spec(name) is not None:
            found += getattr(import_module(name), "SCENARIOS", ())
    rigs = list(dict.fromkeys(one.rig.name for one in found))
    return sorted(found, key=lambda one: rigs.index(one.rig.name))
