"""Every parser under random input: it reads it, or says in its own words that it cannot.

`DUCHA_FUZZ_EXAMPLES=100000` for a night's worth; each parser has so many.
"""

from __future__ import annotations

import base64
import io
import json
import os
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
import xlsxwriter  # type: ignore[import-untyped] # it has none
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from clients.cli import calendar_files
from clients.cli import catalogue as catalogue_command
from clients.cli import divisions as divisions_command
from clients.cli import parse as words
from clients.cli.words import UsageProblem
from ducha.assignment.v1 import assignment_service_pb2 as assignments
from ducha.link.v1 import link_pb2
from tests.hostile.chaos import TEXTS
from tier import jurisdiction
from tier.catalogue import expressions
from tier.catalogue.model import ValueType
from tier.identity import model as identity
from tier.identity.errors import TokenRefused
from tier.identity.tokens import KeySet, Tokens
from tier.link import wire
from tier.registry import periods
from tier.reporting import rules as reporting
from tier.runtime import census, moments, trace_rules, workbook
from tier.runtime import settings as told
from tier.runtime.errors import InvalidInput, PageTokenInvalid, TierError
from tier.runtime.pages import Page
from tier.sealing import note

EXAMPLES = int(os.environ.get("DUCHA_FUZZ_EXAMPLES", "40"))
NOW = datetime(2026, 11, 23, tzinfo=UTC)
NESTED = "[" * 100_000
FUZZ = settings(
    max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None
)

# Text: of any kind, of what parsers look for, and put together from both.
PIECES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [*TEXTS, "spiffe://", "/", "\n\n", "\n", "\u2014 ", " ", "{}", "[]"]
    ),
    st.from_regex(r"[0-9A-Za-z+/=_.:-]{0,40}", fullmatch=True),
)
ANY_TEXT = st.lists(PIECES, max_size=12).map("".join)
ANY_BYTES = st.binary(max_size=2000)


def mutated(body: bytes) -> st.SearchStrategy[bytes]:
    """Return ways to break a body that is sound: some bytes changed, some cut off."""
    changes = st.lists(
        st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255)), max_size=12
    )

    def change(drawn: tuple[list[tuple[int, int]], int]) -> bytes:
        places, end = drawn
        changed = bytearray(body)
        for at, value in places:
            changed[at] = value
        return bytes(changed[:end])

    ends = st.one_of(st.just(len(body)), st.integers(0, len(body)))
    return st.tuples(changes, ends).map(change)


def tried(
    parse: Callable[[], object],
    refusals: type[Exception] | tuple[type[Exception], ...],
) -> Exception | None:
    """Return the refusal, if there was one; anything else it raises fails the test."""
    try:
        parse()
    except refusals as refusal:
        return refusal
    return None


