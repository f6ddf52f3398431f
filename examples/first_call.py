"""The first call, with grpcio and the generated stubs alone."""

from __future__ import annotations

import grpc

from ducha.server.v1.server_service_pb2 import GetServerInfoRequest
from ducha.server.v1.server_service_pb2_grpc import ServerServiceStub
from examples.place import endpoints


def main() -> None:
    """Ask every node what it is."""
    for node in endpoints("The first call.").nodes:
        with grpc.insecure_channel(node.grpc) as channel:
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
