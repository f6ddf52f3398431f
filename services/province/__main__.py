"""The province: keeps divisions, calendar and catalogue, issues to all, sees it all."""

from __future__ import annotations

from services.province.calendar.capability import KEEPING as CALENDAR
from services.province.catalogue.capability import KEEPING as CATALOGUE
from tier.approval.capability import CAPABILITY as APPROVAL
from tier.assignment.capability import CAPABILITY as ASSIGNMENT
from tier.division.capability import KEEPING as DIVISION
from tier.inbox.capability import CAPABILITY as INBOX
from tier.indicator.capability import CAPABILITY as INDICATOR
from tier.jurisdiction import Level
from tier.petition.capability import CAPABILITY as PETITION
from tier.policy.capability import CAPABILITY as ACCESS
from tier.rectification.capability import CAPABILITY as RECTIFICATION
from tier.registry.capability import CAPABILITY as REGISTRY
from tier.relief.capability import CAPABILITY as RELIEF
from tier.reporting.capability import CAPABILITY as REPORTING
from tier.sealing.capability import CAPABILITY as SEALING
from tier.service import run
from tier.statistics.capability import CAPABILITY as STATISTICS
from tier.timeline.capability import CAPABILITY as TIMELINE
from tier.timing.capability import CAPABILITY as TIMING
from tier.urging.capability import CAPABILITY as URGING

CAPABILITIES = (
    DIVISION,
    CALENDAR,
    INBOX,
    CATALOGUE,
    REGISTRY,
    APPROVAL,
    INDICATOR,
    RELIEF,
    ASSIGNMENT,
    PETITION,
    RECTIFICATION,
    URGING,
    TIMING,
    TIMELINE,
    REPORTING,
    STATISTICS,
    ACCESS,
    SEALING,
)

if __name__ == "__main__":
    run(Level.PROVINCE, CAPABILITIES)
