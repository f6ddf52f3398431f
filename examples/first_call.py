"""The first call, with grpcio and the generated stubs alone: mutual TLS, and a token."""

from __future__ import annotations

import grpc

from clients.runtime import Credentials
from ducha.server.v1.server_service_pb2 import GetServerInfoRequest
from ducha.server.v1.server_service_pb2_grpc import ServerServiceStub
from examples.place import endpoints


def open_channel(address: str, shown: Credentials) -> grpc.Channel:
    """Open a channel: the certificate is the program's, the token the person's.

    Here both are what `ducha up` keeps for programs on its machine. Elsewhere the
    operator of a node gives you `ca.crt`, `tls.crt` and `tls.key`, and your issuer
    the token.
    """
    if shown.bearer is None:
        return grpc.insecure_channel(address)  # `ducha up --no-walls`
    line = grpc.ssl_channel_credentials(shown.authorities, shown.key, shown.certificate)
    person = grpc.access_token_call_credentials(shown.bearer.token(None))
    return grpc.secure_channel(
        address, grpc.composite_channel_credentials(line, person)
    )


def main() -> None:
    """Ask every node what it is."""
    nodes = endpoints("The first call.")
    for node in nodes.nodes:
        with open_channel(node.grpc, nodes.credentials) as channel:
            info = ServerServiceStub(channel).GetServerInfo(
                GetServerInfoRequest(), timeout=5
            )
        hosts = ", ".join(info.hosted_divisions)
        print(
            f"{node.grpc} is the {info.tier} node {info.node}, version {info.version}"
        )
        print(f"  it hosts {hosts}; its capabilities: {', '.join(info.capabilities)}")


if __name__ == "__main__":
    main()
