"""The asynchronous client of a gateway."""

from __future__ import annotations

import base64
import json
import ssl as tls
import weakref
from datetime import datetime, timedelta, timezone
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncGenerator,
    AsyncIterator,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Union,
)

from ._cursors import Cursor, has_pattern
from ._declared import DeclaredTypes
from ._gateway import Gateway, Query, Token, stream_names, streams_segment
from .entry import Entry
from .errors import RETRYABLE_CODES, Closed, bad_message, bad_parameter, error_of
from .history import Bound, FrameRows, Progress, bound_text, read_pages
from .job import Milliseconds, milliseconds
from .pull import Pull, Watcher
from .push import Push
from .recordings import RecordingMethods
from .work import ACK_WAIT_MS, LostWatcher, Work

if TYPE_CHECKING:
    import pandas


class Device(NamedTuple):
    """A device that is connected, or was before."""

    id: str
    connected: bool
    meta: Any


class Stream(NamedTuple):
    """A stream.

    Attributes:
        key: key in Redis, with the device.
        device: device of the stream; "" if the key has none, None if the gateway runs without device prefixes.
        stream: name without the device, as for ``pull`` and ``push``.
        length: number of entries.
        added: number of entries ever added.
        first_id, last_id: ids of the first and last entry; "" if there is none.
        meta: metadata, any JSON.
    """

    key: str
    device: Optional[str]
    stream: str
    length: int
    added: int
    first_id: str
    last_id: str
    meta: Any

    @property
    def last_time(self) -> Optional[datetime]:
        """Time of the last entry, UTC; None if there is none."""
        ms = self.last_id.partition("-")[0]
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=int(ms)) if ms else None


_STREAM_FIELDS = "id length entriesAdded firstEntryId lastEntryId meta"


