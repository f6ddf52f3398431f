"""A node behind walls that answers as a test says, and remembers what it was shown."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import jwt

from deploy.authority import actions, tokens, wishes
from deploy.authority.store import Store
from deploy.authority.tokens import Person
from tests.clients.refusing import Handler, add_services


@dataclass(slots=True)
class Site:
    """A data directory with identities: a node, and the program of the command."""

    data: Path
    store: Store = field(init=False)
    shown: list[dict[str, Any]] = field(default_factory=list)
    """What the token of each call said."""

    def __post_init__(self) -> None:
        """Make the authority and the certificates."""
        self.store = Store(self.data / "identity")
        actions.begin(self.store)
        actions.issue(self.store, wishes.node("province", "province", ("53",)))
        actions.issue(self.store, wishes.client("console", "53"))

    def files(self, token: str = "") -> list[str]:
        """Return the options that name everything an integrator is given."""
        kept = self.store.directory
        own = kept / "clients" / "console"
        file = self.data / "token.jwt"
        file.write_text(token or self.token("5301", "officer"))
        return [
            *("--ca-file", str(kept / "ca.crt"), "--token-file", str(file)),
            *("--cert-file", str(own / "tls.crt"), "--key-file", str(own / "tls.key")),
        ]

    def token(self, division: str, *roles: str) -> str:
        """Issue a token."""
        return tokens.issue(self.store, Person("zhang", division, roles, "张")).text

    @contextmanager
    def node(self, **handlers: Handler) -> Iterator[str]:
        """Serve these methods to who has a certificate; the value is the address."""
        own = self.store.directory / "nodes" / "province"
        server = grpc.server(ThreadPoolExecutor(4), interceptors=[_Noting(self)])
        add_services(server, handlers)
        credentials = grpc.ssl_server_credentials(
            [((own / "tls.key").read_bytes(), (own / "tls.crt").read_bytes())],
            (self.store.directory / "ca.crt").read_bytes(),
            require_client_auth=True,
        )
        port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()


class _Noting(grpc.ServerInterceptor):
    """Notes what the token of each call says."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def intercept_service(self, continuation: Any, call: Any) -> Any:
        """Read the token, whatever it is signed with, and go on."""
        told = dict(call.invocation_metadata)
        token = told.get("authorization", "").removeprefix("Bearer ")
        said: dict[str, Any] = {}
        if token.count(".") == 2:
            said = jwt.decode(token, options={"verify_signature": False})
        self._site.shown.append(said)
        return continuation(call)
