"""What publishing rows would do: judged on a catalogue as it is, without writing.

It takes seconds for thousands of rows, so actions call it in a thread, outside of the
transaction that writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from ducha.catalogue.v1 import catalogue_pb2 as pb
from services.province.catalogue.errors import (
    CatalogueRowsInvalid,
    RuleRefused,
    TwinUnexplained,
)
from tier.catalogue import rules, wire
from tier.catalogue.model import Catalogue, Element, Fault, Indicator, Place
from tier.catalogue.rules import ELEMENTS, INDICATORS, Batch
from tier.catalogue.trials import formula_flaw, rule_flaw
from tier.catalogue.twins import twins

MONEY_DECIMALS = 2


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as they were given, checked against their protos."""

    elements: Sequence[pb.Element]
    indicators: Sequence[pb.Indicator]
    where: Callable[[Place], str] = str
    """Says where something stands, in the words of who gave it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write, at which version, and how many rows were there already."""

    version: int
    elements: Sequence[Element]
    indicators: Sequence[Indicator]
    unchanged: int

    @property
    def published(self) -> int:
        """Return how many rows are new or changed."""
        return len(self.elements) + len(self.indicators)


def plan(rows: Rows, catalogue: Catalogue) -> Plan:
    """Decide what publishing `rows` does to a catalogue.

    Raises:
        CatalogueRowsInvalid: rows that cannot be taken, each named.
        RuleRefused: a rule or formula that no node should run.
        TwinUnexplained: an element that means what another means.
    """
    version = catalogue.version + 1
    elements = list(_elements(rows.elements, catalogue, version))
    codes = catalogue.elements.keys() | {row.code for row in rows.elements}
    indicators = list(_indicators(rows.indicators, catalogue, codes, version))
    batch = Batch(elements, indicators)
    _judge(rows, batch, catalogue)
    last = max((one.number for one in catalogue.elements.values()), default=0)
    numbered = _numbered([one for _, one in elements], last)
    given = len(rows.elements) + len(rows.indicators)
    changed = len(elements) + len(indicators)
    return Plan(
        version if changed else catalogue.version,
        numbered,
        [one for _, one in indicators],
        given - changed,
    )


def _judge(rows: Rows, batch: Batch, catalogue: Catalogue) -> None:
    """Raise what is wrong with new and changed rows: first form, then rules, then twins."""
    wrong = [*_texts(rows, batch), *rules.faults(batch, catalogue)]
    flaws = list(_flaws(batch, catalogue))
    # A formula that does not compile fits nothing else either: that it does not is told.
    flawed = {flaw.place for flaw in flaws}
    wrong = [fault for fault in wrong if fault.place not in flawed]
    if wrong:
        raise CatalogueRowsInvalid.of(wrong, rows.where)
    if flaws:
        raise RuleRefused.of(flaws, rows.where)
    given = [
        (Place(ELEMENTS, row, "difference"), element) for row, element in batch.elements
    ]
    new = {one.code for _, one in batch.elements} - catalogue.elements.keys()
    found = twins(given, new, catalogue.elements.values())
    if found:
        raise TwinUnexplained.of(found, rows.where)


def _elements(
    given: Sequence[pb.Element], catalogue: Catalogue, version: int
) -> Iterator[tuple[int, Element]]:
    """Read the elements that are new or changed."""
    for row, message in enumerate(given):
        known = catalogue.elements.get(message.code)
        number = known.number if known else 0
        if known and known.body == _element_body(message, number, known.version):
            continue
        body = _element_body(message, number, version)
        yield row, wire.element_from(pb.Element.FromString(body))


def _element_body(given: pb.Element, number: int, version: int) -> bytes:
    """Write an element in its one form: what says nothing is left out."""
    message = pb.Element()
    message.CopyFrom(given)
    message.DiscardUnknownFields()
    message.number, message.version = number, version
    if message.type == pb.VALUE_TYPE_MONEY and not message.decimals:
        message.decimals = MONEY_DECIMALS
    if message.outlier_check == pb.OutlierCheck():
        message.ClearField("outlier_check")
    return message.SerializeToString(deterministic=True)


def _indicators(
    given: Sequence[pb.Indicator],
    catalogue: Catalogue,
    codes: Iterable[str],
    version: int,
) -> Iterator[tuple[int, Indicator]]:
    """Read the indicators that are new or changed."""
    known_codes = set(codes)
    for row, message in enumerate(given):
        known = catalogue.indicators.get(message.code)
        if known and known.body == _indicator_body(message, known.version):
            continue
        body = _indicator_body(message, version)
        yield row, wire.indicator_from(pb.Indicator.FromString(body), known_codes)


def _indicator_body(given: pb.Indicator, version: int) -> bytes:
    message = pb.Indicator()
    message.CopyFrom(given)
    message.DiscardUnknownFields()
    message.version = version
    return message.SerializeToString(deterministic=True)


def _numbered(elements: Sequence[Element], last: int) -> list[Element]:
    """Give new elements the next numbers, in the order they came."""
    numbered = []
    for element in elements:
        if element.number:
            numbered.append(element)
            continue
        last += 1
        message = pb.Element.FromString(element.body)
        message.number = last
        numbered.append(wire.element_from(message))
    return numbered


def _texts(rows: Rows, batch: Batch) -> Iterator[Fault]:
    """Find texts that cannot be kept as they are."""
    for row, _ in batch.elements:
        yield from _in(ELEMENTS, row, rows.elements[row], "")
        yield from _repeats(row, rows.elements[row])
    for row, _ in batch.indicators:
        yield from _in(INDICATORS, row, rows.indicators[row], "")


def _repeats(row: int, message: pb.Element) -> Iterator[Fault]:
    """Find choices of a code list that are there already."""
    seen: set[str] = set()
    for at, entry in enumerate(message.codes):
        if entry.code in seen:
            why = f"{entry.code} is in the list already（代码表内重复）"
            yield Fault(Place(ELEMENTS, row, f"codes[{at}].code"), why)
        seen.add(entry.code)


def _in(table: str, row: int, message: Message, prefix: str) -> Iterator[Fault]:
    """Find wrong texts in a message and the messages inside it."""
    for field, value in message.ListFields():
        values = value if field.is_repeated else [value]
        for at, one in enumerate(values):
            name = f"{prefix}{field.name}" + (f"[{at}]" if field.is_repeated else "")
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                yield from _in(table, row, one, f"{name}.")
            elif field.type == FieldDescriptor.TYPE_STRING:
                flaw = rules.text_flaw(field.name, one)
                if flaw is not None:
                    yield Fault(Place(table, row, name), flaw)


def _flaws(batch: Batch, catalogue: Catalogue) -> Iterator[Fault]:
    """Find rules and formulas that no node should run."""
    for row, element in batch.elements:
        flaw = rule_flaw(element.rule, element.type, list(element.code_list))
        if flaw is not None:
            yield Fault(Place(ELEMENTS, row, "rule"), flaw)
    codes = catalogue.elements.keys() | {one.code for _, one in batch.elements}
    for row, indicator in batch.indicators:
        flaw = formula_flaw(indicator.formula, codes)
        if flaw is not None:
            yield Fault(Place(INDICATORS, row, "formula"), flaw)
