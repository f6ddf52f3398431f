"""The township: receives and reports, for itself and its villages. It never issues."""

from __future__ import annotations

from services.township.collection.capability import CAPABILITY as COLLECTION
from tier.approval.capability import CAPABILITY as APPROVAL
from tier.assignment.capability import CAPABILITY as ASSIGNMENT
from tier.catalogue.capability import CAPABILITY as CATALOGUE
from tier.division.capability import CAPABILITY as DIVISION
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
    COLLECTION,
    ASSIGNMENT,
    REPORTING,
    ACCESS,
    SEALING,
)

if __name__ == "__main__":
    run(Level.TOWNSHIP, CAPABILITIES)
