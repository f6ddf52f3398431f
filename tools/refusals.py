"""What the protos say about refusals: every rpc lists its own, in one form.

An rpc's comment ends in one of

    Errors:
    * `CODE` / `REASON`: what is wrong. What to do.

    Errors: none of its own.
    Errors: those of OtherRpc.

`python -m tools.refusals` checks the form. `tools.reasons` checks that the refusals
exist, with that code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from buf.validate import validate_pb2

IMAGE = Path(__file__).parent.parent / "gen" / "ducha.binpb"
INVALID = "INVALID_INPUT"
HEAD = re.compile(r"^ ?Errors:(?P<rest>.*)$")
REFUSAL = re.compile(r"^ ?\* `(?P<code>[A-Z_]+)` / `(?P<reason>[A-Z0-9_]+)`: \S.*$")
REFERENCE = re.compile(r"^ (none of its own|those of \w+)\.$")
# Numbers of fields in the paths of SourceCodeInfo: file.service[i].method[j].
SERVICE, METHOD = 6, 2


@dataclass(frozen=True, slots=True)
class Refusal:
    """One line of an rpc's comment."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rpc:
    """An rpc with what its comment says; `validated` if a field can be wrong."""

    service: str
    name: str
    comment: str
    validated: bool

    def refusals(self) -> list[Refusal]:
        """Return the refusals listed, in order."""
        found = (REFUSAL.match(line) for line in self.comment.splitlines())
        return [Refusal(line["code"], line["reason"]) for line in found if line]

    def flaws(self) -> Iterator[str]:
        """Yield what is wrong with the comment's list of refusals."""
        lines = self.comment.rstrip("\n").split("\n")
        heads = [i for i, line in enumerate(lines) if HEAD.match(line)]
        if len(heads) != 1:
            yield "needs one `Errors:` that lists its refusals"
            return
        rest = lines[heads[0]].partition("Errors:")[2]
        listed = lines[heads[0] + 1 :]
        if rest:
            if listed or not REFERENCE.match(rest):
                yield f"`Errors:{rest}` must be `none of its own.` or `those of RPC.`"
            return
        if not listed:
            yield "`Errors:` lists none; write `Errors: none of its own.`"
        for line in listed:
            if not REFUSAL.match(line):
                yield f"`{line.strip()}` must be * `CODE` / `REASON`: what. What to do."
        if self.validated and INVALID not in {each.reason for each in self.refusals()}:
            yield f"its fields are validated, so it refuses with {INVALID}"


def rpcs(image: FileDescriptorSet) -> Iterator[Rpc]:
    """Yield every rpc of ours in the image, in the order of the files."""
    messages = _messages(image)
    for file in image.file:
        comments = {
            tuple(place.path): place.leading_comments
            for place in file.source_code_info.location
        }
        for i, service in enumerate(file.service):
            for j, method in enumerate(service.method):
                comment = comments.get((SERVICE, i, METHOD, j), "")
                validated = _validated(method.input_type, messages, set())
                yield Rpc(service.name, method.name, comment, validated)


def _messages(image: FileDescriptorSet) -> dict[str, DescriptorProto]:
    """Return all messages by full name, with a dot before it."""
    found: dict[str, DescriptorProto] = {}

    def walk(prefix: str, nested: Iterable[DescriptorProto]) -> None:
        for message in nested:
            name = f"{prefix}.{message.name}"
            found[name] = message
            walk(name, message.nested_type)

    for file in image.file:
        walk(_prefix(file), file.message_type)
    return found


def _prefix(file: FileDescriptorProto) -> str:
    return f".{file.package}" if file.package else ""


def _validated(name: str, messages: dict[str, DescriptorProto], seen: set[str]) -> bool:
    """Whether a field of the message, or of one inside it, has a rule."""
    if name in seen or name not in messages:
        return False
    seen.add(name)
    return any(
        field.options.HasExtension(validate_pb2.field)
        or (
            field.type == FieldDescriptorProto.TYPE_MESSAGE
            and _validated(field.type_name, messages, seen)
        )
        for field in messages[name].field
    )


def read_image(path: Path = IMAGE) -> FileDescriptorSet:
    """Return the descriptor image that `make gen` wrote."""
    return FileDescriptorSet.FromString(path.read_bytes())


def main() -> int:
    """Print every flaw; 1 when there is one."""
    flaws = [
        f"{rpc.service}.{rpc.name}: {flaw}"
        for rpc in rpcs(read_image())
        for flaw in rpc.flaws()
    ]
    for flaw in flaws:
        print(flaw)
    return int(bool(flaws))


if __name__ == "__main__":
    sys.exit(main())
