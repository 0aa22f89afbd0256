"""Faults: killed gateways and servers, cut connections, slow readers. What was acknowledged is compared by content."""

from __future__ import annotations

import asyncio
from typing import Dict, List

import pytest
import redis_streamer as rs
from support import Gateway, Proxy, Redis, collect, until


@pytest.fixture
def own() -> object:
    """A Redis and a gateway that the test may kill."""
    redis = Redis()
    gateway = Gateway(redis.url)
    yield redis, gateway
    gateway.close()
    redis.close()


async def send_all(push: rs.Push, count: int, acknowledged: Dict[str, str], every_s: float = 0.002) -> None:
    async def send(number: int) -> None:
        text = f"{number} {'x' * (number % 3000)}"
        [entry_id] = await push.send(text)
        assert entry_id not in acknowledged
        acknowledged[entry_id] = text

    sending = []
    for number in range(count):
        sending.append(asyncio.ensure_future(send(number)))
        await asyncio.sleep(every_s)
    await asyncio.gather(*sending)


async def check(client: rs.Client, stream: str, acknowledged: Dict[str, str], read: List[rs.Entry]) -> None:
    stored = {entry.id: entry.text() async for entry in client.entries(stream)}
    assert stored == acknowledged, "stored once, under the acknowledged ids"
    assert [(entry.id, entry.text()) for entry in read] == list(stored.items()), "read once and in order"
    assert not any(entry.gap for entry in read)


@pytest.mark.parametrize("victim", ["gateway", "redis", "both"])
async def test_loses_nothing_and_repeats_nothing_when_killed(own: tuple, stream: str, victim: str) -> None:
    redis, gateway = own
    acknowledged: Dict[str, str] = {}
    async with rs.connect(gateway.url) as client:
        reading = asyncio.ensure_future(collect(client.pull(stream, last_entry_id=0), 600))
        async with client.push(stream) as push:
            sending = asyncio.ensure_future(send_all(push, 600, acknowledged))
            for at in (100, 250, 400):
                await until(f"{at} are acknowledged", lambda least=at: len(acknowledged) >= least)
                if victim != "gateway":
                    redis.kill()
                if victim != "redis":
                    await asyncio.get_running_loop().run_in_executor(None, gateway.kill)
                await asyncio.sleep(0.2)
                if victim != "gateway":
                    await asyncio.get_running_loop().run_in_executor(None, redis.start)
                if victim != "redis":
                    await asyncio.get_running_loop().run_in_executor(None, gateway.start)
            await sending
        read = await asyncio.wait_for(reading, 60)
        await check(client, stream, acknowledged, read)
        assert len(set(acknowledged.values())) == 600


async def test_a_cut_in_the_middle_of_a_message_loses_nothing(gateway: Gateway, stream: str) -> None:
    acknowledged: Dict[str, str] = {}
    async with (
        Proxy(gateway.port) as proxy,
        rs.connect(proxy.url) as client,
        rs.connect(gateway.url) as direct,
    ):
        # Each connection is cut after so many bytes of the gateway: inside an entry, or an acknowledgement.
        # A message of 8 entries is smaller: one that is cut each time would never arrive.
        proxy.cut_after = 30_001
        async with client.push(stream) as push:
            reading = asyncio.ensure_future(collect(client.pull(stream, last_entry_id=0, count=8), 600))
            await send_all(push, 600, acknowledged, 0)
            read = await reading
            assert proxy.connections >= 5
        await check(direct, stream, acknowledged, read)


async def test_cut_acknowledgements_are_requested_again(gateway: Gateway, stream: str) -> None:
    acknowledged: Dict[str, str] = {}
    async with (
        Proxy(gateway.port) as proxy,
        rs.connect(proxy.url) as client,
        rs.connect(gateway.url) as direct,
    ):
        proxy.cut_after = 700  # the response of the handshake, and one or two acknowledgements
        push = client.push(stream)
        while proxy.connections < 5:
            texts = [f"{len(acknowledged)} {number}" for number in range(10)]
            acknowledged.update(zip(await push.send(*texts), texts))
        proxy.cut_after = None
        await push.close()
        assert {entry.id: entry.text() async for entry in direct.entries(stream)} == acknowledged


async def test_a_slow_reader_receives_everything_in_bounded_memory(gateway: Gateway, stream: str) -> None:
    async with rs.connect(gateway.url) as client, client.push(stream) as push:
        payload = bytes(range(256)) * 400

        async def slow(number: int) -> None:
            await asyncio.sleep(0.01 if number % 10 else 0.1)

        reading = asyncio.ensure_future(collect(client.pull(stream, last_entry_id=0), 300, slow))
        ids = [(await push.send(b"%05d" % number + payload))[0] for number in range(300)]
        found = await reading
        assert [entry.id for entry in found] == ids
        assert all(entry.bytes == b"%05d" % number + payload for number, entry in enumerate(found))


async def test_a_paused_reader_continues_after_the_gateway_gave_it_up(redis: Redis, stream: str) -> None:
    gateway = Gateway(redis.url, PING_INTERVAL_MS="300", PING_TIMEOUT_MS="900", WRITE_TIMEOUT_MS="1000")
    try:
        async with rs.connect(gateway.url) as client:
            async with client.push(stream) as push:
                sent = [b"%05d" % number + bytes(100_000) for number in range(400)]
                await push.send(*sent)

            async def pause(number: int) -> None:
                if number == 20:
                    await asyncio.sleep(3)

            found = await collect(client.pull(stream, last_entry_id=0), len(sent), pause)
            assert [entry.bytes for entry in found] == sent
    finally:
        gateway.close()
