"""The tree of nodes that an operator describes in a file, for `ducha nats`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deploy.embedded.errors import DeploymentRefused
from deploy.embedded.topology import NodeSpec, Place, arrange


class TreeUnusable(DeploymentRefused):
    """The file does not describe a tree of nodes."""

    def __init__(self, file: Path, problem: str) -> None:
        """Name the file and what is wrong with it."""
        super().__init__(
            f"{file}: {problem}",
            remedy='Write for each node: [[nodes]] tier = "county", name = "wuhua", '
            'hosts = ["530102"].',
        )


class _Node(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    tier: str
    name: str
    hosts: tuple[str, ...] = Field(min_length=1)


class _Tree(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    nodes: tuple[_Node, ...] = Field(min_length=1)


def read(file: Path) -> tuple[Place, ...]:
    """Read a TOML or JSON file: a list `nodes`, each with tier, name and hosts.

    Raises:
        TreeUnusable: it cannot be read, or is not such a list.
        TopologyRefused: the nodes do not make one tree.
    """
    try:
        text = file.read_text(encoding="utf-8")
        told = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
        tree = _Tree.model_validate(told)
    except (OSError, ValueError, ValidationError) as wrong:
        raise TreeUnusable(file, str(wrong)) from wrong
    return arrange(NodeSpec(one.tier, one.name, one.hosts) for one in tree.nodes)
