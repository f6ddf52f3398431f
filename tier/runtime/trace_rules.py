"""What is traced, under whom, and which attributes may leave the house. Pure.

A traceparent is the W3C string `00-<trace id>-<span id>-<flags>`; "" means none. A
recorded and exported span costs about 84 us of CPU, so the answer is mostly no: work is
traced when somebody upstream asked for it, or when it starts an item's life.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

AttributeValue: TypeAlias = str | int | float | bool

ALWAYS_SAMPLED: Final = frozenset(
    {
        "IssueItem",
        "SplitAssignment",
        "WithdrawItem",
        "ConcludeItem",
        "CloseItem",
        "RequestData",
        "WithdrawDataRequest",
        "ApprovePeriod",
        "UnlockPeriod",
    }
)
LINKS_KEPT: Final = 32
SPANS_IN_FULL: Final = 128
ONE_IN: Final = 16
TEXT_KEPT: Final = 256

_ALLOWED_KEYS: Final = frozenset(
    {
        "ducha.tier",
        "ducha.node",
        "ducha.item_id",
        "ducha.link",
        "ducha.division",
        "ducha.facts",
        "ducha.targets",
        "error.type",
    }
)
_ALLOWED_FAMILIES: Final = ("messaging.", "rpc.")
# The conventions have rpc.request.metadata.<key>: that is what callers sent us.
_CALLER_SENT: Final = ("rpc.request.", "rpc.response.metadata")
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})"
)
_SAMPLED_DIGITS: Final = frozenset("13579bdf")
_LENGTH: Final = 55


@dataclass(frozen=True, slots=True)
class TraceParent:
    """A traceparent taken apart."""

    trace_id: int
    span_id: int
    sampled: bool


def parse(text: str) -> TraceParent | None:
    """Take a traceparent apart, or return None when it is not one.

    A broken context from a caller must cost the caller its trace, never the call.
    """
    found = _TRACEPARENT.fullmatch(text)
    if found is None:
        return None
    trace_id, span_id, flags = found.groups()
    return TraceParent(int(trace_id, 16), int(span_id, 16), flags[1] in _SAMPLED_DIGITS)


def render(parent: TraceParent) -> str:
    """Write a traceparent; the opposite of `parse`."""
    flags = "01" if parent.sampled else "00"
    return f"00-{parent.trace_id:032x}-{parent.span_id:016x}-{flags}"


def is_sampled(text: str) -> bool:
    """Say by one character whether a traceparent asks to be recorded."""
    return len(text) == _LENGTH and text[-1] in _SAMPLED_DIGITS


def ancestry(
    parent: str, current: str, links: Iterable[str]
) -> tuple[str, tuple[str, ...]]:
    """Choose what a span hangs under, and what else flowed into it.

    The given parent, else the current span if it is recorded, else the first recorded
    link: so a batch that carries two items stays in the tree of one of them and links
    to the other. At most `LINKS_KEPT` links stay, each once, recorded ones only.
    """
    flowed = list(dict.fromkeys(filter(is_sampled, links)))
    origin = parent or (current if is_sampled(current) else "")
    if not origin and flowed:
        origin = flowed[0]
    rest = [link for link in flowed if link != origin]
    return origin or current, tuple(rest[:LINKS_KEPT])


def samples_call(method: str, caller: str, *, ratio: float, draw: float) -> bool:
    """Decide whether a call is recorded; `draw` is uniform in [0, 1).

    What starts or ends an item or a data request always is. Otherwise the caller's word
    stands, both ways, and a share of the calls that bring no word is taken.
    """
    if method in ALWAYS_SAMPLED or is_sampled(caller):
        return True
    return not caller and draw < ratio


def is_thinned(before: int) -> bool:
    """Say whether a span is left out, `before` of its name having been in its trace.

    An item is traced for good, so 1,461 townships that report one by one would pay for
    a span each. The first are all kept, then a share: what is left out changes nothing
    but the count, for its work goes on under the same parent.
    """
    return before >= SPANS_IN_FULL and before % ONE_IN != 0


def is_allowed(key: str) -> bool:
    """Say whether an attribute may be exported: names and counts, never payloads."""
    if key in _ALLOWED_KEYS:
        return True
    return key.startswith(_ALLOWED_FAMILIES) and not key.startswith(_CALLER_SENT)


def allowed(
    attributes: Mapping[str, AttributeValue],
) -> tuple[dict[str, AttributeValue], int]:
    """Return the attributes that may be exported, and how many were dropped."""
    kept = {
        key: value[:TEXT_KEPT] if isinstance(value, str) else value
        for key, value in attributes.items()
        if is_allowed(key)
    }
    return kept, len(attributes) - len(kept)
