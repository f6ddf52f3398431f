"""What a NATS server is told: one for all nodes, or one of a chain, a server a node. Pure.

`nats.conf` says how it serves; `accounts.conf`, which it includes, who may what. Only the
second changes while it runs, when an identity is revoked (`guard.py`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.embedded.topology import Place
from deploy.nats.permissions import (
    Answers,
    Door,
    Rights,
    far,
    identity,
    rights,
)
from tier.lanes import MESSAGE_BYTES

ACCOUNTS_FILE: Final = "accounts.conf"
SYSTEM: Final = "SYS"
CONNECTIONS: Final = 4
"""Of one node: one, and the dead ones that were not noticed yet."""
CHAINED: Final = 3
SUBSCRIPTIONS: Final = 64
SUBSCRIPTIONS_A_LINK: Final = 8
GUARDS: Final = 8
"""Connections beside the nodes': the guard's, and strangers' that fail."""
STRANGERS: Final = 512
STORE_BYTES: Final = 20 * 1024**3
CONTROL_LINE: Final = 4096
ANSWERS_SECONDS: Final = 20
"""How long an account remembers who asked: longer than a pull lasts."""


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of a server or a node, and whom it trusts."""

    certificate: Path
    key: Path
    authorities: Path


@dataclass(frozen=True, slots=True)
class Uplink:
    """The server of the parent in a chain, and the certificate of the node that dials."""

    url: str
    tls: Tls


@dataclass(frozen=True, slots=True)
class Server:
    """How one server serves; addresses are HOST:PORT."""

    name: str
    listen: str
    store: Path
    tls: Tls | None = None
    monitor: str = ""
    pid_file: str = ""
    leaf_listen: str = ""
    """Where children dial, in a chain."""
    uplink: Uplink | None = None
    node: Place | None = None
    """Whose server it is, in a chain."""


def server_text(server: Server, places: Sequence[Place] = ()) -> str:
    """Return `nats.conf`; `places` are those that have accounts on this server."""
    streams = sum(rights(place).stream_bytes for place in places)
    lines = [
        "# Generated. Who may what stands in accounts.conf. 自动生成，权限见 accounts.conf",
        f"server_name: {_text(server.name)}",
        f"listen: {_text(server.listen)}",
        *([f"http: {_text(server.monitor)}"] if server.monitor else ()),
        *([f"pid_file: {_text(server.pid_file)}"] if server.pid_file else ()),
        "# Who is gone without a word is noticed in 10 seconds; the default takes minutes.",
        'ping_interval: "5s"',
        "ping_max: 2",
        f"max_payload: {MESSAGE_BYTES}",
        f"max_control_line: {CONTROL_LINE}",
        'write_deadline: "10s"',
        *_jetstream(server, max(STORE_BYTES, 2 * streams)),
    ]
    if server.tls is not None:
        connections = CONNECTIONS * len(places) + STRANGERS + GUARDS
        lines += [f"max_connections: {connections}", *_tls(server.tls)]
        lines += [*_leafnodes(server), f"include {_text('./' + ACCOUNTS_FILE)}"]
    return "\n".join(lines) + "\n"


def accounts_text(
    places: Sequence[Place],
    domain: str,
    keeper: str,
    *,
    without: Collection[str] = (),
    own: str = "",
) -> str:
    """Return `accounts.conf` for the nodes on one server.

    `keeper` is the name in the certificate of whoever may cut connections. Nodes in
    `without` keep their account and what is in it; nobody is let in for them. In a chain
    `own` is the node whose server it is; all others come through leaf nodes.
    """
    lines = [f"system_account: {SYSTEM}", "accounts {", *_system(keeper)]
    for place in places:
        may = rights(place)
        above = may.up
        if place.spec.name == own:
            above = far(may.up)
            lines += _link(above)
        user = str(identity(place.spec, domain))
        has_client = own in {"", place.spec.name}
        who = _client(user, may) if has_client else _leaf(user, may)
        lines += [
            f"  {_text(place.spec.name)}: {{",
            *_limits(may),
            *(["    users: []"] if place.spec.name in without else who),
            *_exports(may.down),
            *_imports(above),
            "  }",
        ]
    return "\n".join([*lines, "}"]) + "\n"


def _jetstream(server: Server, bytes_: int) -> list[str]:
    domain = [f"  domain: {_text(server.node.spec.name)}"] if server.node else []
    return [
        "jetstream {",
        f"  store_dir: {_text(str(server.store))}",
        *domain,
        "  # An acknowledged message is on disk. At the default, 2 minutes, a power cut was",
        "  # seen to take all of 20,000; this costs about 0.3 ms a message.",
        "  sync_interval: always",
        "  max_memory_store: 268435456",
        f"  max_file_store: {bytes_}",
        "  # One consumer a child node; the default of 1,000 is less than Yunnan's townships.",
        "  limits { default_max_consumers: 5000 }",
        "}",
    ]


def _tls(files: Tls) -> list[str]:
    """Everybody shows a certificate before a word is said; it says who they are."""
    return [
        "tls {",
        f"  cert_file: {_text(str(files.certificate))}",
        f"  key_file: {_text(str(files.key))}",
        f"  ca_file: {_text(str(files.authorities))}",
        "  # The SPIFFE id in a node's certificate is its user; there is no other way in.",
        "  verify_and_map: true",
        "  # Not a word, not even a greeting, before the certificate is seen.",
        "  handshake_first: true",
        '  min_version: "1.2"',
        "  timeout: 3",
        "}",
    ]


def _leafnodes(server: Server) -> list[str]:
    if not server.leaf_listen and server.uplink is None:
        return []
    lines = ["leafnodes {", '  reconnect: "1s"', "  isolate_leafnode_interest: true"]
    if server.leaf_listen and server.tls is not None:
        lines.append(f"  listen: {_text(server.leaf_listen)}")
        lines += [f"  {line}" for line in _tls(server.tls)]
    if server.uplink is not None and server.node is not None:
        lines += [f"  {line}" for line in _remote(server.uplink, server.node)]
    return [*lines, "}"]


def _remote(uplink: Uplink, place: Place) -> list[str]:
    account = place.parent.name if place.parent else ""
    return [
        "remotes: [ {",
        f"  url: {_text(uplink.url)}",
        f"  account: {_text(account)}",
        "  # Other addresses of the parent are not taken from gossip.",
        "  ignore_discovered_servers: true",
        "  tls {",
        f"    cert_file: {_text(str(uplink.tls.certificate))}",
        f"    key_file: {_text(str(uplink.tls.key))}",
        f"    ca_file: {_text(str(uplink.tls.authorities))}",
        "    handshake_first: true",
        "    timeout: 3",
        "  }",
        "} ]",
    ]


def _system(keeper: str) -> list[str]:
    """Describe the one user of the system account: it looks who is there, and cuts."""
    requests = [f"$SYS.REQ.SERVER.{word}" for word in ("PING", "*.CONNZ", "*.KICK")]
    return [
        f"  {SYSTEM}: {{",
        f"    limits {{ max_connections: {GUARDS} }}",
        *_user_lines(keeper, "STANDARD", requests, ["_INBOX.guard.>"]),
        "  }",
    ]


def _limits(may: Rights) -> list[str]:
    subscriptions = SUBSCRIPTIONS + SUBSCRIPTIONS_A_LINK * (may.streams + 1)
    lines = [
        "    limits {",
        f"      max_connections: {CONNECTIONS}",
        f"      max_leafnodes: {CHAINED}",
        f"      max_subscriptions: {subscriptions}",
        f"      max_payload: {MESSAGE_BYTES}",
        "    }",
    ]
    if may.streams:
        lines += [
            "    jetstream {",
            "      max_memory: 0",
            f"      max_store: {may.stream_bytes}",
            f"      max_streams: {may.streams}",
            f"      max_consumers: {may.streams}",
            "    }",
        ]
    return lines


def _link(doors: Sequence[Door]) -> list[str]:
    """Describe the account that a leaf node joins with its hub: doors, and nobody in it."""
    if not doors:
        return []
    return [f"  {_text(doors[0].account)}: {{", *_exports(doors), "  }"]


def _client(user: str, may: Rights) -> list[str]:
    return _user_lines(user, "STANDARD", may.publish, may.subscribe)


def _leaf(user: str, may: Rights) -> list[str]:
    """Describe a child's server: it passes on what is asked, and the answers back."""
    return _user_lines(user, "LEAFNODE", may.publish, ["_R_.>"])


