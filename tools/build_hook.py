"""Tell hatchling what a wheel needs: the lines of requirements.in, and no second list."""

from __future__ import annotations

from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface


def requirements(text: str) -> list[str]:
    """Return the requirements in a file's text, without comments."""
    lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


class RequirementsHook(MetadataHookInterface):
    """Read by hatchling for `dynamic = ["dependencies"]`."""

    def update(self, metadata: dict[str, object]) -> None:
        """Fill in the dependencies."""
        source = Path(self.root) / "requirements.in"
        metadata["dependencies"] = requirements(source.read_text(encoding="utf-8"))
