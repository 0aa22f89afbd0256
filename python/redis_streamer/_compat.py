"""Differences between versions of Python and websockets: time limits, and connections (websockets 10.4 or newer)."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import ssl as tls
from typing import Any, AsyncIterator, Awaitable, Callable, Dict, Optional, TypeVar, Union, cast

import websockets.exceptions as exceptions

from .errors import StreamerError, error_from_close, error_from_handshake, not_a_gateway, unreachable

T = TypeVar("T")
USER_AGENT = "redis-streamer-python"

_OWN_OPTIONS: Dict[str, Any] = {}  # options that only one implementation of websockets has
try:
    # The current implementation, from 13 on.
    _connect = importlib.import_module("websockets.asyncio.client").connect
    _HEADERS = "additional_headers"
except ImportError:
    _connect = importlib.import_module("websockets.client").connect
    _HEADERS = "extra_headers"
    # Bytes that asyncio reads ahead. With the default of 64 KB, it pauses several times within a large message.
    _OWN_OPTIONS["read_limit"] = 1 << 18

_OPEN_S = 15.0  # limit for opening a connection
_CLOSE_S = 1.0  # limit for a closing handshake
_BUFFERED = 4  # messages that are received ahead
# Interval of checks for a silent connection. Short, because in IPython kernels up to 6 an interrupted cell that waits
# for an entry ends only at the next timer of the event loop.
_WATCH_S = 1.0
_SILENT_S = 10.0  # silence after which the gateway is pinged, and limit for its pong


async def within(
    limit_s: Optional[float], work: Awaitable[T], discard: Callable[[T], object] = lambda _: None
) -> T:
    """Waits for `work`, for `limit_s` seconds at most. Raises asyncio.TimeoutError.

    Unlike `asyncio.wait_for` before Python 3.12, it does not swallow a cancellation that arrives together with the result.
    That result is passed to `discard`.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait([task], timeout=limit_s)
    except asyncio.CancelledError:
        if await _finished_before_cancel(task):
            discard(task.result())
        raise
    if done or await _finished_before_cancel(task):
        return task.result()
    raise asyncio.TimeoutError


async def next_of(items: AsyncIterator[T]) -> Optional[T]:
    """Returns the next item; None at the end, because a StopAsyncIteration cannot pass through a task or a future."""
    async for item in items:
        return item
    return None


async def _finished_before_cancel(task: asyncio.Future[T]) -> bool:
    """Cancels a task and waits for it. Returns whether it has a result nevertheless."""
    task.cancel()
    await asyncio.wait([task])
    return not task.cancelled() and task.exception() is None


def abort(transport: asyncio.WriteTransport) -> None:
    """Closes a transport at once. asyncio fails to abort one whose last bytes left while it was closing."""
    with contextlib.suppress(AttributeError):
        transport.abort()