def token_of(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode()


def page(text: str) -> None:
    found = Page.read(10, text, default=10, fields=2)
    found.number(0)
    found.text(1)


TEXT_PARSERS: dict[str, tuple[Callable[[str], object], tuple[type[Exception], ...]]] = {
    "division code": (jurisdiction.parse, (ValueError,)),
    "SPIFFE id": (identity.parse_id, (ValueError,)),
    "period": (periods.parse, (ValueError,)),
    "page token": (page, (PageTokenInvalid,)),
    "page token, encoded": (lambda text: page(token_of(text)), (PageTokenInvalid,)),
    "resume token": (reporting.read_token, ()),
    "resume token, encoded": (lambda text: reporting.read_token(token_of(text)), ()),
    "traceparent": (trace_rules.parse, ()),
    "note": (note.Note.parse, (note.NoteWrong,)),
    "checkpoint": (note.Checkpoint.parse, (note.NoteWrong,)),
    "signature line": (note.Line.parse, (note.NoteWrong,)),
    "moment of a command": (lambda text: words.moment(text, NOW), (UsageProblem,)),
    "value of a command": (words.reported_value, (UsageProblem,)),
    "problem of a command": (words.problem, (UsageProblem,)),
    "closing rule of a command": (words.closing_rule, (UsageProblem,)),
    "unit of a command": (words.unit, (UsageProblem,)),
    "rule": (
        lambda text: expressions.rule_program(text, ValueType.NUMBER),
        (RuntimeError,),
    ),
    "formula": (
        lambda text: expressions.formula_program(text, ("a.b",)),
        (RuntimeError,),
    ),
    "names in a formula": (expressions.names, ()),
}


@pytest.mark.parametrize("parser", TEXT_PARSERS)
@FUZZ
@given(text=ANY_TEXT)
def test_a_parser_of_text_knows_what_it_cannot_read(parser: str, text: str) -> None:
    """Its own refusal, or a value."""
    parse, refusals = TEXT_PARSERS[parser]
    assert not isinstance(tried(lambda: parse(text), refusals), RecursionError)


@pytest.mark.parametrize("parser", TEXT_PARSERS)
@pytest.mark.parametrize("unit", ["[", '{"a":', "(", "9", "/", "\n", "!", "-", "a."])
def test_a_parser_of_text_survives_a_hundred_thousand_of_the_same(
    parser: str, unit: str
) -> None:
    """Nesting and repetition without end: no stack runs out, and none takes long."""
    parse, refusals = TEXT_PARSERS[parser]
    text = unit * (LONGEST.get(parser, 100_000) // len(unit))

    assert not isinstance(tried(lambda: parse(text), refusals), RecursionError)


# What the protos let through; longer texts never reach these.
LONGEST = {"rule": 1000, "formula": 1000, "names in a formula": 1000}


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    key = jwt.algorithms.ECAlgorithm.to_jwk(
        ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True
    )
    file = tmp_path_factory.mktemp("keys") / "jwks.json"
    file.write_text(json.dumps({"keys": [{**key, "kid": "k", "alg": "ES256"}]}))
    return Tokens("issuer", "ducha", KeySet(str(file)))


HEADERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "x5u", "sub"]),
            inner | st.sampled_from(["ES256", "none", "HS256", "k"]),
        )
    ),
)


@FUZZ
@given(header=HEADERS, claims=HEADERS, signature=ANY_BYTES)
def test_a_token_that_nobody_signed_is_refused(
    tokens: Tokens, header: object, claims: object, signature: bytes
) -> None:
    """Whatever its header asks for: no algorithm, another, a key of its own."""
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    written = ".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts
    )
    with pytest.raises(TokenRefused):
        tokens.read(written)


@FUZZ
@given(text=ANY_TEXT)
def test_a_text_that_is_no_token_is_refused(tokens: Tokens, text: str) -> None:
    """The same."""
    with pytest.raises(TokenRefused):
        tokens.read(text)


@pytest.mark.parametrize("text", [NESTED, '{"a":' * 6000], ids=["lists", "objects"])
def test_a_token_nested_without_end_is_refused(tokens: Tokens, text: str) -> None:
    """As deep as a token may be long."""
    part = token_of(text[:5000]).rstrip("=")
    for written in (f"{part}.{part}.AA", f"{token_of('{}')}.{part}.AA"):
        with pytest.raises(TokenRefused):
            tokens.read(written)


@FUZZ
@given(seconds=st.integers(-(2**63), 2**63 - 1), nanos=st.integers(-(2**31), 2**31 - 1))
def test_a_moment_is_in_the_calendar_or_refused(seconds: int, nanos: int) -> None:
    """INVALID_INPUT for what no calendar holds."""
    try:
        moments.moment(Timestamp(seconds=seconds, nanos=nanos))
    except InvalidInput:
        pass
    else:
        assert abs(seconds) < 2**40


def a_workbook() -> bytes:
    kept = io.BytesIO()
    with xlsxwriter.Workbook(kept, {"in_memory": True}) as book:
        sheet = book.add_worksheet("rows")
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write_row(1, 0, ["x", 3])
    return kept.getvalue()


BOOK = a_workbook()


