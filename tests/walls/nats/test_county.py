"""A stolen county certificate: it owns the streams of its children, and reaches no others.

A parent makes its streams and their consumers by itself, in its own account, and what
it asks for there can say anything: sources, republishing, other addresses of delivery.
None of it may lead out of that account.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence

import pytest

from tests.walls.nats.attacks import (
    COUSIN_DOWN,
    COUSIN_UP,
    PARENT_DOWN,
    PARENT_UP,
    SIBLING_DOWN,
    SIBLING_UP,
)
from tests.walls.nats.ground import CHAIN, ONE, SHAPES, Ground, Snapshot, of
from tests.walls.nats.raw import Address, Pub, Raw, Sub, opened
from tests.walls.nats.thieves import thief
from tier.lanes import DOWN, UP, Lane

pytestmark = pytest.mark.asyncio(loop_scope="module")

INBOX = "_INBOX.wuhua.answer"
PULL = b'{"batch":9,"no_wait":true}'
BROTHER_UP, BROTHER_DOWN = of(UP, "kunming", "panlong"), of(DOWN, "kunming", "panlong")
FOREIGN = (BROTHER_UP, BROTHER_DOWN, COUSIN_UP, COUSIN_DOWN)
OWN = {of(way, "wuhua", child).stream for way in (UP, DOWN) for child in (
    "huashan", "longquan", "dabanqiao",
)}  # fmt: skip

TRIES: Mapping[str, Sequence[Pub | Sub]] = {
    "publish as the brother county": (Pub(BROTHER_UP.subject, b"forged"),),
    "publish as the city to the brother": (Pub(BROTHER_DOWN.subject, b"forged"),),
    "publish as the city to oneself": (Pub(PARENT_DOWN.subject, b"forged"),),
    "publish to the brother's township": (Pub(COUSIN_DOWN.subject, b"forged"),),
    "publish as the brother's township": (Pub(COUSIN_UP.subject, b"forged"),),
    "take the brother's messages": (
        Pub(BROTHER_DOWN.ask, PULL, INBOX),
        Pub(BROTHER_DOWN.next, PULL, INBOX),
    ),
    "take what the city should get": (
        Pub(PARENT_UP.next, PULL, INBOX),
        Pub(BROTHER_UP.next, PULL, INBOX),
    ),
    "listen to everything": (Sub(">"), Sub("ducha.>"), Sub("_INBOX.>"), Sub("*.*")),
    "listen to the brother": (Sub(BROTHER_UP.subject), Sub(COUSIN_UP.subject)),
    "delete the city's stream": tuple(
        Pub(f"$JS.{domain}API.STREAM.DELETE.{PARENT_UP.stream}", b"", INBOX)
        for domain in ("", "kunming.")
    ),
    "make a stream of another's name": tuple(
        Pub(
            f"$JS.{domain}API.STREAM.CREATE.{BROTHER_UP.stream}",
            json.dumps({"name": BROTHER_UP.stream, "subjects": ["x"]}).encode(),
            INBOX,
        )
        for domain in ("", "kunming.", "panlong.")
    ),
    "have the receipt sent into the brother's lane": (
        Pub(PARENT_UP.subject, b"x", BROTHER_UP.subject),
    ),
    "acknowledge the brother's messages": (
        Pub(BROTHER_DOWN.acks.removesuffix(">") + "1.1.1.1.0", b"+ACK"),
    ),
    "list connections": (Pub("$SYS.REQ.SERVER.PING.CONNZ", b"{}", INBOX),),
}  # fmt: skip


@pytest.fixture(scope="module")
def rogue(
    ground: Ground, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Address | None]:
    """The thief's own leaf node at the city; None where there is one server for all."""
    if ground.shape == ONE:
        yield None
        return
    with ground.rogue("wuhua", tmp_path_factory.mktemp("rogue")) as address:
        yield address


def foreign(state: Snapshot) -> Snapshot:
    """Return what is neither the county's own, nor fed by it."""
    return {
        name: one
        for name, one in state.items()
        if name not in OWN and name != PARENT_UP.stream
    }


@pytest.mark.parametrize("name", TRIES)
async def test_the_county_reaches_no_other(
    ground: Ground, rogue: Address | None, name: str
) -> None:
    """Streams of the city and the brother stand; their secrets are not heard."""
    before = await ground.snapshot()
    async with thief(ground, "wuhua", "kunming", rogue) as one:
        for frame in TRIES[name]:
            one.say(frame)
        await one.settled()
        after = await ground.snapshot()
        await ground.exchange()
        await one.settled()

    assert foreign(after) == foreign(before)
    told = [heard.body for heard in one.heard if b"secret" in heard.body]
    assert not [body for body in told if any(is_of(body, far) for far in FOREIGN)]
    assert not one.answers(INBOX)


def is_of(body: bytes, one: Lane) -> bool:
    return body.endswith(f"of {one.subject}".encode())


