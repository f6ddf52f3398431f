"""CPU and memory of processes, read from outside, so that measuring costs them nothing."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

DRIVER = "driver"
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
MIB_KB = 1024


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and all it started, ended ones included."""
    root = psutil.Process(pid)
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def reading(processes: Mapping[str, int]) -> dict[str, float]:
    """Return CPU seconds so far of each named process, and of this one as the driver."""
    own = psutil.Process().cpu_times()
    read = {name: cpu_seconds(pid) for name, pid in processes.items()}
    return {**read, DRIVER: own.user + own.system}


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return what each process spent between two readings."""
    return {name: after[name] - before[name] for name in before}


def peak_mib(pid: int) -> float:
    """Return the most memory the process ever had resident, in MiB."""
    found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) / MIB_KB if found else 0.0


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that `percent` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1]


def median(values: Sequence[float]) -> float:
    """Return the median; repetitions are few, so a mean would show one bad moment."""
    return statistics.median(values)
