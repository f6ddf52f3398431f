"""The township: receives and reports, for itself and its villages. It never issues."""

from __future__ import annotations

from services.township.collection.capability import CAPABILITY as COLLECTION
from tier.assignment.capability import CAPABILITY as ASSIGNMENT
from tier.catalogue.capability import CAPABILITY as CATALOGUE
from tier.division.capability import CAPABILITY as DIVISION
from tier.jurisdiction import Level
from tier.registry.capability import CAPABILITY as REGISTRY
from tier.reporting.capability import CAPABILITY as REPORTING
from tier.service import run

CAPABILITIES = (DIVISION, CATALOGUE, REGISTRY, COLLECTION, ASSIGNMENT, REPORTING)

if __name__ == "__main__":
    run(Level.TOWNSHIP, CAPABILITIES)
