"""The province: keeps divisions and the catalogue, issues to the whole province, sees it all."""

from __future__ import annotations

from services.province.catalogue.capability import KEEPING as CATALOGUE
from tier.approval.capability import CAPABILITY as APPROVAL
from tier.assignment.capability import CAPABILITY as ASSIGNMENT
from tier.division.capability import KEEPING as DIVISION
from tier.indicator.capability import CAPABILITY as INDICATOR
from tier.jurisdiction import Level
from tier.policy.capability import CAPABILITY as ACCESS
from tier.registry.capability import CAPABILITY as REGISTRY
from tier.relief.capability import CAPABILITY as RELIEF
from tier.reporting.capability import CAPABILITY as REPORTING
from tier.sealing.capability import CAPABILITY as SEALING
from tier.service import run

CAPABILITIES = (
    DIVISION,
    CATALOGUE,
    REGISTRY,
    APPROVAL,
    INDICATOR,
    RELIEF,
    ASSIGNMENT,
    REPORTING,
    ACCESS,
    SEALING,
)

if __name__ == "__main__":
    run(Level.PROVINCE, CAPABILITIES)
