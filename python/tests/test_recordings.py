"""Recordings of the gateway and exports: every method, incomplete downloads, and names that are paths."""

from __future__ import annotations

import asyncio
import pathlib
from datetime import datetime, timedelta, timezone
from typing import Iterator

import pytest
import redis_streamer as rs
from mcap_reader import MAGIC, read_mcap
from support import Gateway, Redis, wait_for


@pytest.fixture
def client(gateway: Gateway) -> Iterator[rs.BlockingClient]:
    with rs.open(gateway.url) as one:
        yield one


def test_records_streams_into_files(client: rs.BlockingClient, stream: str, tmp_path: pathlib.Path) -> None:
    with client.push(f"{stream}-a") as push:
        push.send("stored before")
    started = client.record(
        f"{stream}-*",
        stream,
        device="default",
        exclude=[f"{stream}-x"],
        last_entry_id="0",
        max_bytes=10**9,
        max_seconds=3599.5,
        compression="none",
        notes={"driver": "Ada"},
    )
    assert (started.name, started.state, started.ended) == (stream, "recording", None)
    assert started.started is not None
    assert abs(datetime.now(timezone.utc) - started.started) < timedelta(minutes=5)
    for name in ("b", "x"):
        with client.push(f"{stream}-{name}") as push:
            push.send("appeared later")

    wait_for("both are recorded", lambda: client.recording(stream).entries == 2)
    stopped = client.stop_recording(stream)
    assert (stopped.state, stopped.reason, stopped.error) == ("stopped", "request", None)
    assert (stopped.entries, stopped.gaps, stopped.newest_gaps) == (2, 0, [])
    assert sorted(stopped.streams) == [f"default:{stream}-a", f"default:{stream}-b"]
    assert stopped.first_time is not None and stopped.last_time is not None
    assert stopped.started is not None and stopped.first_time < stopped.last_time
    [file] = stopped.files
    assert (file.file, file.state, file.entries) == (f"{stream}.mcap", "finished", 2)
    [path] = client.save_recording(stream, tmp_path)
    assert path == tmp_path / f"{stream}.mcap"
    content = path.read_bytes()
    assert len(content) == file.bytes
    read = read_mcap(content)
    assert read.library.startswith("redis-streamer ")
    assert read.metadata == [("redis-streamer.notes", {"driver": "Ada"})]
    assert [message.log_time for message in read.messages] == sorted({one.log_time for one in read.messages})
    found = [
        (
            channel.metadata["redis.key"],
            read.schemas[channel.schema_id],
            message.data,
        )
        for message in read.messages
        for channel in [read.channels[message.channel_id]]
    ]
    assert len(found) == 2
    for (key, schema, data), name, text in zip(found, "ab", [b"stored before", b"appeared later"]):
        assert (key, schema) == (f"default:{stream}-{name}", "foxglove.Log")
        assert text in data
    assert stream in [one.name for one in client.recordings()]
    client.delete_recording(stream)
    with pytest.raises(rs.InvalidRequest, match="^NOT_FOUND: "):
        client.recording(stream)


def test_plays_a_recording_again(client: rs.BlockingClient, redis: Redis, stream: str) -> None:
    redis.command("XADD", f"default:{stream}", "1-0", "d", "first")
    redis.command("XADD", f"default:{stream}", "3600000-0", "d", "an hour later")
    client.record(stream, stream, last_entry_id=0)
    assert client.stop_recording(stream).playback is None
    started = client.play_recording(
        stream,
        rate=2,
        device="lab",
        stream=stream,
        exclude=["other"],
        start=datetime.fromtimestamp(0.001, timezone.utc),
        end="3600000-0",
        dedupe="k",
    ).playback
    assert started is not None
    assert (started.state, started.rate, started.loop, started.dedupe) == ("playing", 2, False, "k")
    assert started.streams == {f"default:{stream}": f"lab:{stream}"}
    assert started.started is not None and started.ended is None
    assert started.last_time == datetime.fromtimestamp(3600, timezone.utc)
    paused = client.pause_playback(stream).playback
    assert paused is not None and paused.state == "paused" and paused.position is not None
    continued = client.continue_playback(stream).playback
    assert continued is not None and continued.state == "playing"
    stopped = client.stop_playback(stream).playback
    assert stopped is not None
    assert (stopped.state, stopped.error, stopped.not_stored, stopped.passes) == ("stopped", None, 0, 0)
    with pytest.raises(rs.StreamerError, match="^NOT_FOUND: "):
        client.pause_playback(stream)
    with pytest.raises(rs.InvalidRequest, match="^BAD_PARAMETER: rate must be"):
        client.play_recording(stream, rate=-1)


