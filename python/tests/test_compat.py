"""Time limits: results, errors, and cancellations that arrive together with a result."""

from __future__ import annotations

import asyncio

import pytest
from redis_streamer._compat import abort, within


async def test_returns_the_result_or_raises_the_error() -> None:
    async def fail() -> None:
        raise OSError("refused")

    assert await within(10, asyncio.sleep(0, "result")) == "result"
    with pytest.raises(OSError, match="refused"):
        await within(None, fail())


async def test_cancels_work_over_the_limit() -> None:
    work = asyncio.ensure_future(asyncio.sleep(600))
    with pytest.raises(asyncio.TimeoutError):
        await within(0.001, work)
    assert work.cancelled()


@pytest.mark.parametrize("is_done", [True, False])
async def test_never_swallows_a_cancellation(is_done: bool) -> None:
    discarded = []
    work = asyncio.get_running_loop().create_future()
    waiting = asyncio.ensure_future(within(10, work, discarded.append))
    await asyncio.sleep(0)
    if is_done:
        work.set_result("connection")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert work.cancelled() is not is_done
    assert discarded == (["connection"] if is_done else [])


async def test_aborts_a_transport_whose_last_bytes_left_while_it_was_closing() -> None:
    peers = asyncio.Queue()
    server = await asyncio.start_server(lambda reader, _: peers.put_nowait(reader), "127.0.0.1", 0)
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"x" * 20_000_000)
        assert writer.transport.get_write_buffer_size() > 0
        writer.close()
        peer = await peers.get()
        assert len(await peer.read()) == 20_000_000
        await writer.wait_closed()
        abort(writer.transport)
