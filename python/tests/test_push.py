"""Storing: payloads, ids, order, rejections, windows, the end of a push."""

from __future__ import annotations

import asyncio
import json
import logging

import numpy
import pytest
import redis_streamer as rs
from support import Gateway, Proxy, Redis, collect, until


async def texts(client: rs.Client, stream: str) -> list:
    return [entry.text() async for entry in client.entries(stream)]


async def test_encodes_each_kind_of_payload(client: rs.Client, stream: str) -> None:
    async with client.push(stream) as push:
        await push.send(b"a", bytearray(b"b"), memoryview(b"c"), "ü", {"k": ["ü", None, True]}, [1.5])
    assert await texts(client, stream) == ["a", "b", "c", "ü", '{"k":["ü",null,true]}', "[1.5]"]


@pytest.mark.parametrize(
    "wrong", [5, None, {1}, {"x": numpy.float32(1)}, {"x": float("nan")}, numpy.zeros(3)]
)
async def test_rejects_other_values_before_anything_is_sent(
    client: rs.Client, stream: str, wrong: object
) -> None:
    async with client.push(stream) as push:
        with pytest.raises((TypeError, ValueError)):
            await push.send("first", wrong)
        await push.send("next")
    assert await texts(client, stream) == ["next"]


async def test_takes_ids_and_reports_the_error_of_an_entry(client: rs.Client, stream: str) -> None:
    async with client.push(stream) as push:
        assert await push.send("1", "2", ids=["5-1", "6-*"]) == ["5-1", "6-0"]
        with pytest.raises(rs.NotStored) as failed:
            await push.send("3", "4", "5", ids=["7-0", "5-0", None])
        error = failed.value
        assert (error.code, error.retryable) == ("ID_NOT_ABOVE_LAST", False)
        assert error.ids[0] == "7-0" and error.ids[1] is None and error.ids[2] is not None
        assert repr(error).startswith("<NotStored ID_NOT_ABOVE_LAST: ")
        with pytest.raises(rs.InvalidRequest, match=r"one id per entry \(1\), got 2"):
            await push.send("6", ids=["8-0", "9-0"])
    assert await texts(client, stream) == ["1", "2", "3", "5"]


@pytest.mark.parametrize("wrong", ["abc", "1-2-3", "-1", 5, ("1-1",), ""])
async def test_rejects_an_id_of_the_wrong_form_before_anything_is_sent(
    client: rs.Client, stream: str, wrong: object
) -> None:
    async with client.push(stream) as push:
        with pytest.raises(rs.InvalidRequest, match="an entry id must be"):
            await push.send("1", "2", ids=["5-0", wrong])
        with pytest.raises(rs.InvalidRequest, match="ids must be a list"):
            await push.send("3", ids="5")
        await push.send("4", ids=["6-0"])
    assert await texts(client, stream) == ["4"]


@pytest.mark.parametrize("wrong", ["abc", {"unit": 5}, {"unit": [5]}, {"unit": object()}])
async def test_rejects_wrong_fields_before_anything_is_sent(
    client: rs.Client, stream: str, wrong: dict
) -> None:
    async with client.push(stream) as push:
        with pytest.raises(TypeError):
            await push.send("1", fields=wrong)
        await push.send("2", fields={"unit": ["a", b"b"]})
    assert await texts(client, stream) == ["2"]


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [({"x": numpy.zeros(2)}, "tolist"), ([b"a"], r"send\(\*entries\)"), ([float("nan")], "None")],
)
async def test_names_the_way_out_of_a_value_that_is_not_json(
    client: rs.Client, stream: str, wrong: object, hint: str
) -> None:
    async with client.push(stream) as push:
        with pytest.raises((TypeError, ValueError), match=hint):
            await push.send(wrong)


