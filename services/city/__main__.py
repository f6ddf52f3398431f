"""The city: takes items from the province, splits and issues its own, passes results up."""

from __future__ import annotations

from tier.assignment.capability import CAPABILITY as ASSIGNMENT
from tier.catalogue.capability import CAPABILITY as CATALOGUE
from tier.division.capability import CAPABILITY as DIVISION
from tier.jurisdiction import Level
from tier.registry.capability import CAPABILITY as REGISTRY
from tier.reporting.capability import CAPABILITY as REPORTING
from tier.service import run

CAPABILITIES = (DIVISION, CATALOGUE, REGISTRY, ASSIGNMENT, REPORTING)

if __name__ == "__main__":
    run(Level.CITY, CAPABILITIES)
