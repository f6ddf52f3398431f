"""What an operator sees of the links: marks, backlog, age, contact."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ducha.link.v1 import link_pb2 as pb
from tier.app import App
from tier.jurisdiction import Code
from tier.ledger import store as ledger_store
from tier.link import rules, store, wire
from tier.link.contact import Contacts
from tier.link.model import Mark
from tier.runtime import moments
from tier.runtime.db import Tx


@dataclass(frozen=True, slots=True)
class Line:
    """One neighbour: what it is owed, what it confirmed, what it sent."""

    neighbour: str
    head: Mark
    receipt: Mark
    applied: Mark
    oldest: datetime | None
    quarantined: int

    @property
    def backlog(self) -> int:
        """Return how many facts the neighbour has not confirmed."""
        return self.head.seq - rules.owed_after(self.receipt, self.head)


async def lines(tx: Tx) -> list[Line]:
    """Return how every link stands in the database."""
    heads = {
        lane.neighbour: Mark(lane.epoch, lane.before)
        for lane in await ledger_store.lanes(tx)
    }
    quarantined = await store.quarantine_counts(tx)
    found = []
    for name, (applied, receipt) in (await store.marks(tx)).items():
        done = rules.owed_after(receipt, heads[name])
        oldest = await ledger_store.oldest_unreceipted(tx, name, done)
        found.append(
            Line(name, heads[name], receipt, applied, oldest, quarantined.get(name, 0))
        )
    return found


async def links(app: App, contacts: Contacts) -> list[pb.LinkStatus]:
    """Describe both directions of every link."""
    async with app.db.reading() as tx:
        found = await lines(tx)
    hosts = {child.name: child.hosts for child in app.node.children}
    now = app.now()
    described = []
    for line in found:
        divisions = hosts.get(line.neighbour, app.node.hosts)
        described.append(_described(_sending(line, now), contacts, divisions))
        described.append(_described(_receiving(line, contacts), contacts, divisions))
    return described


def _sending(line: Line, now: datetime) -> pb.LinkStatus:
    return pb.LinkStatus(
        neighbour=line.neighbour,
        direction=pb.LinkStatus.DIRECTION_SENDING,
        head=wire.mark_to(line.head),
        receipt=wire.mark_to(line.receipt),
        backlog=line.backlog,
        oldest_age_seconds=(now - line.oldest).total_seconds() if line.oldest else 0.0,
    )


def _receiving(line: Line, contacts: Contacts) -> pb.LinkStatus:
    theirs = contacts[line.neighbour].head
    return pb.LinkStatus(
        neighbour=line.neighbour,
        direction=pb.LinkStatus.DIRECTION_RECEIVING,
        head=wire.mark_to(line.applied),
        receipt=wire.mark_to(theirs),
        backlog=max(0, theirs.seq - rules.owed_after(line.applied, theirs)),
        gap_count=contacts[line.neighbour].gaps,
        quarantine_count=line.quarantined,
    )


def _described(
    status: pb.LinkStatus,
    contacts: Contacts,
    divisions: tuple[Code, ...],
) -> pb.LinkStatus:
    """Add what both directions share."""
    heard = moments.stamp(contacts[status.neighbour].heard_at)
    if heard is not None:
        status.last_contact_time.CopyFrom(heard)
    status.in_contact = contacts.in_contact(status.neighbour)
    status.divisions.extend(divisions)
    return status
