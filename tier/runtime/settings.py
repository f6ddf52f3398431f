"""What a service is told: a TOML file, overridden by `DUCHA_*`; unknown keys are refused."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from tier.jurisdiction import Level, parse
from tier.node import Neighbour, Node
from tier.runtime.clock import Pace

PREFIX = "DUCHA_"
TABLES = frozenset({"parent", "children", "identity", "people"})
"""Keys that are tables: the file says them, no variable."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
ADDRESS = r"^[^\s:]+:[0-9]{1,5}$"


class Strict(BaseModel):
    """Refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ParentSettings(Strict):
    """Where the parent node is."""

    node: str = Field(min_length=1, max_length=100, pattern=r"^[a-z0-9_-]+$")
    grpc: str = Field(pattern=ADDRESS)


class ChildSettings(Strict):
    """A child node, and the divisions it answers for."""

    node: str = Field(min_length=1, max_length=100, pattern=r"^[a-z0-9_-]+$")
    hosts: tuple[str, ...] = Field(min_length=1)


class IdentitySettings(Strict):
    """What the node proves itself by, and whom it trusts: PEM files."""

    certificate: Path
    key: Path
    seal_certificate: Path
    seal_key: Path
    authorities: Path
    crl: Path | None = None


class PeopleSettings(Strict):
    """Whose tokens are accepted: an OIDC issuer and its keys, a file or an https URL."""

    issuer: str = Field(min_length=1, max_length=300)
    audience: str = Field(default="ducha", min_length=1, max_length=100)
    jwks: str = Field(min_length=1, max_length=300)
    revoked_tokens: Path | None = None


class Settings(Strict):
    """Everything a service is told."""

    node: str = Field(min_length=1, max_length=100, pattern=r"^[a-z0-9_-]+$")
    hosts: tuple[str, ...] = Field(min_length=1)
    database_url: SecretStr
    nats_url: SecretStr
    grpc_listen: str = Field(pattern=ADDRESS)
    http_listen: str = Field(pattern=ADDRESS)
    otlp_endpoint: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    review_buffer_hours: Annotated[float, Field(ge=0)] = 24.0
    contact_seconds: Annotated[float, Field(gt=0)] = 10.0
    clock_rate: Annotated[float, Field(ge=1, le=1_000_000)] = 1.0
    clock_epoch: AwareDatetime | None = None
    parent: ParentSettings | None = None
    children: tuple[ChildSettings, ...] = ()
    ledger_digest: Literal["sha256", "sm3"] = "sha256"
    identity: IdentitySettings | None = None
    people: PeopleSettings | None = None

    @field_validator("nats_url")
    @classmethod
    def encrypted_or_loopback(cls, value: SecretStr) -> SecretStr:
        """Refuse a NATS server elsewhere that is reached without TLS."""
        parts = urlsplit(value.get_secret_value())
        if parts.scheme != "tls" and parts.hostname not in LOOPBACK | {"::1"}:
            raise ValueError("a NATS server elsewhere is reached by tls:// only")
        return value

    @model_validator(mode="after")
    def walls_or_loopback(self) -> Self:
        """Without walls, refuse any address that others reach.

        The HTTP server tells operators of health and metrics, and asks nobody who they
        are: it stays on loopback, or behind a proxy.
        """
        open_doors = [self.http_listen]
        if self.identity is None:
            open_doors.append(self.grpc_listen)
            if self.people is not None:
                raise ValueError(
                    "[people] needs [identity]: tokens only travel over TLS"
                )
        for address in open_doors:
            if address.rsplit(":", 1)[0] not in LOOPBACK:
                raise ValueError(
                    f"{address}: without [identity] listen on 127.0.0.1 only; "
                    "http_listen stays there in any case"
                )
        return self

    @model_validator(mode="after")
    def real_time_or_loopback(self) -> Self:
        """Refuse simulated time without a beginning, and where others could meet it."""
        if self.clock_rate == 1.0:
            return self
        if self.clock_epoch is None:
            raise ValueError(
                "clock_rate needs clock_epoch: when time began to run fast"
            )
        if self.grpc_listen.rsplit(":", 1)[0] not in LOOPBACK:
            raise ValueError(
                f"{self.grpc_listen}: with a clock_rate listen on 127.0.0.1 only; "
                "simulated time is for demonstrations"
            )
        return self

    @property
    def pace(self) -> Pace:
        """Return how fast time runs."""
        return Pace(self.clock_rate, self.clock_epoch)

    def describe(self, level: Level) -> Node:
        """Return the node these settings speak of.

        Raises:
            ValueError: a code in `hosts` is not a division code.
        """
        return Node(
            name=self.node,
            level=level,
            hosts=tuple(parse(code) for code in self.hosts),
            parent=self.parent.node if self.parent else None,
            children=tuple(
                Neighbour(child.node, tuple(parse(code) for code in child.hosts))
                for child in self.children
            ),
        )


def load(file: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read `file`; `DUCHA_<KEY>` overrides a plain key.

    Raises:
        pydantic.ValidationError: a key is unknown, missing or wrong.
        OSError: the file cannot be read.
    """
    values: dict[str, Any] = tomllib.loads(file.read_text())
    for key in Settings.model_fields:
        override = environment.get(PREFIX + key.upper())
        if override is not None and key not in TABLES:
            values[key] = override.split(",") if key == "hosts" else override
    return Settings.model_validate(values)


def origins(file: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Say for every key in force where it comes from: file, environment or default."""
    told = tomllib.loads(file.read_text())
    return {
        key: (
            f"environment {PREFIX}{key.upper()}"
            if PREFIX + key.upper() in environment
            else (str(file) if key in told else "default")
        )
        for key in Settings.model_fields
    }
