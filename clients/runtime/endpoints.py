"""Where the nodes of a line are, and which of them hosts a division.

`ducha up` writes the list to `DIR/endpoints.json`. Without it, give addresses:
`Endpoints.of({"province": "10.0.0.5:7001", ...}, root="53")`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clients.runtime.calling import Limits
from clients.runtime.client import Client
from clients.runtime.credentials import DIGITS, Credentials
from clients.runtime.errors import EndpointsUnusable, NodeUnknown

TIERS = ("province", "city", "county", "township")
"""The four tiers, from the top."""

FILE = "endpoints.json"


def default_data() -> Path:
    """Return the data directory: `DUCHA_DATA`, or `.ducha` where you stand."""
    return Path(os.environ.get("DUCHA_DATA") or ".ducha")


def tier_of(division: str) -> str:
    """Return the tier that hosts a division, by the length of its code.

    Villages and grids act at their township's node.
    """
    match len(division):
        case 2:
            return "province"
        case 4:
            return "city"
        case 6:
            return "county"
        case _:
            return "township"


@dataclass(frozen=True, slots=True)
class NodeEndpoint:
    """One node: what it hosts and where it listens."""

    node: str
    tier: str
    hosts: tuple[str, ...]
    grpc: str
    http: str = ""
    database_url: str = ""

    @property
    def area(self) -> str:
        """The smallest division that contains all that the node hosts."""
        heads = [{host[:digits] for host in self.hosts} for digits in sorted(DIGITS)]
        return max((head for (head, *others) in heads if not others), default="")

    def is_host_of(self, division: str) -> bool:
        """Say whether the division lies within what the node hosts."""
        return any(division.startswith(code) for code in self.hosts)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """All nodes of one line."""

    root: str
    nodes: tuple[NodeEndpoint, ...]
    data: str = ""
    credentials: Credentials = field(default_factory=Credentials)

    @classmethod
    def load(cls, data: Path | None = None) -> Endpoints:
        """Read the list that `ducha up` wrote into the data directory.

        Raises:
            EndpointsUnusable: there is none, or it is not such a list.
        """
        path = (data or default_data()) / FILE
        try:
            return cls._parse(json.loads(path.read_text()))
        except FileNotFoundError as missing:
            raise EndpointsUnusable(
                f"There is no {path}: no system was started here. "
                "Run `ducha up`, or give --data DIR or --address HOST:PORT.",
                f"找不到 {path}：此处尚未启动系统。"
                "请运行 `ducha up`，或用 --data 目录、--address 地址:端口 指定。",
            ) from missing
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as broken:
            raise EndpointsUnusable(
                f"{path} cannot be read as a list of nodes ({broken!r}). "
                "Let `ducha up` write it again.",
                f"{path} 不是有效的节点清单（{broken!r}）。请重新运行 `ducha up`。",
            ) from broken

    @classmethod
    def of(
        cls,
        addresses: Mapping[str, str],
        root: str,
        credentials: Credentials | None = None,
    ) -> Endpoints:
        """Make the list from one address for each tier, each hosting the whole root."""
        return cls(
            root,
            tuple(
                NodeEndpoint(node=tier, tier=tier, hosts=(root,), grpc=addresses[tier])
                for tier in TIERS
                if tier in addresses
            ),
            credentials=credentials or Credentials(),
        )

    @classmethod
    def _parse(cls, content: Mapping[str, object]) -> Endpoints:
        tiers = content["tiers"]
        if not isinstance(tiers, Mapping):
            raise TypeError("tiers must be an object")
        nodes = tuple(
            NodeEndpoint(
                node=str(entry["node"]),
                tier=tier,
                hosts=tuple(str(code) for code in entry["hosts"]),
                grpc=str(entry["grpc"]),
                http=str(entry.get("http", "")),
                database_url=str(entry.get("database_url", "")),
            )
            for tier in TIERS
            for entry in tiers.get(tier, ())
        )
        data = str(content.get("data", ""))
        walls = data and content.get("walls", True)
        credentials = Credentials.load(Path(data)) if walls else Credentials()
        return cls(str(content["root"]), nodes, data, credentials)

    def client(
        self, place: NodeEndpoint | str = "", limits: Limits | None = None
    ) -> Client:
        """Return a client of a node, or of the node of a division; by default of the top.

        Raises:
            NodeUnknown: no node hosts the division.
        """
        node = (
            self.for_division(place or self.root) if isinstance(place, str) else place
        )
        return Client(node.grpc, self.credentials.standing(node.area), limits)

    def at_tier(self, tier: str) -> tuple[NodeEndpoint, ...]:
        """Return the nodes of one tier."""
        return tuple(node for node in self.nodes if node.tier == tier)

    def top(self) -> NodeEndpoint:
        """Return the node at the top."""
        return self.for_division(self.root)

    def for_division(self, division: str) -> NodeEndpoint:
        """Return the node where the division acts.

        Raises:
            NodeUnknown: no node of its tier hosts it.
        """
        tier = tier_of(division)
        for node in self.at_tier(tier):
            if node.is_host_of(division):
                return node
        raise NodeUnknown(
            f"No {tier} node in the list hosts division {division}. "
            f"Check the code; the root is {self.root}.",
            f"节点清单中没有承载区划 {division} 的节点（层级 {tier}）。"
            f"请核对代码；根区划为 {self.root}。",
        )
