"""Tokens of people and integrators: JWT of a configured issuer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import structlog

from tier.identity.errors import TokenRefused
from tier.identity.model import PEOPLE, Caller, Role
from tier.jurisdiction import parse

LOG = structlog.get_logger(__name__)

ALGORITHMS = ("ES256", "EdDSA", "RS256", "PS256")
LEEWAY_SECONDS = 30.0
REFRESH_SECONDS = 300.0
SOONEST_SECONDS = 5.0
FETCH_SECONDS = 5.0
TOKEN_BYTES = 8192
KEY_SET_BYTES = 256 * 1024
REQUIRED = ("iss", "aud", "sub", "exp", "iat", "jti", "division", "roles")


class KeySet:
    """The issuer's public keys, from a file or an https URL."""

    def __init__(self, source: str) -> None:
        """Read a file now; a URL is fetched by the first `refresh`.

        Raises:
            OSError, ValueError: the file cannot be read, or is no key set.
        """
        self._source = source
        self._keys: dict[str, jwt.PyJWK] = {}
        self._refreshed = 0.0
        self._missed = False
        if not self._is_url:
            self.reload()

    @property
    def _is_url(self) -> bool:
        return self._source.startswith("https://")

    def reload(self) -> None:
        """Read the file again.

        Raises:
            OSError, ValueError: as above; the keys read before stay.
        """
        if not self._is_url:
            self._take(json.loads(Path(self._source).read_text()))

    async def refresh(self) -> None:
        """Fetch the keys again, where it is time, or one was asked for that is new."""
        since = time.monotonic() - self._refreshed
        soon = self._missed and since > SOONEST_SECONDS
        if not self._is_url or not (soon or since > REFRESH_SECONDS or not self._keys):
            return
        self._refreshed, self._missed = time.monotonic(), False
        try:
            async with (
                asyncio.timeout(FETCH_SECONDS),
                aiohttp.ClientSession() as web,
                web.get(self._source) as answer,
            ):
                body = await answer.content.read(KEY_SET_BYTES)
            self._take(json.loads(body))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as failure:
            LOG.warning("keys of the issuer not fetched", error=type(failure).__name__)

    def find(self, kid: str) -> jwt.PyJWK:
        """Return the key of a token.

        Raises:
            TokenRefused: the issuer has none by this name, or not yet.
        """
        key = self._keys.get(kid)
        if key is None:
            self._missed = True
            raise TokenRefused(problem="its key is not one of the issuer's")
        return key

    def _take(self, told: Mapping[str, Any]) -> None:
        try:
            keys = jwt.PyJWKSet.from_dict(dict(told)).keys
        except jwt.PyJWTError as wrong:
            raise ValueError(f"{self._source}: {wrong}") from wrong
        self._keys = {str(key.key_id): key for key in keys if key.key_id}


class Tokens:
    """Checks tokens."""

    def __init__(self, issuer: str, audience: str, keys: KeySet) -> None:
        """Accept tokens of `issuer` for `audience`, signed by one of `keys`."""
        self.keys = keys
        self._issuer = issuer
        self._audience = audience

    def read(self, token: str) -> Caller:
        """Return who a token speaks for; every time anew, `Recognition` remembers.

        Raises:
            TokenRefused: signature, issuer, audience, time, or a claim is wrong.
        """
        if len(token) > TOKEN_BYTES:
            raise TokenRefused(problem="it is too long")
        try:
            kid = jwt.get_unverified_header(token).get("kid", "")
            claims = jwt.decode(
                token,
                self.keys.find(str(kid)),
                algorithms=list(ALGORITHMS),
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED)},
            )
        except jwt.ExpiredSignatureError as late:
            raise TokenRefused(problem="it has expired") from late
        except (jwt.PyJWTError, ValueError, TypeError) as wrong:
            raise TokenRefused(
                problem=f"it is not valid ({type(wrong).__name__})"
            ) from wrong
        return _caller(claims)


def _caller(claims: Mapping[str, Any]) -> Caller:
    """Read the claims of a token that was verified.

    Raises:
        TokenRefused: the division is no code, or a role is unknown or a node's.
    """
    try:
        roles = frozenset(Role(role) for role in claims["roles"])
        division = parse(claims["division"])
    except (ValueError, TypeError) as wrong:
        raise TokenRefused(
            problem="its division or a role is not one of ours"
        ) from wrong
    if not roles or not roles <= set(PEOPLE):
        raise TokenRefused(problem="its roles are none that people have")
    return Caller(
        principal=str(claims["sub"])[:200],
        division=division,
        roles=roles,
        proof=str(claims["jti"]),
        name=str(claims.get("name", ""))[:200],
        issued_at=float(claims["iat"]),
        expires_at=float(claims["exp"]) + LEEWAY_SECONDS,
    )
