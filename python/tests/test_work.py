"""Workers of consumer groups, on a real gateway and a real Redis."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from datetime import timedelta
from typing import Any, List, Set

import pytest
import redis_streamer as rs
from support import PATIENCE_S, Gateway, Proxy, Redis, following, until, wait_for


@pytest.fixture
def add(redis: Redis, stream: str) -> Any:
    def added(entry_id: str, *fields: str, to: str = "") -> None:
        redis.command("XADD", f"default:{to or stream}", entry_id, "d", *fields)

    return added


def pending(redis: Redis, stream: str) -> int:
    return int(redis.command("XPENDING", f"default:{stream}", "g").splitlines()[0])


async def all_true(*awaitables: Any) -> bool:
    return all(await asyncio.gather(*awaitables))


async def test_receives_and_settles_jobs(client: rs.Client, redis: Redis, add: Any, stream: str) -> None:
    add("5-1", "a", "kind", "x")
    add("5-2", "b")
    add("5-3", "c")
    async with client.work(stream, "g", from_id=0) as work:
        a, b, c = [await following(work) for _ in range(3)]
        assert (a.text(), a.deliveries, a.stream, a.fields["kind"]) == ("a", 1, stream, b"x")
        assert repr(a).startswith(f"<Job {stream} 5-1 ") and repr(a).endswith(": a kind, delivery 1>")
        assert "connected" in repr(work) and "group g" in repr(work)
        assert await all_true(a.progress(), b.ack(), c.term("broken"))
        assert await asyncio.gather(a.nack(), b.ack()) == [True, False]
        again = await following(work)
        assert (again.id, again.deliveries) == ("5-1", 2)
        again.ack()  # sent at once, and settled before the connection closes, although nothing waits for it
    assert pending(redis, stream) == 0
    dead = redis.command("XRANGE", f"default:{stream}:dead:g", "-", "+").splitlines()
    assert dead[1:] == ["stream", f"default:{stream}", "id", "5-3", "n", "1", "reason", "broken", "d", "c"]


async def test_leaving_the_loop_gives_its_jobs_back(client: rs.Client, add: Any, stream: str) -> None:
    add("5-1", "a")
    for _ in range(2):
        async for job in client.work(stream, "g", from_id=0):
            assert (job.id, job.deliveries) == ("5-1", 1)
            break


async def test_names_the_stream_of_a_job_in_order_of_priority(
    client: rs.Client, redis: Redis, add: Any, stream: str
) -> None:
    high, low = f"{stream}-high", f"{stream}-low"
    add("5-1", "l", to=low)
    add("5-1", "h", to=high)
    async with client.work([high, low], "g", from_id=0) as work:
        jobs = [await following(work), await following(work)]
        assert [job.stream for job in jobs] == [high, low]
        assert await all_true(*(job.ack() for job in jobs))
        assert not await jobs[0].ack()
    assert pending(redis, high) == pending(redis, low) == 0


async def test_a_delay_passes_before_the_next_delivery(client: rs.Client, add: Any, stream: str) -> None:
    add("5-1", "a")
    async with client.work(stream, "g", from_id=0, ack_wait=timedelta(seconds=2)) as work:
        assert await (await following(work)).nack(timedelta(milliseconds=400))
        before = time.monotonic()
        assert (await following(work)).deliveries == 2
        assert time.monotonic() - before > 0.3


async def test_a_job_that_waited_too_long_in_the_client_is_dropped(
    client: rs.Client, add: Any, stream: str
) -> None:
    add("5-1", "a")
    add("5-2", "b")
    async with client.work(stream, "g", from_id=0, permits=2, ack_wait=400) as work:
        await following(work)
        await asyncio.sleep(0.6)
        # The one that waited since the beginning would be delivered twice.
        assert (await following(work)).deliveries == 2


async def test_run_acknowledges_gives_back_and_keeps(
    client: rs.Client, redis: Redis, add: Any, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1, 7):
        add(f"5-{number}", str(number))
    handled: List[str] = []
    errors: List[str] = []
    running = most = 0

    async def handle(job: rs.Job) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(5 if job.text() == "1" else 0)  # longer than `ack_wait`
        running -= 1
        if job.text() == "2" and job.deliveries < 3:
            raise ValueError("not yet")
        if job.text() == "3":
            await job.term("broken")
        handled.append(f"{job.text()} {job.deliveries}")
        if len(handled) == 6:
            work.stop()

    # The long job is not delivered again only if its progress is never late, also on a busy machine.
    work = client.work(stream, "g", from_id=0, ack_wait=4000)

    def failed(error: Exception, job: rs.Job) -> None:
        errors.append(f"{error} {job.id}")

    await asyncio.wait_for(work.run(handle, concurrency=3, retry_delay=1, on_error=failed), PATIENCE_S)
    assert sorted(handled) == ["1 1", "2 3", "3 1", "4 1", "5 1", "6 1"]
    assert errors == ["not yet 5-2"] * 2
    assert 1 < most <= 3
    assert pending(redis, stream) == 0
    assert redis.command("XLEN", f"default:{stream}:dead:g") == "1"


async def test_run_logs_the_error_of_a_handler(
    client: rs.Client, add: Any, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    add("5-1", "a")

    async def handle(job: rs.Job) -> None:
        work.stop()
        raise ValueError("no such picture")

    work = client.work(stream, "g", from_id=0)
    with caplog.at_level(logging.WARNING, "redis_streamer"):
        await asyncio.wait_for(work.run(handle), PATIENCE_S)
    assert "no such picture" in caplog.text and "5-1" in caplog.text


async def test_run_passes_an_error_of_on_error_on(client: rs.Client, add: Any, stream: str) -> None:
    add("5-1", "a")

    async def handle(job: rs.Job) -> None:
        raise ValueError("first")

    def failed(error: Exception, job: rs.Job) -> None:
        raise RuntimeError("second")

    with pytest.raises(RuntimeError, match="second"):
        await asyncio.wait_for(client.work(stream, "g", from_id=0).run(handle, on_error=failed), PATIENCE_S)


async def test_a_function_runs_in_a_thread_and_ends_before_a_cancelled_run(
    client: rs.Client, redis: Redis, add: Any, stream: str
) -> None:
    add("5-1", "a")
    add("5-2", "b")
    begun, may_end = threading.Event(), threading.Event()
    handled: List[str] = []

    def handle(job: rs.ThreadJob) -> None:
        begun.set()
        assert job.progress()
        may_end.wait(PATIENCE_S)
        handled.append(f"{job.text()} {job.deliveries}")

    running = asyncio.ensure_future(client.work(stream, "g", from_id=0, ack_wait=300).run(handle))
    await until("it begins", begun.is_set)
    running.cancel()
    await asyncio.sleep(0.5)  # longer than `ack_wait`: the job is kept
    assert not running.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert handled == ["a 1"]
    assert "5-1" not in redis.command("XPENDING", f"default:{stream}", "g", "-", "+", 10)
    assert not [thread for thread in threading.enumerate() if "ThreadPool" in thread.name]


async def test_cancelling_run_gives_the_job_of_an_async_handler_back(
    client: rs.Client, add: Any, stream: str
) -> None:
    add("5-1", "a")
    begun = asyncio.Event()

    async def handle(job: rs.Job) -> None:
        begun.set()
        await asyncio.sleep(PATIENCE_S)

    running = asyncio.ensure_future(client.work(stream, "g", from_id=0).run(handle))
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    async with client.work(stream, "g") as work:
        assert (await following(work)).deliveries == 1


async def test_continues_through_another_connection(redis: Redis, add: Any, stream: str) -> None:
    gateway = Gateway(redis.url)
    try:
        add("5-1", "a")
        async with rs.connect(gateway.url) as client, client.work(stream, "g", from_id=0) as work:
            first = await following(work)
            await asyncio.get_running_loop().run_in_executor(None, gateway.kill)
            assert not await first.ack()
            await asyncio.get_running_loop().run_in_executor(None, gateway.start)
            # The killed gateway could not give it back.
            redis.command("XAUTOCLAIM", f"default:{stream}", "g", "released", 0, "0")
            redis.command("XCLAIM", f"default:{stream}", "g", "released", 0, "5-1", "IDLE", 60_000)
            second = await following(work)
            assert second.id == "5-1"
            assert not await first.ack()
            assert await second.ack()
    finally:
        gateway.close()


async def test_cut_connections_lose_no_job(gateway: Gateway, redis: Redis, add: Any, stream: str) -> None:
    handled: Set[str] = set()

    async def handle(job: rs.Job) -> None:
        handled.add(job.id)
        if proxy.connections > 5:
            proxy.cut_after = None

    def are_done() -> bool:
        # The last one is that of the number of entries that were not delivered.
        lag = redis.command("XINFO", "GROUPS", f"default:{stream}").splitlines()[-1:]
        return lag == ["0"] and pending(redis, stream) == 0

    async with (
        Proxy(gateway.port) as proxy,
        rs.connect(proxy.url) as client,
        rs.connect(gateway.url) as direct,
    ):
        async with direct.push(stream) as push:
            ids = await push.send(*(f"{number} {'x' * 200}" for number in range(300)))
        proxy.cut_after = 8_001
        work = client.work(stream, "g", from_id=0)
        running = asyncio.ensure_future(work.run(handle, concurrency=20))
        await until("all are acknowledged", are_done)
        work.stop()
        await running
        assert proxy.connections > 5
    assert handled == set(ids)


async def all_of(work: rs.Work) -> None:
    async for _ in work:
        pass


async def test_reports_entries_that_were_trimmed(
    client: rs.Client, redis: Redis, add: Any, stream: str
) -> None:
    add("5-1", "a")
    lost: List[rs.Lost] = []
    async with client.work(stream, "g", from_id=0, ack_wait=200, on_lost=lost.extend) as work:
        await following(work)
        redis.command("XDEL", f"default:{stream}", "5-1")
        # All of them: on a busy machine, the entry is delivered again before it is deleted.
        waiting = asyncio.ensure_future(all_of(work))
        await until("the loss is reported", lambda: lost)
        assert lost == [rs.Lost(stream, "5-1")]
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting


async def test_rejects_what_is_not_valid(client: rs.Client, stream: str) -> None:
    for wrong in ({"permits": 0}, {"group": ""}):
        with pytest.raises(rs.InvalidRequest):
            client.work(stream, **{"group": "g", **wrong})
    with pytest.raises(rs.InvalidRequest, match="permits"):
        await following(client.work(stream, "g", permits=5000))
    with pytest.raises(rs.InvalidRequest, match="ack_wait"):
        await client.work(stream, "g", ack_wait=1).run(print)
    with pytest.raises(rs.InvalidRequest, match="concurrency"):
        await client.work(stream, "g").run(print, concurrency=0)


async def test_stop_and_close_end_loops(client: rs.Client, add: Any, stream: str) -> None:
    add("5-1", "a")
    work = client.work(stream, "g", from_id=0)
    async for job in work:
        await job.ack()
        work.stop()
    waiting = client.work(stream, "g")

    async def loop() -> None:
        async for _ in waiting:
            pass

    looping = asyncio.ensure_future(loop())
    await until("it is connected", lambda: "connected at" in repr(waiting) or ": connected" in repr(waiting))
    await waiting.aclose()
    await asyncio.wait_for(looping, PATIENCE_S)
    with pytest.raises(StopAsyncIteration):
        await waiting.__anext__()


def test_blocking_loop(blocking: rs.BlockingClient, redis: Redis, add: Any, stream: str) -> None:
    for number in range(1, 4):
        add(f"5-{number}", str(number))
    settled = []
    with blocking.work(stream, "g", from_id=0) as work:
        for job in work:
            settled.append(job.term("x") if job.text() == "2" else job.ack())
            assert "delivery 1" in repr(job) and job.deliveries == 1
            if len(settled) == 3:
                break
        assert settled == [True, True, True]
        assert not job.ack()
    assert pending(redis, stream) == 0
    work = blocking.work(stream, "g")
    add("6-1", "a")
    assert next(work).nack()
    assert next(work).deliveries == 2
    work.close()
    with pytest.raises(StopIteration):
        next(work)


def test_blocking_run_in_the_calling_thread(
    blocking: rs.BlockingClient, redis: Redis, add: Any, stream: str
) -> None:
    for number in range(1, 4):
        add(f"5-{number}", str(number))
    threads, failed, lost = set(), [], []

    def handle(job: rs.ThreadJob) -> None:
        threads.add(threading.current_thread())
        if job.id == "5-1":
            time.sleep(3)  # longer than `ack_wait`
        if job.id == "5-2" and job.deliveries == 1:
            raise ValueError("not yet")
        if job.id == "5-3":
            work.stop()

    def on_error(error: Exception, job: rs.ThreadJob) -> None:
        failed.append((str(error), job.id, threading.current_thread() is threading.main_thread()))

    # Long, because on a machine that stalls for this time, another delivery would be right.
    work = blocking.work(stream, "g", from_id=0, ack_wait=2000, on_lost=lost.extend)
    work.run(handle, on_error=on_error)
    assert threads == {threading.main_thread()}
    assert failed == [("not yet", "5-2", True)]
    assert redis.command("XPENDING", f"default:{stream}", "g", "-", "+", "5").split()[:1] == ["5-2"]
    assert lost == []


def test_blocking_run_with_several_threads_and_an_async_function(
    blocking: rs.BlockingClient, redis: Redis, add: Any, stream: str
) -> None:
    for number in range(1, 31):
        add(f"5-{number}", str(number))
    together = threading.Barrier(3, timeout=PATIENCE_S)
    handled = []

    def handle(job: rs.ThreadJob) -> None:
        together.wait()
        handled.append(job.id)
        if len(handled) >= 28:
            work.stop()

    work = blocking.work(stream, "g", from_id=0)
    work.run(handle, concurrency=3)
    assert len(set(handled)) == 30 and pending(redis, stream) == 0
    assert not [one for one in threading.enumerate() if one.name == "redis-streamer-job" and one.is_alive()]
    add("6-1", "a")

    async def handle_async(job: rs.Job) -> None:
        handled.append(job.id)
        later.stop()

    later = blocking.work(stream, "g")
    later.run(handle_async)
    assert handled[-1] == "6-1" and pending(redis, stream) == 0


def test_blocking_run_passes_errors_on(blocking: rs.BlockingClient, add: Any, stream: str) -> None:
    with pytest.raises(rs.InvalidRequest, match="ack_wait"):
        blocking.work(stream, "g", ack_wait=1).run(print)
    add("5-1", "a")

    def handle(job: rs.ThreadJob) -> None:
        raise ValueError("first")

    def failed(error: Exception, job: rs.ThreadJob) -> None:
        raise RuntimeError("second")

    with pytest.raises(RuntimeError, match="second"):
        blocking.work(stream, "g", from_id=0).run(handle, on_error=failed)


def test_closing_the_client_ends_a_blocking_run(gateway: Gateway, stream: str) -> None:
    client = rs.open(gateway.url)
    work = client.work(stream, "g")
    ended = []

    def run() -> None:
        work.run(print, concurrency=2)
        ended.append("run")

    runner = threading.Thread(target=run)
    runner.start()
    wait_for("it is connected", lambda: ": connected" in repr(work))
    client.close()
    runner.join(PATIENCE_S)
    assert ended == ["run"]
    wait_for(
        "no thread remains", lambda: not [t for t in threading.enumerate() if "redis-streamer" in t.name]
    )


@pytest.mark.parametrize("group", ["", ".", ".."])
async def test_rejects_a_group_that_no_url_can_contain(client: rs.Client, group: str) -> None:
    with pytest.raises(rs.InvalidRequest, match="must not be empty"):
        client.work("cam", group)
