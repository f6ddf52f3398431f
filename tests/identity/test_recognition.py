"""Who is let in: over real TLS, with certificates and tokens that are right, and wrong."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.utils import base64url_encode

from deploy.authority import actions, tokens
from deploy.authority.certificates import Reason
from ducha.server.v1.server_service_pb2 import GetServerInfoRequest
from tests.identity.sites import ISSUER, WUHUA, Site, bearing, walled
from tests.servers import refusal
from tier.identity.model import Role, parse_id

ASK = GetServerInfoRequest()
Claims = dict[str, Any]


def the_claims(**changed: object) -> Claims:
    """Return good claims, with some changed; None takes one away."""
    now = int(time.time())
    claims: Claims = {
        "iss": ISSUER,
        "aud": "ducha",
        "sub": "li",
        "division": "530102",
        "roles": ["officer"],
        "iat": now,
        "exp": now + 600,
        "jti": "one",
    }
    claims.update(changed)
    return {key: value for key, value in claims.items() if value is not None}


def signed(site: Site, claims: Claims, **headers: str) -> str:
    """Sign claims as the site's issuer does."""
    issuing = site.issuing()
    return jwt.encode(
        claims, issuing.key, "ES256", headers={"kid": issuing.key_id, **headers}
    )


async def told(site: Site, token: str) -> str:
    """Return the reason a token is refused with; empty if it is let in."""
    async with walled(site.identity(WUHUA), WUHUA) as server:
        stub = server.stub(site.line("clients", "oa"))
        return await refused(stub, bearing(token) if token else ())


