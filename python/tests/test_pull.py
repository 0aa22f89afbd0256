"""Reading: order, cursors, gaps, several streams, the newest entry, the end of loops."""

from __future__ import annotations

import asyncio
import gc
import pathlib
import subprocess
from datetime import datetime, timezone
from typing import Iterator, Tuple

import pytest
import redis_streamer as rs
from redis_streamer._gateway import Gateway as ClientGateway
from support import ROOT, Gateway, Proxy, Redis, collect, following, open_sockets, until


async def test_yields_each_entry_once_in_order_with_its_parts(client: rs.Client, stream: str) -> None:
    async with client.push(stream, device="rover") as push:
        ids = await push.send(
            {"x": 1}, "text", b"\x00\xff", [1, 2], fields={"unit": "g", "tag": ["a", b"\xff"]}
        )
    found = await collect(client.pull(stream, device="rover", last_entry_id=0), 4)
    assert [entry.id for entry in found] == ids
    assert [entry.stream for entry in found] == [stream] * 4
    assert found[0].json() == {"x": 1}
    assert found[1].text() == "text"
    assert found[2].bytes == b"\x00\xff"
    assert found[3].value() == [1, 2]
    assert found[0].fields == {"unit": b"g", "tag": [b"a", b"\xff"]}
    assert found[0].gap is None
    assert abs((datetime.now(timezone.utc) - found[0].time).total_seconds()) < 3600


async def test_from_now_on_misses_nothing_that_is_added_while_it_reconnects(
    gateway: Gateway, stream: str
) -> None:
    async with (
        Proxy(gateway.port) as proxy,
        rs.connect(proxy.url) as client,
        rs.connect(gateway.url) as direct,
    ):
        pull = client.pull(stream)
        first = asyncio.ensure_future(pull.__anext__())
        await until("it is connected", lambda: "not connected" not in repr(pull))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert "not connected" in repr(pull)
        async with direct.push(stream) as push:
            await push.send("1")
            assert (await following(pull)).text() == "1"
            await pull.disconnect()
            await push.send("2", "3")
        assert [(await following(pull)).text() for _ in range(2)] == ["2", "3"]


async def test_continues_after_break_and_after_a_timeout(client: rs.Client, stream: str) -> None:
    async with client.push(stream) as push:
        await push.send(*(str(number) for number in range(10)))
        pull = client.pull(stream, last_entry_id="0")
        assert [entry.text() for entry in await collect(pull, 4)] == ["0", "1", "2", "3"]
        assert [entry.text() for entry in await collect(pull, 6)] == ["4", "5", "6", "7", "8", "9"]
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(pull.__anext__(), 0.2)
        await push.send("10")
        assert (await following(pull)).text() == "10"
        await pull.aclose()


@pytest.mark.parametrize("how", ["list", "plus"])
async def test_reads_several_streams_each_at_its_cursor(client: rs.Client, stream: str, how: str) -> None:
    names = [f"{stream}-a", f"{stream}-b"]
    ids = {}
    for name in names:
        async with client.push(name) as push:
            ids[name] = await push.send("1", "2", "3")
    pull = client.pull(
        names if how == "list" else "+".join(names),
        last_entry_id={names[0]: ids[names[0]][0], names[1]: "0"}
        if how == "list"
        else f"{ids[names[0]][0]}+0",
    )
    found = await collect(pull, 5)
    assert [entry.text() for entry in found if entry.stream == names[0]] == ["2", "3"]
    assert [entry.text() for entry in found if entry.stream == names[1]] == ["1", "2", "3"]


async def test_reports_a_gap_with_its_ids(client: rs.Client, redis: Redis, stream: str) -> None:
    async with client.push(stream) as push:
        ids = await push.send("1", "2", "3")
    redis.command("XTRIM", f"default:{stream}", "MINID", ids[2])
    [entry] = await collect(client.pull(stream, last_entry_id=ids[0]), 1)
    assert entry.id == ids[2]
    assert entry.gap == rs.Gap(after=ids[0], before=ids[2])
    assert f"gap {ids[0]}…{ids[2]}" in repr(entry)


