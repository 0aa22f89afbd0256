"""Declared content: what pushes declare, and that readers decode by it."""

from __future__ import annotations

from typing import Any, List

import pytest
import redis_streamer as rs
from redis_streamer import _declared
from support import Gateway, Redis, collect, following


async def values(entries: Any) -> List[Any]:
    return [entry.value() async for entry in entries]


async def test_value_follows_the_declared_type_of_the_stream(client: rs.Client, stream: str) -> None:
    async with client.push(stream, device="rover", content_type="text/plain") as push:
        await push.send("1", "2")
        await push.send("3", fields={"content-type": "application/json"})
    assert await values(client.entries(stream, device="rover")) == ["1", "2", 3]
    pulled = await collect(client.pull(stream, device="rover", last_entry_id=0), 3)
    assert [entry.value() for entry in pulled] == ["1", "2", 3]
    assert [entry.content_type for entry in pulled] == ["text/plain"] * 2 + ["application/json"]
    # An argument replaces the type of the stream, not that of the entry.
    assert [entry.value("application/json") for entry in pulled] == [1, 2, 3]
    async with client.work(stream, "g", device="rover", from_id=0) as work:
        assert [(await following(work)).value() for _ in range(3)] == ["1", "2", 3]
    # Declared by a key without a device or a prefix.
    prefix, rest = stream[:6], stream[6:]
    assert await values(client.entries(rest, device="rover", prefix=prefix, count=1)) == ["1"]
    assert await values(client.entries(f"rover:{stream}", device="", count=1)) == ["1"]


async def test_each_stream_of_a_pattern_has_its_own_type(client: rs.Client, stream: str) -> None:
    names = [f"{stream}-{number}" for number in range(_declared._AT_ONCE + 10)]
    for number, name in enumerate(names):
        content_type = "text/plain" if number % 2 else "application/json"
        async with client.push(name, device=f"{stream}-d{number % 3}", content_type=content_type) as push:
            await push.send(str(number))
    expected = {name: str(number) if number % 2 else number for number, name in enumerate(names)}
    pull = client.pull(f"{stream}-*", device=f"{stream}-d*", last_entry_id=0)
    found = {entry.stream.partition(":")[2]: entry.value() for entry in await collect(pull, len(names))}
    assert found == expected
    read = client.entries(f"{stream}-*", device=f"{stream}-d*")
    assert {entry.stream.partition(":")[2]: entry.value() async for entry in read} == expected


async def test_a_type_that_is_declared_later_is_noticed(
    client: rs.Client, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_declared, "_ABSENT_S", 0)
    monkeypatch.setattr(_declared, "_PRESENT_S", 0)
    async with client.push(stream) as push, client.pull(stream, last_entry_id=0) as pull:
        await push.send("1")
        first = await following(pull)
        assert first.value() == 1
        await client.declare(stream, "text/plain")
        await push.send("2")
        assert (await following(pull)).value() == "2"
        assert first.value() == "1"
        await client.declare(stream, "application/json")
        await push.send("3")
        assert (await following(pull)).value() == 3


async def test_types_that_cannot_be_looked_up_are_guessed(redis: Redis, stream: str) -> None:
    gateway = Gateway(redis.url, GRAPHQL_MAX_DEPTH="1")
    try:
        async with rs.connect(gateway.url) as client:
            async with client.push(stream, content_type="text/plain") as push:
                await push.send("1")
            assert await values(client.entries(stream)) == [1]
    finally:
        gateway.close()


async def test_without_device_prefixes(redis: Redis, stream: str) -> None:
    gateway = Gateway(redis.url, DISABLE_MULTI_DEVICE_PREFIXING="1")
    try:
        async with rs.connect(gateway.url) as client:
            async with client.push(stream, content_type="text/plain") as push:
                await push.send("1")
            assert await values(client.entries(stream)) == ["1"]
    finally:
        gateway.close()


async def test_a_push_declares_a_schema_and_replaces(client: rs.Client, stream: str) -> None:
    async with client.push(stream, content_type="application/json", schema="Imu") as push:
        await push.send("1")
    assert await client.meta(stream) == {"contentType": "application/json", "schema": {"name": "Imu"}}
    schema = {"name": "Pose", "encoding": "protobuf", "data": b"\x0a\xff"}
    async with client.push(stream, content_type="application/protobuf", schema=schema) as push:
        await push.send("2")
    assert (await client.meta(stream))["schema"] == {"name": "Imu"}, "kept"
    async with client.push(
        stream, content_type="application/protobuf", schema=schema, declare="replace"
    ) as push:
        await push.send("3")
    assert await client.meta(stream) == {
        "contentType": "application/protobuf",
        "schema": {**schema, "data": "Cv8="},
    }
    with pytest.raises(rs.InvalidRequest, match="declare"):
        async with client.push(stream, content_type="text/plain", declare="always") as push:
            await push.send("4")
