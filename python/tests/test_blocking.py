"""The blocking client: every method, several threads, interrupts, and nothing left after `close`."""

from __future__ import annotations

import gc
import inspect
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from typing import Iterator

import pytest
import redis_streamer as rs
from support import Gateway, Redis, open_sockets, wait_for


def threads() -> list:
    return [thread for thread in threading.enumerate() if thread.name == "redis-streamer"]


def take(entries: Iterator[rs.Entry], count: int) -> list:
    found = []
    for entry in entries:
        found.append(entry)
        if len(found) == count:
            break
    return found


def test_has_every_method_of_the_asynchronous_client() -> None:
    import inspect

    for ours, theirs in ((rs.BlockingClient, rs.Client), (rs.BlockingPush, rs.Push)):
        for name, method in inspect.getmembers(theirs, inspect.isfunction):
            if name.startswith("_") or name in ("start", "enqueue", "fail", "ready", "pages", "give_up"):
                continue
            ours_parameters = inspect.signature(getattr(ours, name)).parameters.values()
            assert [(one.name, one.default) for one in ours_parameters] == [
                (one.name, one.default) for one in inspect.signature(method).parameters.values()
            ], name


def test_does_everything(blocking: rs.BlockingClient, stream: str) -> None:
    with blocking.push(stream, device="rover") as push:
        ids = push.send({"x": 1}, {"x": 2})
        push.put({"x": 3})
        push.flush()
        push.put({"x": 4}, ids=["9000000000000-0"])
    assert [entry.json()["x"] for entry in blocking.entries(stream, device="rover")] == [1, 2, 3, 4]
    assert [
        entry.id for entry in take(iter(blocking.pull(stream, device="rover", last_entry_id=0)), 2)
    ] == ids
    pull = blocking.pull(stream, device="rover", last_entry_id=ids[0])
    assert [next(pull).json()["x"], next(pull).json()["x"]] == [2, 3]
    pull.close()
    assert blocking.frame(stream, device="rover")["x"].tolist() == [1, 2, 3, 4]
    blocking.set_meta(stream, device="rover", units="m")
    assert blocking.meta(stream, device="rover") == {"units": "m"}
    assert [one.length for one in blocking.streams(f"rover:{stream}")] == [4]
    assert isinstance(blocking.devices(), list)
    assert blocking.delete_stream(stream, device="rover")
    with pytest.raises(rs.InvalidRequest):
        take(iter(blocking.pull("")), 1)


def test_reports_rejections_of_put(blocking: rs.BlockingClient, stream: str) -> None:
    with blocking.push(stream) as push:
        push.put("1", ids=["5-0"])
        push.put("2", ids=["4-0"])
        with pytest.raises(rs.NotStored):
            push.flush()
        with pytest.raises(rs.InvalidRequest, match="one id per entry"):
            push.put("3", ids=[])
    with pytest.raises(rs.NotStored), blocking.push(stream) as push:
        push.put("4", ids=["1-0"])


def test_serves_several_threads_at_once(blocking: rs.BlockingClient, stream: str) -> None:
    failures = []

    def work(number: int) -> None:
        try:
            with blocking.push(f"{stream}-{number}") as own:
                for index in range(200):
                    own.put(f"{number} {index}")
                    shared.put(f"{number} {index}")
            pull = blocking.pull(f"{stream}-{number}", last_entry_id=0)
            assert [one.text() for one in take(iter(pull), 200)] == [
                f"{number} {index}" for index in range(200)
            ]
        except BaseException as error:
            failures.append(error)

    with blocking.push(stream) as shared:
        workers = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert failures == []
    found = [entry.text() for entry in blocking.entries(stream)]
    assert sorted(found) == sorted(f"{number} {index}" for number in range(6) for index in range(200))
    for number in range(6):
        own_part = [text for text in found if text.startswith(f"{number} ")]
        assert own_part == [f"{number} {index}" for index in range(200)]


