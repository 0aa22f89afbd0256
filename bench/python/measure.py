"""Pulls or pushes with the Python package, or with the plain loops of docs/any-language.md, and prints entries per second.

measure.py package|plain pull|push PORT STREAM ENTRIES BYTES
"""

from __future__ import annotations

import asyncio
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

import redis_streamer as rs
import websockets

COUNT = 10  # entries in a message, as in docs/any-language.md


async def plain_pull(port: int, stream: str, entries: int, size: int) -> float:
    url = f"ws://127.0.0.1:{port}/data/{stream}/pull?last_entry_id=0&count={COUNT}"
    received = 0
    async with websockets.connect(url, max_size=None) as ws:
        while received < entries:
            header = json.loads(await ws.recv())
            payload = await ws.recv()
            starts = [offset for _, _, offset in header]
            for (_, _, start), end in zip(header, [*starts[1:], None]):
                assert len(payload[start:end]) == size
                received += 1
        return time.perf_counter()


async def package_pull(port: int, stream: str, entries: int, size: int) -> float:
    received = 0
    async with rs.connect(f"http://127.0.0.1:{port}") as client:
        async for entry in client.pull(stream, last_entry_id="0"):
            assert len(entry.bytes) == size
            received += 1
            if received == entries:
                return time.perf_counter()
    raise AssertionError("a pull without an end has ended")


async def plain_push(port: int, stream: str, entries: int, size: int) -> float:
    payload = bytes(size)
    # With `dedupe`, as the package sends by default.
    url = f"ws://127.0.0.1:{port}/data/{stream}/push?header=0&ack=1&dedupe={stream}"
    async with websockets.connect(url) as ws:
        for _ in range(entries):
            await ws.send(payload)
            assert json.loads(await ws.recv())
        return time.perf_counter()


async def package_push(port: int, stream: str, entries: int, size: int) -> float:
    payload = bytes(size)
    async with rs.connect(f"http://127.0.0.1:{port}") as client, client.push(stream) as push:
        for _ in range(entries):
            await push.put(payload)
        await push.flush()
        return time.perf_counter()


async def main() -> None:
    side, what, port, stream, entries, size = sys.argv[1:]
    run = {
        ("plain", "pull"): plain_pull,
        ("plain", "push"): plain_push,
        ("package", "pull"): package_pull,
        ("package", "push"): package_push,
    }[side, what]
    start = time.perf_counter()
    # Without the close: websockets waits for seconds if it is left while the gateway still sends.
    end = await run(int(port), stream, int(entries), int(size))
    print(int(entries) / (end - start))


asyncio.run(main())