class Connection:
    """An open WebSocket. One task receives, one task sends."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = socket.transport
        self._received_s = self._loop.time()
        self._is_receiving = False
        self._watch = self._loop.call_later(_WATCH_S, self._check)
        self._ping: Optional[asyncio.Task[None]] = None
        self._closing: Optional[asyncio.Task[None]] = None

    @property
    def warnings(self) -> str:
        """The header ``x-warnings`` of the handshake."""
        response = getattr(self._socket, "response", None)
        headers = self._socket.response_headers if response is None else response.headers
        return cast(str, headers.get("x-warnings", ""))

    async def send(self, message: Union[bytes, str]) -> None:
        """Sends a message. Waits while the socket is full. Raises StreamerError if the connection closed."""
        try:
            await self._socket.send(message)
        except exceptions.ConnectionClosed as error:
            raise _closed(error) from error

    async def receive(self) -> Union[bytes, str]:
        """Returns the next message. Raises StreamerError if the connection closed."""
        self._is_receiving = True
        try:
            return cast(Union[bytes, str], await self._socket.recv())
        except exceptions.ConnectionClosed as error:
            raise _closed(error) from error
        finally:
            self._is_receiving = False
            self._received_s = self._loop.time()

    async def close(self) -> None:
        """Closes the connection in at most a second, also if it is called twice, or cancelled."""
        if self._closing is None:
            self._stop_watch()
            self._closing = self._loop.create_task(self._close())
        try:
            await asyncio.shield(self._closing)
        except asyncio.CancelledError:
            # The event loop may end next, and would leave the tasks of websockets behind.
            await asyncio.wait([self._closing])
            raise

    async def _close(self) -> None:
        closing = self._loop.create_task(self._socket.close())
        try:
            await asyncio.wait([closing], timeout=_CLOSE_S)
        finally:
            if not self._loop.is_closed():
                abort(self._transport)
                closing.cancel()
        with contextlib.suppress(Exception):
            await self._socket.wait_closed()
        await asyncio.gather(closing, return_exceptions=True)

    def abort(self) -> None:
        """Closes the connection at once, without a handshake. The tasks of websockets end by themselves."""
        if not self._loop.is_closed():
            self._stop_watch()
            abort(self._transport)

    def _stop_watch(self) -> None:
        self._watch.cancel()
        if self._ping is not None:
            self._ping.cancel()

    def _check(self) -> None:
        """Detects a dead connection. While nothing is received on purpose, silence means nothing."""
        self._watch = self._loop.call_later(_WATCH_S, self._check)
        is_silent = self._is_receiving and self._loop.time() - self._received_s > _SILENT_S
        if is_silent and (self._ping is None or self._ping.done()):
            self._ping = self._loop.create_task(self._check_pong())

    async def _check_pong(self) -> None:
        try:
            await within(_SILENT_S, await self._socket.ping())
            self._received_s = self._loop.time()
        except exceptions.ConnectionClosed:
            pass
        except asyncio.TimeoutError:
            abort(self._transport)


def _closed(error: exceptions.ConnectionClosed) -> StreamerError:
    if error.rcvd is None:
        return error_from_close(1006, "")
    return error_from_close(error.rcvd.code, error.rcvd.reason)


class UnreadableResponse(Exception):
    """The response to a handshake is one that websockets does not read: HTTP/1.0, no HTTP, cut off, endless, or none."""


async def open_connection(url: str, token: Optional[str], ssl: Optional[tls.SSLContext]) -> Connection:
    """Opens a WebSocket. Raises StreamerError or UnreadableResponse."""
    options: Dict[str, Any] = {
        _HEADERS: {} if token is None else {"Authorization": f"Bearer {token}"},
        "user_agent_header": USER_AGENT,
        "compression": None,
        "max_size": None,
        "max_queue": _BUFFERED,
        "open_timeout": None,
        # Also limits the wait for a server that rejected the handshake and does not close its connection.
        "close_timeout": _CLOSE_S,
        # `Connection` pings only while it receives: websockets does not read pongs while its queue is full.
        "ping_interval": None,
        **_OWN_OPTIONS,
    }
    if ssl is not None:
        options["ssl"] = ssl
    where = url.partition("?")[0]
    try:
        opening = cast(Callable[..., Any], _connect)(url, **options)
        return Connection(await within(_OPEN_S, opening, lambda socket: abort(socket.transport)))
    except (exceptions.InvalidMessage, asyncio.TimeoutError) as error:
        raise UnreadableResponse from error
    except exceptions.InvalidHandshake as error:
        raise _rejection(where, error) from error
    except exceptions.InvalidURI as error:
        raise not_a_gateway(where, f"redirects to another URL: {error}") from error
    except (OSError, EOFError) as error:
        raise unreachable(where, error) from error


def _rejection(where: str, error: Exception) -> StreamerError:
    # InvalidStatus has the response; InvalidStatusCode, of websockets before 13, has its members.
    response = getattr(error, "response", error)
    status = getattr(response, "status_code", None)
    if isinstance(error, getattr(exceptions, "ProxyError", ())):
        return unreachable(where, error)
    if status is None:
        return not_a_gateway(where, f"responded with an invalid handshake: {error}")
    is_of_gateway = "x-connection-id" in getattr(response, "headers", {})
    return error_from_handshake(where, status, getattr(response, "body", None), is_of_gateway)
