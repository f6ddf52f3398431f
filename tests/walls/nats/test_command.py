"""`ducha nats`: what operators get is what a real server takes, and what we run ourselves."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.authority import actions
from deploy.authority.certificates import Reason
from deploy.authority.store import Store
from deploy.embedded import identities, nats
from deploy.embedded.nats import NatsServer
from deploy.nats import tree
from tests.walls.nats.ground import ONE, PLACES, Ground
from tests.walls.nats.raw import opened
from tests.walls.nats.test_guard import cut_after, newest

PROJECT = Path(__file__).parents[3]
SHIPPED = PROJECT / "deploy" / "nats"
TREE = SHIPPED / "nodes.toml"
DUCHA = (sys.executable, "-c", "from clients.cli.main import run; run()")


def ducha(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DUCHA, *map(str, words)],
        capture_output=True, text=True, timeout=60, check=False, env=environment(),
    )  # fmt: skip


def environment() -> dict[str, str]:
    path = os.pathsep.join((str(PROJECT), str(PROJECT / "gen")))
    return {**os.environ, "PYTHONPATH": path, "LANG": "C.UTF-8"}


def valid(file: Path) -> str:
    """Return what nats-server finds wrong with a file; empty when it takes it."""
    done = subprocess.run(
        [nats.binary(), "-t", "-c", file], capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stderr


def test_the_shipped_files_are_what_the_command_writes(tmp_path: Path) -> None:
    """The template cannot drift from the generator, nor from what tests attack."""
    done = ducha("nats", "config", TREE, "--out", tmp_path)

    assert done.returncode == 0, done.stderr
    for name in ("nats.conf", "accounts.conf"):
        assert (tmp_path / name).read_text() == (SHIPPED / name).read_text()


@pytest.mark.parametrize("chain", [False, True], ids=["one server", "a chain"])
def test_a_real_server_takes_what_is_written(tmp_path: Path, *, chain: bool) -> None:
    """With certificates in place, nats-server finds nothing wrong."""
    places = tree.read(TREE)
    names = [f"nats-{place.spec.name}" for place in places] if chain else ["nats"]
    identity, out = tmp_path / "identity", tmp_path / "out"
    identities.ensure(identity, places, "53", names)
    folders = ("--out", out, "--identity", identity, "--store", tmp_path / "store")
    shape = ("--chain",) if chain else ()
    done = ducha("nats", "config", TREE, *folders, *shape)
    files = sorted(out.rglob("nats.conf"))

    assert done.returncode == 0, done.stderr
    assert len(files) == len(names)
    assert [valid(file) for file in files] == [""] * len(names)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nodes"),
        ("nodes = 3", "nodes"),
        ('[[nodes]]\ntier="x"\nname="a"\nhosts=["53"]', "tier"),
        ('[[nodes]]\ntier="city"\nname="a"\nhosts=["5"]', "division code"),
        ("[[", "Invalid"),
    ],
)
def test_a_wrong_tree_is_refused_with_what_to_do(
    tmp_path: Path, text: str, said: str
) -> None:
    """Exit code 2, no stack trace."""
    file = tmp_path / "nodes.toml"
    file.write_text(text)
    done = ducha("nats", "config", file, "--out", tmp_path / "out")

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


async def test_the_guard_beside_a_server_of_ones_own(tmp_path: Path) -> None:
    """`ducha nats guard` cuts who is revoked, with files alone: CRL, certificates, pid."""
    made = Ground(ONE, tmp_path / "site")
    server = made.server("huashan")
    store = Store(made.site.identity)
    file, issued = tmp_path / "nodes.toml", tmp_path / "issued"
    file.write_text("".join(map(entry, PLACES)))
    issued.mkdir()
    for node in PLACES:
        shown = made.site.identity / "nodes" / node / "tls.crt"
        (issued / f"{node}.crt").write_bytes(shown.read_bytes())
    with made.running():
        pid_file = dismissed(server)
        words = [
            "nats", "guard", file, "--accounts", server.root / "accounts.conf",
            "--pid-file", pid_file, "--crl", store.revocations, "--issued", issued,
            "--at", f"127.0.0.1:{server.port}", "--identity", made.site.identity,
        ]  # fmt: skip
        guard = await asyncio.create_subprocess_exec(
            *DUCHA,
            *map(str, words),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            async with opened(made.address("huashan"), made.tls("huashan")) as raw:
                await asyncio.sleep(3.0)  # until it runs; an early cut would be wrong
                early = raw.is_cut
                with store.locked():
                    struck = [newest(store, "huashan")]
                    actions.strike(
                        store, store.authorities(), struck, Reason.KEY_COMPROMISE
                    )
                seconds = await cut_after(raw)
        finally:
            guard.send_signal(signal.SIGINT)
            said, _ = await guard.communicate()

    assert not early
    assert seconds < 10.0, said.decode()
    assert b"Traceback" not in said


def entry(node: str) -> str:
    spec = PLACES[node].spec
    hosts = ", ".join(f'"{code}"' for code in spec.hosts)
    return f'[[nodes]]\ntier = "{spec.tier}"\nname = "{node}"\nhosts = [{hosts}]\n'


def dismissed(server: NatsServer) -> Path:
    """Send the supervisor's own guard home; return the server's pid file."""
    assert server.guard is not None
    server.guard.stop()
    return server.root / "nats.pid"
