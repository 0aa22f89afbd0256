"""The blocking client: the same API without ``await``. An event loop runs in a thread until ``close``."""

from __future__ import annotations

import contextlib
import ssl as tls
import threading
from collections import deque
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncGenerator,
    Deque,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from ._compat import next_of
from ._cursors import Cursor
from ._gateway import Token
from ._loop_thread import LoopThread
from ._msgpack import FieldValue
from .blocking_recordings import BlockingRecordingMethods
from .blocking_work import BlockingWork
from .client import Client, Device, Stream
from .entry import Entry
from .errors import Closed, StreamerError, bad_parameter
from .history import Bound
from .job import Milliseconds
from .pull import Pull, Watcher
from .push import WINDOW_BYTES, Push, encode_entries
from .work import ACK_WAIT_MS, LostWatcher

if TYPE_CHECKING:
    import pandas


class BlockingPull:
    """The entries of streams, each once and in order, as an iterator for one thread. It reconnects by itself."""

    def __init__(self, loop: LoopThread, pull: Pull, client: BlockingClient) -> None:
        self._loop = loop
        self._client = client  # a client that is forgotten ends its thread
        self._pull = pull
        self._buffer: Deque[Entry] = deque()

    def __iter__(self) -> Iterator[Entry]:
        pop, buffer = self._buffer.popleft, self._buffer
        try:
            while True:
                while buffer:
                    yield pop()
                received = self._loop.run(self._pull.take())
                if received is None:
                    return
                self._pull.report_changes()
                buffer.extend(received)
        finally:
            self._loop.release(self._pull.disconnect())

    def __next__(self) -> Entry:
        """Returns the next entry. The connection stays open until ``close``."""
        while not self._buffer:
            received = self._loop.run(self._pull.take())
            if received is None:
                self._loop.release(self._pull.disconnect())
                raise StopIteration
            self._pull.report_changes()
            self._buffer.extend(received)
        return self._buffer.popleft()

    @property
    def streams(self) -> List[str]:
        """Names of the streams that are read. With a pattern, they are known once it is connected."""
        return self._pull.streams

    def close(self) -> None:
        """Disconnects. A loop that waits in another thread ends with Closed."""
        self._loop.release(self._pull.aclose())

    def __enter__(self) -> BlockingPull:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._pull)


class BlockingPush:
    """A push to one stream, for any number of threads. Use it with ``with``."""

    def __init__(self, loop: LoopThread, push: Push, client: BlockingClient) -> None:
        self._loop = loop
        self._client = client  # a client that is forgotten ends its thread
        self._push = push
        self._lock = threading.Lock()
        # Entries of `put` on their way to the loop's thread.
        self._outbox: Deque[Tuple[List[bytes], Any, Any]] = deque()
        self._outbox_bytes = 0

    def send(
        self,
        *entries: Any,
        ids: Optional[Sequence[Optional[str]]] = None,
        fields: Optional[Mapping[str, FieldValue]] = None,
        format: str = "jpeg",
    ) -> List[str]:
        """Sends entries and returns their ids once all are stored; see ``Push.send``."""
        payloads = encode_entries(entries, format)
        return self._loop.run(self._push.send(*payloads, ids=ids, fields=fields))

    def put(
        self,
        *entries: Any,
        ids: Optional[Sequence[Optional[str]]] = None,
        fields: Optional[Mapping[str, FieldValue]] = None,
        format: str = "jpeg",
    ) -> None:
        """Sends entries and returns at once while the window has room; see ``Push.put``."""
        payloads = encode_entries(entries, format)
        if ids is not None and len(ids) != len(payloads):
            raise bad_parameter(f"ids must have one id per entry ({len(payloads)}), got {len(ids)}")
        with self._lock:
            is_scheduled = bool(self._outbox)
            self._outbox.append((payloads, ids, fields))
            self._outbox_bytes += sum(map(len, payloads)) + 100 * len(payloads)
        if not is_scheduled and not self._loop.call(self._drain):
            raise Closed("CLOSED", "the client is closed")
        if self._outbox_bytes + self._push.held_bytes >= WINDOW_BYTES or self._push.has_failed:
            self._loop.run(self._push.ready())

    def _drain(self) -> None:
        with self._lock:
            entries, self._outbox = self._outbox, deque()
            self._outbox_bytes = 0
        for payloads, ids, fields in entries:
            try:
                self._push.enqueue(payloads, ids, fields, None)
            except StreamerError as error:
                self._push.fail(error)

    def flush(self) -> None:
        """Waits until all entries are stored or have failed. Raises the error of an entry of ``put`` that failed."""
        self._loop.run(self._push.flush())

    def close(self, timeout: Optional[float] = None) -> None:
        """Sends what waits, for ``timeout`` seconds at most, then disconnects; see ``Push.close``."""
        self._loop.run(self._push.close(timeout))

    def __enter__(self) -> BlockingPush:
        self._loop.call(self._push.start)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._loop.run(self._push.__aexit__(kind, error, trace))

    def __repr__(self) -> str:
        return repr(self._push)


