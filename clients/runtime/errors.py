"""What can go wrong for a caller, in English and Chinese.

One family: everything a client of Ducha may want to catch is a `ClientError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import grpc


class ClientError(Exception):
    """Something a person or program can act on; both texts say what, why, what next."""

    def __init__(self, english: str, chinese: str = "") -> None:
        """Keep both texts; Chinese falls back to English."""
        super().__init__(english)
        self.english = english
        self.chinese = chinese or english


class EndpointsUnusable(ClientError):
    """There is no list of nodes to call, or it cannot be read."""


class CredentialsUnusable(ClientError):
    """What proves who you are cannot be read."""

    @classmethod
    def at(cls, place: Path, broken: Exception) -> CredentialsUnusable:
        """Name the place, and what is wrong there."""
        return cls(
            f"{place} cannot be read as an identity ({broken!r}). Run as the user that "
            "started the system, or let `ducha ca init` write it again.",
            f"{place} 中的身份文件无法读取（{broken!r}）。请用启动系统的用户运行，"
            "或重新执行 `ducha ca init`。",
        )

    @classmethod
    def missing(cls, file: Path, broken: OSError) -> CredentialsUnusable:
        """Name a file that was given, and why it cannot be read."""
        why = broken.strerror or repr(broken)
        return cls(
            f"{file} cannot be read ({why}). Give the files that the operator of the "
            "node gave you; a token comes from your issuer.",
            f"{file} 无法读取（{why}）。请使用节点运维方提供的文件；令牌由签发方提供。",
        )


class NodeUnknown(ClientError):
    """No node in the list hosts the division."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of the request that is wrong, and why."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node said when it did not do what was asked."""

    code: grpc.StatusCode
    reason: str = ""
    english: str = ""
    chinese: str = ""
    violations: tuple[Violation, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None


class CallFailed(ClientError):
    """A call that brought no result; `answer` holds what is known about it."""

    def __init__(self, answer: Answer, address: str = "") -> None:
        """Take the texts of the answer."""
        super().__init__(answer.english, answer.chinese)
        self.answer = answer
        self.address = address

    @property
    def code(self) -> grpc.StatusCode:
        """The canonical gRPC code."""
        return self.answer.code

    @property
    def reason(self) -> str:
        """The reason for programs, such as `ITEM_UNKNOWN`; empty where none was given."""
        return self.answer.reason

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The fields that are wrong."""
        return self.answer.violations

    @property
    def metadata(self) -> Mapping[str, str]:
        """Facts about the refusal, for programs."""
        return self.answer.metadata

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before the same request, where the node said so."""
        return self.answer.retry_after


class Refused(CallFailed):
    """The node understood and refused; nothing has changed there."""


class Unreachable(CallFailed):
    """No answer: the node is away, draining, or too slow.

    What was asked may still have been done. The same request with the same
    `request_id` finds out without doing it twice.
    """
