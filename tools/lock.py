"""Write the two locks from requirements*.in: every file by its hash, no address.

Run with pip-tools at hand (`make lock`). Given `--upgrade`, takes the newest versions
that the *.in files allow; otherwise keeps what the locks say where that is allowed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEADER = "# Written by `make lock` from {sources}; do not edit.\n"
LOCKS = {
    "requirements.lock": ("requirements.in", "requirements-build.in"),
    "requirements-dev.lock": ("requirements-dev.in",),
}
OPTIONS = (
    "--quiet",
    "--generate-hashes",
    "--allow-unsafe",
    "--strip-extras",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
)


def lock(target: str, sources: tuple[str, ...], *more: str) -> None:
    """Write one lock.

    Raises:
        subprocess.CalledProcessError: the requirements contradict each other.
    """
    command = [sys.executable, "-m", "piptools", "compile", *OPTIONS, *more]
    subprocess.run([*command, "-o", target, *sources], cwd=ROOT, check=True)
    written = ROOT / target
    header = HEADER.format(sources=" and ".join(sources))
    text = written.read_text(encoding="utf-8")
    written.write_text(header + text, encoding="utf-8")


def main() -> None:
    """Write both; the second keeps to the versions of the first."""
    for target, sources in LOCKS.items():
        lock(target, sources, *sys.argv[1:])


if __name__ == "__main__":
    main()
