"""What the tests of telemetry share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.telemetry.receiver import Receiver, start_receiver
from tier.runtime import telemetry


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """One receiver for all tests; each looks at traces of its own."""
    running = start_receiver()
    yield running
    code = running.terminate()
    assert running.process.stderr is not None
    running.process.stderr.close()
    assert code == 0


@pytest.fixture
def export(receiver: Receiver) -> Iterator[Callable[..., None]]:
    """Start exporting as the county's node; stopped afterwards."""

    def start(*, rpc_ratio: float = 0.0) -> None:
        telemetry.start(
            service="ducha-county",
            tier="county",
            node="county-a",
            otlp_endpoint=receiver.endpoint,
            rpc_ratio=rpc_ratio,
        )

    yield start
    telemetry.stop()
