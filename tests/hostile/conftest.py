"""The line of four tiers that the tests of the doors use, once more, and the way to its wire."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clients.runtime.credentials import Credentials
from tests.doors.conftest import line, reached, running
from tests.hostile import raw
from tests.hostile.raw import Target

__all__ = ["line", "reached", "running", "wire"]


@pytest.fixture(scope="session")
def wire(running: Path) -> Target:
    """Where the province listens, and what an officer's program shows it."""
    told = json.loads((running / "endpoints.json").read_text())
    host, port = told["tiers"]["province"][0]["grpc"].rsplit(":", 1)
    own = running / "identity"
    kept = own / "clients" / "console"
    bearer = Credentials.load(running).bearer
    assert bearer is not None
    context = raw.tls(own / "ca.crt", kept / "tls.crt", kept / "tls.key")
    return Target(host, int(port), context, bearer.token(None))
