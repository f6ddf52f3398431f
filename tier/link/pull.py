"""One continuous pull from a stream: what was asked for, what came, when to ask again."""

from __future__ import annotations

import asyncio
import json
from typing import Protocol

PULL_MESSAGES = 64
PULL_BYTES = 16 * 1024 * 1024
PULL_SECONDS = 30.0
HEARTBEAT_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 2.0
