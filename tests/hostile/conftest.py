"""The line of four tiers that the tests of the doors use, once more."""

from __future__ import annotations

from tests.doors.conftest import line, reached, running

__all__ = ["line", "reached", "running"]
