"""Division model <-> protobuf."""

from __future__ import annotations

from collections.abc import Iterable

from ducha.division.v1 import division_facts_pb2 as facts
from ducha.division.v1 import division_pb2 as pb
from ducha.division.v1 import division_service_pb2 as service
from tier.division.model import Division, Imported, Row
from tier.jurisdiction import Code, pack, parse, unpack
from tier.runtime import fields


def row_from(message: pb.Division) -> Row:
    """Read a row as it is given; `rules.read` judges it."""
    return Row(
        code=message.code,
        name=message.name,
        level=message.level,
        parent=message.parent_code,
        valid_from=message.valid_from,
        valid_to=message.valid_to,
        successors=tuple(message.successor_codes),
    )


def division_to(division: Division) -> pb.Division:
    """Write an entry of the tree."""
    return pb.Division(
        code=division.code,
        name=division.name,
        level=pb.Level.ValueType(division.level),
        parent_code=division.parent or "",
        valid_from=division.valid_from.isoformat(),
        valid_to=division.valid_to.isoformat() if division.valid_to else "",
        successor_codes=division.successors,
    )


def imported_to(divisions: Iterable[Division]) -> facts.DivisionsImported:
    """Write entries as a fact."""
    return facts.DivisionsImported(divisions=map(division_to, divisions))


def counts_to(done: Imported) -> service.ImportDivisionsResponse:
    """Write what an import did."""
    return service.ImportDivisionsResponse(
        imported_count=done.imported, unchanged_count=done.unchanged
    )


def counts_from(message: service.ImportDivisionsResponse) -> Imported:
    """Read what an import did."""
    return Imported(message.imported_count, message.unchanged_count)


def code(text: str, field: str) -> Code:
    """Read a division code.

    Raises:
        InvalidInput: it is none; `field` is named.
    """
    return fields.read(field, parse, text)


def codes(texts: Iterable[str], field: str) -> list[Code]:
    """Read division codes.

    Raises:
        InvalidInput: one is none; its place is named.
    """
    return [code(text, f"{field}[{index}]") for index, text in enumerate(texts)]


def set_to(divisions: Iterable[Code]) -> pb.DivisionSet:
    """Write a set of divisions."""
    return pb.DivisionSet(
        runs=[
            pb.DivisionSet.Run(digits=digits, deltas=deltas)
            for digits, deltas in pack(divisions)
        ]
    )


def set_from(message: pb.DivisionSet) -> list[Code]:
    """Read a set of divisions, in its order."""
    return unpack((run.digits, run.deltas) for run in message.runs)
