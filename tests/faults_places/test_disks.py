"""Disks that this machine really makes: one loses its power, one is full."""

from __future__ import annotations

import errno
import os
from functools import partial
from pathlib import Path

import pytest

from faults.places import alone
from faults.places.disk import PowerDisk, SmallDisk, needs, run
from faults.places.subjects import NatsAlone, PostgresAlone

LACKS = needs()
pytestmark = (
    pytest.mark.skipif(  # house: proofs - not every machine lends this; it says why
        bool(LACKS), reason=LACKS or "it can"
    )
)
MARK = b"acknowledged" * 400


def synced(path: Path, content: bytes) -> None:
    """Write and wait until it is on the disk, name and all."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def test_a_power_cut_takes_what_was_not_synced_and_nothing_else(tmp_path: Path) -> None:
    """Three cuts on end: what was synced once stays for good."""
    disk = PowerDisk(tmp_path, tmp_path / "place", 64)
    disk.open()
    try:
        for turn in range(3):
            synced(disk.place / f"synced{turn}", MARK)
            (disk.place / f"written{turn}").write_bytes(MARK)
            disk.cut(turn, kept=0.0)
            disk.restore()
        held = {path.name: path.read_bytes() for path in disk.place.glob("*[0-9]")}
    finally:
        disk.close()

    assert [held.get(f"synced{turn}") for turn in range(3)] == [MARK] * 3
    assert all(held.get(f"written{turn}", b"") == b"" for turn in range(3))


def test_a_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """No mount, no loop device: also after a cut that nobody healed."""
    power = PowerDisk(tmp_path / "power", tmp_path / "a", 64)
    small = SmallDisk(tmp_path / "small.img", tmp_path / "b", 8)
    power.open()
    small.open()
    power.cut(1)
    power.close()
    small.close()
    mounts = Path("/proc/mounts").read_text()
    loops = run(["losetup", "--list", "--noheadings", "--output", "BACK-FILE"])

    assert str(tmp_path) not in mounts
    assert str(tmp_path) not in loops


def test_a_full_disk_refuses_and_takes_again_when_relieved(tmp_path: Path) -> None:
    """To the last byte."""
    disk = SmallDisk(tmp_path / "small.img", tmp_path / "place", 8)
    disk.open()
    try:
        filled = disk.fill()
        with pytest.raises(OSError, match="No space left") as refused:
            synced(disk.place / "more", MARK)
        left = disk.free
        disk.relieve()
        synced(disk.place / "more", MARK)
        held = (disk.place / "more").read_bytes()
    finally:
        disk.close()

    assert refused.value.errno == errno.ENOSPC
    assert filled > 0
    assert left == 0
    assert held == MARK


async def test_postgresql_keeps_what_it_acknowledged_and_without_fsync_does_not(
    tmp_path: Path,
) -> None:
    """The control shows that the cut bites."""
    (tmp_path / "on").mkdir()
    (tmp_path / "off").mkdir()
    kept = await alone.cuts(PostgresAlone, tmp_path / "on", 2, seed=1)
    control = partial(PostgresAlone, fsync=False)
    without = await alone.cuts(control, tmp_path / "off", 1, seed=1)

    assert kept.acknowledged > 0
    assert (kept.lost, kept.made_up) == (0, 0)
    assert without.lost > 0


async def test_nats_keeps_what_it_acknowledged_and_by_default_does_not(
    tmp_path: Path,
) -> None:
    """`sync_interval: always` is what `deploy/` writes."""
    (tmp_path / "always").mkdir()
    (tmp_path / "default").mkdir()
    kept = await alone.cuts(NatsAlone, tmp_path / "always", 2, seed=1)
    control = partial(NatsAlone, sync="2m")
    without = await alone.cuts(control, tmp_path / "default", 1, seed=1)

    assert kept.acknowledged > 0
    assert (kept.lost, kept.made_up) == (0, 0)
    assert without.lost > 0
