"""Small authorities for tests, and how a stranger checks what they issue."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder
from cryptography.x509.verification import Store as Trusted
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from deploy.authority import actions, wishes
from deploy.authority.register import Kind
from deploy.authority.store import Store

DOMAIN = "ducha.internal"
SECONDS = 20.0


def begun(directory: Path) -> Store:
    """Return a new authority."""
    store = Store(directory)
    actions.begin(store)
    return store


def with_wuhua(directory: Path) -> Store:
    """Return a new authority with a county's node, a program of its city and a server."""
    store = begun(directory)
    actions.issue(store, wishes.node("wuhua", "county", ["530102"]))
    actions.issue(store, wishes.client("oa", "5301"))
    actions.issue(store, wishes.Wish(Kind.NATS, "hub"))
    return store


def read(store: Store, kind: Kind, name: str) -> x509.Certificate:
    """Read somebody's certificate from its file."""
    return x509.load_pem_x509_certificate(store.files(kind, name)[0].read_bytes())


def revoked_serials(store: Store, place: int = 0) -> set[int]:
    """Read the serial numbers of one of the lists of revoked."""
    return {one.serial_number for one in lists(store)[place]}


def lists(store: Store) -> list[x509.CertificateRevocationList]:
    """Read the lists of revoked, one a CA."""
    mark = "-----BEGIN X509 CRL-----"
    parts = store.revocations.read_text().split(mark)[1:]
    return [x509.load_pem_x509_crl((mark + part).encode()) for part in parts]


def verified_server(store: Store, certificate: x509.Certificate, name: str) -> int:
    """Verify a server's certificate as a stranger does; return the length of its chain.

    Raises:
        VerificationError: it does not prove that name.
    """
    subject = x509.DNSName(name)
    builder = PolicyBuilder().store(Trusted(store.certificates()))
    verifier = builder.time(datetime.now(UTC)).build_server_verifier(subject)
    return len(verifier.verify(certificate, []))


def verified_client(store: Store, certificate: x509.Certificate) -> str:
    """Verify a client's certificate as a stranger does; return the URI it proves.

    Raises:
        VerificationError: it is not good for a client.
    """
    builder = PolicyBuilder().store(Trusted(store.certificates()))
    verifier = builder.time(datetime.now(UTC)).build_client_verifier()
    proved = verifier.verify(certificate, []).subjects or []
    (uri,) = [
        one.value for one in proved if isinstance(one, x509.UniformResourceIdentifier)
    ]
    return str(uri)


@contextmanager
def serving(store: Store, kind: Kind, name: str) -> Iterator[str]:
    """Serve gRPC health with somebody's certificate, demanding one of the caller."""
    certificate, key = store.files(kind, name)
    credentials = grpc.ssl_server_credentials(
        [(key.read_bytes(), certificate.read_bytes())],
        root_certificates=store.bundle.read_bytes(),
        require_client_auth=True,
    )
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def called(store: Store, address: str, kind: Kind, name: str, target: str = "") -> bool:
    """Call health with somebody's certificate, expecting a server called `target`."""
    certificate, key = store.files(kind, name)
    credentials = grpc.ssl_channel_credentials(
        store.bundle.read_bytes(), key.read_bytes(), certificate.read_bytes()
    )
    options = [("grpc.ssl_target_name_override", target)] if target else []
    with grpc.secure_channel(address, credentials, options) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            stub.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        except grpc.RpcError as failed:
            if failed.code() is grpc.StatusCode.UNAVAILABLE:
                return False
            raise
    return True


def shook_hands(store: Store, kind: Kind, name: str) -> bool:
    """Whether OpenSSL takes somebody's certificate as a client's; wuhua serves."""
    down, up = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = _context(store, ssl.PROTOCOL_TLS_SERVER, Kind.NODE, "wuhua")
    client = _context(store, ssl.PROTOCOL_TLS_CLIENT, kind, name)
    server.verify_mode = ssl.CERT_REQUIRED
    ends = (
        client.wrap_bio(down, up, server_hostname="wuhua.node.ducha.internal"),
        server.wrap_bio(up, down, server_side=True),
    )
    open_ends = list(ends)
    while open_ends:
        for end in tuple(open_ends):
            try:
                end.do_handshake()
                open_ends.remove(end)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as refused:
                if refused.reason != "CERTIFICATE_VERIFY_FAILED":
                    raise
                return False
    return True


def _context(store: Store, protocol: int, kind: Kind, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.load_cert_chain(*store.files(kind, name))
    context.load_verify_locations(store.bundle)
    # The default from Python 3.13 on; others are as strict today.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context