def test_rejects_a_name_that_is_taken_or_a_path(
    client: rs.BlockingClient, stream: str, tmp_path: pathlib.Path
) -> None:
    client.record(stream, stream)
    with pytest.raises(rs.StreamerError, match="^RECORDING_EXISTS: "):
        client.record(stream, stream)
    client.delete_recording(stream)
    with pytest.raises(rs.InvalidRequest, match="^BAD_PARAMETER: "):
        client.record(stream, "../other")
    with pytest.raises(rs.InvalidRequest, match="^BAD_PARAMETER: "):
        client.record([])
    for name in ("..", "", "../entries"):
        with pytest.raises(rs.InvalidRequest, match="^(BAD_PARAMETER|NOT_FOUND): "):
            client.save_recording(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_exports_what_is_stored(client: rs.BlockingClient, stream: str, tmp_path: pathlib.Path) -> None:
    with client.push(f"{stream}-a") as push:
        push.send(b"\x00" * 3_000_000, "second", ids=["5-1", "6-1"])
    with client.push(f"{stream}-x") as push:
        push.send("excluded", ids=["5-1"])
    path = tmp_path / "run.mcap"
    size = client.export(f"{stream}-*", path, exclude=f"{stream}-x", start=5, end="+")
    content = path.read_bytes()
    assert len(content) == size
    assert content.startswith(MAGIC) and content.endswith(MAGIC)
    assert f"{stream}-a".encode() in content and f"{stream}-x".encode() not in content
    assert [one.name for one in tmp_path.iterdir()] == ["run.mcap"]


@pytest.fixture
def before(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A file that must not change."""
    path = tmp_path / "run.mcap"
    path.write_bytes(b"before")
    yield path
    assert path.read_bytes() == b"before"
    assert [one.name for one in tmp_path.iterdir()] == ["run.mcap"]


async def test_an_incomplete_download_leaves_the_file_as_it_was(before: pathlib.Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nMCAP\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, rs.connect(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
        with pytest.raises(rs.Unavailable, match="closed in the middle"):
            await client.export("s", before)


async def test_without_blocking(gateway: Gateway, redis: Redis, stream: str, tmp_path: pathlib.Path) -> None:
    redis.command("XADD", f"default:{stream}", "5-1", "d", "one")
    async with rs.connect(gateway.url) as client:
        assert (await client.record(stream, stream, last_entry_id=0)).state == "recording"
        for _ in range(1000):
            if (await client.recording(stream)).entries == 1:
                break
            await asyncio.sleep(0.01)
        assert (await client.stop_recording(stream)).entries == 1
        assert (await client.play_recording(stream, loop=True)).playback is not None
        assert (await client.pause_playback(stream)).playback is not None
        assert (await client.continue_playback(stream)).playback is not None
        stopped = (await client.stop_playback(stream)).playback
        assert stopped is not None and stopped.state == "stopped"
        assert stream in [one.name for one in await client.recordings()]
        [path] = await client.save_recording(stream, tmp_path)
        assert path.name == f"{stream}.mcap"
        await client.delete_recording(stream)
        assert await client.export(stream, tmp_path / "export.mcap") > 100
