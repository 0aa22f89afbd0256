"""Worker of a consumer group without ``await``: a loop over jobs, or a function that runs in the calling thread."""

from __future__ import annotations

import concurrent.futures
import queue
import threading
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Optional

from ._handlers import RETRY_DELAY_MS, ErrorWatcher, Handler, is_async
from ._loop_thread import LoopThread
from .errors import Closed, bad_parameter
from .job import Lost, Milliseconds, ThreadJob
from .work import LostWatcher, Work

if TYPE_CHECKING:
    from .blocking import BlockingClient


class BlockingWork:
    """The jobs of a group, for one loop or one ``run``. It reconnects by itself."""

    def __init__(
        self, loop: LoopThread, work: Work, client: BlockingClient, on_lost: Optional[LostWatcher]
    ) -> None:
        self._loop = loop
        self._client = client  # a client that is forgotten ends its thread
        self._work = work
        self._on_lost = on_lost

    def __iter__(self) -> Iterator[ThreadJob]:
        try:
            while True:
                job = self._take()
                if job is None:
                    return
                yield job
        finally:
            self._loop.release(self._work.disconnect())

    def __next__(self) -> ThreadJob:
        """Returns the next job. The connection stays open until ``close``."""
        job = self._take()
        if job is None:
            raise StopIteration
        return job

    def _take(self) -> Optional[ThreadJob]:
        while True:
            following = self._loop.run(self._work.following())
            if not isinstance(following, list):
                return None if following is None else ThreadJob(following, self._loop.run)
            self._report(following)

    def _report(self, lost: List[Lost]) -> None:
        if self._on_lost is not None:
            self._on_lost(lost)

    def run(
        self,
        handler: Handler,
        *,
        concurrency: int = 1,
        retry_delay: Milliseconds = RETRY_DELAY_MS,
        on_error: Optional[ErrorWatcher] = None,
    ) -> None:
        """Runs a function for each job; see ``Work.run``. Ends after ``stop``, or by an interrupt (Ctrl-C).

        The function runs in the calling thread, and with ``concurrency`` also in further ones, which end before this returns.
        An interrupt gives the job of the calling thread back at once, and waits for those of the others. An async function
        runs in the client's event loop.
        """
        if concurrency < 1:
            raise bad_parameter(f"concurrency must be at least 1, got {concurrency}")
        threads = _Threads()
        self._work.on_lost = lambda lost: threads.submit(self._report, lost)
        problems: List[BaseException] = []

        def handle(job: ThreadJob) -> Any:
            try:
                return handler(job)
            except Exception as error:
                if on_error is not None:
                    try:
                        on_error(error, job)
                    except Exception as problem:
                        problems.append(problem)
                        self.stop()
                raise

        if is_async(handler):
            running = self._loop.start(self._work.run_in(None, handler, concurrency, retry_delay, on_error))
        else:
            # Reported by `handle`, in the thread of the job.
            reported = None if on_error is None else _ignore
            running = self._loop.start(self._work.run_in(threads, handle, concurrency, retry_delay, reported))
        running.add_done_callback(lambda _: threads.end(concurrency))
        further = [
            threading.Thread(target=threads.serve, name="redis-streamer-job", daemon=True)
            for _ in range(concurrency - 1)
        ]
        for thread in further:
            thread.start()
        try:
            threads.serve()
        except BaseException:
            self.stop()
            concurrent.futures.wait([running])
            raise
        finally:
            # After a second interrupt, the handlers of other threads may not end.
            if running.done():
                for thread in further:
                    thread.join()
        try:
            running.result()
        except concurrent.futures.CancelledError as error:
            raise Closed("CLOSED", "the client is closed") from error
        if problems:
            raise problems[0]

    def stop(self) -> None:
        """Takes no further jobs: a loop ends, and ``run`` once its handlers have returned. Any thread may call it."""
        self._loop.call(self._work.stop)

    def close(self) -> None:
        """Stops, and disconnects within a few seconds. Jobs of handlers that run longer are given to other workers."""
        self._loop.release(self._work.aclose())

    def __enter__(self) -> BlockingWork:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._work)


def _ignore(_error: Exception, _job: Any) -> None:
    pass


class _Threads(concurrent.futures.Executor):
    """An executor whose threads are those that call ``serve``."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Optional[Callable[[], None]]] = queue.SimpleQueue()

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> concurrent.futures.Future[Any]:
        """Calls a function in one of the threads."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()

        def call() -> None:
            try:
                result = function(*arguments, **named)
            except Exception as error:
                future.set_exception(error)
            except BaseException:
                # Neither a success nor a failure of the job: it is given back.
                future.set_exception(concurrent.futures.CancelledError())
                raise
            else:
                future.set_result(result)

        self._calls.put(call)
        return future

    def serve(self) -> None:
        """Serves calls until ``end``. An interrupt ends it."""
        while True:
            call = self._calls.get()
            if call is None:
                return
            call()

    def end(self, threads: int) -> None:
        """Ends as many calls of ``serve``."""
        for _ in range(threads):
            self._calls.put(None)
