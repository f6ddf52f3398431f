"""What `ducha ca` and `ducha token` share: the directory, and how a refusal is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import grpc

from clients.cli.session import Session
from clients.runtime.credentials import IDENTITY
from clients.runtime.endpoints import default_data
from clients.runtime.errors import Answer, Refused
from deploy.authority.errors import AuthorityRefused
from deploy.authority.store import Store


@contextmanager
def store_of(session: Session) -> Iterator[Store]:
    """Give the authority of the data directory; what it refuses is told like any refusal.

    Raises:
        Refused: with the reason, in both languages.
    """
    data = (session.choices.data or default_data()).resolve()
    try:
        yield Store(data / IDENTITY)
    except AuthorityRefused as refused:
        code = grpc.StatusCode.FAILED_PRECONDITION
        raise Refused(
            Answer(code, refused.reason, refused.english, refused.chinese)
        ) from refused
    except PermissionError as denied:
        code = grpc.StatusCode.PERMISSION_DENIED
        name = denied.filename or data
        raise Refused(
            Answer(
                code,
                "NOT_OWNER",
                f"{name} belongs to somebody else. Run this as the owner of {data}.",
                f"{name} 属于其他用户。请以 {data} 的所有者身份运行。",
            )
        ) from denied


def moment(when: datetime | None) -> str:
    """Return a moment in local time to the minute; empty where there is none."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M") if when else ""
