"""Checks of this machine: Python, programs, the data directory, processes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from clients.cli.findings import Finding, failure, ok, warning
from deploy.embedded import nats, postgres_build
from deploy.embedded.errors import BinaryMissing

MINIMUM_PYTHON = (3, 11)
LOW_SPACE_BYTES = 2 * 1024**3
NO_SPACE_BYTES = 200 * 1024**2
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def python() -> Finding:
    """Check the version of Python."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= MINIMUM_PYTHON:
        return ok("python", f"Python {version}", f"Python {version}")
    return failure(
        "python",
        (f"Python {version} is too old", f"Python {version} 版本过低"),
        ("Install Python 3.11 or later.", "请安装 Python 3.11 或更高版本。"),
    )


def programs() -> Iterator[Finding]:
    """Check that the embedded servers are installed."""
    wanted: Mapping[str, Callable[[], Path]] = {
        "postgres": lambda: postgres_build.binary("postgres"),
        "nats-server": nats.binary,
    }
    for name, find in wanted.items():
        try:
            path = find()
        except BinaryMissing as missing:
            yield warning(
                f"program {name}",
                (f"{name} is not installed", f"未安装 {name}"),
                (
                    f"{missing.remedy} Not needed where DUCHA_* gives servers.",
                    f"{missing.remedy} 若用 DUCHA_* 指定外部服务则不需要。",
                ),
            )
        else:
            yield ok(f"program {name}", str(path), str(path))


def directory(data: Path) -> Iterator[Finding]:
    """Check who can read the data directory, and how much room there is."""
    if not data.exists():
        yield failure(
            "data",
            (f"{data} does not exist", f"{data} 不存在"),
            (
                f"Start with `ducha up --data {data}`.",
                f"请运行 `ducha up --data {data}`。",
            ),
        )
        return
    mode = stat.S_IMODE(data.stat().st_mode)
    if mode & OTHERS:
        yield warning(
            "data",
            (f"{data} can be entered by others", f"{data} 可被其他用户访问"),
            (f"Run `chmod 700 {data}`.", f"请运行 `chmod 700 {data}`。"),
        )
    else:
        yield ok("data", f"{data} is private", f"{data} 权限正确")
    yield _space(data)


def _space(data: Path) -> Finding:
    free = shutil.disk_usage(data).free
    text = (f"{free / 1024**3:.1f} GB free", f"剩余空间 {free / 1024**3:.1f} GB")
    fix = (
        "Free some space: a full disk stops PostgreSQL and freezes NATS until a restart.",
        "请清理磁盘：磁盘写满会使 PostgreSQL 停止、NATS 冻结直至重启。",
    )
    if free < NO_SPACE_BYTES:
        return failure("space", text, fix)
    return warning("space", text, fix) if free < LOW_SPACE_BYTES else ok("space", *text)


def endpoints_file(data: Path) -> tuple[Finding, dict[str, Any]]:
    """Check `endpoints.json`; return it too, empty when it is of no use."""
    path = data / "endpoints.json"
    start = (f"Run `ducha up --data {data}`.", f"请运行 `ducha up --data {data}`。")
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        what = (f"{path} is missing: nothing runs here", f"缺少 {path}：系统未启动")
        return failure("endpoints", what, start), {}
    except (OSError, ValueError) as broken:
        what = (f"{path} cannot be read: {broken}", f"{path} 无法读取：{broken}")
        return failure("endpoints", what, start), {}
    if mode & OTHERS:
        what = (f"{path} shows passwords to others", f"{path} 含密码且他人可读")
        fix = (f"Run `chmod 600 {path}`.", f"请运行 `chmod 600 {path}`。")
        return warning("endpoints", what, fix), content
    return ok("endpoints", str(path), str(path)), content


def processes(content: Mapping[str, Any]) -> Iterator[Finding]:
    """Check that every process in the list is alive."""
    for name, pid in _pids(content):
        if is_alive(pid):
            yield ok(f"process {name}", f"pid {pid}", f"进程 {pid}")
        else:
            yield failure(
                f"process {name}",
                (f"pid {pid} is gone", f"进程 {pid} 已不存在"),
                (
                    f"`ducha up` restarts it in seconds; else see logs/{name}.log.",
                    f"`ducha up` 会在数秒内重启它；否则请查看 logs/{name}.log。",
                ),
            )


def _pids(content: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    yield "supervisor", int(content.get("supervisor_pid", 0))
    for name in ("postgres", "nats", "otlp"):
        part = content.get(name) or {}
        if pid := int(part.get("pid", 0)):
            yield name, pid
    for nodes in content.get("tiers", {}).values():
        for node in nodes:
            yield str(node["node"]), int(node.get("pid", 0))


def is_alive(pid: int) -> bool:
    """Whether a process of this number exists."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
