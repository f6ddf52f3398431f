"""The province: keeps divisions and the catalogue, issues to the whole province, sees it all."""

from __future__ import annotations

from services.province.catalogue.capability import KEEPING as CATALOGUE
from tier.assignment.capability import CAPABILITY as ASSIGNMENT
from tier.division.capability import KEEPING as DIVISION
from tier.jurisdiction import Level
from tier.reporting.capability import CAPABILITY as REPORTING
from tier.service import run

CAPABILITIES = (DIVISION, CATALOGUE, ASSIGNMENT, REPORTING)

if __name__ == "__main__":
    run(Level.PROVINCE, CAPABILITIES)
