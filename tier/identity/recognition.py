"""From a call to its caller: the certificate on the line, and the token it carries."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from tier.identity.certificates import Authorities, Proved
from tier.identity.errors import IdentityRevoked, Unidentified
from tier.identity.model import Caller, Role
from tier.identity.revocation import Revocations
from tier.identity.tokens import Tokens
from tier.jurisdiction import contains

BEARER: Final = "Bearer "
REMEMBERED: Final = 20_000


class Recognition:
    """Recognises callers; whom it knew a moment ago costs two lookups."""

    def __init__(
        self,
        domain: str,
        authorities: Authorities,
        revocations: Revocations,
        tokens: Tokens | None,
    ) -> None:
        """Trust what `authorities` issued in a domain and `tokens` can read, unless revoked."""
        self._domain = domain
        self._authorities = authorities
        self._revocations = revocations
        self._tokens = tokens
        self._known: dict[tuple[bytes, str], Caller] = {}

    def forget(self) -> None:
        """Recognise everybody anew, such as after an authority or a key changed."""
        self._known.clear()

    def caller(self, context: Any) -> Caller:
        """Return who makes the call that `context` stands for.

        Raises:
            Unidentified: no certificate of ours, or a program without a token.
            TokenRefused: the token is not valid.
            IdentityRevoked: the certificate or the token was revoked or is over.
        """
        (pem,) = context.auth_context().get("x509_pem_cert") or (b"",)
        token = _token(context)
        caller = self._known.get((pem, token))
        if caller is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            caller = self._known[pem, token] = self._recognise(pem, token)
        if not self.stands(caller):
            raise IdentityRevoked
        return caller

    def stands(self, caller: Caller) -> bool:
        """Whether a caller recognised before is still who they were."""
        is_over = caller.expires_at < time.time()
        return not is_over and not self._revocations.is_revoked(caller)

    def is_line_revoked(self, caller: Caller) -> bool:
        """Whether the certificate on a caller's line was revoked: all it carries is void."""
        return caller.certificate in self._revocations.lists.serials

    def _recognise(self, pem: bytes, token: str) -> Caller:
        if not pem:
            raise Unidentified(problem="there is no certificate on the line")
        proved = self._authorities.prove_pem(pem)
        if proved.spiffe.domain != self._domain:
            raise Unidentified(problem="its certificate is of another trust domain")
        if not proved.is_valid(datetime.now(UTC)):
            raise IdentityRevoked
        if proved.spiffe.is_node:
            return _node(proved, token)
        return self._person(proved, token)

    def _person(self, program: Proved, token: str) -> Caller:
        """Recognise somebody by a token that comes through a client program."""
        if not token or self._tokens is None:
            raise Unidentified(problem="a client program must carry a person's token")
        person = self._tokens.read(token)
        if not contains(program.spiffe.area, person.division):
            raise Unidentified(
                problem="the token is of a division outside the program's area"
            )
        until = program.certificate.not_valid_after_utc.timestamp()
        return replace(
            person,
            certificate=program.serial,
            expires_at=min(person.expires_at, until),
        )


def _node(proved: Proved, token: str) -> Caller:
    """Recognise a node by its certificate; it carries nobody's token."""
    if token:
        raise Unidentified(problem="a node calls for itself, without a token")
    return Caller(
        principal=str(proved.spiffe),
        division=proved.spiffe.area,
        roles=frozenset({Role.NODE}),
        name=proved.spiffe.name,
        certificate=proved.serial,
        expires_at=proved.certificate.not_valid_after_utc.timestamp(),
    )


def _token(context: Any) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == "authorization" and isinstance(value, str):
            return value.removeprefix(BEARER)
    return ""
