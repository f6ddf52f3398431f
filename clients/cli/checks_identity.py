"""Checks of the walls: certificates and their time, the list of revoked, who reads keys."""

from __future__ import annotations

import stat
from collections.abc import Generator, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from clients.cli.findings import Finding, failure, ok, warning
from clients.runtime.credentials import IDENTITY

SOON = timedelta(days=14)
"""`ducha up` renews what has less than 30 days left: this much less, and nobody did."""
OTHERS = stat.S_IRWXG | stat.S_IRWXO
RENEW = (
    "Stop `ducha up` and start it again: it renews them; else `ducha ca rotate`.",
    "重新启动 `ducha up` 即自动续期；或使用 `ducha ca rotate`。",
)


def everything(
    data: Path, content: Mapping[str, Any], now: datetime
) -> Iterator[Finding]:
    """Check what proves identities here; `content` is that of `endpoints.json`."""
    kept = data / IDENTITY
    if content and not content.get("walls", True):
        yield warning(
            "walls",
            (
                "off: whoever reaches 127.0.0.1 may do everything",
                "已关闭：能连到 127.0.0.1 者均可任意操作",
            ),
            (
                "Start `ducha up` without --no-walls.",
                "请去掉 --no-walls 重新启动 `ducha up`。",
            ),
        )
    if not kept.exists():
        return
    if content and content.get("walls", True):
        yield ok("walls", "on: certificates and tokens", "已启用：证书与令牌")
    yield keys(kept)
    revoked = yield from _revocations(kept, now)
    for file in sorted(kept.rglob("*.crt")):
        yield from _certificates(kept, file, revoked, now)


def keys(kept: Path) -> Finding:
    """Check that nobody else reads what is secret."""
    exposed = [
        path
        for path in (kept, *sorted(kept.rglob("*")))
        if stat.S_IMODE(path.stat().st_mode) & OTHERS
    ]
    if not exposed:
        return ok("keys", f"{kept} is private", f"{kept} 权限正确")
    first, count = exposed[0], len(exposed)
    return failure(
        "keys",
        (
            f"{first} can be read by others ({count} in all)",
            f"{first} 可被其他用户读取（共 {count} 处）",
        ),
        (
            f"Run `chmod -R go= {kept}`, then `ducha ca rotate` whatever was exposed.",
            f"请运行 `chmod -R go= {kept}`，并用 `ducha ca rotate` 更换已暴露的密钥。",
        ),
    )


def _revocations(kept: Path, now: datetime) -> Generator[Finding, None, frozenset[int]]:
    """Check the list of revoked; yields what is found, and returns its serial numbers."""
    file = kept / "crl.pem"
    try:
        lists = _lists(file)
    except (OSError, ValueError) as broken:
        yield failure(
            "revoked",
            (f"{file} cannot be read: {broken}", f"{file} 无法读取：{broken}"),
            ("`ducha up` writes it anew.", "重新启动 `ducha up` 会重新生成。"),
        )
        return frozenset()
    newest = max(one.last_update_utc for one in lists)
    over = [one for one in lists if (one.next_update_utc or now) < now]
    serials = frozenset(entry.serial_number for one in lists for entry in one)
    text = f"{len(serials)} certificates, as of {newest:%Y-%m-%d %H:%M} UTC"
    words = f"{len(serials)} 张证书，更新于 {newest:%Y-%m-%d %H:%M} UTC"
    if over or newest > now + timedelta(minutes=5):
        yield failure(
            "revoked",
            (f"{text}: not of this time", f"{words}：不在有效期内"),
            (
                "Set the clock (NTP), then let `ducha ca revoke` publish a new list.",
                "请先校时（NTP），再通过 `ducha ca revoke` 发布新列表。",
            ),
        )
    else:
        yield ok("revoked", text, words)
    return serials


def _lists(file: Path) -> list[x509.CertificateRevocationList]:
    """Read a list by each authority.

    Raises:
        OSError, ValueError: it cannot be read, or is empty.
    """
    end = b"-----END X509 CRL-----"
    parts = file.read_bytes().split(end)[:-1]
    if not parts:
        raise ValueError("it holds no list")
    return [x509.load_pem_x509_crl(part + end) for part in parts]


def _certificates(
    kept: Path, file: Path, revoked: frozenset[int], now: datetime
) -> Iterator[Finding]:
    """Check the time of what a file holds, and that it still counts."""
    check = f"certificate {file.relative_to(kept).with_suffix('')}"
    try:
        held = x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as broken:
        what = (f"{file} cannot be read: {broken}", f"{file} 无法读取：{broken}")
        yield failure(check, what, RENEW)
        return
    first = min(held, key=lambda one: one.not_valid_after_utc)
    end = first.not_valid_after_utc
    until, until_zh = f"good until {end:%Y-%m-%d}", f"有效期至 {end:%Y-%m-%d}"
    if any(one.serial_number in revoked for one in held):
        what = (
            "it was revoked, and is still in place",
            "证书已被吊销，但仍在使用位置上",
        )
        fix = (
            "`ducha ca rotate NAME` lets the holder in again, if it may.",
            "如允许恢复，请运行 `ducha ca rotate 名称`。",
        )
        yield warning(check, what, fix)
    elif any(one.not_valid_before_utc > now for one in held):
        what = ("it is not good yet: the clock is behind", "尚未生效：本机时钟落后")
        yield failure(check, what, ("Set the clock (NTP).", "请校时（NTP）。"))
    elif end < now:
        yield failure(
            check, (f"over since {end:%Y-%m-%d}", f"已于 {end:%Y-%m-%d} 过期"), RENEW
        )
    elif end - now < SOON:
        yield warning(check, (until, until_zh), RENEW)
    else:
        yield ok(check, until, until_zh)
