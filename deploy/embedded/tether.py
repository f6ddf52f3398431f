"""Run a program that ends when its parent ends: `tether.py SIGNAL PARENT PROGRAM...`.

A supervisor that is killed cannot tell its children; the kernel can. It is a
program of its own because the wish is forgotten when a process changes its
user, so it must be made last, just before the server itself is executed.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Ask for `SIGNAL` on the parent's death, then become `PROGRAM`."""
    signal_number, parent = int(arguments[0]), int(arguments[1])
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit("the parent is gone")
    os.execvp(arguments[2], arguments[2:])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
