"""Disks for a fault: one that can lose its power, and one that is small.

Both are an ext4 file system on a loop device, mounted where a part of the system keeps its
data. Whatever happens, `close` leaves no mount, no loop device and no process behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from faults.places.medium import READY
from faults.places.platter import SECTOR, Loss

MEGABYTE: Final = 1024 * 1024
COMMAND_SECONDS: Final = 60.0
UNMOUNT_SECONDS: Final = 10.0
PROJECT: Final = Path(__file__).parents[2]
# Everything is laid out at once: nothing is written later that the fault did not cause.
MAKE: Final = (
    "mkfs.ext4",
    "-q",
    "-m",
    "0",
    "-E",
    "lazy_itable_init=0,lazy_journal_init=0",
)


class PlaceRefused(Exception):
    """This machine would not make the disk."""


def needs(*, power: bool = True) -> str:
    """Say why disks cannot be made here; empty when they can. `power`: with a cut, too."""
    if os.geteuid() != 0:
        return "loop devices and mounts need root"
    for program in ("losetup", "mkfs.ext4", "mount", "umount"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if not Path("/dev/loop-control").exists():
        return "this kernel has no loop devices"
    if power and not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "this kernel has no /dev/fuse"
    return ""


class SmallDisk:
    """A file system of a few megabytes, mounted at a place of its own."""

    def __init__(self, image: Path, place: Path, megabytes: int) -> None:
        """Prepare an image of `megabytes`, to be mounted at `place`."""
        self.place = place
        self._image = image
        self._bytes = megabytes * MEGABYTE
        self._stack = contextlib.ExitStack()

    def open(self) -> None:
        """Make the file system and mount it. Raises: PlaceRefused."""
        _sparse(self._image, self._bytes)
        self._stack.callback(self._image.unlink)
        with self._undo():
            device = self._stack.enter_context(_looped(self._image))
            run([*MAKE, device])
            self._stack.enter_context(_mounted(device, self.place))

    @property
    def free(self) -> int:
        """Bytes that are left."""
        told = os.statvfs(self.place)
        return told.f_bavail * told.f_frsize

    def fill(self, leave: int = 0) -> int:
        """Fill it up with a file `ballast` but for `leave` bytes; return its size."""
        ballast = self.place / "ballast"
        with ballast.open("wb") as file, contextlib.suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, max(self.free - leave, 1))
        with ballast.open("ab") as file, contextlib.suppress(OSError):
            while self.free > leave:
                file.write(b"\0" * min(4096, self.free - leave))
                file.flush()
        return ballast.stat().st_size

    def relieve(self) -> None:
        """Give the space back."""
        (self.place / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount and remove the image."""
        self._stack.close()

    @contextmanager
    def _undo(self) -> Iterator[None]:
        """Take back what was done so far if the rest fails."""
        try:
            yield
        except BaseException:
            self._stack.close()
            raise


