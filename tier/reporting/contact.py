"""Which divisions are out of contact: every aggregate says so (law 13)."""

from __future__ import annotations

from ducha.reporting.v1 import reporting_pb2
from tier.app import App
from tier.jurisdiction import Code, overlap
from tier.runtime import moments
from tier.runtime.area import narrowed


def out_of_contact(app: App, within: str) -> list[reporting_pb2.OutOfContact]:
    """Return the silent child nodes whose divisions counts within an area may cover."""
    seen = narrowed(within)
    if seen is None:
        return []
    hosts = {child.name: child.hosts for child in app.node.children}
    return [
        reporting_pb2.OutOfContact(
            node=name,
            divisions=hosts[name],
            last_contact_time=moments.stamp(heard),
        )
        for name, heard in app.silent()
        if any(overlap(host, Code(seen)) for host in hosts[name])
    ]
