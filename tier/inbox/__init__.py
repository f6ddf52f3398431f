"""The inbox: what the units of a node are told."""

from __future__ import annotations

from tier.inbox.actions import deliver
from tier.inbox.model import Kind, Notice
from tier.inbox.rules import notice_id

__all__ = ["Kind", "Notice", "deliver", "notice_id"]
