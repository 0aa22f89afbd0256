"""Runs a function for each job of a worker, and keeps the jobs while it runs."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import logging
from typing import Any, Awaitable, Callable, Optional

from .errors import bad_parameter
from .job import Job, Milliseconds, ThreadJob, milliseconds

log = logging.getLogger("redis_streamer")

Handler = Callable[[Any], Any]
ErrorWatcher = Callable[[Exception, Any], object]

RETRY_DELAY_MS = 1000
_REPORTS_PER_WAIT = 3  # progress reports in `ack_wait`


def is_async(handler: Handler) -> bool:
    """Whether calling a handler returns a coroutine."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)


class Handlers:
    """The handlers of one ``run``.

    Attributes:
        running: number of jobs that are being processed.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        threads: Optional[concurrent.futures.Executor],
        ack_wait_s: float,
        retry_delay: Milliseconds,
        on_error: Optional[ErrorWatcher],
    ) -> None:
        self.running = 0
        self._handler = handler
        self._threads = threads
        self._ack_wait_s = ack_wait_s
        self._delay_ms = min(milliseconds(retry_delay), round(ack_wait_s * 1000))
        self._on_error = on_error

    async def run(
        self, concurrency: int, take: Callable[[], Awaitable[Optional[Job]]], done: Callable[[], None]
    ) -> None:
        """Processes jobs until there are no more. Raises the first error of ``take`` or ``on_error``.

        Args:
            concurrency: number of jobs at the same time.
            take: returns the next job.
            done: called after each job.
        """
        if concurrency < 1:
            raise bad_parameter(f"concurrency must be at least 1, got {concurrency}")

        async def process_all() -> None:
            while True:
                job = await take()
                if job is None:
                    return
                self.running += 1
                try:
                    await self._process(job)
                finally:
                    self.running -= 1
                    done()

        tasks = [asyncio.ensure_future(process_all()) for _ in range(concurrency)]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in ended:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _process(self, job: Job) -> None:
        keeping = asyncio.ensure_future(self._keep(job))
        try:
            try:
                if self._threads is None:
                    await self._handler(job)
                else:
                    await self._process_in_thread(self._threads, job)
            except Exception as error:
                if self._on_error is None:
                    log.warning("%r failed: %r", job, error, exc_info=error)
                else:
                    self._on_error(error, job)
                if not job.is_settled:
                    await job.nack(self._delay_ms)
            else:
                if not job.is_settled:
                    await job.ack()
        finally:
            keeping.cancel()

    async def _keep(self, job: Job) -> None:
        while True:
            await asyncio.sleep(self._ack_wait_s / _REPORTS_PER_WAIT)
            await job.progress()

    async def _process_in_thread(self, threads: concurrent.futures.Executor, job: Job) -> None:
        """Runs the function to its end, also if this is cancelled, because a thread cannot be."""
        loop = asyncio.get_running_loop()

        def wait(settling: Any) -> bool:
            return bool(asyncio.run_coroutine_threadsafe(settling, loop).result())

        running = loop.run_in_executor(threads, self._handler, ThreadJob(job, wait))
        cancelled: Optional[asyncio.CancelledError] = None
        while not running.done():
            try:
                await asyncio.wait([running])
            except asyncio.CancelledError as error:
                cancelled = error
        try:
            result = running.result()
            if inspect.isawaitable(result):
                await result
        except Exception:
            if cancelled is None:
                raise
        else:
            if cancelled is not None and not job.is_settled:
                await job.ack()
        if cancelled is not None:
            raise cancelled
