"""Reading all streams that match a pattern: those that exist, that appear later, and that are deleted."""

from __future__ import annotations

import asyncio
from typing import Any, List

import pytest
import redis_streamer as rs
from redis_streamer._cursors import PatternPosition
from support import Gateway, Proxy, Redis, collect, following, until


@pytest.fixture
def device(stream: str) -> str:
    return stream.replace("stream", "device")


async def put(client: rs.Client, device: str, stream: str, *payloads: str) -> List[str]:
    async with client.push(stream, device=device) as push:
        return await push.send(*payloads)


def shown(entries: Any) -> list:
    return [(entry.stream, entry.text()) for entry in entries]


async def test_reads_a_whole_device_and_what_appears_later(client: rs.Client, device: str) -> None:
    await put(client, device, "cam", "1", "2")
    await put(client, device, "imu", "3")
    await put(client, f"{device}-other", "cam", "no")
    changes: list = []
    pull = client.pull(
        "*",
        device=device,
        last_entry_id=0,
        exclude="log+*-debug",
        on_joined=lambda name: changes.append(("joined", name)),
        on_left=lambda name: changes.append(("left", name)),
    )
    assert sorted(shown(await collect(pull, 3))) == [("cam", "1"), ("cam", "2"), ("imu", "3")]
    assert pull.streams == ["cam", "imu"]
    assert "2 streams" in repr(pull)
    assert changes == []
    # They appear while it is disconnected, and while it is connected.
    await put(client, device, "mag", "4")
    await put(client, device, "log", "no")
    await put(client, device, "cam-debug", "no")
    assert shown([await following(pull)]) == [("mag", "4")]
    assert changes == [("joined", "mag")]
    await put(client, device, "new", "5")
    assert shown([await following(pull)]) == [("new", "5")]
    reading = asyncio.ensure_future(following(pull))
    await asyncio.sleep(0)
    await client.delete_stream("imu", device=device)
    await until("it has left", lambda: ("left", "imu") in changes)
    await put(client, device, "imu", "6")
    assert shown([await reading]) == [("imu", "6")]
    assert changes == [("joined", "mag"), ("joined", "new"), ("left", "imu"), ("joined", "imu")]
    assert pull.streams == ["cam", "imu", "mag", "new"]
    await pull.aclose()


async def test_continues_each_stream_after_cut_connections(gateway: Gateway, device: str) -> None:
    async with (
        Proxy(gateway.port) as proxy,
        rs.connect(proxy.url) as client,
        rs.connect(gateway.url) as direct,
    ):
        sent: dict = {}
        proxy.cut_after = 20_001  # of each connection
        pull = client.pull("s*", device=device, last_entry_id=0, count=8)
        reading = asyncio.ensure_future(collect(pull, 1200))
        for number in range(6):
            name = f"s+{number} %"
            sent[name] = [f"{index} {'x' * (index % 500)}" for index in range(200)]
            await put(direct, device, name, *sent[name])
        found = await reading
        assert proxy.connections >= 5
    for name, payloads in sent.items():
        assert [entry.text() for entry in found if entry.stream == name] == payloads


async def test_from_now_on(client: rs.Client, device: str) -> None:
    await put(client, device, "a", "old")
    pull = client.pull("*", device=device)
    first = asyncio.ensure_future(following(pull))
    await until("it is connected", lambda: pull.streams == ["a"])
    await put(client, device, "a", "1")
    assert (await first).text() == "1"
    await pull.disconnect()
    await put(client, device, "a", "2")
    await put(client, device, "b", "3")
    assert sorted(shown([await following(pull) for _ in range(2)])) == [("a", "2"), ("b", "3")]
    await pull.aclose()


async def test_cursors_by_name_and_gaps(client: rs.Client, redis: Redis, device: str) -> None:
    ids = await put(client, device, "a", "1", "2", "3")
    await put(client, device, "b", "4")
    redis.command("XTRIM", f"{device}:a", "MINID", ids[2])
    found = await collect(client.pull("*", device=device, last_entry_id={"a": ids[0], "*": "0"}), 2)
    assert sorted(shown(found)) == [("a", "3"), ("b", "4")]
    assert {entry.stream: entry.gap for entry in found} == {"a": rs.Gap(ids[0], ids[2]), "b": None}


async def test_a_stream_of_every_device(client: rs.Client, stream: str, device: str) -> None:
    for number in range(2):
        await put(client, f"{device}-{number}", stream, str(number))
    found = await collect(client.pull(stream, device="*", last_entry_id=0), 2)
    assert sorted(shown(found)) == [(f"{device}-0:{stream}", "0"), (f"{device}-1:{stream}", "1")]


async def test_a_star_can_be_a_character(client: rs.Client, redis: Redis, device: str) -> None:
    redis.command("XADD", f"{device}:a*", "1-0", "d", "star")
    redis.command("XADD", f"{device}:ab", "2-0", "d", "other")
    pull = client.pull("a*", device=device, last_entry_id=0, pattern=False)
    assert shown([await following(pull)]) == [("a*", "star")]
    await pull.aclose()


async def test_plays_a_device_back_and_continues_after_a_cut(
    gateway: Gateway, redis: Redis, device: str
) -> None:
    names = ["camera-at-the-left", "camera-at-the-right"]
    for number in range(40):
        redis.command("XADD", f"{device}:{names[number % 2]}", f"{1000 + 20 * number}-0", "d", number)
    async with Proxy(gateway.port) as proxy, rs.connect(proxy.url) as client:
        proxy.cut_after = 1300  # the response of the handshake, and some entries
        found = [entry.text() async for entry in client.pull("*", device=device, start=1100, rate=4)]
        assert proxy.connections >= 2
    assert found == [str(number) for number in range(5, 40)]


async def test_history_of_a_device_is_in_the_order_of_its_ids(client: rs.Client, device: str) -> None:
    for first, name in enumerate("ab"):
        numbers = range(first, 2100, 2)
        async with client.push(name, device=device) as push:
            await push.send(*map(str, numbers), ids=[f"{1000 + number}-0" for number in numbers])
    found = [entry async for entry in client.entries("*", device=device)]
    assert [entry.text() for entry in found] == [str(number) for number in range(2100)]
    assert {entry.stream for entry in found} == {"a", "b"}
    assert len([1 async for _ in client.entries("*", device=device, reverse=True, count=1)]) == 1


def test_blocking_client_reports_changes_in_the_callers_thread(gateway: Gateway, device: str) -> None:
    import threading

    changes: list = []

    def joined(name: str) -> None:
        changes.append((name, threading.current_thread() is threading.main_thread()))
        s.meta(name, device=device)  # other calls are permitted

    with rs.open(gateway.url) as s:
        with s.push("a", device=device) as push:
            push.send("1")
        pull = s.pull("*", device=device, last_entry_id=0, on_joined=joined)
        assert next(pull).text() == "1"
        assert pull.streams == ["a"]
        with s.push("b", device=device) as push:
            push.send("2")
        assert next(pull).text() == "2"
        pull.close()
    assert changes == [("b", True)]


@pytest.mark.parametrize("notice", [{"joined": 1}, {"left": {}}, {"streams": [1]}])
def test_rejects_broken_notices(notice: dict) -> None:
    with pytest.raises(rs.BadMessage):
        PatternPosition(["*"], "$", False).take(notice)