class Client(RecordingMethods):
    """A client of one gateway. It holds no connection itself: each pull and push opens its own.

    Use it with ``async with``, which closes the pulls and pushes that are open, or call ``close``.
    """

    def __init__(
        self, url: str, token: Optional[Token] = None, *, ssl: Optional[tls.SSLContext] = None
    ) -> None:
        self._gateway = Gateway(url, token, ssl)
        self._open: weakref.WeakSet[Union[Pull, Push, Work]] = weakref.WeakSet()
        self._is_closed = False
        self._uses_devices: Optional[bool] = None
        self._types = DeclaredTypes(self._query, self._has_devices)

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
    ) -> Pull:
        """Returns an async iterator over the entries of streams, each once and in order. It reconnects by itself.

        Args:
            stream: a name, several joined by ``+``, or a list of names. ``*`` stands for any characters: ``"cam-*"`` reads
                all streams that match, and those that appear later.
            device: device of the streams; "" if names are whole Redis keys. By default "default". It may have a ``*``; then
                the streams of entries are ``device:stream``.
            prefix: text before each name in its Redis key.
            last_entry_id: cursor; entries after it are read: an entry id, milliseconds, ``"0"`` (the beginning), ``"$"``
                (now), or a mapping by stream. A stream that appears later is read from its first entry.
            latest: whether to skip to the newest entry whenever the loop is ready for one.
            count: entries per stream in a message, at most; with ``latest``, the number of newest entries. It does not end
                the loop.
            max_fps: messages per second, at most.
            rate: plays history back: a multiple of its original pace, 0.1 to 100, or 0 for as fast as the loop reads. The
                loop ends at the end of the range.
            start, end: range of a playback, as for ``entries``; by default all that is stored.
            pattern: whether ``*`` makes a pattern. If False, it is a literal character.
            exclude: names and patterns of streams to leave out, joined by ``+`` or as a list.
            on_joined, on_left: called by the loop with the name of each stream that appears, before its first entry, and of
                each that was deleted. The pull's ``streams`` lists them.

        The loop raises StreamerError if a retry cannot succeed.
        """
        self._check_open()
        naming = _naming(device, prefix)
        pull = Pull(
            self._gateway,
            stream_names(stream),
            cursor=last_entry_id,
            latest=latest,
            pattern=pattern,
            exclude=stream_names(exclude) if exclude else (),
            watchers={"joined": on_joined, "left": on_left},
            types=self._types.named(naming),
            naming=naming,
            query={
                "count": count,
                "max_fps": max_fps,
                "start": None if start is None else bound_text(start),
                "end": None if end is None else bound_text(end),
                "rate": rate,
            },
        )
        self._open.add(pull)
        return pull

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
    ) -> Push:
        """Returns a push to a stream, for ``async with``. It reconnects by itself.

        Args:
            stream: name of the stream.
            device: device of the stream; "" if the name is a whole Redis key. By default "default".
            prefix: text before the name in its Redis key.
            content_type: media type of the payloads, ``"application/json"``. The gateway stores it as ``contentType`` in the
                stream's metadata, unless that has one.
            schema: schema of the payloads, as for ``declare``, stored in the same way. Declare a schema of more than a few
                kilobytes with ``declare``: here it is part of a URL.
            declare: ``"replace"`` to replace a content type and a schema that the metadata has.
            dedupe: whether to number the entries, so that those that are sent again are stored once. Without it, entries in
                flight when a connection closes fail with AppendUnknown.
        """
        self._check_open()
        query: Dict[str, Any] = {"content_type": content_type, "schema": _schema_text(schema)}
        if declare != "absent":
            query["declare"] = declare
        push = Push(self._gateway, stream, dedupe=dedupe, naming=_naming(device, prefix), query=query)
        self._open.add(push)
        return push

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
    ) -> Work:
        """Returns the jobs of a consumer group: one of its workers receives each entry, and another one if it is not done.

        ``async for job in s.work("frames", "detect")`` yields jobs, and ``work.run(handler)`` runs a function for each. It
        reconnects by itself.

        Args:
            stream: a name, several joined by ``+``, or a list of names, in order of priority.
            group: the consumer group. Its workers share the entries.
            device: device of the streams; "" if names are whole Redis keys. By default "default".
            prefix: text before each name in its Redis key.
            consumer: name of this worker; by default the gateway names each connection.
            from_id: where the group begins if it does not exist: after an entry id, ``"0"`` (the beginning), ``"$"`` (now).
            permits: number of unfinished jobs, at most; by default 16, and for ``run`` its concurrency.
            ack_wait: time in ms, or a timedelta, after which an unfinished job is delivered again. All workers of a group
                use the same.
            max_deliver: deliveries after which a job is moved to the dead-letter stream; by default 5.
            dead_letter: stream for jobs that cannot be processed; by default ``{stream}:dead:{group}``.
            delete: ``"acked"`` to delete finished entries from the stream, for all readers.
            on_lost: called with a list of the entries that were trimmed before they were done.
        """
        self._check_open()
        names = stream_names(stream)
        naming = _naming(device, prefix)
        ack_wait_ms = milliseconds(ack_wait)
        query = {
            "consumer": consumer,
            "from": str(from_id),
            "permits": permits,
            "ack_wait": ack_wait_ms,
            "max_deliver": max_deliver,
            "dead_letter": dead_letter,
            "delete": delete,
            # `*` is a literal character: groups have no patterns.
            "pattern": False if has_pattern(names, device) else None,
            **naming,
        }
        types = self._types.named(naming)
        work = Work(
            self._gateway, names, group, ack_wait_ms=ack_wait_ms, on_lost=on_lost, types=types, query=query
        )
        self._open.add(work)
        return work

    async def entries(
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
    ) -> AsyncIterator[Entry]:
        """Yields a range of a stream's history, or of all streams of a pattern in the order of their ids.

        Args:
            stream: name of the stream; ``*`` stands for any characters.
            start, end: bounds, both included: an entry id, milliseconds, an ISO 8601 time, ``"-"`` (the oldest), ``"+"`` (the
                newest), ``"-5m"`` (relative to now; ms, s, m, h or d), datetime or timedelta. ``"("`` before a bound
                excludes it.
            reverse: whether the newest entry is first.
            count: number of entries, at most.
            progress: whether to show a progress bar with tqdm; by default in terminals and notebooks, if it is installed.
        """
        async for page in self.pages(stream, device, prefix, start, end, reverse, count, progress):
            for entry in page:
                yield entry

    async def frame(
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
        """Returns a range of JSON entries as a pandas DataFrame, indexed by time (UTC).

        Args:
            fields: paths of the columns, ``["acc.x", "acc.y"]``; by default all.
            start, end, count, progress: as for ``entries``.

        Raises InvalidRequest (BAD_PAYLOAD) if an entry is not JSON.
        """
        rows = FrameRows(fields)
        async for page in self.pages(stream, device, prefix, start, end, False, count, progress):
            for entry in page:
                rows.add(entry)
        return rows.frame()

    async def pages(
        self,
        stream: str,
        device: Optional[str],
        prefix: Optional[str],
        start: Bound,
        end: Bound,
        reverse: bool,
        count: Optional[int],
        progress: Optional[bool],
    ) -> AsyncGenerator[List[Entry], None]:
        """Yields a range page by page, with a progress bar."""
        self._check_open()
        naming = _naming(device, prefix)
        bar = Progress(stream, count, progress)
        try:
            async for page in read_pages(
                self._gateway,
                stream,
                start=start,
                end=end,
                reverse=reverse,
                count=count,
                types=self._types.named(naming),
                naming=naming,
            ):
                bar.add(len(page))
                yield page
        finally:
            bar.close()

    async def devices(self) -> List[Device]:
        """Lists the devices. Empty if the gateway runs without device prefixes."""
        if not await self._has_devices():
            return []
        data = await self._query("{ all: devices(includeAll: true) { id meta } now: devices { id } }")
        connected = {one["id"] for one in data["now"]}
        return [Device(one["id"], one["id"] in connected, one["meta"]) for one in data["all"]]

    async def streams(self, match: Optional[str] = None) -> List[Stream]:
        """Lists the streams that have entries or metadata, except the gateway's own.

        Args:
            match: Redis glob pattern for keys, which start with the device: ``"rover:*"``.
        """
        with_device = await self._has_devices()
        query = f"query($match: String) {{ streams(match: $match) {{ {_STREAM_FIELDS} }} }}"
        data = await self._query(query, {"match": match})
        found = [_stream(one, with_device) for one in data["streams"]]
        return [one for one in found if not (with_device and one.key.startswith(":"))]

    async def meta(self, stream: str, *, device: Optional[str] = None, prefix: Optional[str] = None) -> Any:
        """Returns a stream's metadata, any JSON; ``{}`` if there is none."""
        if await self._has_devices():
            query = "query($stream: String!, $device: String!) { device(id: $device) { stream(streamId: $stream) { meta } } }"
        else:
            query = "query($stream: String!) { stream(id: $stream) { meta } }"
        data = await self._query(query, await self._names(stream, device, prefix), is_of_one=True)
        found = (data.get("device") or data).get("stream")
        return found["meta"] if found else {}

    async def set_meta(
        self,
        stream: str,
        meta: Optional[Mapping[str, Any]] = None,
        *,
        device: Optional[str] = None,
        prefix: Optional[str] = None,
        replace: bool = False,
        **members: Any,
    ) -> None:
        """Sets members of a stream's metadata: ``set_meta("imu", units={"acc.x": "m/s^2"}, maxAge="24h")``.

        Args:
            meta: members as a mapping, for names that are not Python names, or are arguments here.
            replace: whether to remove all other members.
        """
        if not (meta is None or isinstance(meta, Mapping)):
            raise bad_parameter(f"metadata must be a mapping, got {type(meta).__name__}")
        extra = ", $device: String" if await self._has_devices() else ""
        passed = ", deviceId: $device" if extra else ""
        query = (
            f"mutation($stream: String!, $meta: JSON!, $merge: Boolean{extra}) "
            f"{{ updateStreamMeta(streamId: $stream, meta: $meta, update: $merge{passed}) }}"
        )
        names = await self._names(stream, device, prefix)
        await self._query(query, {**names, "meta": {**(meta or {}), **members}, "merge": not replace})

    async def declare(
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
        """Describes a stream's payloads to every reader: ``declare("imu", "application/json", units={"acc.x": "m/s^2"})``.

        The members are set in the stream's metadata; those that are None do not change.

        Args:
            content_type: media type of every payload.
            schema: name of the schema, or ``{"name": …, "encoding": …, "data": …}`` in the terms of MCAP. ``data`` may be
                bytes.
            units: unit of all values, or of each by its path.
            frame_id: coordinate frame.
            title, description: text for people.

        Raises InvalidRequest (BAD_PARAMETER) if a member is not valid.
        """
        members = {
            "contentType": content_type,
            "schema": _schema_value(schema),
            "units": units,
            "frameId": frame_id,
            "title": title,
            "description": description,
        }
        meta = {name: value for name, value in members.items() if value is not None}
        await self.set_meta(stream, meta, device=device, prefix=prefix)

    async def delete_stream(
        self, stream: str, *, device: Optional[str] = None, prefix: Optional[str] = None
    ) -> bool:
        """Deletes a stream and its metadata. Returns whether it existed."""
        extra, passed = (
            (", $device: String", ", deviceId: $device") if await self._has_devices() else ("", "")
        )
        query = f"mutation($stream: String!{extra}) {{ deleteStream(streamId: $stream{passed}) }}"
        result = (await self._query(query, await self._names(stream, device, prefix)))["deleteStream"]
        return bool(result.get("data_deleted") or result.get("meta_deleted"))

    async def close(self) -> None:
        """Closes the pulls, pushes and workers that are open. A push has two seconds to send what waits."""
        self._is_closed = True
        for one in list(self._open):
            await (one.give_up() if isinstance(one, Push) else one.aclose())

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Client of {self._gateway.url}{' (closed)' if self._is_closed else ''}>"

    def _check_open(self) -> None:
        if self._is_closed:
            raise Closed("CLOSED", "the client is closed")

    async def _has_devices(self) -> bool:
        """Whether the schema has devices: a setting of the gateway, so it is requested once."""
        if self._uses_devices is None:
            found = await self._query('{ type: __type(name: "Device") { name } }')
            self._uses_devices = found["type"] is not None
        return self._uses_devices

    async def _names(self, stream: str, device: Optional[str], prefix: Optional[str]) -> Dict[str, str]:
        _naming(device, prefix)  # raises if they are not valid
        streams_segment([stream])
        names = {"stream": f"{prefix or ''}{stream}"}
        if await self._has_devices():
            names["device"] = "default" if device is None else device
        return names

    async def _query(
        self, query: str, variables: Optional[Mapping[str, Any]] = None, *, is_of_one: bool = False
    ) -> Dict[str, Any]:
        """Executes a GraphQL operation and returns its data. ``is_of_one``: it concerns one stream, and an error of any
        field is its error. Raises StreamerError."""
        self._check_open()
        _, body = await self._gateway.request("graphql", {}, {"query": query, "variables": variables or {}})
        try:
            answer = json.loads(body)
            data, errors = answer.get("data"), answer.get("errors")
        except (ValueError, AttributeError) as error:
            problem = f"a GraphQL response that is not a JSON object; check the URL {self._gateway.url}"
            raise bad_message(problem) from error
        # A list or field may be null for other reasons than an error.
        if errors and (is_of_one or not data or None in data.values()):
            code = errors[0].get("extensions", {}).get("code", "REFUSED")
            raise error_of(code, str(errors[0].get("message")), retryable=code in RETRYABLE_CODES)
        if not isinstance(data, dict):
            raise bad_message("a GraphQL response without data")
        return data


def _schema_value(schema: Union[str, Mapping[str, Any], None]) -> Optional[Mapping[str, Any]]:
    """Returns a schema as the metadata has it: a name becomes an object, and bytes base64."""
    if isinstance(schema, str):
        return {"name": schema}
    if schema is not None and isinstance(schema.get("data"), bytes):
        return {**schema, "data": base64.b64encode(schema["data"]).decode()}
    return schema


def _schema_text(schema: Union[str, Mapping[str, Any], None]) -> Optional[str]:
    return schema if schema is None or isinstance(schema, str) else json.dumps(_schema_value(schema))


def _naming(device: Optional[str], prefix: Optional[str]) -> Query:
    for name, value in (("device", device), ("prefix", prefix)):
        if value is not None and not isinstance(value, str):
            raise bad_parameter(f"{name} must be str, got {type(value).__name__}")
    return {name: value for name, value in (("device_id", device), ("prefix", prefix)) if value is not None}


def _stream(found: Mapping[str, Any], with_device: bool) -> Stream:
    key = found["id"]
    device, colon, name = key.partition(":") if with_device else (None, "", "")
    return Stream(
        key=key,
        # A key written by a program without devices has no device prefix.
        device=device if colon else "" if with_device else None,
        stream=name if colon else key,
        length=int(found["length"]),
        added=int(found["entriesAdded"]),
        first_id=found["firstEntryId"],
        last_id=found["lastEntryId"],
        meta=found["meta"],
    )
