"""Worker of a consumer group that reconnects by itself (docs/protocol.md, "Work queues").

    gateway ──jobs──▶ waiting ──▶ loop or handler ──ack, nack, term, progress──▶ gateway ──done──▶ settled

The gateway bounds the jobs that a worker holds by its permits. When a connection closes, the gateway gives its jobs to
other workers: those that wait here are dropped, and those that are being processed can no longer be settled.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
from collections import deque
from typing import Any, AsyncIterator, Callable, Deque, Dict, List, Optional, Sequence, Union

from ._compat import Connection, within
from ._declared import StreamTypes
from ._exchange import Changes, exchange
from ._gateway import Gateway, Query, backoff_s, group_segment, jitter, streams_segment
from ._handlers import RETRY_DELAY_MS, ErrorWatcher, Handler, Handlers, is_async
from ._msgpack import decode, read_entry
from ._settlements import Settlements, read_names
from .errors import Closed, StreamerError, bad_message, bad_parameter
from .job import Further, Job, Lost, Milliseconds

log = logging.getLogger("redis_streamer")

LostWatcher = Callable[[List[Lost]], object]

ACK_WAIT_MS = 30_000
_SETTLE_S = 5.0  # limit for answers of the gateway when a loop is left
_CLOSE_S = 2.0  # limit for running handlers when the worker is closed


class Work:
    """The jobs of a group, for one loop or one ``run``. It connects when the first job is requested.

    It disconnects when the loop ends, also by ``break``, an exception or cancellation; the gateway gives the jobs that are
    not settled to other workers. ``async with`` and ``aclose`` close it explicitly.
    """

    def __init__(
        self,
        gateway: Gateway,
        streams: Sequence[str],
        group: str,
        *,
        ack_wait_ms: int,
        on_lost: Optional[LostWatcher],
        types: StreamTypes,
        query: Query,
    ) -> None:
        if not isinstance(group, str):
            raise bad_parameter(f"group must be the name of a group, got {group!r}")
        if query.get("permits") is not None and query["permits"] < 1:
            raise bad_parameter(f"permits must be at least 1, got {query['permits']}")
        self._gateway = gateway
        self._streams = streams
        self._segment = streams_segment(streams)
        self._group = group
        self._path = f"data/{self._segment}/work/{group_segment(group)}"
        self._query: Dict[str, Any] = {"format": "msgpack", "confirm": True, **query}
        self._ack_wait_s = ack_wait_ms / 1000
        self._types = types
        self.on_lost = on_lost
        self._waiting: Deque[Union[Job, List[Lost]]] = deque()
        self._settlements = Settlements(len(streams) > 1)
        self._handlers: Optional[Handlers] = None
        self._session = 0
        self._is_connected = False
        self._failures = 0
        self._failure: Optional[StreamerError] = None
        self._is_stopped = False
        self._changes = Changes()
        self._runner: Optional[asyncio.Task[None]] = None
        self._is_disconnecting = False

    async def __aiter__(self) -> AsyncIterator[Job]:
        try:
            while True:
                job = await self.take()
                if job is None:
                    return
                yield job
        finally:
            await self.disconnect()

    async def __anext__(self) -> Job:
        """Returns the next job. The connection stays open until ``aclose``."""
        job = await self.take()
        if job is None:
            raise StopAsyncIteration
        return job

    async def take(self) -> Optional[Job]:
        """Returns the next job; None once the worker is stopped. Raises StreamerError if a retry cannot succeed."""
        while True:
            following = await self.following()
            if not isinstance(following, list):
                return following
            if self.on_lost is not None:
                self.on_lost(following)

    async def following(self) -> Union[Job, List[Lost], None]:
        """Returns the next job, or entries that were lost; None once the worker is stopped."""
        while True:
            self._start()
            while self._waiting and not self._is_stopped:
                following = self._waiting.popleft()
                # A job that waited for too long was delivered to another worker.
                if isinstance(following, list) or self._age_s(following) < self._ack_wait_s:
                    return following
            if self._is_stopped:
                return None
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            await self._changes.until(
                lambda: bool(self._waiting) or self._is_stopped or self._failure is not None
            )

    async def run(
        self,
        handler: Handler,
        *,
        concurrency: int = 1,
        retry_delay: Milliseconds = RETRY_DELAY_MS,
        on_error: Optional[ErrorWatcher] = None,
    ) -> None:
        """Runs a function for each job, and keeps the job while it runs. Ends after ``stop``.

        A job is done when its handler returns, and is given back when the handler raises. A handler may settle its job
        itself, for example by ``term``. If the task is cancelled, so are the handlers, and their jobs are given back; a
        function in a thread runs to its end first.

        Args:
            handler: an async function; any other function runs in a thread, with a job whose methods block.
            concurrency: number of jobs that are processed at the same time.
            retry_delay: time until a failed job is delivered again, at most ``ack_wait``: ms, or a timedelta.
            on_error: called with the exception of a handler, and its job. By default the exception is logged.

        Raises StreamerError if a retry cannot succeed.
        """
        if is_async(handler):
            await self.run_in(None, handler, concurrency, retry_delay, on_error)
            return
        with concurrent.futures.ThreadPoolExecutor(max(concurrency, 1)) as threads:
            await self.run_in(threads, handler, concurrency, retry_delay, on_error)

    async def run_in(
        self,
        threads: Optional[concurrent.futures.Executor],
        handler: Handler,
        concurrency: int,
        retry_delay: Milliseconds,
        on_error: Optional[ErrorWatcher],
    ) -> None:
        """Like ``run``, with a function in these threads, or without them an async function."""
        self._query["permits"] = max(self._query.get("permits") or concurrency, concurrency)
        self._handlers = Handlers(
            handler,
            threads=threads,
            ack_wait_s=self._ack_wait_s,
            retry_delay=retry_delay,
            on_error=on_error,
        )
        try:
            await self._handlers.run(concurrency, self.take, self._changes.notify)
        finally:
            self._handlers = None
            await self.disconnect()

    def stop(self) -> None:
        """Takes no further jobs: a loop ends, and ``run`` once its handlers have returned. To be called in the event loop."""
        self._is_stopped = True
        self._changes.notify()

    async def aclose(self) -> None:
        """Stops, and disconnects within a few seconds. Jobs of handlers that run longer are given to other workers."""
        self.stop()
        with contextlib.suppress(asyncio.TimeoutError):
            await within(
                _CLOSE_S, self._changes.until(lambda: self._handlers is None or self._handlers.running == 0)
            )
        await self.disconnect()

    async def disconnect(self) -> None:
        """Waits until everything that was settled is answered, then closes the connection."""
        runner = self._runner
        if runner is None:
            return
        try:
            with contextlib.suppress(asyncio.TimeoutError):
                await within(_SETTLE_S, self._changes.until(lambda: self._settlements.are_answered))
        finally:
            # Once: a second one would interrupt the closing handshake, and leave its tasks behind.
            if not self._is_disconnecting:
                self._is_disconnecting = True
                runner.cancel()
            await asyncio.wait([runner])

    async def __aenter__(self) -> Work:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def settle(self, job: Job, action: str, further: Further) -> asyncio.Future[bool]:
        """Sends what happens with a job. Those of one event-loop iteration and kind share a message."""
        if job.session != self._session or not self._is_connected:
            late: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            late.set_result(False)
            return late
        self._changes.notify()
        return self._settlements.add(job, action, further)

    def _age_s(self, job: Job) -> float:
        return asyncio.get_running_loop().time() - job.received_s

    def _start(self) -> None:
        if self._runner is None and not self._is_stopped:
            self._runner = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while True:
                try:
                    await self._serve()
                except StreamerError as error:
                    if not self._gateway.may_retry(error):
                        self._failure = error
                        return
                    delay_s = backoff_s(self._failures, jitter())
                    self._failures += 1
                    log.warning("work on %s: %s; retrying in %.1f s", self._segment, error, delay_s)
                    await asyncio.sleep(delay_s)
                except Exception as error:
                    self._failure = Closed("CLOSED", f"the worker failed: {error!r}")
                    raise
        finally:
            self._runner = None
            self._is_disconnecting = False
            self._changes.notify()

    async def _serve(self) -> None:
        """Receives and sends over one connection, until it fails."""
        connection = await self._gateway.connect(self._path, self._query)
        if self._failures > 0:
            log.warning("work on %s: connected again", self._segment)
        self._session += 1
        self._is_connected = True
        try:
            await exchange(self._receive(connection), self._transmit(connection), self._give_up)
        finally:
            await connection.close()

    def _give_up(self) -> None:
        """The connection has failed: the gateway gives its jobs to other workers."""
        self._is_connected = False
        self._waiting = deque(one for one in self._waiting if isinstance(one, list))
        self._settlements.give_up()
        self._changes.notify()

    async def _transmit(self, connection: Connection) -> None:
        while True:
            await self._changes.until(lambda: self._settlements.are_waiting)
            for message in self._settlements.messages():
                await connection.send(message)

    async def _receive(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        while True:
            message = await connection.receive()
            self._failures = 0
            if isinstance(message, str):
                raise bad_message("a text message instead of MessagePack")
            try:
                received = self._read(message, loop.time())
            except (ValueError, TypeError, AttributeError) as error:
                raise bad_message(f"a message that is not one of a work queue: {error}") from error
            if self._types.are_due:
                await self._types.look_up()
            self._waiting.extend(received)
            self._changes.notify()

    def _read(self, message: bytes, now_s: float) -> Sequence[Union[Job, List[Lost]]]:
        """Handles an answer, and returns what other messages have for the loop. Raises ValueError."""
        value = decode(message)
        if isinstance(value, list):
            return self._read_jobs(value, now_s)
        if "lost" in value:
            return [[Lost(stream or self._streams[0], one) for stream, one in read_names(value["lost"])]]
        self._settlements.answered(read_names(value.get("done", {}).get("late")))
        return ()

    def _read_jobs(self, items: List[Any], now_s: float) -> List[Job]:
        jobs = []
        for item in items:
            if not isinstance(item, list) or len(item) != 5 or not isinstance(item[4].get("n"), int):
                raise ValueError("an entry is not a list of five")
            entry = read_entry(item[:3] if item[3] is None else item[:4], self._types)
            jobs.append(Job(entry, item[4]["n"], self, self._session, now_s))
        return jobs

    def __repr__(self) -> str:
        state = "stopped" if self._is_stopped else "connected" if self._is_connected else "not connected"
        streams = ", ".join(self._streams)
        return f"<Work on {streams} in group {self._group} at {self._gateway.url}: {state}>"