async def test_latest_skips_to_the_newest_whenever_the_loop_is_ready(client: rs.Client, stream: str) -> None:
    async with client.push(stream) as push:
        await push.send("1", "2", "3")
        seen = []
        async for entry in client.pull(stream, last_entry_id=0, latest=True):
            seen.append(entry.text())
            if len(seen) == 1:
                await push.send("4", "5", "6")
            if len(seen) == 2:
                await push.send("7")
            if len(seen) == 3:
                break
    assert seen == ["3", "6", "7"]


async def test_count_and_max_fps_reach_the_gateway(client: rs.Client, stream: str) -> None:
    async with client.push(stream) as push:
        await push.send("1", "2", "3")
    found = await collect(client.pull(stream, last_entry_id=0, latest=True, count=2, max_fps=50), 2)
    assert [entry.text() for entry in found] == ["2", "3"]


async def test_count_limits_messages_and_not_the_loop(client: rs.Client, stream: str) -> None:
    async with client.push(stream) as push:
        await push.send(*map(str, range(10)))
    pull = client.pull(stream, last_entry_id=0, count=4)
    sizes = [len(await pull.take() or ()) for _ in range(3)]
    assert sizes == [4, 4, 2]
    await pull.aclose()
    found = await collect(client.pull(stream, last_entry_id=0, count=4), 10)
    assert [entry.text() for entry in found] == [str(number) for number in range(10)]


async def test_prefix_and_whole_keys(client: rs.Client, redis: Redis, stream: str) -> None:
    async with client.push(stream, device="rover", prefix="raw/") as push:
        await push.send("1")
    assert redis.command("XLEN", f"rover:raw/{stream}") == "1"
    for pull in (
        client.pull(stream, device="rover", prefix="raw/", last_entry_id=0),
        client.pull(f"rover:raw/{stream}", device="", last_entry_id=0),
    ):
        assert (await collect(pull, 1))[0].text() == "1"


@pytest.mark.parametrize(
    "arguments, problem",
    [
        ({"stream": ""}, "must not be empty"),
        ({"stream": [5]}, "must be str, got int"),
        ({"stream": None}, "must be str, got NoneType"),
        ({"stream": "a+b", "last_entry_id": "1-0+2-0+3-0"}, "one value, or one per stream"),
        ({"stream": "a", "last_entry_id": "yesterday"}, "last_entry_id"),
        ({"stream": "a", "count": 0}, "count"),
        ({"stream": "a", "rate": 0.001}, "rate"),
        ({"stream": "a", "rate": float("nan")}, "rate"),
        ({"stream": "a", "start": "-5m"}, "start requires rate"),
        ({"stream": "a", "rate": 1, "start": "2000-0", "end": "1000-0"}, "end must not be before start"),
    ],
)
async def test_rejects_what_cannot_succeed(client: rs.Client, arguments: dict, problem: str) -> None:
    with pytest.raises(rs.InvalidRequest, match=problem) as failed:
        await collect(client.pull(**arguments), 1)
    assert failed.value.code == "BAD_PARAMETER"
    assert not failed.value.retryable
    assert isinstance(failed.value, ValueError)


async def test_rejects_what_the_gateway_does_not_support(gateway: Gateway) -> None:
    with pytest.raises(rs.InvalidRequest, match="does not support") as failed:
        await ClientGateway(gateway.url, None, None).connect("data/a/pull", {"future": "1"})
    assert failed.value.code == "BAD_PARAMETER"


async def test_plays_a_range_back_at_its_pace_and_ends(client: rs.Client, redis: Redis, stream: str) -> None:
    names = [f"{stream}-a", f"{stream}-b"]
    for number in range(20):
        redis.command("XADD", f"default:{names[number % 2]}", f"{1000 + 20 * number}-0", "d", number)
    played = client.pull(names, start=1100, end="1300", rate=2)
    began = asyncio.get_running_loop().time()
    assert [entry.text() async for entry in played] == [str(number) for number in range(5, 16)]
    assert asyncio.get_running_loop().time() - began >= 0.09
    assert "not connected" in repr(played)
    assert [entry.text() async for entry in client.pull(names, rate=0)] == [str(n) for n in range(20)]
    # A loop that was left continues after the last entry.
    left = client.pull(names, rate=0, count=1)
    assert [entry.text() for entry in await collect(left, 3)] == ["0", "1", "2"]
    with pytest.raises(StopAsyncIteration):
        while True:
            last = await left.__anext__()
    assert last.text() == "19"


