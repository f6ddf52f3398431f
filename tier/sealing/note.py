"""Checkpoints as signed notes: C2SP signed-note, tlog-checkpoint, tlog-cosignature. Pure.

A note is a text, an empty line, and a line for each signature:

    ducha.internal/county/53/5301/530102/wuhua/1     origin: the node's id, and its life
    20852163                                         tree size
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=     root
    time 1763866262123456                            when it was made, microseconds
    digest sha256
    life 1                                           from life 2 on: and its declaration's hash
    beacon ducha.internal/city/53/5301/kunming/1 77 nn3ZJs3M...

    — ducha.internal/county/53/5301/530102/wuhua/1 Az3grl...
    — ducha.internal/city/53/5301/kunming jWbPPw...  the witness's cosignature

The extension lines are ours. A beacon is the latest checkpoint of the parent that the node
knew, by the hash of its text: the checkpoint was made after it. Ed25519 keys sign in the
formats of C2SP; SM2 keys have no signature type there and use the one for private types.
Lines of unknown keys are ignored, as the format wants it.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from tier.identity.signing import ED25519, PublicKey, SignatureWrong, Signer
from tier.sealing.tree import DIGESTS, HASH_BYTES

DASH: Final = "— "
MAX_CHARS: Final = 16 * 1024
MAX_LINES: Final = 32
KEY_ID_BYTES: Final = 4
STAMP_BYTES: Final = 8
LAST_NUMBER: Final = 2**63 - 1
MICROS: Final = 1_000_000

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_NAME: Final = re.compile(r"[^\s+]+")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
# Signature types of c2sp.org/signed-note; 0xff and a longer name is for all others.
_LOG: Final = {ED25519: b"\x01"}
_COSIGNER: Final = {ED25519: b"\x04"}


class NoteWrong(ValueError):
    """It is no note of the form it should have."""


@dataclass(frozen=True, slots=True)
class Line:
    """One signature: who signed by name and key id (4 bytes), and what."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        """Write it as it stands in a note, without the newline."""
        return f"{DASH}{self.name} {_base64(self.key_id + self.signature)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one.

        Raises:
            NoteWrong: it is none.
        """
        name, _, encoded = text.removeprefix(DASH).partition(" ")
        if not text.startswith(DASH) or not _NAME.fullmatch(name):
            raise NoteWrong("a signature line has another form")
        blob = _unbase64(encoded)
        if len(blob) <= KEY_ID_BYTES:
            raise NoteWrong("a signature line is too short")
        return cls(name, blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text, ending in a newline, and its signatures."""

    text: str
    lines: tuple[Line, ...]

    def __str__(self) -> str:
        """Write it."""
        return f"{self.text}\n" + "".join(f"{line}\n" for line in self.lines)

    @classmethod
    def parse(cls, written: str) -> Self:
        """Read a note.

        Raises:
            NoteWrong: it is none, or longer than any of ours.
        """
        if len(written) > MAX_CHARS or _CONTROL.search(written):
            raise NoteWrong("the note is too long, or holds control characters")
        body, found, signatures = written.rpartition("\n\n")
        if not found or not signatures.endswith("\n"):
            raise NoteWrong("the note has no signatures")
        lines = signatures.removesuffix("\n").split("\n")
        if len(lines) > MAX_LINES:
            raise NoteWrong("the note has too many signatures")
        return cls(f"{body}\n", tuple(Line.parse(line) for line in lines))

    def signed(self, line: Line) -> Self:
        """Return it with one more signature."""
        return type(self)(self.text, (*self.lines, line))

    def check(self, name: str, key: PublicKey) -> None:
        """Check that `key` signed it under `name`.

        Raises:
            SignatureWrong: it did not.
        """
        line = self._line(name, log_key_id(name, key))
        key.verify(line.signature, self.text.encode())

    def check_cosigned(self, name: str, key: PublicKey) -> int:
        """Check that the witness `name` cosigned it; return when, in Unix seconds.

        Raises:
            SignatureWrong: it did not.
        """
        line = self._line(name, cosigner_key_id(name, key))
        seconds = int.from_bytes(line.signature[:STAMP_BYTES])
        if len(line.signature) <= STAMP_BYTES or seconds > LAST_NUMBER:
            raise SignatureWrong("a cosignature has no time")
        key.verify(line.signature[STAMP_BYTES:], _cosigned(self.text, seconds))
        return seconds

    def cosign_seconds(self) -> int | None:
        """Return when a witness says that it cosigned, unchecked; None if none did."""
        if len(self.lines) == 1:
            return None
        return int.from_bytes(self.lines[-1].signature[:STAMP_BYTES])

    def _line(self, name: str, key_id: bytes) -> Line:
        for line in self.lines:
            if (line.name, line.key_id) == (name, key_id):
                return line
        raise SignatureWrong(f"{name} has not signed with this key")


def sign(text: str, name: str, signer: Signer, key: PublicKey) -> Line:
    """Return the signature of a log over a checkpoint's text; `key` is the signer's."""
    return Line(name, log_key_id(name, key), signer.sign(text.encode()))


def cosign(text: str, name: str, seconds: int, signer: Signer, key: PublicKey) -> Line:
    """Return the cosignature of a witness over a checkpoint's text, made at `seconds`."""
    signature = signer.sign(_cosigned(text, seconds))
    stamped = seconds.to_bytes(STAMP_BYTES) + signature
    return Line(name, cosigner_key_id(name, key), stamped)


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def log_key_id(name: str, key: PublicKey) -> bytes:
    """Return the id of a key that signs for a log."""
    return _key_id(
        name, _LOG.get(key.algorithm), b"ducha log " + key.algorithm.encode(), key
    )


def cosigner_key_id(name: str, key: PublicKey) -> bytes:
    """Return the id of a key that cosigns for a witness."""
    private = b"ducha cosigner " + key.algorithm.encode()
    return _key_id(name, _COSIGNER.get(key.algorithm), private, key)


def _key_id(name: str, kind: bytes | None, private: bytes, key: PublicKey) -> bytes:
    kind = kind or b"\xff" + private
    return sha256(name.encode() + b"\n" + kind + key.raw).digest()[:KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class Beacon:
    """A checkpoint of the parent, by its origin, its size, and the hash of its text."""

    origin: str
    size: int
    text_hash: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a node says of its ledger at one moment; `time` is in Unix microseconds.

    `declaration` is the hash of what declared this life; empty in the first.
    """

    origin: str
    size: int
    root: bytes
    time: int
    digest: str
    life: int
    declaration: bytes = b""
    beacon: Beacon | None = None

    def text(self) -> str:
        """Write the text that is signed."""
        life = f"life {self.life} {_base64(self.declaration)}".rstrip()
        lines = [self.origin, str(self.size), _base64(self.root)]
        lines += [f"time {self.time}", f"digest {self.digest}", life]
        if self.beacon is not None:
            where = f"{self.beacon.origin} {self.beacon.size}"
            lines.append(f"beacon {where} {_base64(self.beacon.text_hash)}")
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a text of ours; what else stands in it is not looked at.

        Raises:
            NoteWrong: it is none.
        """
        origin, size, root, extensions = parse_head(text)
        said = _said(extensions)
        if said["digest"] not in DIGESTS:
            raise NoteWrong(f"no digest {said['digest']!r}")
        life, _, declaration = said["life"].partition(" ")
        return cls(
            origin,
            size,
            root,
            _number(said["time"]),
            said["digest"],
            _number(life),
            _unbase64(declaration) if declaration else b"",
            _beacon(said["beacon"]) if "beacon" in said else None,
        )


def parse_head(text: str) -> tuple[str, int, bytes, list[str]]:
    """Read any log's checkpoint: origin, size, root, and its extension lines.

    Raises:
        NoteWrong: it is none.
    """
    lines = text.removesuffix("\n").split("\n")
    if not text.endswith("\n") or len(lines) < 3 or not all(lines):  # noqa: PLR2004 - origin, size, root
        raise NoteWrong("a checkpoint has at least three lines, and no empty one")
    origin, size, root, *extensions = lines
    if len(decoded := _unbase64(root)) != HASH_BYTES:
        raise NoteWrong("the root has another length")
    return origin, _number(size), decoded, extensions


def _said(extensions: list[str]) -> dict[str, str]:
    said: dict[str, str] = {}
    for line in extensions:
        name, _, value = line.partition(" ")
        if name in said:
            raise NoteWrong(f"{name!r} stands there twice")
        said[name] = value
    if lacking := {"time", "digest", "life"} - said.keys():
        raise NoteWrong(f"the checkpoint does not say its {', '.join(sorted(lacking))}")
    return said


def _beacon(text: str) -> Beacon:
    parts = text.split(" ")
    if len(parts) != 3:  # noqa: PLR2004 - origin, size, hash
        raise NoteWrong("the beacon has another form")
    return Beacon(parts[0], _number(parts[1]), _unbase64(parts[2]))


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > LAST_NUMBER:
        raise NoteWrong(f"{text[:40]!r} is no number")
    return int(text)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unbase64(text: str) -> bytes:
    """Read base64 in its one canonical form."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as wrong:
        raise NoteWrong("not base64") from wrong
    if _base64(data) != text:
        raise NoteWrong("not base64 in its canonical form")
    return data
