"""What a command works with: the nodes, the language, the screen."""

from __future__ import annotations

import json
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console

from clients.cli.words import Language, UsageProblem, label
from clients.runtime import Client, Credentials, Endpoints, NodeEndpoint
from clients.runtime.credentials import Issuing
from clients.runtime.endpoints import TIERS, default_data
from ducha.server.v1.server_service_pb2 import GetServerInfoRequest

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

PIPE_WIDTH = 160
"""Columns where the output is no terminal, so that no code is cut off."""


def console(*, stderr: bool = False) -> Console:
    """Return a console that fits a terminal, or a pipe without cutting."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr, highlight=False, width=None if stream.isatty() else PIPE_WIDTH
    )


@dataclass(frozen=True, slots=True)
class Proof:
    """Files that prove who you are to nodes that others run; all of them, or none."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    token: Path | None = None

    def read(self) -> Credentials | None:
        """Return what the files hold; None where none is named.

        Raises:
            UsageProblem: some are named, others not.
            CredentialsUnusable: one cannot be read.
        """
        ca, certificate, key, token = self.ca, self.certificate, self.key, self.token
        if not (ca or certificate or key or token):
            return None
        if not (ca and certificate and key and token):
            raise UsageProblem(
                "An identity is four files: give --ca-file, --cert-file, --key-file "
                "and --token-file, or none of them.",
                "身份由四个文件组成：请同时给出 --ca-file、--cert-file、--key-file 和"
                " --token-file，或全部省略。",
            )
        return Credentials.given(ca=ca, certificate=certificate, key=key, token=token)


@dataclass(frozen=True, slots=True)
class Choices:
    """The options that every command takes."""

    data: Path | None = None
    address: str = ""
    lang: Language = Language.EN
    as_json: bool = False
    proof: Proof = Proof()


@dataclass(slots=True)
class Session:
    """One run of one command."""

    choices: Choices
    stack: AsyncExitStack
    out: Console = field(default_factory=console)
    _endpoints: Endpoints | None = None
    _credentials: Credentials | None = None
    _clients: dict[tuple[str, str], Client] = field(default_factory=dict)

    def say(self, english: str, chinese: str) -> str:
        """Return the text in the user's language."""
        return chinese if self.choices.lang is Language.ZH else english

    def label(self, name: str) -> str:
        """Return the user's word for a value's name."""
        return label(name, self.choices.lang)

    def write(self, english: str, chinese: str) -> None:
        """Say one thing, unless the output is for a program."""
        if not self.choices.as_json:
            self.out.print(self.say(english, chinese), soft_wrap=True)

    def write_json(self, content: Message | Json) -> None:
        """Print one JSON value on one line."""
        value = as_json(content) if isinstance(content, Message) else content
        self.out.file.write(json.dumps(value, ensure_ascii=False) + "\n")
        self.out.file.flush()

    async def endpoints(self) -> Endpoints:
        """Return the nodes: from the data directory, or the one that --address names."""
        if self._endpoints is None:
            self._endpoints = (
                await self._only_node()
                if self.choices.address
                # Small files, read once.
                else Endpoints.load(self.choices.data)
            )
        return self._endpoints

    async def _only_node(self) -> Endpoints:
        address = self.choices.address
        client = await self._client(address)
        info = await client.call(client.server.GetServerInfo, GetServerInfoRequest())
        hosts = tuple(info.hosted_divisions)
        node = NodeEndpoint(info.node, info.tier, hosts, address)
        return Endpoints(min(hosts, key=len, default=""), (node,))

    async def root(self) -> str:
        """Return the division at the top of what can be reached."""
        return (await self.endpoints()).root

    async def nodes(self, at: str = "") -> tuple[NodeEndpoint, ...]:
        """Return all nodes, those of one tier, or the one that hosts a division.

        Raises:
            UsageProblem: `at` is neither a tier nor a code.
        """
        endpoints = await self.endpoints()
        if not at:
            return endpoints.nodes
        if at in TIERS:
            return endpoints.at_tier(at)
        return (await self._node(at),)

    async def at(self, place: str = "") -> Client:
        """Return a client of the node of a tier or division; the top one by default."""
        if self.choices.address:
            return await self._client(self.choices.address)
        node = await self._node(place)
        return await self._client(node.grpc, node.area)

    async def acting(self, division: str) -> Client:
        """Return a client of a division's node, that speaks for it in every request.

        With a token that was given it speaks for whom the token says.
        """
        node = await self._node(division)
        return await self._client(node.grpc, division)

    @property
    def speaks_for_anybody(self) -> bool:
        """Whether tokens are made here, for whatever division a request acts for."""
        return isinstance(self._shown().bearer, Issuing)

    async def client_of(self, node: NodeEndpoint) -> Client:
        """Return a client of the node."""
        return await self._client(node.grpc, node.area)

    async def _node(self, place: str) -> NodeEndpoint:
        endpoints = await self.endpoints()
        if self.choices.address:
            return endpoints.nodes[0]
        if place in TIERS and (nodes := endpoints.at_tier(place)):
            return nodes[0]
        if place and not (place.isascii() and place.isdigit()):
            raise UsageProblem(
                f"{place!r} is neither a tier ({', '.join(TIERS)}) nor a division code. "
                "Give one of these.",
                f"{place!r} 既不是层级（{'、'.join(TIERS)}）也不是区划代码。请改正。",
            )
        return endpoints.for_division(place or endpoints.root)

    async def _client(self, address: str, stands: str = "") -> Client:
        if (address, stands) not in self._clients:
            shown = self._shown()
            client = Client(address, shown.standing(stands) if stands else shown)
            opened = await self.stack.enter_async_context(client)
            self._clients[address, stands] = opened
        return self._clients[address, stands]

    def _shown(self) -> Credentials:
        """Return what proves who calls: files of the options, or of the data directory."""
        if self._credentials is None:
            place = self.choices.data or default_data()
            self._credentials = self.choices.proof.read() or (
                self._endpoints.credentials
                if self._endpoints
                else Credentials.load(place)
            )
        return self._credentials


def as_json(message: Message) -> dict[str, Json]:
    """Return a message as JSON with the field names of the proto, defaults included."""
    value: dict[str, Json] = MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
    return value
