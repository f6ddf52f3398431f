"""The model of a disk that loses its power: flushed is safe, the rest is luck."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from faults.places.platter import SECTOR, Platter

OLD, NEW, NEWER = b"o" * SECTOR, b"n" * SECTOR, b"w" * SECTOR


@pytest.fixture
def images(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal images of four sectors."""
    paths = tmp_path / "safe", tmp_path / "seen"
    for path in paths:
        path.write_bytes(OLD * 4)
    return paths


def test_what_was_flushed_survives_and_the_rest_does_not(
    images: tuple[Path, Path],
) -> None:
    """With no luck at all."""
    platter = Platter(*images)
    platter.write(0, NEW)
    platter.flush()
    platter.write(SECTOR, NEW)
    seen = platter.read(SECTOR, SECTOR)
    loss = platter.cut(random.Random(1), kept=0.0)

    assert seen == NEW
    assert images[0].read_bytes() == NEW + OLD * 3
    assert (loss.flushes, loss.writes, loss.sectors_lost) == (1, 1, 1)


def test_a_lucky_disk_keeps_everything_in_order(images: tuple[Path, Path]) -> None:
    """The later of two writes to one place stands."""
    platter = Platter(*images)
    platter.write(0, NEW)
    platter.write(0, NEWER)
    loss = platter.cut(random.Random(1), kept=1.0)

    assert images[0].read_bytes() == NEWER + OLD * 3
    assert loss.sectors_lost == 0


def test_a_large_write_may_be_torn(images: tuple[Path, Path]) -> None:
    """Sector by sector; the same seed tears in the same way."""
    found = set()
    for seed in range(20):
        images[0].write_bytes(OLD * 4)
        platter = Platter(*images)
        platter.write(0, NEW * 4)
        platter.cut(random.Random(seed), kept=0.5)
        found.add(images[0].read_bytes())

    assert len(found) > 4
    assert all(set(one) <= set(OLD + NEW) for one in found)


def test_a_lying_disk_loses_what_it_said_it_flushed(images: tuple[Path, Path]) -> None:
    """The planted bug: whoever believes this disk must see it in the checks."""
    platter = Platter(*images, lies=True)
    platter.write(0, NEW)
    platter.flush()
    loss = platter.cut(random.Random(1), kept=0.0)

    assert images[0].read_bytes() == OLD * 4
    assert (loss.ignored, loss.sectors_lost) == (1, 1)
