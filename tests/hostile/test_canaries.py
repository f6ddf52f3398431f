"""Secrets stay where they are: canaries pushed through every field show up nowhere else.

Each text and each list of bytes in every sound request becomes a canary, one at a time; so
do tokens, headers and what a node is told in its settings. Then everything that leaves a
node is searched: log lines at the finest level, exported spans, metrics, refusals to others.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
import pytest_asyncio
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from clients.runtime.credentials import Credentials
from deploy.embedded.line import Line as RunningLine
from deploy.embedded.line import Options
from tests.doors import conftest as doors
from tests.doors.rpcs import RPCS, Rpc
from tests.doors.test_bad_input import held_by
from tests.doors.tiers import TIERS, Line, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
INFO = "/ducha.server.v1.ServerService/GetServerInfo"
SECONDS = 20.0
SPANS_SECONDS = 3.0
BODY_LINE = re.compile(r"^[A-Za-z0-9+/=]{40,}$", re.MULTILINE)
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Canaries:
    """Texts that occur nowhere by chance, and what each was put into."""

    def __init__(self) -> None:
        self.put_into: dict[str, str] = {}

    def new(self, place: str) -> str:
        """Make one; letters only, so that it is a code, a name, and a word."""
        made = "kanarie" + "".join(secrets.choice(LETTERS) for _ in range(20))
        self.put_into[made] = place
        return made

    def found_in(self, text: str) -> list[str]:
        """Return the places whose canaries sing here."""
        return sorted({self.put_into[one] for one in self._seen(text)})

    def _seen(self, text: str) -> set[str]:
        known = set(re.findall(r"kanarie[a-z]{20}", text)) & self.put_into.keys()
        rest = {one for one in self.put_into if not one.startswith("kanarie")}
        return known | {one for one in rest if one in text}


@dataclass(slots=True)
class Collector:
    """An OTLP receiver that keeps what it gets as bytes."""

    bodies: list[bytes] = field(default_factory=list)
    port: int = 0
    server: grpc.Server | None = None

    def start(self) -> None:
        """Listen."""
        self.server = grpc.server(ThreadPoolExecutor(2))
        handler: Any = grpc.unary_unary_rpc_method_handler(self._export)
        self.server.add_generic_rpc_handlers((_Only(handler),))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def _export(self, body: Any, _: object) -> Any:
        self.bodies.append(body)
        return b""


class _Only(grpc.GenericRpcHandler):
    def __init__(self, handler: Any) -> None:
        self._handler = handler

    def service(self, handler_call_details: Any) -> Any:
        return self._handler if handler_call_details.method == EXPORT else None


@dataclass(frozen=True, slots=True)
class Loud:
    """A line that tells all it can tell, and who listens."""

    data: Path
    line: Line
    collector: Collector
    canaries: Canaries


@pytest.fixture(scope="module")
def talking(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Path, Collector]]:
    """Start a line at log level debug that exports its spans."""
    collector = Collector()
    collector.start()
    told = {**os.environ, "DUCHA_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}"}
    options = Options(
        auto_restart=False,
        log_level="debug",
        environment=told,
        postgres_settings=doors.QUICK,
    )
    with RunningLine(tmp_path_factory.mktemp("loud"), options=options) as running:
        asyncio.run(doors._populate(running.data))  # noqa: SLF001 - the doors' own tree
        yield running.data, collector
    assert collector.server is not None
    collector.server.stop(None)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def loud(talking: tuple[Path, Collector]) -> AsyncIterator[Loud]:
    """Push canaries through every field of every RPC, once."""
    data, collector = talking
    canaries = Canaries()
    async with opened(data) as line:
        found = Loud(data, line, collector, canaries)
        _keep_secrets(found)
        await _push(found)
        await _call_with_headers(found)
        await line.settled()
        await asyncio.sleep(SPANS_SECONDS)
        yield found


def _keep_secrets(loud: Loud) -> None:
    """Take what the line must keep to itself: passwords, and every line of every key."""
    told = json.loads((loud.data / "endpoints.json").read_text())
    for tier in TIERS:
        url = told["tiers"][tier][0]["database_url"]
        loud.canaries.put_into[url.split(":")[2].split("@")[0]] = f"password of {tier}"
    for key in sorted((loud.data / "identity").rglob("*.key")):
        for line in BODY_LINE.findall(key.read_text())[:1]:
            loud.canaries.put_into[line] = f"key {key.name}"


async def _push(loud: Loud) -> None:
    """Call every RPC with one field after the other replaced."""
    for rpc in RPCS:
        if rpc.tier == "apart":  # what only nodes may call is called by nobody here
            continue
        sound = rpc.make(await held_by(loud.line, rpc))
        tier = loud.line.by_name[rpc.tier]
        for path, request in _filled(rpc, sound, loud.canaries):
            await _tried(rpc, tier.channel, request, path)


async def _tried(
    rpc: Rpc, channel: grpc.aio.Channel, request: Message, path: str
) -> None:
    code = grpc.StatusCode.OK
    try:
        await rpc.call(channel, request)
    except grpc.aio.AioRpcError as error:
        code = error.code()
    assert code is not grpc.StatusCode.INTERNAL, path


def _filled(
    rpc: Rpc, sound: Message, canaries: Canaries
) -> Iterator[tuple[str, Message]]:
    """Yield the request with one text or list of bytes replaced, each in turn."""
    for number, (places, one) in enumerate(_texts(sound, ())):
        path = ".".join([rpc.name, *map(str, places), one.name])
        changed = type(sound)()
        changed.CopyFrom(sound)
        at: Any = changed
        for place in places:
            at = at[place] if isinstance(place, int) else getattr(at, place)
        text = canaries.new(path)
        value: Any = text.encode() if one.type == FieldDescriptor.TYPE_BYTES else text
        if one.is_repeated:
            getattr(at, one.name).append(value)
        else:
            setattr(at, one.name, value)
        if (
            "request_id" in changed.DESCRIPTOR.fields_by_name
            and one.name != "request_id"
        ):
            _renew(changed, number)
        yield path, changed


def _renew(request: Any, number: int) -> None:
    request.request_id = f"{number:08d}{request.request_id[8:]}"


def _texts(
    message: Any, places: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], FieldDescriptor]]:
    """Yield every text and every list of bytes in a message, and where it stands."""
    for one in message.DESCRIPTOR.fields:
        if one.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            yield places, one
        elif one.message_type is not None and one.is_repeated:
            for index, part in enumerate(getattr(message, one.name)):
                yield from _texts(part, (*places, one.name, index))
        elif one.message_type is not None and message.HasField(one.name):
            yield from _texts(getattr(message, one.name), (*places, one.name))


async def _call_with_headers(loud: Loud) -> None:
    """Call with tokens that are none, headers nobody knows, and a trace of our own."""
    address = json.loads((loud.data / "endpoints.json").read_text())["tiers"][
        "province"
    ][0]
    tls = Credentials.load(loud.data).tls()
    new = loud.canaries.new
    async with grpc.aio.secure_channel(address["grpc"], tls) as channel:
        for metadata in (
            (("authorization", f"Bearer {new('a token')}"),),
            (("authorization", f"Bearer a.{new('a token in parts')}.b"),),
            (("authorization", f"Basic {new('a password')}"),),
            (("x-api-key", new("a header")), ("traceparent", new("a traceparent"))),
            (("cookie", new("a cookie")), ("baggage", f"a={new('baggage')}")),
            (("tracestate", f"a={new('tracestate')}"),),
        ):
            call: Any = channel.unary_unary(INFO)
            with pytest.raises(grpc.aio.AioRpcError):
                await call(b"", metadata=metadata, timeout=SECONDS)


async def test_canaries_went_through_everything(loud: Loud) -> None:
    """The search below finds what is there: some of them were taken, and are kept."""
    rows = await loud.line.province.db.fetch("SELECT body FROM ledger_fact")
    kept = b"".join(row["body"] for row in rows).decode(errors="replace")

    assert len(loud.canaries.put_into) > 200
    assert loud.canaries.found_in(kept)
    assert sum(map(len, loud.collector.bodies)) > 10_000


async def test_no_log_line_quotes_a_caller(loud: Loud) -> None:
    """Nor does that of a server: services at debug, PostgreSQL and NATS as they are."""
    files = sorted((loud.data / "logs").glob("*.log"))
    said = {one.name: loud.canaries.found_in(one.read_text()) for one in files}

    assert {"province.log", "postgres.log"} <= said.keys()
    assert {name: places for name, places in said.items() if places} == {}


async def test_no_span_carries_what_callers_said(loud: Loud) -> None:
    """Names, counts, ids and codes leave; nothing else."""
    exported = b"".join(loud.collector.bodies).decode(errors="replace")

    assert "ducha." in exported
    assert loud.canaries.found_in(exported) == []


async def test_no_metric_is_labelled_with_what_callers_said(loud: Loud) -> None:
    """/metrics, /readyz and /livez of every node."""
    told = json.loads((loud.data / "endpoints.json").read_text())
    shown = []
    async with aiohttp.ClientSession() as web:
        for tier in TIERS:
            address = told["tiers"][tier][0]["http"]
            for page in ("metrics", "readyz", "livez"):
                async with web.get(f"http://{address}/{page}") as answer:
                    shown.append(await answer.text())

    assert any("rpc_server_call_duration" in text for text in shown)
    assert loud.canaries.found_in("".join(shown)) == []


async def test_no_refusal_quotes_another_caller(loud: Loud) -> None:
    """Whoever asks wrongly hears of their own words only."""
    heard = []
    for rpc in RPCS:
        if rpc.tier == "apart":
            continue
        try:
            await rpc.call(loud.line.by_name[rpc.tier].channel, rpc.empty())
        except grpc.aio.AioRpcError as error:
            heard.append(f"{error.details()} {error.trailing_metadata()}")

    assert heard
    assert loud.canaries.found_in("".join(heard)) == []
