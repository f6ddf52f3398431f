"""Elements that seem to mean the same: what one asks, another has asked already. Pure.

Two elements of one level and unit are alike if their Chinese names, their English names or
their definitions share most of their pairs of characters (Dice's coefficient). Texts with
different numbers in them are never alike: "over 60" is not "over 70".
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tier.catalogue.model import Element, Place, Twin

EXPLAINED = 10
"""Characters that a difference needs."""

ALIKE = {
    "name_zh": (0.80, "Chinese name（中文名称）"),
    "name_en": (0.90, "English name（英文名称）"),
    "definition": (0.85, "definition（定义）"),
}

NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Print:
    """A text as it is compared: its pairs of characters, and the numbers in it."""

    pairs: frozenset[str]
    numbers: tuple[str, ...]


def fingerprint(text: str) -> Print:
    """Return a text without case, width, spaces and punctuation, as pairs of characters."""
    folded = unicodedata.normalize("NFKC", text).lower()
    kept = [char for char in folded if unicodedata.category(char)[0] in "LN"]
    pairs = frozenset(a + b for a, b in pairwise(["^", *kept, "$"]))
    return Print(pairs, tuple(NUMBERS.findall(folded)))


def likeness(a: Print, b: Print) -> float:
    """Return Dice's coefficient of two texts: 1 the same, 0 nothing shared."""
    if a.numbers != b.numbers:
        return 0.0
    return 2 * len(a.pairs & b.pairs) / (len(a.pairs) + len(b.pairs))


def twins(
    given: Sequence[tuple[Place, Element]],
    new: Iterable[str],
    held: Iterable[Element],
) -> list[Twin]:
    """Return which given elements mean what another means and do not say how they differ.

    `new` are the codes that were not there before: such an element must say it itself. Of
    a change, or of two that are new together, either may say it.
    """
    fresh = set(new)
    changed = {element.code for _, element in given}
    before = [one for one in held if one.code not in changed and not one.retired]
    coming = [(place, one) for place, one in given if not one.retired]
    everybody = [*before, *(element for _, element in coming)]
    places = {element.code: place for place, element in coming}
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for field in ALIKE:
        for a, b in _pairs(everybody, len(before), field):
            if not _explained(everybody[a], everybody[b], fresh):
                found[everybody[a].code, everybody[b].code].append(ALIKE[field][1])
    by_code = {element.code: element for element in everybody}
    return [
        Twin(places[code], code, other, by_code[other].name_zh, ", ".join(alike))
        for (code, other), alike in found.items()
    ]


def _explained(one: Element, other: Element, fresh: set[str]) -> bool:
    """Whether the difference of two elements is stated by who must state it."""
    pair = (one, other)
    coming = [element for element in pair if element.code in fresh]
    bound = coming if len(coming) == 1 else pair
    return any(len(element.difference.strip()) >= EXPLAINED for element in bound)


def _pairs(
    elements: Sequence[Element], known: int, field: str
) -> Iterator[tuple[int, int]]:
    """Yield (later, earlier) of elements alike in a field; never two of the first `known`.

    Not each against each: two texts this alike share one of their rarest pairs, so only
    those that do are compared (prefix filtering: Bayardo et al., WWW 2007).
    """
    prints = [fingerprint(getattr(element, field)) for element in elements]
    rarity = Counter(pair for one in prints for pair in one.pairs)
    bits = {pair: 1 << bit for bit, pair in enumerate(rarity)}
    masks = [sum(bits[pair] for pair in one.pairs) for one in prints]
    sizes = [len(one.pairs) for one in prints]
    index: Mapping[tuple[object, ...], list[int]] = defaultdict(list)
    least = ALIKE[field][0]
    for at, (element, one) in enumerate(zip(elements, prints, strict=True)):
        ranked = sorted(one.pairs, key=lambda pair: (rarity[pair], pair))
        # Dice >= t means that at least t / (2 - t) of either side is shared.
        shared = math.ceil(least / (2 - least) * len(ranked) - 1e-9)
        bucket = (element.collect_level, element.unit, one.numbers)
        seen: set[int] = set()
        for pair in ranked[: len(ranked) - shared + 1]:
            postings = index[*bucket, pair]
            if at >= known:
                seen.update(postings)
            postings.append(at)
        mask, size = masks[at], sizes[at]
        # `likeness`, by bits: most of the time goes here.
        alike = [
            other
            for other in seen
            if 2 * (mask & masks[other]).bit_count() / (size + sizes[other]) >= least
        ]
        yield from ((at, other) for other in sorted(alike))