WRONG_STREAMS: Mapping[str, Mapping[str, object]] = {
    "sources": {"sources": [{"name": COUSIN_UP.stream}, {"name": BROTHER_UP.stream}]},
    "mirror": {"mirror": {"name": BROTHER_DOWN.stream}},
    "sources over domains": {
        "sources": [
            {"name": BROTHER_UP.stream, "external": {"api": "$JS.kunming.API"}},
            {"name": COUSIN_UP.stream, "external": {"api": "$JS.panlong.API"}},
        ]
    },
    "all subjects": {"subjects": ["ducha.>"]},
    "republish": {
        "subjects": [SIBLING_DOWN.subject],
        "republish": {"src": ">", "dest": BROTHER_UP.subject},
    },
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("trick", WRONG_STREAMS)
async def test_whatever_a_county_makes_stays_in_its_account(
    shape: str, trick: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Before the honest county is there, the thief makes its streams the wrong way."""
    made = Ground(shape, tmp_path_factory.mktemp("walls"))
    stream = SIBLING_DOWN.stream
    told = {
        "name": stream,
        "storage": "file",
        "num_replicas": 1,
        **WRONG_STREAMS[trick],
    }
    with made.running():
        async with (
            made.at_work(without="wuhua"),
            opened(made.address("wuhua"), made.tls("wuhua")) as raw,
        ):
            raw.say(Sub("_INBOX.wuhua.>"))
            api = f"$JS.API.STREAM.CREATE.{stream}"
            raw.say(Pub(api, json.dumps(told).encode(), INBOX))
            await raw.until(lambda: raw.on(INBOX))
            await push_elsewhere(raw, stream)
            raw.say(Pub(SIBLING_DOWN.subject, b"pushed", INBOX))
            before = foreign(await made.snapshot())
            secrets = await made.exchange()
            await raw.until(lambda: False, 1.0)  # time for what must not come
            after = await made.snapshot()
            kept = after.get(stream, {"messages": 0})

    assert int(str(kept["messages"])) <= 1  # the county's own word
    assert not [secret for secret in secrets if raw.knows(secret)]
    assert grown(before, foreign(after)) == {"dn", "up"}


async def push_elsewhere(raw: Raw, stream: str) -> None:
    """Have the stream's consumer deliver into the brother's lane."""
    config = {"durable_name": stream, "deliver_subject": BROTHER_UP.subject}
    body = {"stream_name": stream, "config": config}
    api = f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{stream}"
    seen = len(raw.on(INBOX))
    raw.say(Pub(api, json.dumps(body).encode(), INBOX))
    await raw.until(lambda: len(raw.on(INBOX)) > seen)


def grown(before: Snapshot, after: Snapshot) -> set[str]:
    """Return the ways whose streams hold exactly one message more: the exchange's."""
    more = {
        name: int(str(after[name]["last"])) - int(str(before[name]["last"]))
        for name in before
    }
    assert set(more.values()) <= {0, 1}, more
    return {name.split("=")[0] for name, count in more.items() if count == 1}


async def test_a_parent_that_overreaches(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """On a chain the city replaces its hub by one without any rules.

    The county's own server still neither tells it nor hears from it what is between the
    county and its townships.
    """
    made = Ground(CHAIN, tmp_path_factory.mktemp("walls"))
    inner = (SIBLING_UP, SIBLING_DOWN)
    with made.running():
        async with made.at_work(without="kunming"):
            folder = tmp_path_factory.mktemp("hub")
            with made.lawless_hub("kunming", folder) as address:
                async with opened(address) as raw:
                    raw.say(Sub(">"))
                    await joined(made, raw)
                    before = await made.snapshot()
                    for one in inner:
                        raw.say(Pub(one.subject, b"forged", "_INBOX.hub.x"))
                        raw.say(Pub(one.ask, PULL, "_INBOX.hub.x"))
                        raw.say(Pub(one.acks.removesuffix(">") + "1.1.1.1.0", b"+TERM"))
                        for api in ("$JS.API", "$JS.wuhua.API"):
                            for word in ("DELETE", "PURGE", "INFO"):
                                words = f"{api}.STREAM.{word}.{one.stream}"
                                raw.say(Pub(words, b"", "_INBOX.hub.x"))
                    raw.say(Pub("_INBOX.longquan.x.1", b"forged"))
                    await joined(made, raw)
                    after = await made.snapshot()
                    secrets = await made.exchange()
                    await joined(made, raw)

    assert after == before
    assert not [secret for secret in secrets if raw.knows(secret)]
    assert len(secrets) == 4


async def joined(made: Ground, raw: Raw) -> None:
    """Wait until the hub hears what the county tells its parent, so that it is really one."""
    for number in range(200):
        word = f"to the parent {number}".encode()
        async with made.connected("wuhua") as county:
            county.say(Pub(PARENT_UP.subject, word))
            await county.flush()
        if await raw.until(functools.partial(raw.knows, word), 0.2):
            return
    raise AssertionError("the county's server never joined the lawless hub")