class BlockingClient(BlockingRecordingMethods):
    """A blocking client of one gateway, for any number of threads. Use it with ``with``, or call ``close``.

    The methods take the arguments of ``Client``.
    """

    def __init__(
        self, url: str, token: Optional[Token] = None, *, ssl: Optional[tls.SSLContext] = None
    ) -> None:
        self._client: Client = Client(url, token, ssl=ssl)
        self._loop = LoopThread()

    def pull(
        self,
        stream: Union[str, Sequence[str]],
        *,
        device: Optional[str] = None,
        prefix: Optional[str] = None,
        last_entry_id: Cursor = "$",
        latest: bool = False,
        count: Optional[int] = None,
        max_fps: Optional[float] = None,
        start: Optional[Bound] = None,
        end: Optional[Bound] = None,
        rate: Optional[float] = None,
        pattern: bool = True,
        exclude: Union[str, Sequence[str]] = (),
        on_joined: Optional[Watcher] = None,
        on_left: Optional[Watcher] = None,
    ) -> BlockingPull:
        """Returns an iterator over the entries of streams; see ``Client.pull``."""
        pull = self._client.pull(
            stream,
            device=device,
            prefix=prefix,
            last_entry_id=last_entry_id,
            latest=latest,
            count=count,
            max_fps=max_fps,
            start=start,
            end=end,
            rate=rate,
            pattern=pattern,
            exclude=exclude,
            on_joined=on_joined,
            on_left=on_left,
        )
        return BlockingPull(self._loop, pull, self)

    def push(
        self,
        stream: str,
        *,
        device: Optional[str] = None,
        prefix: Optional[str] = None,
        content_type: Optional[str] = None,
        schema: Union[str, Mapping[str, Any], None] = None,
        declare: str = "absent",
        dedupe: bool = True,
    ) -> BlockingPush:
        """Returns a push to a stream; see ``Client.push``."""
        push = self._client.push(
            stream,
            device=device,
            prefix=prefix,
            content_type=content_type,
            schema=schema,
            declare=declare,
            dedupe=dedupe,
        )
        return BlockingPush(self._loop, push, self)

    def work(
        self,
        stream: Union[str, Sequence[str]],
        group: str,
        *,
        device: Optional[str] = None,
        prefix: Optional[str] = None,
        consumer: Optional[str] = None,
        from_id: Union[str, int] = "$",
        permits: Optional[int] = None,
        ack_wait: Milliseconds = ACK_WAIT_MS,
        max_deliver: Optional[int] = None,
        dead_letter: Optional[str] = None,
        delete: Optional[str] = None,
        on_lost: Optional[LostWatcher] = None,
    ) -> BlockingWork:
        """Returns the jobs of a consumer group; see ``Client.work``."""
        work = self._client.work(
            stream,
            group,
            device=device,
            prefix=prefix,
            consumer=consumer,
            from_id=from_id,
            permits=permits,
            ack_wait=ack_wait,
            max_deliver=max_deliver,
            dead_letter=dead_letter,
            delete=delete,
        )
        return BlockingWork(self._loop, work, self, on_lost)

    def entries(
        self,
        stream: str,
        *,
        device: Optional[str] = None,
        prefix: Optional[str] = None,
        start: Bound = "-",
        end: Bound = "+",
        reverse: bool = False,
        count: Optional[int] = None,
        progress: Optional[bool] = None,
    ) -> Iterator[Entry]:
        """Yields a range of a stream's history; see ``Client.entries``."""
        pages = self._client.pages(stream, device, prefix, start, end, reverse, count, progress)
        try:
            while True:
                page = self._loop.run(next_of(pages))
                if page is None:
                    return
                yield from page
        finally:
            self._loop.release(_close(pages))

    def frame(
        self,
        stream: str,
        *,
        device: Optional[str] = None,
        prefix: Optional[str] = None,
        fields: Optional[Sequence[str]] = None,
        start: Bound = "-",
        end: Bound = "+",
        count: Optional[int] = None,
        progress: Optional[bool] = None,
    ) -> pandas.DataFrame:
        """Returns a range of JSON entries as a pandas DataFrame, indexed by time; see ``Client.frame``."""
        frame = self._client.frame(
            stream,
            device=device,
            prefix=prefix,
            fields=fields,
            start=start,
            end=end,
            count=count,
            progress=progress,
        )
        return self._loop.run(frame)

    def devices(self) -> List[Device]:
        """Lists the devices; see ``Client.devices``."""
        return self._loop.run(self._client.devices())

    def streams(self, match: Optional[str] = None) -> List[Stream]:
        """Lists the streams; see ``Client.streams``."""
        return self._loop.run(self._client.streams(match))

    def meta(self, stream: str, *, device: Optional[str] = None, prefix: Optional[str] = None) -> Any:
        """Returns a stream's metadata; see ``Client.meta``."""
        return self._loop.run(self._client.meta(stream, device=device, prefix=prefix))

    def set_meta(
        self,
        stream: str,
        meta: Optional[Mapping[str, Any]] = None,
        *,
        device: Optional[str] = None,
        prefix: Optional[str] = None,
        replace: bool = False,
        **members: Any,
    ) -> None:
        """Sets members of a stream's metadata; see ``Client.set_meta``."""
        self._loop.run(
            self._client.set_meta(stream, meta, device=device, prefix=prefix, replace=replace, **members)
        )

    def declare(
        self,
        stream: str,
        content_type: Optional[str] = None,
        *,
        device: Optional[str] = None,
        prefix: Optional[str] = None,
        schema: Union[str, Mapping[str, Any], None] = None,
        units: Union[str, Mapping[str, str], None] = None,
        frame_id: Optional[str] = None,
        title: Optional[str] = None,
        description: Optional[str] = None,
    ) -> None:
        """Describes a stream's payloads to every reader; see ``Client.declare``."""
        declared = self._client.declare(
            stream,
            content_type,
            device=device,
            prefix=prefix,
            schema=schema,
            units=units,
            frame_id=frame_id,
            title=title,
            description=description,
        )
        self._loop.run(declared)

    def delete_stream(
        self, stream: str, *, device: Optional[str] = None, prefix: Optional[str] = None
    ) -> bool:
        """Deletes a stream and its metadata; see ``Client.delete_stream``."""
        return self._loop.run(self._client.delete_stream(stream, device=device, prefix=prefix))

    def close(self) -> None:
        """Closes the pulls, pushes and workers that are open, and ends the thread."""
        try:
            with contextlib.suppress(Closed):
                self._loop.run(self._client.close())
        finally:
            self._loop.close()

    def __enter__(self) -> BlockingClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_loop"):
            self._loop.close()

    def __repr__(self) -> str:
        return repr(self._client).replace("<Client", "<BlockingClient", 1)


async def _close(pages: AsyncGenerator[List[Entry], None]) -> None:
    await pages.aclose()
