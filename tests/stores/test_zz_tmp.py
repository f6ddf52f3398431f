import nats
async def test_n(nats_server):
    c = await nats.connect(nats_server.url); assert c.is_connected; await c.close()
def test_fail(postgres): assert 0
