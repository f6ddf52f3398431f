"""Who is nobody gets no word in: no certificate, a wrong one, another protocol."""

from __future__ import annotations

import asyncio
import socket
import ssl
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.authority import certificates
from deploy.authority.certificates import Validity, certificate_pem, key_pem
from deploy.authority.store import Store
from deploy.nats.permissions import identity
from tests.walls.nats.attacks import OWN_UP
from tests.walls.nats.ground import CHAIN, ONE, PLACES, Ground
from tests.walls.nats.raw import Pub, Sub, opened
from tier.identity.model import SpiffeId, parse_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

HALF_OPEN_SECONDS = 10.0


def context(ground: Ground) -> ssl.SSLContext:
    """Trust the site, and show nothing."""
    return ssl.create_default_context(cafile=ground.site.identity / "ca.crt")


def with_pair(ground: Ground, folder: Path, pair: certificates.Pair) -> ssl.SSLContext:
    """Show a certificate of one's own making."""
    (folder / "own.crt").write_text(certificate_pem(pair.certificate))
    (folder / "own.key").write_text(key_pem(pair.key))
    made = context(ground)
    made.load_cert_chain(folder / "own.crt", folder / "own.key")
    return made


def shown(ground: Ground, kind: str, name: str, stem: str = "tls") -> ssl.SSLContext:
    """Show a certificate of the site."""
    folder = ground.site.identity / kind / name
    made = context(ground)
    made.load_cert_chain(folder / f"{stem}.crt", folder / f"{stem}.key")
    return made


def huashan(ground: Ground) -> SpiffeId:
    return identity(PLACES["huashan"].spec, Store(ground.site.identity).domain)


async def is_let_in(ground: Ground, tls: ssl.SSLContext | None, **more: object) -> bool:
    """Whether the server of wuhua answers at all, and takes a message."""
    node = "huashan" if ground.shape == ONE else "wuhua"
    try:
        async with opened(ground.address(node), tls, greeting=more) as raw:
            raw.say(Sub("_INBOX.huashan.>"))
            raw.say(Pub(OWN_UP.subject, b"stranger", "_INBOX.huashan.receipt"))
            await raw.flush()
            await raw.until(lambda: raw.heard or raw.is_cut, 0.5)
            return not raw.is_cut or bool(raw.heard)
    except OSError:
        return False


async def unmoved(ground: Ground, before: object) -> None:
    """Check that nothing changed and that everybody still works."""
    assert await ground.snapshot() == before
    assert await ground.exchange()


async def test_the_same_words_with_the_right_certificate_are_heard(
    ground: Ground,
) -> None:
    """So that the refusals below mean something."""
    node = "huashan" if ground.shape == ONE else "wuhua"
    let_in = await is_let_in(ground, ground.tls(node))

    assert let_in


async def test_a_child_at_the_clients_door_of_its_parent(ground: Ground) -> None:
    """In a chain a child comes by its own server: its certificate is not a client's there."""
    before = await ground.snapshot()
    let_in = await is_let_in(ground, ground.tls("huashan"))

    assert let_in is (ground.shape == ONE)
    if ground.shape == CHAIN:
        await unmoved(ground, before)


async def test_without_a_certificate(ground: Ground) -> None:
    """The handshake fails; not even the greeting is said."""
    before = await ground.snapshot()
    let_in = await is_let_in(ground, context(ground))

    assert not let_in
    await unmoved(ground, before)


async def test_without_tls(ground: Ground) -> None:
    """Plain words are answered with silence: no greeting tells names or versions."""
    before = await ground.snapshot()
    reader, writer = await asyncio.open_connection(*ground.address("wuhua"))
    writer.write(b"CONNECT {}\r\nSUB > 1\r\nPING\r\n")
    async with asyncio.timeout(HALF_OPEN_SECONDS):
        with suppress(OSError):
            heard = await reader.read()
    writer.close()

    assert b"INFO" not in heard
    assert b"PONG" not in heard
    await unmoved(ground, before)


async def test_a_certificate_of_another_authority(
    ground: Ground, tmp_path: Path
) -> None:
    """The right id, signed by somebody else."""
    before = await ground.snapshot()
    now = datetime.now(UTC)
    foreign = certificates.new_authority("ducha.internal", now)
    pair = certificates.node_tls(foreign, huashan(ground), (), Validity(now))
    let_in = await is_let_in(ground, with_pair(ground, tmp_path, pair))

    assert not let_in
    await unmoved(ground, before)


async def test_an_expired_certificate(ground: Ground, tmp_path: Path) -> None:
    """The right id and the right authority, a year ago."""
    before = await ground.snapshot()
    own = Store(ground.site.identity).authorities()[0]
    past = Validity(datetime.now(UTC) - timedelta(days=400), 30)
    pair = certificates.node_tls(own, huashan(ground), (), past)
    let_in = await is_let_in(ground, with_pair(ground, tmp_path, pair))

    assert not let_in
    await unmoved(ground, before)


