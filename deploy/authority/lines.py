"""Files of JSON lines that only grow; the directory's lock must be held to add."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deploy.authority.errors import FileUnusable

Line = Mapping[str, Any]


def read(path: Path) -> list[dict[str, Any]]:
    """Read all whole lines; none where there is no file.

    Raises:
        FileUnusable: a line is no JSON object.
    """
    if not path.exists():
        return []
    content = path.read_bytes()
    try:
        return [
            dict(json.loads(line)) for line in content[: _end(content)].splitlines()
        ]
    except (ValueError, TypeError) as wrong:
        raise FileUnusable(path, repr(wrong)) from wrong


def append(path: Path, lines: Iterable[Line]) -> None:
    """Add lines and wait until the disk has them.

    What a crash left of a last line was never answered for, and is cut off.
    """
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "r+b", buffering=0) as file:
        file.truncate(_end(file.read()))
        file.write(text.encode())
        os.fsync(file.fileno())


def _end(content: bytes) -> int:
    """Return where the last whole line ends."""
    return content.rfind(b"\n") + 1
