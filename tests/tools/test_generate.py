"""Generating is repeatable, and its check sees every kind of difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.generate import GENERATED, differences, generate, replace


def tree(folder: Path, files: dict[str, str]) -> Path:
    """Write files below a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_generated_code_is_what_the_protos_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs nothing on PATH: the plugins stand beside the interpreter."""
    monkeypatch.setenv("PATH", "/nonexistent")
    generate(tmp_path)

    assert differences(tmp_path, GENERATED) == []


def test_changed_added_and_removed_files_differ(tmp_path: Path) -> None:
    """Caches of the interpreter do not."""
    fresh = tree(tmp_path / "fresh", {"same": "1", "changed": "1", "a/added": "1"})
    kept = tree(
        tmp_path / "kept",
        {"same": "1", "changed": "2", "b/removed": "1", "__pycache__/x": "1"},
    )

    assert differences(fresh, kept) == ["a/added", "b/removed", "changed"]


def test_replacing_leaves_no_difference(tmp_path: Path) -> None:
    """What is the same is not touched: readers of other files see no gap."""
    fresh = tree(tmp_path / "fresh", {"same": "1", "changed": "1", "a/added": "1"})
    kept = tree(tmp_path / "kept", {"same": "1", "changed": "2", "b/removed": "1"})
    before = (kept / "same").stat().st_mtime_ns
    replace(fresh, kept, differences(fresh, kept))

    assert differences(fresh, kept) == []
    assert (kept / "same").stat().st_mtime_ns == before
