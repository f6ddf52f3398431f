"""What the authority refuses, in English and Chinese, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deploy.embedded.errors import DeploymentRefused


class AuthorityRefused(DeploymentRefused):
    """Nothing was issued, revoked or written; `reason` is for programs."""

    reason = "AUTHORITY_REFUSED"

    def __init__(self, english: str, chinese: str, *, remedy: tuple[str, str]) -> None:
        """Take what is wrong and what mends it, each in English and Chinese."""
        super().__init__(english, remedy=remedy[0])
        self.english = f"{english} {remedy[0]}"
        self.chinese = f"{chinese}{remedy[1]}"


class NoAuthority(AuthorityRefused):
    """There is no authority in the directory."""

    reason = "NO_AUTHORITY"

    def __init__(self, directory: Path) -> None:
        """Name the directory."""
        super().__init__(
            f"There is no certificate authority in {directory}.",
            f"{directory} 中没有证书颁发机构。",
            remedy=(
                "Make one with `ducha ca init`, or give --data DIR.",
                "请先运行 `ducha ca init`，或用 --data 指定目录。",
            ),
        )


class AuthorityExists(AuthorityRefused):
    """Init would replace an authority."""

    reason = "AUTHORITY_EXISTS"

    def __init__(self, directory: Path) -> None:
        """Name the directory."""
        super().__init__(
            f"{directory} holds a certificate authority already.",
            f"{directory} 中已有证书颁发机构。",
            remedy=(
                "Renew it with `ducha ca rotate --ca`, or choose another --data.",
                "请用 `ducha ca rotate --ca` 更换，或另选 --data 目录。",
            ),
        )


class NameTaken(AuthorityRefused):
    """There is an identity of this kind and name."""

    reason = "NAME_TAKEN"

    def __init__(self, kind: str, name: str) -> None:
        """Name it."""
        super().__init__(
            f"The {kind} {name} has its certificates already.",
            f"{kind} {name} 已有证书。",
            remedy=(
                f"Renew them with `ducha ca rotate {name}`, or choose another name.",
                f"请用 `ducha ca rotate {name}` 更换，或另取名称。",
            ),
        )


class NameUnknown(AuthorityRefused):
    """No identity, or no certificate, is called so."""

    reason = "NAME_UNKNOWN"

    def __init__(self, asked: str) -> None:
        """Say what was asked for."""
        super().__init__(
            f"Nothing was issued under the name or serial number {asked!r}.",
            f"没有以 {asked!r} 为名称或序列号的证书。",
            remedy=(
                "Look at `ducha ca list --all`.",
                "请查看 `ducha ca list --all`。",
            ),
        )


class NameAmbiguous(AuthorityRefused):
    """Two identities of different kinds have this name."""

    reason = "NAME_AMBIGUOUS"

    def __init__(self, asked: str, kinds: Sequence[str]) -> None:
        """Say which kinds have the name."""
        super().__init__(
            f"{asked} is the name of several: {', '.join(kinds)}.",
            f"{asked} 同时是多个主体的名称：{'、'.join(kinds)}。",
            remedy=("Say which with --kind.", "请用 --kind 指明。"),
        )


class NothingToRevoke(AuthorityRefused):
    """Every certificate that is meant is revoked, or has expired."""

    reason = "NOTHING_TO_REVOKE"

    def __init__(self, asked: str) -> None:
        """Say what was asked for."""
        super().__init__(
            f"No certificate of {asked} is in force: revoked or expired already.",
            f"{asked} 没有有效证书：已吊销或已过期。",
            remedy=(
                "Nothing is left to do; see `ducha ca list --all`.",
                "无需再办；见 `ducha ca list --all`。",
            ),
        )


class StillInUse(AuthorityRefused):
    """Somebody's certificate is signed by the CA that is to be retired."""

    reason = "STILL_IN_USE"

    def __init__(self, names: Sequence[str]) -> None:
        """Name the holders."""
        told = ", ".join(names)
        super().__init__(
            f"Certificates in force are signed by an older CA: {told}.",
            f"仍有有效证书由旧根证书签发：{told}。",
            remedy=(
                "Run `ducha ca rotate --all` first, or revoke them.",
                "请先运行 `ducha ca rotate --all`，或将其吊销。",
            ),
        )


class WishRefused(AuthorityRefused):
    """What is asked for cannot be put into a certificate or token."""

    reason = "WISH_REFUSED"

    def __init__(self, english: str, chinese: str) -> None:
        """Say what is wrong with it."""
        super().__init__(
            english,
            chinese,
            remedy=("Correct it and try again.", "请改正后重试。"),
        )


class KeyExposed(AuthorityRefused):
    """A private key can be read by others than its owner."""

    reason = "KEY_EXPOSED"

    def __init__(self, path: Path) -> None:
        """Name the file."""
        super().__init__(
            f"Others than its owner may read {path}.",
            f"其他用户可以读取 {path}。",
            remedy=(
                f"Make it private (chmod 600 {path}); rotate it if others use this machine.",
                f"请执行 chmod 600 {path}；若本机有其他用户，请更换该密钥。",
            ),
        )


class FileUnusable(AuthorityRefused):
    """A file of the authority is missing or is not what it should be."""

    reason = "FILE_UNUSABLE"

    def __init__(self, path: Path, why: str) -> None:
        """Name the file and what is wrong with it."""
        super().__init__(
            f"{path} cannot be used: {why}.",
            f"{path} 无法使用：{why}。",
            remedy=("Restore it from a backup.", "请从备份恢复。"),
        )