def _user_lines(
    user: str, kind: str, publish: Iterable[str], subscribe: Iterable[str]
) -> list[str]:
    return [
        "    users: [ {",
        f"      user: {_text(user)}",
        f"      allowed_connection_types: [{_text(kind)}]",
        "      permissions {",
        f"        publish {{ allow: {_list(publish)} }}",
        f"        subscribe {{ allow: {_list(subscribe)} }}",
        "      }",
        "    } ]",
    ]


def _exports(doors: Iterable[Door]) -> list[str]:
    lines = []
    for door in doors:
        threshold = (
            f', response_threshold: "{ANSWERS_SECONDS}s"'
            if door.answers is Answers.MANY
            else ""
        )
        lines.append(
            f"      {{ service: {_text(door.subject)}, accounts: [{_text(door.child)}], "
            f"response_type: {_text(door.answers)}{threshold} }}"
        )
    return ["    exports: [", *lines, "    ]"] if lines else []


def _imports(doors: Iterable[Door]) -> list[str]:
    lines = []
    for door in doors:
        to = f", to: {_text(door.seen_as)}" if door.seen_as != door.subject else ""
        source = f"account: {_text(door.account)}, subject: {_text(door.subject)}"
        lines.append(f"      {{ service: {{ {source} }}{to} }}")
    return ["    imports: [", *lines, "    ]"] if lines else []


def _list(subjects: Iterable[str]) -> str:
    """Write a list of subjects; one that is empty would allow everything."""
    return f"[{', '.join(map(_text, subjects)) or _text('_NOTHING')}]"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
