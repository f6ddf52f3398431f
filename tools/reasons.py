"""Write docs/errors.md: every refusal a caller can meet, with what to do.

The one source is the error family (`tier.runtime.errors.TierError`); the protos name
its members, and both must agree. With `--check` nothing is written: exit 1 says that
the page is old, or that protos and errors disagree.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tier.runtime.errors import TierError
from tools.refusals import Rpc, read_image, rpcs

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "errors.md"
FOLDERS = ("tier", "services", "deploy")
HEAD = """\
# Refusals

Written by `make gen` from the error family; do not edit.

A call that is refused ends with a gRPC status whose details carry `ErrorInfo` (its `reason`
is below, its `metadata` fills the braces), `LocalizedMessage` in English and Chinese,
`BadRequest` where fields are wrong and `RetryInfo` where waiting helps. A refused call has
changed nothing. Branch on the reason, never on a text.

| reason | code | English | 中文 | what to do | raised by |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One refusal, as the page shows it."""

    reason: str
    code: str
    english: str
    chinese: str
    advice: str
    raised_by: tuple[str, ...]

    def __str__(self) -> str:
        """Return the line of the table."""
        where = ", ".join(self.raised_by) or "any call"
        cells = (f"`{self.reason}`", f"`{self.code}`", self.english, self.chinese)
        return "| " + " | ".join((*cells, self.advice, where)) + " |"


def family(root: Path = ROOT) -> list[type[TierError]]:
    """Import every module that declares refusals and return them, by reason."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            if "TierError)" in path.read_text(encoding="utf-8"):
                name = path.relative_to(root).with_suffix("").parts
                importlib.import_module(".".join(name))
    members = {each for each in _below(TierError) if "reason" in vars(each)}
    return sorted(members, key=lambda each: (each.reason, each.__qualname__))


def _below(base: type[TierError]) -> Iterator[type[TierError]]:
    for each in base.__subclasses__():
        yield each
        yield from _below(each)


def rows(errors: Iterable[type[TierError]], calls: Iterable[Rpc]) -> list[Row]:
    """Return the lines of the page, by reason."""
    raised: dict[str, list[str]] = {}
    for call in calls:
        for refusal in call.refusals():
            raised.setdefault(refusal.reason, []).append(call.name)
    return [
        Row(
            reason=error.reason,
            code=error.code.name,
            english=error.en,
            chinese=error.zh,
            advice=(error.__doc__ or "").split("\n\n")[0].replace("\n", " ").strip(),
            raised_by=tuple(raised.get(error.reason, ())),
        )
        for error in errors
    ]


def disagreements(
    errors: Iterable[type[TierError]], calls: Iterable[Rpc]
) -> Iterator[str]:
    """Yield where protos and errors tell different stories."""
    codes: dict[str, str] = {}
    for error in errors:
        if error.reason in codes:
            yield f"{error.__name__}: {error.reason} is the reason of another refusal too"
        if "en" not in vars(error) or "zh" not in vars(error):
            yield f"{error.__name__}: has no text of its own in both languages"
        codes[error.reason] = error.code.name
    for call in calls:
        for refusal in call.refusals():
            kept = codes.get(refusal.reason, "no refusal")
            if kept != refusal.code:
                said = f"{refusal.reason} as {refusal.code}"
                yield f"{call.service}.{call.name}: lists {said}, in the code it is {kept}"


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with `--check` say whether it is what it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    errors, calls = family(), list(rpcs(read_image()))
    wrong = list(disagreements(errors, calls))
    text = HEAD + "".join(f"{row}\n" for row in rows(errors, calls))
    if not options.check:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        wrong.append("docs/errors.md is old: run `make gen` and commit what it writes")
    for line in wrong:
        print(line)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
