"""Refuse proto changes that break callers: `gen/ducha.binpb` against what was before.

Compared with the image of the last commit, and of the last release (tag `v*`), as far
as they exist: a repository without either has no callers yet.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
IMAGE = "gen/ducha.binpb"
BUF = Path(sys.executable).parent / "buf"


def git(*arguments: str) -> bytes | None:
    """Return what git prints; nothing if it refuses."""
    done = subprocess.run(
        ["git", *arguments],  # noqa: S607 - whichever git made this clone
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else None


def baselines() -> dict[str, bytes]:
    """Return the images to compare with, by the name of their commit."""
    release = git("describe", "--tags", "--abbrev=0", "--match", "v*")
    names = ["HEAD", *([release.decode().strip()] if release else [])]
    images = {name: git("show", f"{name}:{IMAGE}") for name in names}
    return {name: image for name, image in images.items() if image is not None}


def breaks(before: Path) -> bool:
    """Whether buf finds a breaking change since `before`; it prints which."""
    command = [
        str(BUF),
        "breaking",
        IMAGE,
        "--against",
        str(before),
        "--config",
        "buf.yaml",
    ]
    return subprocess.run(command, cwd=ROOT, check=False).returncode != 0


def main() -> int:
    """Compare with each baseline; 1 if one is broken."""
    broken = 0
    for name, image in baselines().items():
        with tempfile.NamedTemporaryFile(suffix=".binpb") as before:
            before.write(image)
            before.flush()
            if breaks(Path(before.name)):
                print(f"... since {name}", flush=True)
                broken = 1
    return broken


if __name__ == "__main__":
    sys.exit(main())
