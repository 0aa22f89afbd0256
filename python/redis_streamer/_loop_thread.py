"""The event loop of a blocking client, in a thread of its own."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import threading
from typing import Any, Coroutine, List, TypeVar

from .errors import Closed

T = TypeVar("T")
_CANCEL_S = 5.0  # limit for work that was interrupted


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._is_open = True
        # A daemon, so that a client that is not closed does not keep the interpreter alive.
        self._thread = threading.Thread(target=self._serve, name="redis-streamer", daemon=True)
        self._thread.start()
        # Lets a push that was not closed report the entries that it loses.
        atexit.register(self.close)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            # More than once, because libraries may swallow a cancellation.
            while tasks := asyncio.all_tasks(self.loop):
                for task in tasks:
                    task.cancel()
                self.loop.run_until_complete(asyncio.wait(tasks, timeout=_CANCEL_S))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine to its end. An interrupt (Ctrl-C) cancels it first, so that it leaves nothing open."""
        result: concurrent.futures.Future[T] = concurrent.futures.Future()
        tasks: List[asyncio.Task[T]] = []

        def start() -> None:
            task = self.loop.create_task(coroutine)
            tasks.append(task)
            task.add_done_callback(finish)

        def finish(task: asyncio.Task[T]) -> None:
            if task.cancelled():
                result.set_exception(Closed("CLOSED", "the client is closed"))
            elif task.exception() is not None:
                result.set_exception(task.exception())
            else:
                result.set_result(task.result())

        def cancel() -> None:
            if tasks:
                tasks[0].cancel()
            else:
                coroutine.close()
                result.set_exception(Closed("CLOSED", "the call was interrupted"))

        try:
            if self.call(start):
                return result.result()
        except BaseException:
            # An interrupt during `call` may come before or after it scheduled `start`.
            if not result.done() and self.call(cancel):
                concurrent.futures.wait([result], _CANCEL_S)
            raise
        coroutine.close()
        raise Closed("CLOSED", "the client is closed")

    def start(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Starts a coroutine, and returns its future result. Raises Closed."""
        with self._lock:
            if self._is_open:
                return asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        coroutine.close()
        raise Closed("CLOSED", "the client is closed")

    def call(self, function: Any) -> bool:
        """Calls a function in the loop's thread, without waiting. Returns whether the loop is open."""
        with self._lock:
            if self._is_open:
                self.loop.call_soon_threadsafe(function)
            return self._is_open

    def release(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Runs the end of something, also in a garbage collection in the loop's own thread, which must not wait."""
        if threading.current_thread() is not self._thread:
            with contextlib.suppress(Closed):
                self.run(coroutine)
        elif not self.call(lambda: self.loop.create_task(coroutine)):
            coroutine.close()

    def close(self) -> None:
        """Cancels what runs, and waits for the thread to end."""
        atexit.unregister(self.close)
        with self._lock:
            was_open, self._is_open = self._is_open, False
            if was_open:
                self.loop.call_soon_threadsafe(self.loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()
