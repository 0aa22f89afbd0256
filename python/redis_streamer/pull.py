"""Pull that reconnects by itself. The stream in Redis is the buffer: the client keeps only a cursor per stream.

Backpressure, if the loop is slower than the stream: websockets receives a few messages ahead, then TCP slows the gateway
down. With ``latest``, the gateway sends the next entry when the loop requests it, so it is the newest at that moment.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, AsyncIterator, Callable, Deque, Dict, List, Mapping, Optional, Sequence, Union

from ._compat import Connection
from ._cursors import Change, Cursor, NamedPosition, PatternPosition, has_pattern
from ._declared import StreamTypes
from ._gateway import Gateway, Query, backoff_s, jitter, streams_segment
from ._msgpack import decode_batch, decode_notice
from .entry import Entry, Gap
from .errors import Closed, StreamerError, bad_message

log = logging.getLogger("redis_streamer")

_BATCH = 512  # entries in a message, at most
_IDLE_MS = 1500  # interval of the gateway's empty messages on an idle stream
_RESOLVED_AT_ONCE = (
    100  # streams per request that resolves `$`: the response is a header, whose length is limited
)

Watcher = Callable[[str], object]


class Pull:
    """The entries of streams, each once and in order, as an async iterator. It connects with the first entry.

    It closes its connection when the loop ends, also by ``break``, an exception or cancellation. A further loop continues
    after the last entry. ``async with`` and ``aclose`` close it explicitly.
    """

    def __init__(
        self,
        gateway: Gateway,
        streams: Sequence[str],
        *,
        cursor: Cursor,
        latest: bool,
        pattern: bool,
        exclude: Sequence[str],
        watchers: Mapping[str, Optional[Watcher]],
        types: StreamTypes,
        naming: Query,
        query: Query,
    ) -> None:
        self._connection: Optional[Connection] = None
        self._gateway = gateway
        is_playback = query.get("rate") is not None
        self._position: Union[PatternPosition, NamedPosition] = (
            PatternPosition(streams, cursor, is_playback)
            if pattern and has_pattern(streams, naming.get("device_id"))
            else NamedPosition(streams, cursor, is_playback)
        )
        self._segment = streams_segment(streams)
        # Names are joined by an unescaped plus, as in the path.
        self._exclude = f"&exclude={streams_segment(exclude)}" if exclude else ""
        self._pattern = pattern
        self._latest = latest
        self._watchers = watchers
        self._types = types
        self._changes: Deque[Change] = deque()
        self._naming = naming
        self._query = query
        self._buffer: Deque[Entry] = deque()
        self._gaps: Dict[str, Gap] = {}
        self._owes_ack = False
        self._failures = 0
        self._is_closed = False

    async def __aiter__(self) -> AsyncIterator[Entry]:
        pop, buffer = self._buffer.popleft, self._buffer
        try:
            while True:
                while buffer:
                    yield pop()
                received = await self.take()
                if received is None:
                    return
                self.report_changes()
                buffer.extend(received)
        finally:
            await self.disconnect()

    async def __anext__(self) -> Entry:
        """Returns the next entry. The connection stays open until ``aclose``."""
        while not self._buffer:
            received = await self.take()
            if received is None:
                await self.disconnect()
                raise StopAsyncIteration
            self.report_changes()
            self._buffer.extend(received)
        return self._buffer.popleft()

    @property
    def streams(self) -> List[str]:
        """Names of the streams that are read. With a pattern, they are known once it is connected."""
        return self._position.streams

    def report_changes(self) -> None:
        """Calls ``on_joined`` and ``on_left`` for the streams that joined or left."""
        while self._changes:
            what, stream = self._changes.popleft()
            watcher = self._watchers.get(what)
            if watcher is not None:
                watcher(stream)

    async def take(self) -> Optional[List[Entry]]:
        """Returns the entries of the next message; [] if only the streams changed, None at the end of a playback.

        Reconnects as often as it takes. Raises StreamerError.
        """
        while True:
            try:
                if self._is_closed:
                    raise _closed()
                if self._connection is None:
                    self._connection = await self._open()
                    if self._failures > 0:
                        log.warning("pull of %s: connected again", self._segment)
                return await self._receive(self._connection)
            except StreamerError as error:
                await self.disconnect()
                if self._is_closed:
                    raise _closed() from error
                if not self._gateway.may_retry(error):
                    raise
                delay_s = backoff_s(self._failures, jitter())
                self._failures += 1
                log.warning("pull of %s: %s; retrying in %.1f s", self._segment, error, delay_s)
                await asyncio.sleep(delay_s)
            except BaseException:
                await self.disconnect()
                raise

    async def aclose(self) -> None:
        """Disconnects. A loop that waits ends with Closed."""
        self._is_closed = True
        await self.disconnect()

    async def __aenter__(self) -> Pull:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _open(self) -> Connection:
        await self._resolve_now()
        query: Dict[str, Any] = {
            "format": "msgpack",
            "gaps": None if self._latest else True,
            "status": True,
            # Empty messages distinguish an idle stream from a connection that is dead.
            "block": _IDLE_MS,
            "last_entry_id": self._position.text,
            "pattern": None if self._pattern else False,
            "joins": True if self._position.wants_joins else None,
            "latest": True if self._latest else None,
            "ack": True if self._latest else None,
            "count": None if self._latest else _BATCH,
            **{name: value for name, value in self._query.items() if value is not None},
            **self._naming,
        }
        connection = await self._gateway.connect(f"data/{self._segment}/pull", query, self._exclude)
        self._owes_ack = False
        self._gaps.clear()
        return connection

    async def _resolve_now(self) -> None:
        """Replaces each ``$`` by the stream's last id. Sent again, it would skip what was added while disconnected."""
        streams = self._position.unresolved
        for at in range(0, len(streams), _RESOLVED_AT_ONCE):
            some = streams[at : at + _RESOLVED_AT_ONCE]
            query = {"last_entry_id": "$", "block": 0, "pattern": False, **self._naming}
            headers, _ = await self._gateway.request(f"data/{streams_segment(some)}", query)
            cursors = headers.get("x-last-entry-id", "").split("+")
            if len(cursors) != len(some) or "" in cursors or "$" in cursors:
                problem = f"x-last-entry-id {'+'.join(cursors)!r} for {len(some)} streams"
                raise bad_message(f"{problem}; check the URL {self._gateway.url}")
            self._position.resolve(dict(zip(some, cursors)))

    async def _receive(self, connection: Connection) -> Optional[List[Entry]]:
        while True:
            if self._owes_ack:
                self._owes_ack = False
                await connection.send("")
            message = await connection.receive()
            self._failures = 0
            if isinstance(message, str):
                raise bad_message("a text message instead of MessagePack")
            notice = decode_notice(message)
            if notice is not None:
                if self._read_notice(notice):
                    return None
                if self._changes:
                    return []
                continue
            entries = decode_batch(message, self._gaps, self._types)
            self._owes_ack = self._latest
            if not entries:
                continue
            if self._types.are_due:
                # Before the cursor advances: if this is cancelled, the entries are read again.
                await self._types.look_up(self._position.streams)
            self._advance(entries)
            return entries

    def _advance(self, entries: List[Entry]) -> None:
        position = self._position
        for entry in entries if position.has_several else entries[-1:]:
            position.advance(entry.stream, entry.id)

    def _read_notice(self, notice: Mapping[str, Any]) -> bool:
        """Returns whether a playback has ended."""
        gap, status, state = notice.get("gap"), notice.get("status"), notice.get("state")
        if isinstance(state, dict):
            return bool(state.get("status") == "ended")
        if isinstance(gap, dict):
            self._gaps[gap["stream_id"]] = Gap(gap["after"], gap["before"])
        elif isinstance(status, dict) and status.get("redis") == "unavailable":
            log.warning("pull of %s: Redis is unavailable since %s", self._segment, status.get("since"))
        elif "limit" in notice:
            log.warning("pull of %s: too many streams, one is not read: %s", self._segment, notice["limit"])
        else:
            self._changes.extend(self._position.take(notice))
        return False

    async def disconnect(self) -> None:
        """Closes the connection. The next entry is read over a new one."""
        connection = self._connection
        if connection is not None:
            await connection.close()
            if self._connection is connection:
                self._connection = None

    def __del__(self) -> None:
        if self._connection is not None:
            self._connection.abort()

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "connected" if self._connection else "not connected"
        return f"<Pull {self._position} at {self._gateway.url}: {state}>"


def _closed() -> Closed:
    return Closed("CLOSED", "the pull is closed")
