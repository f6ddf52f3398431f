"""Where the running system is: the one option of every example."""

from __future__ import annotations

import argparse
from pathlib import Path

from clients.runtime import Endpoints


def endpoints(description: str) -> Endpoints:
    """Read `--data DIR` and return the nodes of the system that `ducha up` runs there."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, default=None, help="of `ducha up`")
    return Endpoints.load(parser.parse_args().data)
