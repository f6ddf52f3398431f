"""Calls being worked together, from the requests to what they leave behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ducha.collection.v1 import collection_pb2 as nouns
from services.township.collection.model import Given, Histories
from services.township.collection.rules import Draft
from tier.app import App
from tier.catalogue import Catalogue
from tier.identity import current
from tier.jurisdiction import Code
from tier.ledger import Entry
from tier.registry import Desk, Key, Sheet
from tier.runtime.requests import Request


@dataclass(frozen=True, slots=True)
class Filing:
    """One call: answers of one actor."""

    request: Request
    actor: str
    answers: Sequence[nouns.Answer]
    principal: str = field(default_factory=current.principal)


@dataclass(slots=True)
class Batch:
    """Calls worked together: what is loaded, what they change, what they leave behind."""

    app: App
    now: datetime
    catalogue: Catalogue
    desk: Desk
    standing: set[Code]
    locked: Mapping[Key, str]
    histories: dict[Code, Histories]
    before: Mapping[Key, Sheet]
    remembered: dict[Code, Histories] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    recorded: int = 0
    answers: list[tuple[Request, bytes]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Drafted:
    """An answer that can be taken, and what it brings."""

    given: Given
    draft: Draft
