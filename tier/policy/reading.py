"""Read the divisions that a message names, by the paths of its row."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor

from tier.jurisdiction import Code, parse

known = lru_cache(65_536)(parse)
"""Reads a code; a province has some 100,000, and few of them act at a node."""

Reader: TypeAlias = Callable[[Any], Iterable[str]]
"""Returns the texts at one path of a message, of all members of what is repeated."""


def reader(message: Descriptor, path: str) -> Reader:
    """Return what reads the texts at `path`, such as `reports.assignment.division`.

    Raises:
        LookupError: the message has no such field, or it holds no text.
    """
    name, _, rest = path.partition(".")
    field = message.fields_by_name[name]
    if not rest:
        if field.type != field.TYPE_STRING:
            raise LookupError(f"{message.full_name}.{name} is no text")
        return _several(name) if field.is_repeated else _one(name)
    if field.message_type is None:
        raise LookupError(f"{message.full_name}.{name} is no message")
    inner = reader(field.message_type, rest)
    return _each(name, inner) if field.is_repeated else _below(name, inner)


def codes(readers: Sequence[Reader], message: Any) -> list[Code]:
    """Return the divisions that a message names, each once; empty texts say nothing.

    Raises:
        ValueError: a text is no code.
    """
    return [known(text) for text in _texts(readers, message)]


def readable_codes(readers: Sequence[Reader], message: Any) -> list[Code]:
    """Return the divisions that a message names, but texts that are no codes.

    For rows whose action names every wrong one, and takes none of them.
    """
    found = []
    for text in _texts(readers, message):
        with contextlib.suppress(ValueError):
            found.append(known(text))
    return found


def _texts(readers: Sequence[Reader], message: Any) -> Iterable[str]:
    texts = dict.fromkeys(text for read in readers for text in read(message))
    return filter(None, texts)


def _one(name: str) -> Reader:
    return lambda message: (getattr(message, name),)


def _several(name: str) -> Reader:
    return lambda message: getattr(message, name)


def _below(name: str, inner: Reader) -> Reader:
    return lambda message: inner(getattr(message, name))


def _each(name: str, inner: Reader) -> Reader:
    return lambda message: [
        text for member in getattr(message, name) for text in inner(member)
    ]
