"""What is installed is named by its hash, and by nothing of this machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tools.build_hook import requirements

ROOT = Path(__file__).parent.parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")


def pinned(lock: str) -> dict[str, str]:
    """Return version by name."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+) \\$", text, re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_every_file_by_its_hash_and_no_address(lock: str) -> None:
    """Wherever it is installed from, it is the same files."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[a-z0-9.-]+==)", text)[1:]

    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)
    assert re.search(r"://|--index-url|--find-links|--trusted-host", text) is None


def test_locks_agree_where_both_name_a_package() -> None:
    """Tests run on what runs."""
    run, dev = (pinned(lock) for lock in LOCKS)

    assert run
    assert run.items() <= dev.items()


@pytest.mark.parametrize(
    ("source", "lock"),
    [
        ("requirements.in", LOCKS[0]),
        ("requirements-build.in", LOCKS[0]),
        ("requirements-dev.in", LOCKS[1]),
    ],
)
def test_every_requirement_is_locked(source: str, lock: str) -> None:
    """Whoever adds a line runs `make lock` too."""
    lines = requirements((ROOT / source).read_text(encoding="utf-8"))
    names = {re.split(r"[=<>~!\[; ]", line)[0] for line in lines if line[0] != "-"}

    assert names
    assert names <= pinned(lock).keys()


def test_requirements_are_read_without_comments() -> None:
    """The wheel is told names and versions only."""
    assert requirements("# why\nrich\n\ngrpcio==1.85.*  # door\n") == [
        "rich",
        "grpcio==1.85.*",
    ]


def test_builder_of_the_project_is_in_the_lock() -> None:
    """An editable install without isolation finds it installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert set(project["build-system"]["requires"]) <= pinned(LOCKS[0]).keys()
