"""The little of the FUSE protocol that one file needs: read requests, write answers. Pure.

The kernel asks in fixed C structures (`include/uapi/linux/fuse.h`); this reads and writes
those that a loop device on a single file leads to. No library is needed.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

FILE_NAME: Final = "disk"
ROOT: Final = 1
FILE: Final = 2
MAX_WRITE: Final = 128 * 1024
BUFFER_BYTES: Final = MAX_WRITE + 4096
"""What a read of the device must offer: the largest request there is."""
FOREVER: Final = 3600
"""Seconds for which the kernel may believe a name and its size: nothing changes them."""
BLOCK: Final = 4096
MAJOR: Final = 7
MINOR: Final = 31
BIG_WRITES: Final = 1 << 5
MAX_PAGES: Final = 1 << 22

_HEAD = struct.Struct("<IIQQIII4x")
_REPLY = struct.Struct("<IiQ")
_ATTRIBUTES = struct.Struct("<QQQQQQIIIIIIIIII")
_SPAN = struct.Struct("<QQI")
_INIT = struct.Struct("<IIIIHHIIHH28x")
_OPENED = struct.Struct("<QII")
_ENTRY = struct.Struct("<QQQQII")
_STATFS = struct.Struct("<QQQQQIIII24x")


class Wish(IntEnum):
    """What the kernel may ask; whatever is not here is answered with ENOSYS."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    FLUSH = 25
    INIT = 26
    OPENDIR = 27
    RELEASEDIR = 29
    INTERRUPT = 36
    BATCH_FORGET = 42


UNANSWERED: Final = frozenset({Wish.FORGET, Wish.INTERRUPT, Wish.BATCH_FORGET})
"""The kernel waits for no answer to these."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing the kernel wants; `number` names it in the answer."""

    wish: int
    number: int
    node: int
    body: bytes

    @property
    def span(self) -> tuple[int, int]:
        """Return (offset, bytes) of a read or a write."""
        _, offset, size = _SPAN.unpack_from(self.body)
        return offset, size

    @property
    def data(self) -> bytes:
        """Return what a write brings."""
        _, size = self.span
        return self.body[40 : 40 + size]


def read(raw: bytes) -> Request:
    """Return the request in a message of the kernel."""
    length, wish, number, node, *_ = _HEAD.unpack_from(raw)
    return Request(wish, number, node, raw[_HEAD.size : length])


def answer(request: Request, body: bytes = b"") -> bytes:
    """Return the message that grants a request."""
    return _REPLY.pack(_REPLY.size + len(body), 0, request.number) + body


def refuse(request: Request, error: int) -> bytes:
    """Return the message that refuses a request with an errno."""
    return _REPLY.pack(_REPLY.size, -error, request.number)


def housekeeping(request: Request, size: int) -> bytes:
    """Answer everything that is not about the file's content; the file has `size` bytes."""
    if request.wish == Wish.LOOKUP and request.body.rstrip(b"\0") != FILE_NAME.encode():
        return refuse(request, errno.ENOENT)
    body = _told(request, size)
    return refuse(request, errno.ENOSYS) if body is None else answer(request, body)


def _told(request: Request, size: int) -> bytes | None:
    """Return what the kernel is told; None where we cannot help."""
    body: bytes | None = None
    match request.wish:
        case Wish.INIT:
            numbers = (MAX_WRITE, BIG_WRITES | MAX_PAGES, 16, 12, MAX_WRITE, 1)
            body = _INIT.pack(MAJOR, MINOR, *numbers, MAX_WRITE // BLOCK, 0)
        case Wish.LOOKUP:
            entry = _ENTRY.pack(FILE, 0, FOREVER, FOREVER, 0, 0)
            body = entry + _attributes(FILE, size)
        case Wish.GETATTR | Wish.SETATTR:
            body = _OPENED.pack(FOREVER, 0, 0) + _attributes(request.node, size)
        case Wish.OPEN | Wish.OPENDIR:
            body = _OPENED.pack(1, 0, 0)
        case Wish.RELEASE | Wish.RELEASEDIR | Wish.FLUSH:
            body = b""
        case Wish.STATFS:
            blocks = size // BLOCK
            body = _STATFS.pack(blocks, blocks, blocks, 2, 1, BLOCK, 255, BLOCK, 0)
    return body


def written(request: Request) -> bytes:
    """Answer a write: all of it was taken."""
    return answer(request, struct.pack("<II", request.span[1], 0))


def _attributes(node: int, size: int) -> bytes:
    mode, length, links = (0o40700, 0, 2) if node == ROOT else (0o100600, size, 1)
    numbers = (node, length, length // 512, 0, 0, 0, 0, 0, 0, mode, links)
    return _ATTRIBUTES.pack(*numbers, 0, 0, 0, BLOCK, 0)
