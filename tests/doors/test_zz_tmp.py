from __future__ import annotations
import asyncio
import protovalidate, pytest, grpc
from dataclasses import dataclass
from google.protobuf import message_factory
from ducha.petition.v1 import petition_service_pb2 as pb
from tests.doors import petition_rpcs
from tests.doors.mutations import mutations
from tests.doors.tiers import Line, read, refused
pytestmark = pytest.mark.asyncio(loop_scope="session")
def well_told(told, kind):
    details = dict(told.details)
    return (told.refusal.code is kind.code and told.refusal.reason == kind.reason and told.domain == "ducha"
        and told.refusal.texts == {"en": kind.en.format_map(details), "zh-CN": kind.zh.format_map(details)})
@pytest.mark.parametrize("kind", petition_rpcs.CASES, ids=lambda k: k.reason)
async def test_r(line: Line, kind):
    met = await petition_rpcs.CASES[kind](line)
    await line.settled()
    before = await met.tier.footprint()
    told = await refused(met.call())
    print(told.refusal.texts)
    assert well_told(told, kind), told
    assert await met.tier.footprint() == before
@pytest.mark.parametrize("name", petition_rpcs.SAMPLES)
async def test_mut(line: Line, name):
    tier, make = petition_rpcs.SAMPLES[name]
    held = await petition_rpcs.at_hand(line)
    t = line.by_name[tier]
    wrong=[]
    before = await t.footprint()
    for each in mutations(make(held)):
        try:
            await getattr(t.petition, name)(each.request); out=""
        except grpc.aio.AioRpcError as e:
            r = read(e); out = r.refusal.reason if r.domain=="ducha" and e.code() not in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL) else "failed"
        after = await t.footprint()
        if out=="failed" or (out and after!=before) or (each.must_refuse and not out):
            wrong.append(f"{each.path}={str(each.value)[:60]!r}: {out or 'taken'}")
        before=after
    assert wrong==[]
@pytest.mark.parametrize("name", ["FilePetitions","DecidePetitions","WithdrawPetitions"])
async def test_once(line: Line, name):
    tier, make = petition_rpcs.SAMPLES[name]
    held = await petition_rpcs.at_hand(line)
    t = line.by_name[tier]
    request = make(held)
    async def go(): return await getattr(t.petition, name)(request)
    answers = await asyncio.gather(*(go() for _ in range(5)))
    done = await t.footprint()
    again = await go()
    request.actor="另"
    told = await refused(go())
    assert answers == [again]*5
    assert told.refusal.reason=="REQUEST_ID_REUSED"
    assert await t.footprint()==done
