"""A thief of a node's TLS key who has not its seal: sends bundles in its name by both roads."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import grpc

from ducha.link.v1 import link_pb2
from ducha.link.v1 import link_service_pb2 as links
from ducha.link.v1 import link_service_pb2_grpc as links_grpc
from faults.rigs import Stage
from tier.identity import signing
from tier.identity.model import area_of
from tier.jurisdiction import parse
from tier.lanes import UP, Lane
from tier.link.model import Run
from tier.link.road import Road, tls_context
from tier.link.seals import statement
from tier.link.wire import bundle_to

REFUSED = "bundle refused"
"""What a node's log says of a bundle that is not what its neighbour sent."""
OTHER = "city"
"""Whose seal is used instead."""
MARK = "SELECT epoch, seq FROM link_inbound WHERE neighbour = $1"
ROAD_SECONDS = 10.0


async def next_run(stage: Stage, sender: str, receiver: str, body: bytes) -> Run:
    """Return a run that would be taken next, if it were believed."""
    connection = await asyncpg.connect(stage.running.places[receiver].database_url)
    try:
        row = await connection.fetchrow(MARK, sender)
    finally:
        await connection.close()
    assert row is not None
    return Run(row["epoch"], row["seq"] + 1, (body,))


def bundles(
    stage: Stage, sender: str, receiver: str, run: Run
) -> dict[str, link_pb2.Bundle]:
    """Return the run as a thief may put it, by what is wrong with it."""
    plain = bundle_to(sender, receiver, run)
    sealed_by_other = sealed(stage, plain, OTHER)
    changed = sealed(
        stage, bundle_to(sender, receiver, Run(run.epoch, 1, (b"",))), sender
    )
    changed.first_seq, changed.facts[0] = run.first, run.bodies[0]
    other_name = sealed(stage, bundle_to(OTHER, receiver, run), OTHER)
    return {
        "unsealed": plain,
        "sealed by another": sealed_by_other,
        "changed under its seal": changed,
        "of another sender": other_name,
    }


def sealed(stage: Stage, bundle: link_pb2.Bundle, by: str) -> link_pb2.Bundle:
    """Return a bundle under some node's seal."""
    kept = stage.line.site.identity / "nodes" / by
    signer = signing.load(kept / "seal.key", kept / "seal.crt")
    made = link_pb2.Bundle()
    made.CopyFrom(bundle)
    made.certificate, made.algorithm = signer.certificate, signer.algorithm
    made.signature = signer.sign(statement(made))
    return made


async def deliver(
    stage: Stage, sender: str, receiver: str, bundle: link_pb2.Bundle
) -> grpc.StatusCode:
    """Deliver a bundle over the repair road by the stolen key; return what is answered."""
    identity = stage.line.site.identity
    kept = identity / "nodes" / sender
    credentials = grpc.ssl_channel_credentials(
        (identity / "ca.crt").read_bytes(),
        (kept / "tls.key").read_bytes(),
        (kept / "tls.crt").read_bytes(),
    )
    address = stage.running.places[receiver].grpc
    async with grpc.aio.secure_channel(address, credentials) as channel:
        stub = links_grpc.LinkServiceStub(channel)
        try:
            await stub.Deliver(links.DeliverRequest(bundle=bundle), timeout=10)
        except grpc.aio.AioRpcError as refused:
            return refused.code()
    return grpc.StatusCode.OK


async def publish(
    stage: Stage, sender: str, receiver: str, forged: Sequence[link_pb2.Bundle]
) -> int:
    """Publish bundles on the fast road by the stolen key; return how many it took."""
    identity, line = stage.line.site.identity, stage.line
    kept = identity / "nodes" / sender
    above = stage.running.places[receiver]
    area = area_of(tuple(map(parse, stage.running.places[sender].hosts)))
    lane = Lane(UP, above.level, receiver, area, sender)
    road = Road(
        line.site.nats_url(line.roads, sender),
        sender,
        tls=lambda: tls_context(
            kept / "tls.crt", kept / "tls.key", identity / "ca.crt"
        ),
    )
    running = asyncio.create_task(road.run([]))
    try:
        async with asyncio.timeout(ROAD_SECONDS):
            while not road.is_connected:
                await asyncio.sleep(0.05)
        taken = [
            await road.publish(lane, bundle.SerializeToString()) for bundle in forged
        ]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await road.close()
    return sum(taken)
