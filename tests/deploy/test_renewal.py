"""Certificates of a site that runs for months are renewed without being asked."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from deploy.authority.errors import NoAuthority
from deploy.embedded import renewal
from deploy.embedded.renewal import Renewal


@pytest.fixture(autouse=True)
def short_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "PAUSE_SECONDS", 0.01)


def test_it_asks_again_and_again_until_it_is_stopped() -> None:
    asked = threading.Semaphore(0)
    running = Renewal(asked.release, lambda _: None)
    running.start()
    assert all(asked.acquire(timeout=10) for _ in range(3))
    running.stop()
    assert not running._thread.is_alive()  # noqa: SLF001 - that it ended is the promise


def test_what_cannot_be_renewed_is_told_and_tried_again(tmp_path: Path) -> None:
    told: list[str] = []
    again = threading.Event()

    def refuse() -> None:
        if told:
            again.set()
        raise NoAuthority(tmp_path)

    running = Renewal(refuse, told.append)
    running.start()
    assert again.wait(10)
    running.stop()
    assert str(tmp_path) in told[0]
