"""Connections that send and receive at the same time, as those of pushes and workers do."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Coroutine, Optional

_LAST_S = 1.0  # limit for receiving the reason of a failure


class Changes:
    """Lets coroutines wait for conditions."""

    def __init__(self) -> None:
        # Created in the event loop, which Python 3.9 requires.
        self._event: Optional[asyncio.Event] = None

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for a condition, which is checked after each ``notify``."""
        while not condition():
            if self._event is None:
                self._event = asyncio.Event()
            self._event.clear()
            await self._event.wait()

    def notify(self) -> None:
        """Wakes the waiting coroutines, which check their conditions."""
        if self._event is not None:
            self._event.set()


async def exchange(
    receiving: Coroutine[Any, Any, None],
    sending: Coroutine[Any, Any, None],
    ended: Callable[[], object] = lambda: None,
) -> None:
    """Receives and sends until one of both fails, and raises its error. Then it cancels them.

    Args:
        ended: called as soon as the connection has failed.
    """
    tasks = [asyncio.ensure_future(receiving), asyncio.ensure_future(sending)]
    try:
        # Both end with the connection. The last messages of the gateway have the reason.
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        if not tasks[0].done():
            await asyncio.wait(tasks[:1], timeout=_LAST_S)
        await (tasks[0] if tasks[0].done() else tasks[1])
    finally:
        ended()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