@pytest.mark.parametrize(
    "uri",
    [
        "spiffe://ducha.internal/township/53/5301/530102/530102009/huashan",
        "spiffe://ducha.internal/county/53/5301/530102/huashan",
        "spiffe://ducha.internal/township/53/5301/530102/530102001/huashan2",
        "spiffe://other.internal/township/53/5301/530102/530102001/huashan",
        "spiffe://ducha.internal/client/53/5301/530102/530102001/huashan",
    ],
    ids=[
        "another division",
        "another tier",
        "another name",
        "another domain",
        "client",
    ],
)
async def test_a_certificate_with_an_id_that_is_nearly_right(
    ground: Ground, tmp_path: Path, uri: str
) -> None:
    """From the right authority, to a node that is not in the tree."""
    before = await ground.snapshot()
    own = Store(ground.site.identity).authorities()[0]
    pair = certificates.node_tls(own, parse_id(uri), (), Validity(datetime.now(UTC)))
    let_in = await is_let_in(ground, with_pair(ground, tmp_path, pair))

    assert not let_in
    await unmoved(ground, before)


@pytest.mark.parametrize("of", ["client program", "seal", "another server"])
async def test_a_certificate_for_something_else(ground: Ground, of: str) -> None:
    """A client program's, a node's for its seal: good elsewhere, not on the road."""
    before = await ground.snapshot()
    if of == "client program":
        tls = shown(ground, "clients", "console")
    elif of == "seal":
        tls = shown(ground, "nodes", "huashan", "seal")
    else:
        tls = shown(ground, "nats", next(iter(ground.servers)))
    let_in = await is_let_in(ground, tls)
    heard_as_node = (await ground.snapshot()) != before

    assert not heard_as_node
    assert not let_in or of == "another server"  # it opens the system account, no other
    await unmoved(ground, before)


@pytest.mark.parametrize(
    "claim",
    [
        {"user": "spiffe://ducha.internal/county/53/5301/530102/wuhua"},
        {"user": "wuhua", "pass": "wuhua"},
        {"account": "wuhua", "new_account": True},
        {"auth_token": "wuhua"},
        {"jwt": "e30.e30.e30", "nkey": "UA", "sig": "AA"},
    ],
    ids=["user", "password", "account", "token", "jwt"],
)
async def test_claiming_to_be_another(ground: Ground, claim: dict[str, object]) -> None:
    """Whatever huashan says in its greeting, it is who its certificate says."""
    before = await ground.snapshot()
    with suppress(OSError):
        address = ground.address("huashan")
        async with opened(address, ground.tls("huashan"), greeting=claim) as raw:
            raw.say(Sub("_INBOX.wuhua.>"))
            raw.say(Sub("ducha.>"))
            raw.say(Pub("$JS.API.STREAM.NAMES", b"", "_INBOX.huashan.x"))
            await raw.flush()
            secrets = await ground.exchange()
            known = [secret for secret in secrets if raw.knows(secret)]
            refused = raw.is_cut or len(raw.errors) >= 3

            assert not known
            assert refused, raw.errors
    assert {name: one["config"] for name, one in (await ground.snapshot()).items()} == {
        name: one["config"] for name, one in before.items()
    }


async def test_a_leaf_node_or_a_router_at_the_clients_door(ground: Ground) -> None:
    """Words of other kinds of connections are words of a client, and wrong ones."""
    before = await ground.snapshot()
    for words in (
        b"LS+ ducha.>\r\n",
        b"LMSG " + OWN_UP.subject.encode() + b" 1\r\nx\r\n",
        b"RS+ wuhua ducha.>\r\n",
        b'INFO {"server_id":"x","cluster":"y"}\r\n',
        b"A+ wuhua\r\n",
    ):
        async with ground.connected("huashan") as raw:
            raw.say(words)
            await raw.flush()

            assert raw.is_cut or raw.errors or not raw.heard
    await unmoved(ground, before)


async def test_the_monitor_is_for_this_machine_only(ground: Ground) -> None:
    """It tells names of streams and connections: it listens on loopback, by its own word."""
    for server in ground.servers.values():
        told = await asyncio.to_thread(_page, f"{server.monitor_url}/varz")

        assert '"http_host": "127.0.0.1"' in told
        assert '"tls_required": true' in told
        assert '"tls_verify": true' in told


def _page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as page:
        return str(page.read().decode())


async def test_those_who_say_nothing_are_dropped(ground: Ground) -> None:
    """Half-open connections are let go within seconds, and others are served meanwhile."""
    before = await ground.snapshot()
    silent = [socket.create_connection(ground.address("wuhua")) for _ in range(60)]
    secrets = await ground.exchange()
    began = asyncio.get_running_loop().time()
    for one in silent:
        one.settimeout(HALF_OPEN_SECONDS)
        with suppress(ConnectionResetError):
            assert await asyncio.to_thread(one.recv, 1) == b""
        one.close()

    assert secrets
    assert asyncio.get_running_loop().time() - began < HALF_OPEN_SECONDS
    assert set(await ground.snapshot()) == set(before)
