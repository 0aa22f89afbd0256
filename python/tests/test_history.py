"""Ranges of history, DataFrames, and lists of what there is."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone

import pandas
import pytest
import redis_streamer as rs
from redis_streamer.history import bound_text
from support import Gateway, Redis


async def texts(entries: object) -> list:
    return [entry.text() async for entry in entries]  # type: ignore[attr-defined]


async def test_reads_ranges_page_by_page(client: rs.Client, stream: str) -> None:
    ids = [f"{1000 + number}-0" for number in range(2500)]
    async with client.push(stream) as push:
        await push.send(*map(str, range(2500)), ids=ids)
    everything = [str(number) for number in range(2500)]
    assert await texts(client.entries(stream)) == everything
    assert await texts(client.entries(stream, reverse=True)) == everything[::-1]
    assert await texts(client.entries(stream, count=3, reverse=True)) == ["2499", "2498", "2497"]
    assert await texts(client.entries(stream, start=1002, end="(1005")) == ["2", "3", "4"]
    assert await texts(client.entries(stream, start=ids[2498], count=1200)) == ["2498", "2499"]
    assert await texts(client.entries(stream, start=datetime.fromtimestamp(3.498, timezone.utc))) == [
        "2498",
        "2499",
    ]
    assert await texts(client.entries(stream, start="1970-01-01T00:00:03.499Z")) == ["2499"]
    assert await texts(client.entries(stream, start="-5m")) == []
    assert await texts(client.entries(f"{stream}-missing")) == []


def test_relative_and_absolute_bounds() -> None:
    now_ms = datetime.now(timezone.utc).timestamp() * 1000
    for bound, back_ms in [
        ("-5m", 300_000),
        ("-1.5s", 1500),
        ("-20ms", 20),
        ("-2h", 7_200_000),
        ("-1d", 86_400_000),
    ]:
        assert abs(int(bound_text(bound)) - (now_ms - back_ms)) < 60_000
    assert abs(int(bound_text(timedelta(minutes=-5))) - (now_ms - 300_000)) < 60_000
    assert [bound_text(bound) for bound in ("-", "+", "(5-1", "2024-01-01", 7)] == [
        "-",
        "+",
        "(5-1",
        "2024-01-01",
        "7",
    ]
    with pytest.raises(rs.InvalidRequest):
        bound_text(1.5)  # type: ignore[arg-type]


async def test_rejects_a_bound_that_is_no_time(client: rs.Client, stream: str) -> None:
    with pytest.raises(rs.InvalidRequest, match="start must be") as failed:
        await texts(client.entries(stream, start="yesterday"))
    assert failed.value.status == 400


async def test_frames_are_indexed_by_time(client: rs.Client, stream: str) -> None:
    async with client.push(stream) as push:
        await push.send(
            {"acc": {"x": 1.0, "y": 2.0}, "ok": True},
            {"acc": {"x": 3.0}, "tags": ["a", "b"]},
            {"acc": {"x": 5.0, "y": 6.0}},
            ids=["1732791745123-0", "1732791745133-0", "1732791745143-0"],
        )
    frame = await client.frame(stream)
    assert list(frame.columns) == ["acc.x", "acc.y", "ok", "tags.0", "tags.1"]
    assert frame.index.name == "time"
    assert frame.index[0] == pandas.Timestamp("2024-11-28T11:02:25.123Z")
    assert frame["acc.x"].tolist() == [1.0, 3.0, 5.0]
    assert frame["acc.x"].dtype == float
    assert frame["acc.y"].fillna(-1).tolist() == [2.0, -1.0, 6.0]
    assert frame["tags.1"].fillna("-").tolist() == ["-", "b", "-"]
    part = await client.frame(stream, fields=["acc.y", "missing"], start="(1732791745123", count=1)
    assert list(part.columns) == ["acc.y", "missing"]
    assert len(part) == 1 and part.isna().all().all()
    assert (await client.frame(f"{stream}-missing")).empty
    async with client.push(stream) as push:
        await push.send("no JSON")
    with pytest.raises(rs.InvalidRequest, match="is not JSON"):
        await client.frame(stream)


async def test_shows_progress_of_long_reads(
    client: rs.Client, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []

    class Bar:
        def __init__(self, **options: object) -> None:
            shown.append((options["desc"], options["total"]))

        def update(self, entries: int) -> None:
            shown.append(entries)

        def close(self) -> None:
            shown.append("closed")

    import tqdm.auto

    monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
    async with client.push(stream) as push:
        await push.send(*map(str, range(1500)))
    assert len(await texts(client.entries(stream, progress=True))) == 1500
    assert shown == [(stream, None), 1000, 500, "closed"]
    shown.clear()
    assert len(await texts(client.entries(stream, progress=False))) == 1500
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    assert len(await texts(client.entries(stream, progress=True))) == 1500
    assert shown == []
    monkeypatch.undo()
    monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("redis_streamer.history._PROGRESS_AFTER_S", 3600)
    assert len(await texts(client.entries(stream))) == 1500
    assert shown == [], "the read is shorter"
    monkeypatch.setattr("redis_streamer.history._PROGRESS_AFTER_S", 0)
    assert len(await texts(client.entries(stream))) == 1500
    assert shown == [(stream, None), 1000, 500, "closed"]


async def test_lists_streams_and_devices(client: rs.Client, stream: str) -> None:
    async with client.push(stream, device="rover-7") as push:
        ids = await push.send("1", "2")
    await client.set_meta(stream, {"maxAge": "24h"}, device="rover-7", units={"x": "m"})
    [found] = await client.streams(f"rover-7:{stream}")
    assert found == rs.Stream(
        key=f"rover-7:{stream}",
        device="rover-7",
        stream=stream,
        length=2,
        added=2,
        first_id=ids[0],
        last_id=ids[1],
        meta={"maxAge": "24h", "units": {"x": "m"}},
    )
    assert found.last_time is not None and found.last_time.tzinfo is timezone.utc
    assert all(not one.key.startswith(":") for one in await client.streams())
    assert isinstance(await client.devices(), list)


async def test_metadata_is_merged_replaced_and_deleted(client: rs.Client, stream: str) -> None:
    assert await client.meta(stream) == {}
    await client.set_meta(stream, a=1)
    await client.set_meta(stream, {"b": {"c": 2}})
    assert await client.meta(stream) == {"a": 1, "b": {"c": 2}}
    await client.set_meta(stream, {"b": 3}, replace=True)
    assert await client.meta(stream) == {"b": 3}
    assert await client.delete_stream(stream) is True
    assert await client.delete_stream(stream) is False
    with pytest.raises(rs.StreamerError) as failed:
        await client.set_meta(":event:device.meta", device="", a=1)
    assert failed.value.code == "FORBIDDEN"


async def test_declares_what_a_stream_holds(client: rs.Client, stream: str) -> None:
    async with client.push(stream, device="rover", content_type="application/json") as push:
        await push.send("1")
        await push.flush()
    assert await client.meta(stream, device="rover") == {"contentType": "application/json"}
    # A push keeps a declaration that exists.
    async with client.push(stream, device="rover", content_type="text/plain") as push:
        await push.send("2")
    assert await client.meta(stream, device="rover") == {"contentType": "application/json"}
    await client.declare(stream, "text/plain", device="rover", units={"x": "m"}, title="Position")
    await client.declare(stream, device="rover", frame_id="map", schema="Pose")
    assert await client.meta(stream, device="rover") == {
        "contentType": "text/plain",
        "units": {"x": "m"},
        "title": "Position",
        "frameId": "map",
        "schema": {"name": "Pose"},
    }
    schema = {"name": "Pose", "encoding": "protobuf", "data": b"\x0a\xff"}
    await client.declare(stream, device="rover", schema=schema)
    assert (await client.meta(stream, device="rover"))["schema"] == {**schema, "data": "Cv8="}
    [last] = [entry async for entry in client.entries(stream, device="rover", reverse=True, count=1)]
    assert last.value((await client.meta(stream, device="rover"))["contentType"]) == "2"
    with pytest.raises(rs.InvalidRequest) as failed:
        await client.declare(stream, "no type")
    assert failed.value.code == "BAD_PARAMETER"


async def test_without_device_prefixes(redis: Redis, stream: str) -> None:
    gateway = Gateway(redis.url, DISABLE_MULTI_DEVICE_PREFIXING="1")
    try:
        async with rs.connect(gateway.url) as client:
            async with client.push(stream) as push:
                await push.send("1")
            await client.set_meta(stream, a=1)
            assert await client.meta(stream) == {"a": 1}
            [found] = await client.streams(stream)
            assert (found.key, found.device, found.stream) == (stream, None, stream)
            assert await client.devices() == []
            assert await client.delete_stream(stream)
    finally:
        gateway.close()


async def test_devices_that_are_connected(client: rs.Client, redis: Redis) -> None:
    redis.command("SADD", ":devices:seen", "rover-1", "rover-2")
    redis.command("SADD", ":devices:connected", "rover-2")
    redis.command("SET", ":devices:meta:rover-2", '{"wheels":6}')
    found = {device.id: device for device in await client.devices()}
    assert found["rover-1"].connected is False
    assert found["rover-2"].connected is True
    assert found["rover-2"].meta == {"wheels": 6}


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host", "redis://host", "http://"])
def test_rejects_a_url_that_is_no_gateway(url: str) -> None:
    with pytest.raises(rs.InvalidRequest, match="must start with http"):
        rs.connect(url)


@pytest.mark.parametrize("port", ["99999", "abc"])
def test_names_the_port_that_is_not_valid(port: str) -> None:
    with pytest.raises(
        rs.InvalidRequest, match=f"port of the gateway's URL 'http://localhost:{port}' is not"
    ):
        rs.connect(f"http://localhost:{port}")


async def test_an_unreachable_gateway_is_an_error_at_once() -> None:
    async with rs.connect("http://127.0.0.1:9") as client:
        with pytest.raises(rs.Unavailable, match="cannot connect to http://127.0.0.1:9") as failed:
            await client.streams()
        assert failed.value.code == "UNREACHABLE" and failed.value.retryable
        assert isinstance(failed.value, ConnectionError)
        with pytest.raises(rs.Unavailable):
            await texts(client.entries("s"))


async def test_a_proxy_path_is_kept(redis: Redis, stream: str) -> None:
    gateway = Gateway(redis.url, PATH_PREFIX="/streams")
    try:
        async with rs.connect(f"{gateway.url}/streams/") as client, client.push(stream) as push:
            [entry_id] = await push.send("1")
            assert await texts(client.entries(stream)) == ["1"]
            assert (await client.pull(stream, last_entry_id=0).__anext__()).id == entry_id
    finally:
        gateway.close()
