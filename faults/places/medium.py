"""A disk in user space that can lose its power: `python -m faults.places.medium ...`.

It serves one file, `disk`, in a directory of its own through /dev/fuse; a loop device on
that file is a block device whose every write and every flush passes here, in order. It is
a process of its own because a process that writes to the disk must not be the one that
serves it.

It ends when its standard input says so: `cut SEED KEPT` cuts the power at the next flush
that is asked for, instead of it, and prints what was lost; an end of input stops without a
cut. Either way every later request meets EIO.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import json
import os
import random
import select
import sys
import time
from dataclasses import asdict
from pathlib import Path

from faults.places import requests
from faults.places.platter import Loss, Platter
from faults.places.requests import BUFFER_BYTES, UNANSWERED, Wish

READY = "ready"
MOMENT_SECONDS = 0.25
"""So long a cut waits for a flush to come: whoever flushes is in the midst of something."""
_TYPE = "fuse.ducha_faults"


def main() -> None:
    """Serve until told to cut, or until the input ends."""
    parser = argparse.ArgumentParser(prog="python -m faults.places.medium")
    parser.add_argument("--mount", type=Path, required=True, help="an empty directory")
    parser.add_argument("--safe", type=Path, required=True, help="image after a cut")
    parser.add_argument("--seen", type=Path, required=True, help="image as written")
    parser.add_argument("--lies", action="store_true", help="flush nothing (a control)")
    told = parser.parse_args()
    platter = Platter(told.safe, told.seen, lies=told.lies)
    device = os.open("/dev/fuse", os.O_RDWR)
    _mount(told.mount, device)
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    try:
        order = _serve(device, platter)
        if order:
            _until_a_flush(device, platter)
            _, seed, kept = order.split()
            loss = platter.cut(random.Random(int(seed)), float(kept))
            _tell(loss)
        _refuse_all(device)
    except OSError as gone:
        if gone.errno not in {errno.ENODEV, errno.ENOENT}:  # unmounted
            raise
    finally:
        platter.close()


def _serve(device: int, platter: Platter) -> str:
    """Serve requests until a line comes; return it, empty at the end of the input."""
    while True:
        ready, _, _ = select.select([device, sys.stdin], [], [])
        if sys.stdin in ready:
            return sys.stdin.readline()
        request = requests.read(os.read(device, BUFFER_BYTES))
        if request.wish not in UNANSWERED:
            _answer(device, _obey(request, platter))


def _until_a_flush(device: int, platter: Platter) -> None:
    """Go on until somebody wants a flush, or a moment has passed."""
    end = time.monotonic() + MOMENT_SECONDS
    while (left := end - time.monotonic()) > 0:
        ready, _, _ = select.select([device], [], [], left)
        if not ready:
            return
        request = requests.read(os.read(device, BUFFER_BYTES))
        if request.wish == Wish.FSYNC:
            _answer(device, requests.refuse(request, errno.EIO))
            return
        if request.wish not in UNANSWERED:
            _answer(device, _obey(request, platter))


def _refuse_all(device: int) -> None:
    """A disk without power answers nothing; EIO lets the kernel give up at once."""
    while True:
        request = requests.read(os.read(device, BUFFER_BYTES))
        if request.wish not in UNANSWERED:
            _answer(device, requests.refuse(request, errno.EIO))


def _obey(request: requests.Request, platter: Platter) -> bytes:
    match request.wish:
        case Wish.READ:
            return requests.answer(request, platter.read(*request.span))
        case Wish.WRITE:
            platter.write(request.span[0], request.data)
            return requests.written(request)
        case Wish.FSYNC:
            platter.flush()
            return requests.answer(request)
        case _:
            return requests.housekeeping(request, platter.size)


def _answer(device: int, message: bytes) -> None:
    try:
        os.write(device, message)
    except OSError as late:
        if late.errno != errno.ENOENT:  # whoever asked was killed meanwhile
            raise


def _tell(loss: Loss) -> None:
    sys.stdout.write(json.dumps(asdict(loss)) + "\n")
    sys.stdout.flush()


def _mount(where: Path, device: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,max_read=131072"
    done = libc.mount(
        b"ducha_faults", os.fsencode(where), _TYPE.encode(), 0, options.encode()
    )
    if done != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"mount {where}: {os.strerror(code)}")


if __name__ == "__main__":
    main()