def test_plays_a_range_back_and_ends(gateway: Gateway, stream: str) -> None:
    with rs.open(gateway.url) as client:
        with client.push(stream) as push:
            push.send(*map(str, range(10)))
        assert [entry.text() for entry in client.pull(stream, rate=0)] == [
            str(number) for number in range(10)
        ]
        played = client.pull(stream, rate=0)
        assert next(played).text() == "0"
        assert sum(1 for _ in played) == 9
        with pytest.raises(StopIteration):
            next(played)


def test_reports_entries_of_a_push_that_was_not_closed(stream: str) -> None:
    # Nothing listens on port 9.
    code = (
        "import sys, redis_streamer as rs\n"
        "push = rs.open('http://127.0.0.1:9').push(sys.argv[1])\n"
        "push.put('1')\n"
    )
    folder = pathlib.Path(rs.__file__).parent.parent
    command = [sys.executable, "-c", code, stream]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    assert f"push to {stream}: it was not closed; 1 entries may be lost" in done.stderr


def test_no_thread_survives_close(gateway: Gateway, stream: str) -> None:
    before = len(threads())
    client = rs.open(gateway.url)
    assert len(threads()) == before + 1
    push = client.push(stream)
    push.put("1")
    waiting = []

    def read() -> None:
        try:
            next(client.pull(f"{stream}-idle"))
        except rs.StreamerError as error:
            waiting.append(error.code)

    reader = threading.Thread(target=read)
    reader.start()
    wait_for("the entry is stored", lambda: take(client.entries(stream), 1))
    client.close()
    reader.join(10)
    assert waiting == ["CLOSED"]
    assert len(threads()) == before
    client.close()
    for call in (
        client.streams,
        lambda: client.push(stream),
        lambda: next(client.entries(stream)),
        lambda: push.send("2"),
    ):
        with pytest.raises(rs.Closed):
            call()
    rs.open(gateway.url)
    gc.collect()
    wait_for("a forgotten client ends its thread", lambda: len(threads()) == before)


PROGRAM = (
    inspect.getsource(open_sockets)
    + """
import contextlib, gc, os, signal, sys, threading
import redis_streamer as rs

# A shell ignores interrupts in what it runs in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)

before = open_sockets()
s = rs.open(sys.argv[1])
idle = open_sockets()
what = sys.argv[3]
try:
    print("ready", flush=True)
    if what == "pull":
        for e in s.pull(sys.argv[2]):
            pass
    elif what == "push":
        with rs.open("http://127.0.0.1:9") as nowhere, nowhere.push(sys.argv[2]) as p:
            p.send("never stored")
    elif what == "entries":
        while True:
            list(s.entries(sys.argv[2]))
    else:
        with s:
            for e in s.pull(sys.argv[2], last_entry_id=0):
                threading.Event().wait()
except KeyboardInterrupt:
    gc.collect()
    print("interrupted", open_sockets() - idle if what in ("pull", "entries") else 0, flush=True)
s.close()
gc.collect()
print("closed", [t.name for t in threading.enumerate()], open_sockets() - before, flush=True)
"""
)


@pytest.mark.parametrize("what", ["pull", "push", "entries", "body"])
def test_an_interrupt_leaves_nothing_behind(gateway: Gateway, redis: Redis, stream: str, what: str) -> None:
    redis.command("XADD", f"default:{stream}", "*", "d", "1")
    program = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", PROGRAM, gateway.url, stream, what],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=os.path.dirname(os.path.dirname(__file__)),
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    time.sleep(0.7)
    program.send_signal(signal.SIGINT)
    try:
        output, problems = program.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        program.send_signal(signal.SIGABRT)  # faulthandler prints where each thread is
        pytest.fail("the program hangs: " + "".join(map(str, program.communicate())))
    assert output == "interrupted 0\nclosed ['MainThread'] 0\n", problems
    assert "Task was destroyed" not in problems and "Traceback" not in problems
    assert program.returncode == 0


def test_works_inside_a_running_loop(blocking: rs.BlockingClient, stream: str) -> None:
    import asyncio

    async def notebook_cell() -> list:
        with blocking.push(stream) as push:
            return push.send("1")

    assert len(asyncio.run(notebook_cell())) == 1
    assert repr(blocking).startswith("<BlockingClient of http://127.0.0.1:")
    assert "Pull" in repr(blocking.pull(stream)) and "Push" in repr(blocking.push(stream))
