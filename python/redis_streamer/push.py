"""Push that reconnects by itself, with a window of unacknowledged entries.

    send, put ─▶ waiting ──room──▶ in flight ──acknowledged──▶ settled
                    ▲                  └── connection closes ──┐
                    └── with dedupe: sent again, stored once ──┴─▶ without: AppendUnknown

The entries of a push are numbered, and the gateway stores a number once (docs/protocol.md, "dedupe"). Entries are settled
in the order of their numbers, so the numbers of those that are sent again are consecutive.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import logging
import re
import uuid
from collections import deque
from typing import Any, Deque, Dict, List, Mapping, Optional, Sequence, Tuple

from ._compat import Connection, within
from ._exchange import Changes, exchange
from ._gateway import Gateway, Query, backoff_s, jitter, streams_segment
from ._msgpack import FieldValue, bin_head, encode_fields, list_head, text
from .errors import (
    RETRYABLE_CODES,
    AppendUnknown,
    Closed,
    StreamerError,
    bad_message,
    bad_parameter,
    error_of,
    read_error_body,
)
from .images import encode_payload

log = logging.getLogger("redis_streamer")

WINDOW_BYTES = 4 * 1024 * 1024
# A stream remembers 20,000 numbers of all pushes, so that ten pushes may be sent again at once.
_WINDOW_ENTRIES = 2000
_BATCH_BYTES = 256 * 1024
_BATCH_ENTRIES = 500
_ENTRY_BYTES = 100  # memory of an entry besides its payload
_LAST_FLUSH_S = 2.0  # limit for sending the rest after an exception

_ENTRY_ID = re.compile(r"\*|\d+(-(\d+|\*))?", re.ASCII)

# Errors of an entry after which it is sent again: it is not stored, or its number shows that it is.
_SENT_AGAIN = (RETRYABLE_CODES - {"INTERNAL", "REDIS_FULL"}) | {"APPEND_UNKNOWN"}


class _Group:
    """The entries of one ``send`` or ``put``."""

    def __init__(self, count: int, waiter: Optional[asyncio.Future[None]]) -> None:
        self.ids: List[Optional[str]] = [None] * count
        self.open = count
        self.error: Optional[StreamerError] = None
        self.waiter = waiter


class _Pending:
    """An encoded entry."""

    __slots__ = ("number", "head", "payload", "tail", "size", "group", "index", "was_sent")

    def __init__(
        self, number: int, head: bytes, payload: bytes, tail: bytes, group: _Group, index: int
    ) -> None:
        self.number = number
        self.head = head
        self.payload = payload
        self.tail = tail
        self.size = len(payload) + len(tail) + _ENTRY_BYTES
        self.group = group
        self.index = index
        self.was_sent = False


class Push:
    """A push to one stream. Use it with ``async with``, which sends what waits and reports what failed."""

    def __init__(self, gateway: Gateway, stream: str, *, dedupe: bool, naming: Query, query: Query) -> None:
        self._gateway = gateway
        self._stream = stream
        self._path = f"data/{streams_segment([stream])}/push"
        self._query: Dict[str, Any] = {"format": "msgpack", "ack": True, "status": True, **query, **naming}
        self._dedupe_key = uuid.uuid4().hex if dedupe else None
        self._name = text(stream)
        self._next_number = 0
        self._waiting: Deque[_Pending] = deque()
        self._in_flight: Deque[_Pending] = deque()
        # Number of entries of each batch in flight.
        self._batches: Deque[int] = deque()
        self._in_flight_bytes = 0
        self.held_bytes = 0
        self._failure: Optional[StreamerError] = None
        self._ended: Optional[StreamerError] = None
        self._changes = Changes()
        self._runner: Optional[asyncio.Task[None]] = None

    async def send(
        self,
        *entries: Any,
        ids: Optional[Sequence[Optional[str]]] = None,
        fields: Optional[Mapping[str, FieldValue]] = None,
        format: str = "jpeg",
    ) -> List[str]:
        """Sends entries and returns their ids once all are stored.

        To keep many in flight, pass many entries, or use ``put``. A cancelled ``send`` stops waiting, not sending.

        Args:
            entries: bytes as they are, str as UTF-8, dicts and lists as JSON, numpy and Pillow images as files.
            ids: entry ids, ``<ms>-<sequence>`` or ``<ms>-*``; None lets Redis assign the id.
            fields: fields besides the payload, for each of the entries.
            format: file format of images, ``"jpeg"`` or ``"png"``, which is lossless.

        Raises the error of the first entry that failed, after all have settled; its ``ids`` has the ids of the others.
        Raises TypeError or ValueError before anything is sent.
        """
        waiter = asyncio.get_running_loop().create_future()
        group = self.enqueue(encode_entries(entries, format), ids, fields, waiter)
        if group.open > 0:
            await waiter
        if group.error is not None:
            group.error.ids = group.ids
            raise group.error
        return [one or "" for one in group.ids]

    async def put(
        self,
        *entries: Any,
        ids: Optional[Sequence[Optional[str]]] = None,
        fields: Optional[Mapping[str, FieldValue]] = None,
        format: str = "jpeg",
    ) -> None:
        """Sends entries and returns at once while the window has room. Takes the same arguments as ``send``.

        Raises the error of an earlier entry that failed. ``flush`` and the end of ``async with`` report the last ones.
        """
        self.enqueue(encode_entries(entries, format), ids, fields, None)
        if len(self._waiting) >= _BATCH_ENTRIES or self.held_bytes - self._in_flight_bytes >= _BATCH_BYTES:
            # A loop of `put` alone would send nothing until the window is full.
            await asyncio.sleep(0)
        await self.ready()

    async def ready(self) -> None:
        """Waits until the window has room. Raises the error of an entry of ``put`` that failed."""
        await self._changes.until(lambda: self._ended is not None or self._has_room())
        self._raise_failure()
        self._raise_ended()

    async def flush(self) -> None:
        """Waits until all entries are stored or have failed. Raises the error of an entry of ``put`` that failed."""
        await self._changes.until(lambda: not self._waiting and not self._in_flight)
        self._raise_failure()

    async def close(self, timeout: Optional[float] = None) -> None:
        """Sends what waits, then disconnects. Raises the error of an entry of ``put`` that failed.

        Args:
            timeout: limit in seconds for sending; afterwards the rest is given up, with a warning. None for no limit.
        """
        try:
            with contextlib.suppress(asyncio.TimeoutError):
                await within(timeout, self.flush())
        finally:
            self._warn_of_missing("it was closed before all entries were acknowledged")
            self._end(Closed("CLOSED", "the push is closed"))
            if self._runner is not None:
                self._runner.cancel()
                await asyncio.gather(self._runner, return_exceptions=True)

    async def __aenter__(self) -> Push:
        self.start()
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:
            await self.close()
        else:
            await self.give_up()

    async def give_up(self) -> None:
        """Closes within two seconds, and reports no failures."""
        with contextlib.suppress(StreamerError):
            await self.close(_LAST_FLUSH_S)

    def start(self) -> None:
        """Connects in the background."""
        if self._runner is None and self._ended is None:
            self._runner = asyncio.get_running_loop().create_task(self._run())
            self._runner.add_done_callback(self._end_with_loop)

    def enqueue(
        self,
        payloads: Sequence[bytes],
        ids: Optional[Sequence[Optional[str]]],
        fields: Optional[Mapping[str, FieldValue]],
        waiter: Optional[asyncio.Future[None]],
    ) -> _Group:
        """Adds encoded entries to those that wait. Raises the error of a push that has ended."""
        _check_ids(ids, len(payloads))
        tail = encode_fields(fields) if fields else b""
        self.start()
        self._raise_ended()
        kind = b"\x94" if fields else b"\x93"
        group = _Group(len(payloads), waiter)
        for index, payload in enumerate(payloads):
            own = None if ids is None else ids[index]
            head = kind + self._name + (b"\xc0" if own is None else text(own)) + bin_head(len(payload))
            pending = _Pending(self._next_number, head, payload, tail, group, index)
            self._next_number += 1
            self._waiting.append(pending)
            self.held_bytes += pending.size
        self._changes.notify()
        return group

    @property
    def has_failed(self) -> bool:
        """Whether the push has ended, or an entry of ``put`` has failed that was not reported."""
        return self._ended is not None or self._failure is not None

    def fail(self, error: StreamerError) -> None:
        """Records the error of an entry that could not be enqueued."""
        self._failure = self._failure or error

    def _has_room(self) -> bool:
        return self.held_bytes < WINDOW_BYTES and len(self._waiting) < _WINDOW_ENTRIES

    async def _run(self) -> None:
        failures = 0
        while True:
            before = self._next_settled()
            try:
                await self._session()
            except StreamerError as error:
                is_final = error.code not in _SENT_AGAIN and not self._gateway.may_retry(error)
                self._return_in_flight(error, is_final)
                if is_final:
                    self._end(error)
                    return
                failures = 0 if self._next_settled() != before else failures + 1
                delay_s = backoff_s(max(failures - 1, 0), jitter())
                log.warning("push to %s: %s; retrying in %.1f s", self._stream, error, delay_s)
                await asyncio.sleep(delay_s)
            except Exception as error:
                self._end(Closed("CLOSED", f"the push failed: {error!r}"))
                raise

    def _next_settled(self) -> int:
        return next(
            (queue[0].number for queue in (self._in_flight, self._waiting) if queue), self._next_number
        )

    async def _session(self) -> None:
        """Sends and receives over one connection, until it fails."""
        numbers: Dict[str, Any] = {}
        if self._dedupe_key is not None:
            numbers = {"dedupe": self._dedupe_key, "dedupe_from": self._next_settled()}
        connection = await self._gateway.connect(self._path, {**self._query, **numbers})
        try:
            await exchange(self._settle(connection), self._transmit(connection))
        finally:
            await connection.close()

    async def _transmit(self, connection: Connection) -> None:
        while True:
            await self._changes.until(lambda: bool(self._waiting) and self._may_send())
            message = self._next_message()
            await connection.send(message)

    def _may_send(self) -> bool:
        return self._in_flight_bytes < WINDOW_BYTES and len(self._in_flight) < _WINDOW_ENTRIES

    def _next_message(self) -> bytes:
        batch: List[_Pending] = []
        parts: List[bytes] = []
        size = 0
        waiting = self._waiting
        while waiting and len(batch) < _BATCH_ENTRIES and size < _BATCH_BYTES:
            pending = waiting.popleft()
            pending.was_sent = True
            batch.append(pending)
            parts += (pending.head, pending.payload, pending.tail)
            size += pending.size
        self._in_flight.extend(batch)
        self._in_flight_bytes += size
        self._batches.append(len(batch))
        return b"".join((list_head(len(batch)), *parts))

    async def _settle(self, connection: Connection) -> None:
        while True:
            message = await connection.receive()
            outcomes = _read_ack(message)
            if outcomes is None:
                continue
            if not self._batches or self._batches.popleft() != len(outcomes):
                raise bad_message("an acknowledgement of the wrong length")
            for outcome in outcomes:
                entry_id, error = _read_outcome(outcome)
                if error is not None and self._dedupe_key is not None and error.code in _SENT_AGAIN:
                    raise error
                pending = self._in_flight.popleft()
                self._in_flight_bytes -= pending.size
                self._finish(pending, entry_id, error)
            self._changes.notify()

    def _finish(self, pending: _Pending, entry_id: Optional[str], error: Optional[StreamerError]) -> None:
        group = pending.group
        self.held_bytes -= pending.size
        group.ids[pending.index] = entry_id
        group.open -= 1
        if error is not None:
            group.error = group.error or error
            if group.waiter is None:
                self._failure = self._failure or error
        if group.open == 0 and group.waiter is not None and not group.waiter.done():
            group.waiter.set_result(None)

    def _return_in_flight(self, error: StreamerError, is_final: bool) -> None:
        """Handles the entries in flight when a connection ends: they are sent again, or without dedupe fail
        with an unknown outcome.

        A rejected batch is not stored. If several batches are in flight, the rejection may apply to any of them.
        """
        if self._dedupe_key is None or is_final:
            rejected = is_final and error.close_code is not None and len(self._batches) == 1
            while self._in_flight:
                self._finish(self._in_flight.popleft(), None, error if rejected else _unknown(error))
        self._waiting.extendleft(reversed(self._in_flight))
        self._in_flight.clear()
        self._batches.clear()
        self._in_flight_bytes = 0
        self._changes.notify()

    def _end(self, error: StreamerError) -> None:
        """Ends the push: every entry that is not settled fails."""
        if self._ended is not None:
            return
        self._ended = error
        for queue in (self._in_flight, self._waiting):
            while queue:
                pending = queue.popleft()
                self._finish(pending, None, _unknown(error) if pending.was_sent else error)
        self._changes.notify()

    def _end_with_loop(self, _runner: object) -> None:
        """Ends a push that was not closed: `asyncio.run` and a blocking client cancel the tasks that are left."""
        if self._ended is not None:
            return
        self._warn_of_missing("it was not closed")
        self._end(Closed("CLOSED", "the event loop of the push ended; open the push in each event loop"))

    def _warn_of_missing(self, why: str) -> None:
        """Counts the entries that are about to be given up. No error reports those of ``put``."""
        missing = sum(one.group.waiter is None for queue in (self._in_flight, self._waiting) for one in queue)
        if missing:
            log.warning("push to %s: %s; %d entries may be lost", self._stream, why, missing)

    def _raise_ended(self) -> None:
        # A copy, because an exception gets a longer traceback each time it is raised.
        if self._ended is not None:
            raise copy.copy(self._ended)

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def __repr__(self) -> str:
        held = len(self._waiting) + len(self._in_flight)
        state = "closed" if self._ended else "connecting" if self._runner else "not connected"
        return f"<Push to {self._stream} at {self._gateway.url}: {state}, {held} entries not acknowledged>"


def encode_entries(entries: Sequence[Any], image_format: str) -> List[bytes]:
    """Encodes the entries of a caller. Raises TypeError or ValueError."""
    return [encode_payload(entry, image_format) for entry in entries]


def _check_ids(ids: Optional[Sequence[Optional[str]]], count: int) -> None:
    """Raises InvalidRequest before anything is sent: the gateway closes the push of an id of the wrong form."""
    if ids is None:
        return
    if isinstance(ids, str):
        raise bad_parameter(f"ids must be a list with one id per entry, got {ids!r}")
    if len(ids) != count:
        raise bad_parameter(f"ids must have one id per entry ({count}), got {len(ids)}")
    for one in ids:
        if one is not None and not (isinstance(one, str) and _ENTRY_ID.fullmatch(one)):
            raise bad_parameter(f'an entry id must be "<ms>-<sequence>", "<ms>-*" or None, got {one!r}')


def _unknown(cause: StreamerError) -> StreamerError:
    message = f"not acknowledged before the connection closed; may or may not be stored: {cause.message}"
    return AppendUnknown("APPEND_UNKNOWN", message, close_code=cause.close_code)


def _read_ack(message: Any) -> Optional[List[Any]]:
    """Returns the outcomes of a batch; None for a status message."""
    try:
        value = json.loads(message)
    except ValueError as error:
        raise bad_message("an acknowledgement that is not JSON") from error
    if isinstance(value, dict) and isinstance(value.get("status"), dict):
        return None
    if not isinstance(value, list) or not isinstance(message, str):
        raise bad_message("an acknowledgement that is not a list")
    return value


def _read_outcome(value: Any) -> Tuple[Optional[str], Optional[StreamerError]]:
    if isinstance(value, str):
        return value, None
    code, message = read_error_body(value)
    if not message:
        raise bad_message("an acknowledgement with neither an id nor an error")
    code = code or "REFUSED"
    return None, error_of(code, message, retryable=code in RETRYABLE_CODES)
