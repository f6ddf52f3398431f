"""What a service is told: a TOML file, overridden by `DUCHA_*`; unknown keys are refused."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from tier.jurisdiction import Level, parse
from tier.node import Neighbour, Node

PREFIX = "DUCHA_"
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
    parent: ParentSettings | None = None
    children: tuple[ChildSettings, ...] = ()

    @field_validator("grpc_listen", "http_listen")
    @classmethod
    def loopback_only(cls, value: str) -> str:
        """Refuse any other address: there is no identity check yet."""
        if value.rsplit(":", 1)[0] not in {"127.0.0.1", "localhost", "[::1]"}:
            raise ValueError("listen on 127.0.0.1 only: callers are not identified yet")
        return value

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
        if override is not None and key not in {"parent", "children"}:
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
