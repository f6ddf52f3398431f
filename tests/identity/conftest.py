"""A fresh site for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.identity.sites import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """One authority with a client program of Kunming."""
    made = Site(tmp_path)
    made.program("oa", "5301")
    return made