def test_a_push_of_an_ended_event_loop_reports_its_end(
    gateway: Gateway, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = rs.connect(gateway.url)
    push = client.push(stream)

    async def send() -> None:
        await push.send("1")
        await push.put("2")  # asyncio.run ends before it leaves

    asyncio.run(send())
    assert "it was not closed; 1 entries may be lost" in caplog.text
    with pytest.raises(rs.Closed, match="event loop of the push ended"):
        asyncio.run(asyncio.wait_for(send(), 10))


async def test_an_ended_push_raises_the_same_short_traceback_each_time(
    client: rs.Client, stream: str
) -> None:
    push = client.push(stream)
    await push.send("1")
    await push.close()
    depths = []
    for _ in range(3):
        with pytest.raises(rs.Closed) as failed:
            await push.send("2")
        depths.append(len(failed.traceback))
    assert len(set(depths)) == 1


async def test_put_reports_a_failure_at_the_next_occasion(client: rs.Client, stream: str) -> None:
    async with client.push(stream) as push:
        await push.put("1", ids=["5-0"])
        await push.put("2", ids=["4-0"])
        with pytest.raises(rs.NotStored):
            await push.flush()
        await push.put("3")
        await push.flush()
    with pytest.raises(rs.NotStored):
        async with client.push(stream) as push:
            await push.put("4", ids=["1-0"])
    assert await texts(client, stream) == ["1", "3"]


async def test_many_tasks_share_a_push(client: rs.Client, stream: str) -> None:
    async with client.push(stream) as push:

        async def send(task: int) -> list:
            return [(await push.send(f"{task} {number}"))[0] for number in range(50)]

        ids = await asyncio.gather(*map(send, range(8)))
    stored = {entry.id: entry.text() async for entry in client.entries(stream)}
    assert stored == {ids[task][number]: f"{task} {number}" for task in range(8) for number in range(50)}
    for task in range(8):
        assert [text for text in stored.values() if text.startswith(f"{task} ")] == [
            f"{task} {number}" for number in range(50)
        ]


async def test_ten_thousand_entries_arrive_in_order(client: rs.Client, stream: str) -> None:
    sent = [b"%d " % number + b"x" * 90 for number in range(10_000)]
    reading = asyncio.ensure_future(collect(client.pull(stream, last_entry_id=0), 2 * len(sent)))
    async with client.push(stream) as push:
        ids = await push.send(*sent)
        for payload in sent:
            await push.put(payload)
    found = await reading
    assert [entry.id for entry in found[:10_000]] == ids
    assert [entry.bytes for entry in found] == sent * 2


async def test_a_full_window_holds_back_put(gateway: Gateway, redis: Redis, stream: str) -> None:
    async with rs.connect(gateway.url) as client, client.push(stream) as push:
        await push.send("first")
        redis.process.send_signal(19)  # SIGSTOP
        try:
            done = []

            async def fill() -> None:
                for _ in range(100):
                    await push.put(b"x" * 100_000)
                    done.append(1)

            filling = asyncio.ensure_future(fill())
            await until("the window is full", lambda: push.held_bytes > 4_000_000)
            await asyncio.sleep(0.3)
            assert push.held_bytes < 4_400_000
            assert not filling.done()
        finally:
            redis.process.send_signal(18)  # SIGCONT
        await filling
        await push.flush()
        assert push.held_bytes == 0
    assert redis.command("XLEN", f"default:{stream}") == "101"


async def test_without_dedupe_a_lost_acknowledgement_is_unknown_and_not_sent_again(
    gateway: Gateway, redis: Redis, stream: str
) -> None:
    async with Proxy(gateway.port) as proxy:
        proxy.cut_after = 150  # within the handshake's response, or shortly after it
        async with rs.connect(proxy.url) as client:
            push = client.push(stream, dedupe=False)
            await push.__aenter__()
            sending = asyncio.ensure_future(push.send("1"))
            await until("the connection was cut", lambda: proxy.connections >= 2)
            assert not sending.done()  # it was never sent
            proxy.cut_after = None
            assert len(await sending) == 1
            [task] = [task for task in proxy._tasks if not task.done()][-1:]
            redis.process.send_signal(19)
            try:
                sending = asyncio.ensure_future(push.send("2"))
                await asyncio.sleep(0.3)
                task.cancel()
                with pytest.raises(rs.AppendUnknown) as failed:
                    await sending
                assert (failed.value.code, failed.value.retryable) == ("APPEND_UNKNOWN", False)
            finally:
                redis.process.send_signal(18)
            await push.send("3")
            await push.close()
    async with rs.connect(gateway.url) as client:
        stored = await texts(client, stream)
        assert stored.count("1") == stored.count("3") == 1
        assert stored.count("2") <= 1


async def test_an_entry_that_is_too_large_ends_the_push(redis: Redis, stream: str) -> None:
    gateway = Gateway(redis.url, MAX_MESSAGE_BYTES="200k")
    try:
        async with rs.connect(gateway.url) as client:
            push = client.push(stream)
            assert len(await push.send("1")) == 1
            with pytest.raises(rs.InvalidRequest) as failed:
                await push.send(b"x" * 300_000)
            assert failed.value.code == "TOO_LARGE"
            with pytest.raises(rs.InvalidRequest):
                await push.send("2")
            await push.close()
            assert await texts(client, stream) == ["1"]
    finally:
        gateway.close()


async def test_closing_sends_what_waits_and_a_cancelled_push_ends_soon(gateway: Gateway, stream: str) -> None:
    async with rs.connect(gateway.url) as client:
        async with client.push(stream) as push:
            for number in range(300):
                await push.put(str(number))
        assert await texts(client, stream) == [str(number) for number in range(300)]
        assert "closed, 0 entries" in repr(push)
        with pytest.raises(rs.Closed):
            await push.send("late")
        with pytest.raises(KeyError):
            async with client.push(stream) as push:
                await push.put("300")
                raise KeyError("in the block")
        assert (await texts(client, stream))[-1] == "300"
        tasks = len(asyncio.all_tasks())

    async def unreachable() -> None:
        async with rs.connect("http://127.0.0.1:9") as client, client.push(stream) as push:
            await push.send("never")

    sending = asyncio.ensure_future(unreachable())
    await asyncio.sleep(0.2)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert len(asyncio.all_tasks()) <= tasks


async def test_warns_while_it_retries(caplog: pytest.LogCaptureFixture, stream: str) -> None:
    with caplog.at_level(logging.WARNING, "redis_streamer"):
        async with rs.connect("http://127.0.0.1:9") as client:
            push = client.push(stream)
            push.start()
            await until("it warned", lambda: "cannot connect to ws://127.0.0.1:9/data/" in caplog.text)
            assert "retrying in 0." in caplog.text


async def test_declares_a_content_type_only_where_the_gateway_can(client: rs.Client, stream: str) -> None:
    push = client.push(stream, content_type="application/json")
    try:
        await push.send({"x": 1})
    except rs.InvalidRequest as error:
        assert "content_type" in error.message
    else:
        assert json.loads(json.dumps(await client.meta(stream)))["contentType"] == "application/json"
    await push.close()


async def test_warns_of_entries_that_are_given_up(caplog: pytest.LogCaptureFixture) -> None:
    nowhere = "http://127.0.0.1:9"
    async with rs.connect(nowhere) as client:
        push = client.push("a")
        await push.put("1", "2")
        await push.close(timeout=0.1)
        with pytest.raises(KeyError):
            async with client.push("b") as failing:
                await failing.put("1")
                raise KeyError
        open_push = client.push("c")
        await open_push.put("1", "2", "3")
        waiting = asyncio.ensure_future(client.push("d").send("1"))
        await asyncio.sleep(0)
    with pytest.raises(rs.StreamerError):
        await waiting
    warnings = [one.getMessage() for one in caplog.records if "may be lost" in one.getMessage()]
    # An entry of `send` is not lost without notice: `send` raises.
    assert warnings == [
        f"push to {name}: it was closed before all entries were acknowledged; {count} entries may be lost"
        for name, count in [("a", 2), ("b", 1), ("c", 3)]
    ]
