"""The electronic ledger: every fact a node recorded, in the order of commits."""

from __future__ import annotations

from tier.ledger.actions import append
from tier.ledger.facts import Author, keep, record
from tier.ledger.feed import Feed
from tier.ledger.model import Committed, Entry

__all__ = ["Author", "Committed", "Entry", "Feed", "append", "keep", "record"]
