"""What `ducha doctor` finds: one thing, how bad it is, and what mends it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from clients.cli.words import Language


class Severity(IntEnum):
    """How bad it is; the worst is the exit code."""

    OK = 0
    WARNING = 1
    FAILURE = 2


@dataclass(frozen=True, slots=True)
class Words:
    """One text in English and Chinese."""

    english: str = ""
    chinese: str = ""

    def in_language(self, lang: Language) -> str:
        """Return the text for a reader of `lang`."""
        return self.chinese if lang is Language.ZH else self.english


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's outcome."""

    check: str
    severity: Severity
    what: Words
    fix: Words = Words()


def ok(check: str, english: str, chinese: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(check, Severity.OK, Words(english, chinese))


def warning(check: str, what: tuple[str, str], fix: tuple[str, str]) -> Finding:
    """Return a finding to look after soon; each text is (English, Chinese)."""
    return Finding(check, Severity.WARNING, Words(*what), Words(*fix))


def failure(check: str, what: tuple[str, str], fix: tuple[str, str]) -> Finding:
    """Return a finding that stops the work; each text is (English, Chinese)."""
    return Finding(check, Severity.FAILURE, Words(*what), Words(*fix))


def worst(findings: Iterable[Finding]) -> Severity:
    """Return the worst severity; OK for none."""
    return max((one.severity for one in findings), default=Severity.OK)
