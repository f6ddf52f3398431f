"""PostgreSQL refuses to run as root; this lets root run it without an OS account.

First choice: a user namespace in which root is called nobody; no file changes
hands and nothing is opened to others. Where namespaces are forbidden (default
containers): the real user nobody, to whom the data directory is given, with the one
privilege of passing closed directories, since programs and data may lie under /root.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

from deploy.embedded.errors import DeploymentRefused

NOBODY = 65_534
_NAMESPACE = ("unshare", "-U", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
_STEP_DOWN = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
    "--",
)


def unprivileged(data: Path) -> tuple[str, ...]:
    """Return the prefix under which a program is not root, and fit `data` to it.

    Raises: DeploymentRefused when this machine offers neither way.
    """
    if os.geteuid() != 0:
        return ()
    if _works(_NAMESPACE):
        _give(data, 0)
        return _NAMESPACE
    if _works(_STEP_DOWN):
        _give(data, NOBODY)
        return _STEP_DOWN
    raise DeploymentRefused(
        "PostgreSQL does not run as root, and neither unshare nor setpriv works here.",
        remedy="Run as an ordinary user, or give DUCHA_*_DATABASE_URL of a server.",
    )


@functools.cache
def _works(prefix: tuple[str, ...]) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    done = subprocess.run(  # noqa: S603 - a constant command
        [*prefix, "true"], check=False, capture_output=True, timeout=10
    )
    return done.returncode == 0


def _give(directory: Path, owner: int) -> None:
    """Hand a tree to `owner`; root's own tree is looked at only at its top."""
    if owner == 0 and directory.stat().st_uid == owner:
        return
    for place, folders, files in os.walk(directory):
        for path in (Path(place, name) for name in (*folders, *files)):
            if path.lstat().st_uid != owner:
                os.chown(path, owner, owner, follow_symlinks=False)
    os.chown(directory, owner, owner)
