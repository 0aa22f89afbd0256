"""Client of the history checker: one process, which pushes, reads or works with the Python package, and reports on its output.

    python3 python_client.py '{"do": "push", "url": "http://127.0.0.1:8000", "stream": "s0", …}'

A line on its input ends the faults that it causes itself: a reader no longer sleeps, a pusher stops and closes, a worker
acknowledges every job. The end of its input ends it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from typing import Any, Dict, List

sys.path.insert(0, os.environ["PYTHON_PACKAGE"])
import redis_streamer as rs  # noqa: E402

MAX_OPEN = 200  # entries that are not acknowledged


def say(what: Dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def payload_of(key: str, size: int) -> bytes:
    """The key, a bar, the payload's length, a bar, and padding up to that length; see history.ts."""
    return f"{key}|{size}|".ljust(size, "x").encode()


def key_of(payload: bytes) -> str:
    key, _, rest = payload.decode("latin-1").partition("|")
    size = rest.partition("|")[0]
    if size.isdigit() and payload == payload_of(key, int(size)):
        return key
    return f"damaged: {payload[:60].decode('latin-1')}"


async def push(client: rs.Client, options: Dict[str, Any], settled: asyncio.Event) -> None:
    count, is_open = options["batch"], 0

    async def send(orders: List[int]) -> None:
        nonlocal is_open
        try:
            ids = await stream.send(
                *(payload_of(f"{options['name']}.{order}", options["bytes"]) for order in orders)
            )
            outcomes: List[Any] = [{"id": one} for one in ids]
        except rs.StreamerError as error:
            # The error is that of the first entry which failed.
            code = error.code if len(orders) == 1 else "APPEND_UNKNOWN"
            outcomes = [{"id": one} if one else {"code": code} for one in error.ids]
        is_open -= len(orders)
        say({"orders": orders, "outcomes": outcomes})

    sending = set()
    async with client.push(options["stream"], dedupe=options["dedupe"]) as stream:
        order = 0
        while not settled.is_set():
            if is_open + count <= MAX_OPEN:
                orders = list(range(order, order + count))
                order += count
                is_open += count
                say({"sent": orders})
                task = asyncio.ensure_future(send(orders))
                sending.add(task)
                task.add_done_callback(sending.discard)
            await asyncio.sleep(options["everyMs"] / 1000)
        await asyncio.gather(*sending)
    say({"end": True})


async def pull(client: rs.Client, options: Dict[str, Any], settled: asyncio.Event) -> None:
    chance = random.Random(options["seed"])
    entries = client.pull(options["streams"], last_entry_id=options["from"], latest=options["latest"])
    while True:
        # A loop that is left, and entered again, continues.
        async for entry in entries:
            gap = entry.gap and {"after": entry.gap.after, "before": entry.gap.before}
            say({"stream": entry.stream, "id": entry.id, "key": key_of(entry.bytes), "gap": gap})
            if settled.is_set():
                continue
            if options["isSlow"] and chance.random() < 0.02:
                await asyncio.sleep(chance.random() * 2)
            if chance.random() < 0.0005:
                break


class JobError(Exception):
    """A handler fails."""


async def work(client: rs.Client, options: Dict[str, Any], settled: asyncio.Event) -> None:
    chance = random.Random(options["seed"])
    settling = set()
    jobs = client.work(
        options["streams"],
        options["group"],
        from_id="0",
        permits=8,
        ack_wait=options["ackWaitMs"],
        max_deliver=20,
        on_lost=lambda lost: say({"lost": [[one.stream, one.id] for one in lost]}),
    )

    def received(job: rs.Job) -> None:
        say({"job": [job.stream, job.id], "key": key_of(job.bytes)})

    async def settle(job: rs.Job) -> None:
        name, draw = [job.stream, job.id], 0.0 if settled.is_set() else chance.random()
        if 0.6 < draw < 0.82:  # some acknowledgements are late
            await asyncio.sleep(chance.random() * 1.2 * options["ackWaitMs"] / 1000)
        if draw < 0.82:
            say({"sent": name})
            if await job.ack():
                say({"confirmed": name})
        elif draw < 0.9:
            await job.nack(chance.random() * 500)
        elif draw < 0.93:
            await job.progress()
        elif draw < 0.95:
            say({"deadLettered": name})
            await job.term("check")

    async def handle(job: rs.Job) -> None:
        received(job)
        draw = 0.0 if settled.is_set() else chance.random()
        if draw > 0.9:
            raise JobError()
        if draw > 0.7:
            await asyncio.sleep(chance.random() * 2 * options["ackWaitMs"] / 1000)
        # The handler's job is acknowledged when it returns, unless its connection closed.
        say({"sent": [job.stream, job.id]})

    if options["handles"]:
        await jobs.run(handle, concurrency=4, retry_delay=100, on_error=lambda error, job: None)
    while True:
        # A loop that is left gives its jobs back, and continues when it is entered again.
        async for job in jobs:
            received(job)
            task = asyncio.ensure_future(settle(job))
            settling.add(task)
            task.add_done_callback(settling.discard)
            if not settled.is_set() and chance.random() < 0.002:
                break


async def main() -> None:
    options = json.loads(sys.argv[1])
    settled = asyncio.Event()
    async with rs.connect(options["url"]) as client:
        does = {"push": push, "pull": pull, "work": work}[options["do"]]
        doing = asyncio.ensure_future(does(client, options, settled))
        commands = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
        )
        commanded = asyncio.ensure_future(commands.readline())
        await asyncio.wait([doing, commanded], return_when=asyncio.FIRST_COMPLETED)
        settled.set()
        ended = asyncio.ensure_future(commands.read())
        await asyncio.wait([doing, ended], return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
        doing.cancel()


asyncio.run(main())
