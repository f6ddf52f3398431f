"""What units are told of petitions."""

from __future__ import annotations

from collections.abc import Iterable

from tier import inbox
from tier.app import App
from tier.inbox import Notice
from tier.petition.model import Petition
from tier.runtime.db import Tx


async def filed(app: App, tx: Tx, petitions: Iterable[Petition]) -> None:
    """Tell those who decide that a petition waits for them."""
    told = [
        Notice(
            one.decider,
            inbox.Kind.PETITION_FILED,
            one.key.item_id,
            one.filed_at,
            0,
            one.petition_id,
            _details(one),
        )
        for one in petitions
    ]
    await inbox.deliver(app, tx, told)


async def decided(app: App, tx: Tx, petitions: Iterable[Petition]) -> None:
    """Tell those who asked what was decided."""
    told = []
    for one in petitions:
        decision = one.decision
        if decision is None:
            continue
        details = _details(one) | {
            "outcome": decision.outcome.name.lower(),
            "reason": decision.reason,
            "days": str(decision.days or ""),
            "deadline": decision.deadline.isoformat() if decision.deadline else "",
            "to_division": decision.transfer_to,
            "rule": decision.rule,
            "by_division": one.decider,
        }
        told.append(
            Notice(
                one.key.division,
                inbox.Kind.PETITION_DECIDED,
                one.key.item_id,
                decision.at,
                0,
                one.petition_id,
                {key: value for key, value in details.items() if value},
            )
        )
    await inbox.deliver(app, tx, told)


def _details(one: Petition) -> dict[str, str]:
    details = {
        "petition_id": str(one.petition_id),
        "petition": one.kind.name.lower(),
        "by_division": one.key.division,
        "reason": one.reason,
        "days": str(one.days or ""),
        "to_division": one.transfer_to,
    }
    return {key: value for key, value in details.items() if value}