class PowerDisk:
    """A file system on a disk whose power can be cut, and given back."""

    def __init__(
        self, work: Path, place: Path, megabytes: int = 1024, *, lies: bool = False
    ) -> None:
        """Keep the images in `work`, mount at `place`; `lies`: flush nothing."""
        self.place = place
        self._safe = work / "safe.img"
        self._seen = work / "seen.img"
        self._fuse = work / "medium"
        self._bytes = megabytes * MEGABYTE
        self._lies = lies
        self._stack = contextlib.ExitStack()
        self._medium: subprocess.Popen[str] | None = None

    def open(self) -> None:
        """Make the file system and mount it. Raises: PlaceRefused."""
        self._fuse.mkdir(parents=True, exist_ok=True)
        _sparse(self._safe, self._bytes)
        self._start(make=True)

    def cut(self, seed: int, kept: float = 0.5) -> Loss:
        """Cut the power: what no flush made safe is gone, but for `kept` of its sectors.

        From this moment whoever works there meets EIO, so that nothing more becomes safe;
        kill all of them, as the same cut would, before `restore`.
        """
        medium, self._medium = self._medium, None
        if medium is None or medium.stdin is None or medium.stdout is None:
            raise PlaceRefused("the disk has no power")
        medium.stdin.write(f"cut {seed} {kept}\n")
        medium.stdin.flush()
        return Loss(**json.loads(medium.stdout.readline()))

    def restore(self) -> None:
        """Give the power back: mount what the cut left. Raises: PlaceRefused.

        Whoever still has a file open there ends first, as at the cut of a machine.
        """
        evict(self.place)
        self._release()
        self._start(make=False)

    def settle(self) -> None:
        """Make everything safe that was written so far, as `sync` does."""
        run(["sync", "-f", str(self.place)])

    def close(self) -> None:
        """Unmount, and remove the images; whoever still works there ends."""
        evict(self.place)
        self._release()
        for image in (self._safe, self._seen):
            image.unlink(missing_ok=True)

    def _start(self, *, make: bool) -> None:
        # The same bytes twice: as they are safe, and as whoever works there sees them.
        run(["cp", "--sparse=always", str(self._safe), str(self._seen)])
        try:
            self._medium = self._stack.enter_context(self._served())
            device = self._stack.enter_context(_looped(self._fuse / "disk"))
            if make:
                run([*MAKE, device])
            self._stack.enter_context(_mounted(device, self.place))
        except BaseException:
            self._release()
            raise

    @contextmanager
    def _served(self) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "faults.places.medium", "--mount"]
        command += [str(self._fuse), "--safe", str(self._safe)]
        command += ["--seen", str(self._seen), *(["--lies"] if self._lies else [])]
        medium = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
            start_new_session=True,  # an interrupt is for us, not for the disk
        )
        try:
            told = medium.stdout.readline().strip() if medium.stdout else ""
            if told != READY:
                raise PlaceRefused("the user-space disk did not start")
            yield medium
        finally:
            if medium.stdin is not None:
                medium.stdin.close()
            _quietly("umount", "-l", self._fuse)
            _end(medium)
            if medium.stdout is not None:
                medium.stdout.close()

    def _release(self) -> None:
        """Unmount everything and end the disk's process."""
        self._medium = None
        self._stack.close()


def evict(place: Path) -> int:
    """Kill every other process with a file open below `place`; return how many.

    The children of a killed PostgreSQL may wait for each other for ever: nobody wakes
    one whose neighbour died holding a lock.
    """
    killed = 0
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) != os.getpid() and _works_in(process, place):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGKILL)
                killed += 1
    return killed


def _works_in(process: Path, place: Path) -> bool:
    links = [process / "cwd", *(process / "fd").glob("*")] if process.exists() else []
    for link in links:
        with contextlib.suppress(OSError):
            if link.readlink().is_relative_to(place):
                return True
    return False


def run(command: Sequence[str]) -> str:
    """Run a program of the system; return what it prints. Raises: PlaceRefused."""
    done = subprocess.run(
        list(command),
        check=False,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )
    if done.returncode != 0:
        raise PlaceRefused(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


def _quietly(*command: str | Path) -> bool:
    """Run a program that may find nothing to do; return whether it did it."""
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    return done.returncode == 0


def _sparse(image: Path, size: int) -> None:
    image.parent.mkdir(parents=True, exist_ok=True)
    with image.open("wb") as file:
        file.truncate(size)


@contextmanager
def _looped(image: Path) -> Iterator[str]:
    device = run(
        ["losetup", "--find", "--show", "--sector-size", str(SECTOR), str(image)]
    )
    try:
        yield device
    finally:
        _quietly("losetup", "-d", device)


@contextmanager
def _mounted(device: str, place: Path) -> Iterator[None]:
    place.mkdir(parents=True, exist_ok=True)
    run(["mount", "-o", "noatime", device, str(place)])
    try:
        yield
    finally:
        _unmount(place)


def _unmount(place: Path) -> None:
    """Unmount; whoever still works there is waited for, then left behind."""
    end = time.monotonic() + UNMOUNT_SECONDS
    while time.monotonic() < end:
        if _quietly("umount", place):
            return
        time.sleep(0.1)
    _quietly("umount", "-l", place)


def _end(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