async def refused(stub: Any, metadata: tuple[tuple[str, str], ...]) -> str:
    """Return the reason a caller is not let in for; empty if they are."""
    try:
        await stub.GetServerInfo(ASK, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
            raise
        return refusal(error).reason
    return ""


async def test_a_node_is_who_its_certificate_says(site: Site) -> None:
    site.node("streets", "township", ["530102"])
    async with walled(site.identity(WUHUA), WUHUA) as server:
        await server.stub(site.line("nodes", "streets")).GetServerInfo(ASK)
        (caller,) = server.rules.callers
    assert caller.roles == {Role.NODE}
    assert parse_id(caller.principal).name == "streets"
    assert caller.division == "530102"


async def test_a_person_is_who_the_token_says(site: Site) -> None:
    token = site.token("530102001", "grid_worker", "reader")
    async with walled(site.identity(WUHUA), WUHUA) as server:
        stub = server.stub(site.line("clients", "oa"))
        await stub.GetServerInfo(ASK, metadata=bearing(token))
        (caller,) = server.rules.callers
    assert (caller.principal, caller.name, caller.division) == (
        "zhang",
        "张",
        "530102001",
    )
    assert caller.roles == {Role.GRID_WORKER, Role.READER}


async def test_a_program_without_a_token_is_nobody(site: Site) -> None:
    assert await told(site, "") == "UNIDENTIFIED"


async def test_a_node_carries_nobodys_token(site: Site) -> None:
    site.node("streets", "township", ["530102"])
    async with walled(site.identity(WUHUA), WUHUA) as server:
        stub = server.stub(site.line("nodes", "streets"))
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.GetServerInfo(
                ASK, metadata=bearing(site.token("530102", "officer"))
            )
    assert refusal(error.value).reason == "UNIDENTIFIED"


async def test_a_token_of_another_city_does_not_pass_through_this_citys_program(
    site: Site,
) -> None:
    assert await told(site, site.token("5303", "officer")) == "UNIDENTIFIED"
    assert await told(site, site.token("53", "officer")) == "UNIDENTIFIED"


WRONG: dict[str, Claims] = {
    "expired": {"exp": int(time.time()) - 3600},
    "of another issuer": {"iss": "https://somebody.else"},
    "for another system": {"aud": "another system"},
    "of the future": {"iat": int(time.time()) + 3600},
    "no division": {"division": "53010"},
    "several divisions": {"division": ["530102"]},
    "nowhere": {"division": None},
    "no role": {"roles": []},
    "the role of nodes": {"roles": ["node"]},
    "an unknown role": {"roles": ["officer", "root"]},
    "nothing of roles": {"roles": None},
    "no id": {"jti": None},
    "nobody": {"sub": None},
    "for ever": {"exp": None},
    "since ever": {"iat": None},
}
"""Named without the moment: each half of a run must find the same tests."""


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_claim_is_refused(site: Site, wrong: str) -> None:
    assert await told(site, signed(site, the_claims())) == ""
    assert await told(site, signed(site, the_claims(**WRONG[wrong]))) == "TOKEN_REFUSED"


def by_another_key(site: Site) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    headers = {"kid": site.issuing().key_id}
    return jwt.encode(the_claims(), key, "ES256", headers=headers)


def by_nobody(site: Site) -> str:
    kid = site.issuing().key_id
    return jwt.encode(the_claims(), None, "none", headers={"kid": kid})  # type: ignore[arg-type] # the attack


def by_the_public_key(site: Site) -> str:
    """Sign by HMAC with what everybody may know, hoping that it is taken for the secret."""
    head = base64url_encode(
        json.dumps({"alg": "HS256", "kid": site.issuing().key_id}).encode()
    )
    body = base64url_encode(json.dumps(the_claims()).encode())
    public = (
        site.issuing()
        .key.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    seal = hmac.digest(public, head + b"." + body, "sha256")
    return b".".join([head, body, base64url_encode(seal)]).decode()


def of_an_unknown_key(site: Site) -> str:
    return signed(site, the_claims(), kid="another")


def changed_after_signing(site: Site) -> str:
    head, body, seal = signed(site, the_claims()).split(".")
    other = signed(site, the_claims(division="530103")).split(".")[1]
    assert body != other
    return f"{head}.{other}.{seal}"


def no_token(_: Site) -> str:
    return "not.a.token"


def too_long(site: Site) -> str:
    return signed(site, the_claims(name="长" * 1200))


@pytest.mark.parametrize(
    "forge",
    [
        by_another_key,
        by_nobody,
        by_the_public_key,
        of_an_unknown_key,
        changed_after_signing,
        no_token,
        too_long,
    ],
)
async def test_a_forged_token_is_refused(
    site: Site, forge: Callable[[Site], str]
) -> None:
    assert await told(site, forge(site)) == "TOKEN_REFUSED"


async def test_nobody_comes_in_without_a_certificate(site: Site) -> None:
    ca = (site.store.directory / "ca.crt").read_bytes()
    async with walled(site.identity(WUHUA), WUHUA) as server:
        for line in (
            server.channel(grpc.ssl_channel_credentials(ca)),
            grpc.aio.insecure_channel(server.address),
        ):
            async with line:
                call: Any = line.unary_unary(
                    "/ducha.server.v1.ServerService/GetServerInfo"
                )
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await call(b"", timeout=5)
            assert error.value.code() is grpc.StatusCode.UNAVAILABLE
        assert server.rules.callers == []


async def test_nobody_comes_in_with_a_certificate_of_another_authority(
    site: Site, tmp_path: Path
) -> None:
    foreign = Site(tmp_path / "foreign")
    foreign.node("streets", "township", ["530102"])
    own = foreign.store.directory / "nodes" / "streets"
    credentials = grpc.ssl_channel_credentials(
        (site.store.directory / "ca.crt").read_bytes(),
        (own / "tls.key").read_bytes(),
        (own / "tls.crt").read_bytes(),
    )
    async with walled(site.identity(WUHUA), WUHUA) as server:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await server.stub(credentials).GetServerInfo(ASK, timeout=5)
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("by", ["certificate", "token", "subject"])
async def test_who_is_revoked_is_refused_within_seconds(site: Site, by: str) -> None:
    identity = site.identity(WUHUA)
    told_of = tokens.issue(site.store, tokens.Person("li", "530102", ("officer",)))
    watching = asyncio.create_task(identity.watch())
    async with walled(identity, WUHUA) as server:
        stub = server.stub(site.line("clients", "oa"))
        await stub.GetServerInfo(ASK, metadata=bearing(told_of.text))
        revoke: dict[str, Callable[[], object]] = {
            "certificate": lambda: actions.revoke(
                site.store, "oa", Reason.KEY_COMPROMISE
            ),
            "token": lambda: tokens.revoke(site.store, told_of.token_id),
            "subject": lambda: tokens.revoke_subject(site.store, "li"),
        }
        revoke[by]()
        async with asyncio.timeout(5):
            while not (reason := await refused(stub, bearing(told_of.text))):
                await asyncio.sleep(0.05)
        assert reason == "IDENTITY_REVOKED"
    watching.cancel()


async def test_certificates_and_authorities_are_renewed_without_a_restart(
    site: Site,
) -> None:
    site.node("streets", "township", ["530102"])
    identity = site.identity(WUHUA)
    watching = asyncio.create_task(identity.watch())
    async with walled(identity, WUHUA) as server:
        await server.stub(site.line("nodes", "streets")).GetServerInfo(ASK)
        actions.rotate_authority(site.store)
        before = site.line("nodes", "streets")  # trusts both authorities by now
        actions.rotate(site.store, "streets")
        actions.rotate(site.store, "wuhua")
        renewed = asyncio.Event()
        identity.on_change(renewed.set)
        async with asyncio.timeout(5):
            await renewed.wait()
        await server.stub(site.line("nodes", "streets")).GetServerInfo(ASK)
        await server.stub(before).GetServerInfo(ASK)  # the old one is good still
        seal = identity.prove(identity.signer.certificate)
        assert seal.spiffe == identity.spiffe
    watching.cancel()


async def test_a_half_written_renewal_changes_nothing(site: Site) -> None:
    identity = site.identity(WUHUA)
    own = site.store.directory / "nodes" / "wuhua"
    site.node("streets", "township", ["530102"])
    async with walled(identity, WUHUA) as server:
        line = site.line("nodes", "streets")
        await server.stub(line).GetServerInfo(ASK)
        stranger = (site.store.directory / "nodes" / "streets" / "tls.key").read_bytes()
        (own / "tls.key").write_bytes(stranger)
        answer = await server.stub(line).GetServerInfo(
            ASK
        )  # a new handshake, the old pair
    assert answer.node == "wuhua"


def test_a_node_does_not_start_as_somebody_else(site: Site) -> None:
    site.node("wuhua", "county", ["530103"])
    with pytest.raises(ValueError, match="not of this node"):
        site.identity(WUHUA)


async def test_a_node_of_another_trust_domain_is_nobody(site: Site) -> None:
    """One authority may serve several systems."""
    identity = site.identity(WUHUA)
    (site.store.directory / "domain").write_text("elsewhere.internal\n")
    site.node("streets", "township", ["530102"])
    async with walled(identity, WUHUA) as server:
        stub = server.stub(site.line("nodes", "streets"))
        assert await refused(stub, ()) == "UNIDENTIFIED"