async def test_continues_a_playback_after_a_lost_connection(
    gateway: Gateway, redis: Redis, stream: str
) -> None:
    for number in range(40):
        redis.command("XADD", f"default:{stream}", f"{1000 + 20 * number}-0", "d", number)
    async with Proxy(gateway.port) as proxy, rs.connect(proxy.url) as client:
        proxy.cut_after = 1200  # the response of the handshake, and some entries
        found = [entry.text() async for entry in client.pull(stream, rate=4)]
        assert proxy.connections >= 2
    assert found == [str(number) for number in range(40)]


@pytest.mark.parametrize("end", ["break", "cancel", "raise", "forgotten", "client"])
async def test_leaves_no_task_and_no_socket(gateway: Gateway, stream: str, end: str) -> None:
    async with rs.connect(gateway.url) as client, client.push(stream) as push:
        await push.send(*map(str, range(2000)))
    await until("the push ended", lambda: len(asyncio.all_tasks()) == 1)
    tasks, sockets = 1, open_sockets()
    client = rs.connect(gateway.url)

    async def read() -> None:
        number = 0
        async for _ in client.pull(stream, last_entry_id=0):
            number += 1
            if end == "break" and number == 3:
                break
            if end == "raise" and number == 3:
                raise KeyError("in the loop")

    if end == "forgotten":
        await client.pull(stream, last_entry_id=0).__anext__()
    else:
        reading = asyncio.ensure_future(read())
        await asyncio.wait([reading], timeout=0.5)
        if end == "cancel":
            reading.cancel()
        if end == "client":
            await client.close()
        error = (await asyncio.gather(reading, return_exceptions=True))[0]
        expected = {
            "break": type(None),
            "cancel": asyncio.CancelledError,
            "raise": KeyError,
            "client": rs.Closed,
        }
        assert type(error) is expected[end]
        del error, reading
    gc.collect()
    await until("nothing is left", lambda: (len(asyncio.all_tasks()), open_sockets()) == (tasks, sockets))
    await client.close()


async def test_closed_client_and_pull_say_so(gateway: Gateway, stream: str) -> None:
    client = rs.connect(gateway.url)
    pull = client.pull(stream)
    assert repr(client) == f"<Client of {gateway.url}>"
    assert repr(pull) == f"<Pull {stream} after $ at {gateway.url}: not connected>"
    await client.close()
    assert repr(client) == f"<Client of {gateway.url} (closed)>"
    with pytest.raises(rs.Closed):
        await pull.__anext__()
    with pytest.raises(rs.Closed):
        client.pull(stream)


@pytest.fixture
def guarded(redis: Redis, tmp_path: pathlib.Path) -> Iterator[Tuple[Gateway, str]]:
    """A gateway that requires a key, and a key."""
    keys = str(tmp_path / "keys.json")
    command = [
        "node",
        str(ROOT / "dist/bin/redis-streamer.js"),
        "keys",
        "add",
        "lab",
        "--file",
        keys,
        "--allow",
    ]
    made = subprocess.run([*command, "read:*:*", "write:*:*"], capture_output=True, text=True, check=True)
    process = Gateway(redis.url, AUTH="1", AUTH_KEYS_FILE=keys)
    yield process, next(word for word in made.stdout.split() if word.startswith("rsk_"))
    process.close()


async def test_a_wrong_token_is_final_and_a_right_one_works(
    guarded: Tuple[Gateway, str], stream: str
) -> None:
    gateway, token = guarded
    for wrong in (None, "rsk_wrong"):
        async with rs.connect(gateway.url, wrong) as client:
            with pytest.raises(rs.AccessDenied) as failed:
                await collect(client.pull(stream, last_entry_id=0), 1)
            assert (failed.value.code, failed.value.status) == ("UNAUTHENTICATED", 401)
            assert "token" in failed.value.message
            with pytest.raises(rs.AccessDenied):
                await client.streams()
            with pytest.raises(rs.AccessDenied):
                await client.push(stream).send("1")

    async def renewed() -> str:
        return token

    for right in (token, lambda: token, renewed):
        async with rs.connect(gateway.url, right) as client, client.push(stream) as push:
            await push.send("1")
            assert (await collect(client.pull(stream, last_entry_id=0), 1))[0].text() == "1"
            assert [one.stream for one in await client.streams(f"*:{stream}")] == [stream]
