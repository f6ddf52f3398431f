"""The line that the demonstration runs on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clients.runtime import ClientError, Endpoints
from deploy.embedded.errors import DeploymentRefused
from deploy.embedded.line import Line, Options


class LineRefused(ClientError):
    """The servers cannot be run here."""


@contextmanager
def running_line(
    data: Path, root: str, options: Options | None = None
) -> Iterator[Endpoints]:
    """Start PostgreSQL, NATS and four services; stop all of it at the end.

    It blocks, and must: the servers end with the thread that started them, so
    that has to be the one that lives as long as the program.

    Raises:
        LineRefused: they did not start; the text says what to do.
    """
    line = Line(data, root=root, options=options)
    try:
        line.start()
    except DeploymentRefused as refused:
        raise LineRefused(str(refused)) from refused
    try:
        yield Endpoints.load(data)
    finally:
        line.stop()
