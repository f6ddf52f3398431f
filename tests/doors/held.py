"""What requests speak of."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from google.protobuf.message import Message

SPARES = (f"530302{number}" for number in itertools.count(100))
CODES = (f"spare.e{number}" for number in itertools.count(100))


@dataclass(frozen=True, slots=True)
class Held:
    """Two items, what is asked and answered for a month, and what nothing else needs."""

    direct: str = ""
    cascade: str = ""
    spare: str = field(default_factory=lambda: next(SPARES))
    period: str = "1989-12"
    data_request: str = ""
    conflict: str = ""
    workbook: bytes = b""
    notice: str = ""
    petition: str = ""
    point: str = ""
    reported_point: str = ""
    element: str = field(default_factory=lambda: next(CODES))
    """A code that the catalogue does not have yet."""


Make: TypeAlias = Callable[[Held], Message]