@FUZZ
@given(body=st.one_of(ANY_BYTES, mutated(BOOK)))
def test_a_file_that_is_no_workbook_is_refused(body: bytes) -> None:
    """Broken in any byte, or anywhere cut off."""
    refusal = tried(
        lambda: workbook.read_rows(body, "rows", ["a", "b"]), workbook.WorkbookInvalid
    )

    assert refusal is None or (isinstance(refusal, TierError) and refusal.violations)


@FUZZ
@given(body=ANY_BYTES)
def test_bytes_are_a_bundle_or_none(body: bytes) -> None:
    """What came by the road: read, or dropped."""
    refusals = (DecodeError, TierError)
    tried(lambda: link_pb2.Fact.FromString(body), refusals)

    assert not isinstance(
        tried(lambda: wire.run_from(link_pb2.Bundle.FromString(body)), refusals),
        RecursionError,
    )


SOUND = assignments.ReportAssignmentsRequest(request_id="x" * 36, actor="y" * 90)
for _ in range(2000):
    SOUND.reports.add().report.summary = "z" * 40
LARGE = SOUND.SerializeToString()
PLAN = census.plan(assignments.ReportAssignmentsRequest.DESCRIPTOR)


@FUZZ
@given(body=mutated(LARGE))
def test_the_census_lets_through_what_can_be_read(body: bytes) -> None:
    """What protobuf reads, and is not too much, is not refused; and the census ends."""
    try:
        assignments.ReportAssignmentsRequest.FromString(body)
    except DecodeError:
        return
    refusal = tried(lambda: census.check(body, PLAN), census.TooMany)

    # protobuf skips groups; nobody sends any.
    assert refusal is None or "group" in str(refusal)


def test_the_census_counts_what_is_within() -> None:
    """Half a million fields, at any depth; one more is too many."""
    census.check(LARGE, PLAN)
    fields = 2 + 3 * 2000
    census.check(LARGE, PLAN, most=fields)
    with pytest.raises(census.TooMany):
        census.check(LARGE, PLAN, most=fields - 1)


@FUZZ
@given(text=ANY_TEXT)
def test_a_settings_file_is_settings_or_refused(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """TOML that is none, keys that are none, values of another kind."""
    file = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    file.write_text(text, encoding="utf-8", errors="replace")
    with pytest.raises((tomllib.TOMLDecodeError, ValidationError, UnicodeDecodeError)):
        told.load(file, {})


def named(file: Path, suffix: str) -> Path:
    """Give a file the name that says what it is."""
    return file.rename(file.with_suffix(suffix))


FILES: dict[str, Callable[[Path], object]] = {
    "calendar": lambda file: calendar_files.years(named(file, ".toml")),
    "calendar table": lambda file: calendar_files.years(named(file, ".csv")),
    "catalogue": catalogue_command.read_json,
    "divisions": lambda file: divisions_command.read_csv(file, "53"),
    "any JSON": words.json_file,
    "terms": lambda file: calendar_files.terms(named(file, ".toml")),
    "terms table": lambda file: calendar_files.terms(named(file, ".csv")),
}
OPENINGS = st.sampled_from(
    [
        *(b"", b"\xef\xbb\xbf", b"code,name,level,parent_code\n", b'{"elements": ['),
        *(b"date,working\n", b"[2027]\nworking = ", b"[[rows]]\n"),
        calendar_files.form([]).encode(),
    ]
)


@pytest.mark.parametrize("kind", FILES)
@FUZZ
@given(opening=OPENINGS, body=st.one_of(ANY_BYTES, ANY_TEXT.map(str.encode)))
def test_a_file_of_a_command_is_read_or_refused(
    kind: str, opening: bytes, body: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A person made it: they hear what is wrong with it, not a traceback."""
    file = tmp_path_factory.getbasetemp() / "fuzzed.txt"
    file.write_bytes(opening + body)
    refusal = tried(lambda: FILES[kind](file), UsageProblem)

    assert refusal is None or str(refusal)
